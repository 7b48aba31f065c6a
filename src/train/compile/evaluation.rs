//! The functions that look: `evaluate`, `keep`, `forget`, `test`.

use super::super::analysing::Analyses;
use super::super::declared::Declared;
use super::super::observer::{self, FitSet, Observed, Observer, Seen, TrainingSet};
use super::super::subset::{Subset, Targets};
use super::super::tables::PartNodes;
use super::{
    All, Beside, Build, Forward, GRADIENT_NORM, Reading, fit_representation_name, needs_representations,
    representation_name, saves_representations,
};
use crate::config::{LossKind, Measure, Source};
use crate::error::{Error, Result};
use crate::graph::{Effect, Function, Tensor, VariableKind};
use crate::kernels::matmul::Precision;
use crate::kernels::program::DType;
use crate::measure::features::device::Answers;
use crate::nn::{Dense, Pass};

impl Build<'_> {
    /// What observers see: the network on the probe set, what is kept of it, and the set for fitting if one reads that.
    pub fn look(&mut self, observers: &[&dyn Observer]) -> Result<Seen> {
        let g = &mut self.g;
        g.fence();
        let probe = self.tables.probe(g)?;
        g.set_precision(self.precision);
        let on_probe = self.forward_all(probe.inputs, &Pass::evaluate())?;
        let hidden = on_probe.hidden();
        let reads_fit = saves_representations(self.e) || observers.iter().any(|o| o.reads_fit_set());
        let fit = if reads_fit { self.tables.fit(&mut self.g)? } else { None };
        let fit = fit.map(|fit| -> Result<FitSet> {
            let all = self.forward_all(fit.inputs, &Pass::evaluate())?;
            Ok(FitSet { inputs: fit.inputs, values: fit.values, hidden: all.hidden(), output: all.own.output })
        });
        let fit = fit.transpose()?;
        let reads_training = observers.iter().any(|o| o.reads_training_set());
        let train = reads_training.then(|| self.training_set(Pass::evaluate())).transpose()?;
        let g = &mut self.g;
        g.set_precision(Precision::Single);
        let wants = |m: Measure| self.e.observe.has(m);
        let kept = (wants(Measure::CkaFirst) || wants(Measure::CkaLast)).then(|| {
            let mut keep = |(l, &h): (usize, &Tensor)| {
                let extents = g.shape(h).extents().to_vec();
                g.variable(format!("kept/{l}"), &extents, DType::F32, VariableKind::State)
            };
            hidden.iter().enumerate().map(&mut keep).collect::<Result<Vec<_>>>()
        });
        let kept = kept.transpose()?;
        let border = if self.e.loss.kind == LossKind::Mse { 0.5 } else { 0.0 };
        let answers = self.network.output_layer();
        let answers = answers.map(|layer| Answers { weight: layer.weight, bias: layer.bias, border });
        let seen = self.seen_on(&self.data.probe, &probe, on_probe.own.clone());
        self.looked = Some(on_probe);
        Ok(Seen { hidden, kept, fit, train, answers, ..seen })
    }

    /// The network on what it is trained on.
    pub fn training_set(&mut self, pass: Pass) -> Result<TrainingSet> {
        let PartNodes { inputs, targets, values, counted, .. } = self.train;
        let replaced = self.tables.replaced();
        let [true_targets, true_values] = match replaced {
            Some(_) => {
                let known = self.tables.shared(&mut self.g)?;
                [known.targets, known.values]
            }
            None => [targets, values],
        };
        let output = self.forward(inputs, pass)?.output;
        Ok(TrainingSet { targets, values, true_targets, true_values, counted, replaced, output })
    }

    /// What can be seen of a network on a part, but for what is kept and the set for fitting.
    pub fn seen_on(&self, part: &Subset, nodes: &PartNodes, forward: Forward) -> Seen {
        let declared = self.data.declared.as_ref();
        let sides = self.network.neighbours().into_iter().map(|sides| sides.map(|both| both.map(Dense::clone)));
        let modulus = (self.e.data.source == Source::Modular).then_some(self.e.data.modulus as usize);
        Seen {
            sides: sides.collect(),
            modulus,
            inputs: nodes.inputs,
            targets: nodes.targets,
            values: nodes.values,
            classes: !matches!(part.targets, Targets::Values(_)),
            counted: nodes.counted,
            own: forward.hidden.len(),
            hidden: forward.hidden,
            kept: None,
            output: forward.output,
            parameters: [self.network.parameters(), self.network.frozen()].concat(),
            loss: self.e.loss.clone(),
            features: declared.map(Declared::names).unwrap_or_default(),
            answered: declared.and_then(|d| d.answered.clone()),
            declared: declared.map(|d| d.features.clone()),
            answers: None,
            fit: None,
            train: None,
        }
    }

    /// What `evaluate` puts out, and how it is read.
    pub fn evaluation(&mut self, seen: &Seen, observers: &[&dyn Observer]) -> Result<(Vec<Effect>, Vec<Reading>)> {
        let (mut effects, mut names) = (Vec::new(), Vec::<Reading>::new());
        let mut all = self.beside_and_terms(seen)?;
        let (gradients, kept) = self.observed_gradients(seen)?;
        all.extend(gradients);
        effects.extend(kept);
        let g = &mut self.g;
        for observer in observers {
            all.extend(observer.observe(g, seen)?);
        }
        for Observed { name, layer, value, over } in all {
            let taken = ["alive", "broken", "diverged_at", "loss_train", GRADIENT_NORM, "loss_test", "accuracy_test"];
            if taken.contains(&name.as_str()) || names.iter().any(|n| n.name == name && n.layer == layer) {
                return Err(Error::config(format!(
                    "two observed values are named `{name}`: rename an observer's, or name a pair once"
                )));
            }
            let reading = Reading { name, layer, over: over.map(|(_, times)| times) };
            effects.extend(reading.effects(value, over.map(|(factor, _)| factor)));
            names.push(reading);
        }
        let state = self.state;
        let loss = g.plus(state.loss_sum, state.loss_part)?;
        let loss_train = g.over(loss, state.loss_count)?;
        let all = [
            ("alive", state.alive),
            ("diverged_at", state.diverged_at),
            ("broken", state.broken),
            ("loss_train", loss_train),
        ];
        effects.extend(all.map(|(name, value)| Effect::Output(name.into(), value)));
        Ok((effects, names))
    }

    /// What is observed of networks beside that of `[model]`, and of terms of the loss.
    fn beside_and_terms(&mut self, seen: &Seen) -> Result<Vec<Observed>> {
        let (g, e, mut all) = (&mut self.g, self.e, Vec::new());
        let Some(looked) = &self.looked else { return Ok(all) };
        for (Beside { name, .. }, forward) in self.beside.iter().zip(&looked.beside) {
            let seen = Seen { output: forward.output, ..seen.clone() };
            if e.observe.has(Measure::Loss) {
                all.push(Observed::new(format!("{name}.loss"), seen.loss.apply(g, seen.output, seen.targets)?));
            }
            if e.observe.has(Measure::Accuracy)
                && let Some(value) = observer::accuracy(g, &seen)?
            {
                all.push(Observed::new(format!("{name}.accuracy"), value));
            }
        }
        if let Some(terms) = self.terms.as_ref().filter(|_| e.observe.has(Measure::Loss)) {
            all.extend(terms.observed(g, &looked.layers())?);
        }
        Ok(all)
    }

    /// The function that starts the mean of the training loss anew.
    pub fn forget(&mut self) -> Result<Function> {
        let (g, state) = (&mut self.g, self.state);
        let zero = g.constant(0.0);
        let mut effects = Vec::with_capacity(3);
        for variable in [state.loss_sum, state.loss_part, state.loss_count] {
            let after = match &self.stages {
                Some(stages) => {
                    let active = stages.active(g)?;
                    g.select(active, zero, variable)?
                }
                None => zero,
            };
            effects.push(Effect::Assign(g.variable_of(variable)?, after));
        }
        Ok(Function::new("forget", effects))
    }

    /// The function that remembers the present representations, if anything is compared with them.
    pub fn keep(&self, seen: &Seen) -> Result<Option<Function>> {
        let Some(kept) = &seen.kept else { return Ok(None) };
        let keep = kept.iter().zip(&seen.hidden);
        let effects = keep.map(|(&k, &h)| Ok(Effect::Assign(self.g.variable_of(k)?, h))).collect::<Result<_>>()?;
        Ok(Some(Function::new("keep", effects)))
    }

    /// Representations that others read after `evaluate`, as variables: all of them, or what is analysed in several passes.
    pub fn stand(&mut self, seen: &Seen, evaluate: &mut Vec<Effect>) -> Result<Seen> {
        let (g, e) = (&mut self.g, self.e);
        let last = seen.own.saturating_sub(1);
        let mut stand = |name: String, h: Tensor| -> Result<Tensor> {
            let extents = g.shape(h).extents().to_vec();
            let place = g.variable(name, &extents, DType::F32, VariableKind::Transient)?;
            evaluate.push(Effect::Assign(g.variable_of(place)?, h));
            Ok(place)
        };
        let mut standing = seen.clone();
        for (l, h) in standing.fit.iter_mut().flat_map(|fit| fit.hidden.iter_mut().enumerate()) {
            if saves_representations(e) || (Analyses::wanted(e) && l == last) {
                *h = stand(fit_representation_name(l), *h)?;
            }
        }
        for (l, h) in standing.hidden.iter_mut().enumerate() {
            if needs_representations(e) || (Analyses::wanted(e) && l == last) {
                *h = stand(representation_name(l), *h)?;
            }
        }
        Ok(standing)
    }

    /// Loss and accuracy on everything held out: the function, whether there is an accuracy, and what is seen.
    pub fn test(&mut self) -> Result<(Function, bool, Seen)> {
        let g = &mut self.g;
        g.set_precision(self.precision);
        g.fence();
        let nodes = self.tables.test(g)?;
        let All { own, beside } = self.forward_all(nodes.inputs, &Pass::evaluate())?;
        let seen = self.seen_on(&self.data.test, &nodes, own);
        let (g, mut effects, mut known) = (&mut self.g, Vec::new(), false);
        let names = self.beside.iter().map(|beside| format!("{}.", beside.name));
        let others = names.zip(&beside).map(|(name, forward)| (name, forward.output));
        for (name, output) in std::iter::once((String::new(), seen.output)).chain(others) {
            let seen = Seen { output, ..seen.clone() };
            let value = seen.loss.of_some(g, output, seen.targets, seen.counted)?;
            effects.push(Effect::Output(format!("{name}loss_test"), value));
            let accuracy = observer::accuracy(g, &seen)?;
            known = accuracy.is_some();
            effects.extend(accuracy.map(|value| Effect::Output(format!("{name}accuracy_test"), value)));
        }
        Ok((Function::new("test", effects), known, seen))
    }
}
