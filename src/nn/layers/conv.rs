//! Convolutions of images and sequences.

use super::positions::exchanged;
use super::windows::of_images;
use super::{Layer, Pass, Start};
use crate::error::Result;
use crate::graph::{Effect, Geometry, Graph, Tensor, VariableKind};
use crate::kernels::program::DType;

/// The product of each window with a weight, whose shape and order in files are PyTorch's.
#[derive(Clone, Debug)]
pub(super) struct Conv {
    path: String,
    geometry: Geometry,
    groups: usize,
    /// Whether each position goes into a window, in place of being made of one.
    transposed: bool,
    /// `[out_channels, in_channels / groups taps]`, in files `[out_channels, in_channels / groups, taps ..]`; of a transposed
    /// convolution with both channels exchanged.
    weight: Tensor,
    /// `[1, out_channels]`
    bias: Option<Tensor>,
}

impl Conv {
    /// Declares the parameters of a convolution along so many axes, from as many channels to as many. The windows of a transposed
    /// one stand in the image that it gives.
    pub fn new(
        g: &mut Graph,
        path: &str,
        (axes, geometry): (usize, Geometry),
        [inputs, outputs]: [usize; 2],
        groups: usize,
        bias: bool,
        transposed: bool,
    ) -> Result<Self> {
        let kernel = &geometry.kernel[2 - axes..];
        let [rows, columns] = if transposed { [inputs, outputs] } else { [outputs, inputs] };
        let extents: Vec<usize> = [rows, columns / groups].iter().chain(kernel).copied().collect();
        let fan_in = extents[1..].iter().product();
        let weight = g.variable(format!("{path}.weight"), &[rows, fan_in], DType::F32, VariableKind::Parameter)?;
        g.save_as(weight, &extents)?;
        let bias = bias.then(|| g.vector(format!("{path}.bias"), outputs, VariableKind::Parameter)).transpose()?;
        Ok(Self { path: path.to_owned(), geometry, groups, transposed, weight, bias })
    }

    /// Each channel by itself: no product of matrices, but a sum over taps.
    fn depthwise(&self, g: &mut Graph, x: Tensor) -> Result<Tensor> {
        let windows = of_images(g, x, self.geometry)?;
        let by_tap = g.transpose(self.weight)?;
        let by_tap = g.reshape(by_tap, &[1, 1, self.geometry.taps(), self.groups])?;
        let terms = g.times(windows, by_tap)?;
        let sums = g.sum(terms, 2)?;
        let rows = g.shape(sums).elements() / self.groups;
        g.reshape(sums, &[rows, self.groups])
    }

    /// The weight as `[out_channels, taps in_channels]`, zero between groups.
    fn spelt_out(&self, g: &mut Graph, taps: usize) -> Result<Tensor> {
        let ([outputs, fan_in], groups) = (g.matrix(self.weight)?, self.groups);
        let own = fan_in / taps;
        let mut weight = exchanged(g, self.weight, [outputs, own, taps])?;
        if groups > 1 {
            let of = |i: usize| f32::from(u8::from(i / groups / (outputs / groups) == i % groups));
            let mask = g.data((0..outputs * groups).map(of).collect(), &[outputs, 1, groups, 1])?;
            weight = g.reshape(weight, &[outputs, taps, 1, own])?;
            weight = g.times(weight, mask)?;
        }
        g.reshape(weight, &[outputs, taps * groups * own])
    }

    /// The weight of a transposed convolution as `[out_channels, taps in_channels]`, zero between groups.
    fn spelt_out_transposed(&self, g: &mut Graph, taps: usize) -> Result<Tensor> {
        let ([inputs, long], groups) = (g.matrix(self.weight)?, self.groups);
        let mut weight = g.transpose(self.weight)?;
        if groups > 1 {
            let same = |i: usize| f32::from(u8::from(i / groups == i % groups));
            let mask = g.data((0..groups * groups).map(same).collect(), &[groups, 1, groups, 1])?;
            weight = g.reshape(weight, &[1, long, groups, inputs / groups])?;
            weight = g.times(weight, mask)?;
        }
        g.reshape(weight, &[groups * long / taps, taps * inputs])
    }
}

impl Layer for Conv {
    /// Weight first.
    fn parameters(&self) -> Vec<Tensor> {
        std::iter::once(self.weight).chain(self.bias).collect()
    }

    /// As of a dense layer whose inputs are a window.
    fn initialise(&self, g: &mut Graph, Start { init, gain, seed }: Start) -> Result<Vec<Effect>> {
        let [outputs, fan_in] = g.matrix(self.weight)?;
        let name = |what: &str| format!("{}.{what}", self.path);
        let weight = init.weight(g, &name("weight"), outputs, fan_in, gain, seed)?;
        let mut effects = vec![Effect::Assign(g.variable_of(self.weight)?, weight)];
        if let Some(bias) = self.bias {
            let channels = g.matrix(bias)?[1];
            let value = init.bias(g, &name("bias"), channels, fan_in, seed)?;
            effects.push(Effect::Assign(g.variable_of(bias)?, value));
        }
        Ok(effects)
    }

    fn forward(&self, g: &mut Graph, x: Tensor, _: &mut Pass) -> Result<Tensor> {
        if self.transposed {
            let weight = self.spelt_out_transposed(g, self.geometry.taps())?;
            let product = g.convolve_transposed(x, weight, self.geometry)?;
            return self.bias.map_or(Ok(product), |bias| g.plus(product, bias));
        }
        if self.groups > 1 && g.matrix(self.weight)? == [self.groups, self.geometry.taps()] {
            let product = self.depthwise(g, x)?;
            return self.bias.map_or(Ok(product), |bias| g.plus(product, bias));
        }
        let weight = self.spelt_out(g, self.geometry.taps())?;
        let product = g.convolve(x, weight, self.geometry)?;
        self.bias.map_or(Ok(product), |bias| g.plus(product, bias))
    }
}
