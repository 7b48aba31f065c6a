//! Parameters and representations of all groups, for the files of a run.

use std::path::Path;

use super::compile::{fit_representation_name, gradient_name, representation_name};
use super::groups::{Groups, Slice};
use super::prepared::Prepared;
use super::recorder::Recorder;
use crate::data::{NamedArray, read_safetensors};
use crate::error::{Error, Result};
use crate::files::Layer;
use crate::nn::Form;

/// What is saved of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// Its activations on the probe set.
    Probe,
    /// Its activations on the set that regressions are fitted on.
    Fit,
    /// The gradient of the loss with respect to its activations on the probe set.
    Gradient,
}

/// What a hidden layer of a replica makes of a set of examples, or the gradient with respect to that.
#[derive(Clone, Debug, PartialEq)]
pub struct Representation {
    /// The replica, by its place in the sweep.
    pub replica: usize,
    /// The hidden layer; none for the inputs, of which there is the gradient alone.
    pub layer: Option<Layer>,
    /// What it is.
    pub of: Saved,
    /// Examples and units.
    pub shape: [usize; 2],
    /// Row by row; the units of an image in the order (row, column, channel).
    pub values: Vec<f32>,
    /// What one example is.
    pub form: Form,
}

impl Representation {
    /// As files have it, named `<replica>/<layer>`, `<replica>/fit/<layer>` or `<replica>/gradient/<layer>`: images as `[N, channels, height, width]`, and
    /// sequences of tokens as `[N, T, features]`.
    pub fn into_array(self) -> NamedArray {
        let of = match self.of {
            Saved::Probe => "",
            Saved::Fit => "fit/",
            Saved::Gradient => "gradient/",
        };
        let layer = self.layer.map_or_else(|| "input".to_owned(), |layer| layer.to_string());
        let name = format!("{}/{of}{layer}", self.replica);
        let Form { features, channels_first, .. } = self.form;
        let mut shape = self.form.extents.clone();
        shape.insert(if channels_first { 0 } else { shape.len() }, features);
        shape.insert(0, self.shape[0]);
        if !channels_first {
            return (name, shape, self.values);
        }
        let examples = self.values.chunks(self.shape[1].max(1));
        let channel = |example: &[f32], c: usize| example.iter().skip(c).step_by(features).copied().collect::<Vec<_>>();
        let values = examples.flat_map(|example| (0..features).flat_map(move |c| channel(example, c))).collect();
        (name, shape, values)
    }
}

impl Slice<'_> {
    /// The arrays of a checkpoint's parameters: by group, slice and name, all replicas together.
    fn parameters(&mut self) -> Result<Vec<NamedArray>> {
        let names: Vec<&str> = self.compiled.parameter_names.iter().map(String::as_str).collect();
        let read = self.machine.read_variables(&names)?;
        let count = self.members.len();
        let array = |(name, values): (&&str, Vec<f32>)| (self.array(name), vec![count, values.len() / count], values);
        Ok(names.iter().zip(read).map(array).collect())
    }

    /// Puts parameters back that [`Groups::parameters`] gave and the file at `path` holds.
    pub fn put_back(&mut self, arrays: &[NamedArray], path: &Path) -> Result<()> {
        for name in &self.compiled.parameter_names {
            let full = self.array(name);
            let array = arrays.iter().find(|(n, _, _)| *n == full);
            let (_, _, values) =
                array.ok_or_else(|| Error::data(path, format!("has no tensor `{full}`: start the run anew")))?;
            self.machine.write_variable(name, values)?;
        }
        Ok(())
    }

    /// Parameters of each replica, of those arrays: names `<prefix><replica>/<name>`, shapes those that PyTorch gives them.
    fn by_replica(&self, arrays: &[NamedArray], prefix: &str) -> Vec<(usize, NamedArray)> {
        let mut all = Vec::new();
        for (name, shape) in self.compiled.parameter_names.iter().zip(self.compiled.parameter_shapes()) {
            let full = self.array(name);
            let values = arrays.iter().find(|(n, _, _)| *n == full).map(|(_, _, values)| values);
            for (part, &m) in values.into_iter().flat_map(|v| v.chunks(shape.iter().product())).zip(self.members) {
                all.push((m, (format!("{prefix}{m}/{name}"), shape.clone(), part.to_vec())));
            }
        }
        all
    }
}

impl Groups {
    /// The parameters as they are now: by group, slice and name.
    pub fn parameters(&mut self) -> Result<Vec<NamedArray>> {
        let all = self.slices().map(|mut slice| slice.parameters()).collect::<Result<Vec<_>>>()?;
        Ok(all.into_iter().flatten().collect())
    }

    /// The parameters as they are now, of each replica: `<replica>/<name>`.
    pub fn final_parameters(&mut self) -> Result<Vec<NamedArray>> {
        let mut all = Vec::new();
        for mut slice in self.slices() {
            let arrays = slice.parameters()?;
            all.extend(slice.by_replica(&arrays, ""));
        }
        Ok(sorted(all))
    }

    /// The parameters of checkpoints of which they were kept, of each replica: `<step>/<replica>/<name>`.
    pub fn kept_parameters(&mut self, recorder: &Recorder, checkpoints: &[u32]) -> Result<Vec<NamedArray>> {
        let mut all = Vec::new();
        for &step in checkpoints {
            let Some(path) = recorder.parameters_path(step) else { continue };
            let arrays = read_safetensors(&path)?;
            let of = self.slices().flat_map(|slice| slice.by_replica(&arrays, &format!("{step}/")));
            all.extend(of.map(|(m, array)| ((step, m), array)));
        }
        Ok(sorted(all))
    }

    /// Representations that `evaluate` left, of every replica, and gradients.
    pub fn representations(&mut self, data: &Prepared) -> Result<Vec<Representation>> {
        let (probe, fit) = (data.probe.examples, data.declared.as_ref().map(|d| d.fit_examples));
        let mut all = Vec::new();
        for Slice { compiled, machine, members, .. } in self.slices() {
            let mut read = |variable: &str, examples: usize, layer: Option<usize>, of: Saved| -> Result<()> {
                let form = layer.map_or_else(|| Form::vector(data.inputs), |layer| compiled.forms[layer].clone());
                let (units, layer) = (form.positions() * form.features, layer.map(Layer::of));
                let values = machine.read_variable(variable)?;
                for (part, &replica) in values.chunks(examples * units).zip(members) {
                    let (shape, values, form) = ([examples, units], part.to_vec(), form.clone());
                    all.push((replica, Representation { replica, layer, of, shape, values, form }));
                }
                Ok(())
            };
            for layer in 0..compiled.hidden.len() {
                read(&representation_name(layer), probe, Some(layer), Saved::Probe)?;
                if let Some(examples) = fit {
                    read(&fit_representation_name(layer), examples, Some(layer), Saved::Fit)?;
                }
            }
            for place in std::iter::once(None).chain((0..compiled.hidden.len()).map(Some)) {
                let variable = gradient_name(place);
                if compiled.graph.variable_named(&variable).is_some() {
                    read(&variable, probe, place, Saved::Gradient)?;
                }
            }
        }
        Ok(sorted(all))
    }
}

/// Representations of checkpoints of which they were kept: `<step>/<replica>/<layer>`.
pub(super) fn kept_representations(recorder: &Recorder, checkpoints: &[u32]) -> Result<Vec<NamedArray>> {
    let mut all = Vec::new();
    for &step in checkpoints {
        let Some(path) = recorder.representations_path(step) else { continue };
        all.extend(read_safetensors(&path)?.into_iter().map(|(name, s, values)| (format!("{step}/{name}"), s, values)));
    }
    Ok(all)
}

/// Arrays in the order of their replicas, whatever the slices that they came from.
fn sorted<K: Ord + Copy, A>(mut arrays: Vec<(K, A)>) -> Vec<A> {
    arrays.sort_by_key(|(of, _)| *of);
    arrays.into_iter().map(|(_, array)| array).collect()
}
