//! Where the windows of convolutions and pools stand.

use super::sides::{Padding, Same, Sides};
use super::{Form, LayerSettings, POSITIONS_BEFORE};
use crate::error::Result;
use crate::graph::{Geometry, Graph, Tensor};

/// What is found, or what does not fit, as a sentence.
type Stands<T> = std::result::Result<T, String>;

impl LayerSettings {
    /// Where the windows of a layer stand in `input`, and what it gives if it gives `features`. Strides are `stride` where the
    /// layer does not say it, or those of the kernel.
    ///
    /// # Errors
    /// If they do not fit, as a sentence.
    pub(super) fn windows(&self, input: &Form, features: usize, stride: Option<Sides>) -> Stands<(Geometry, Form)> {
        let (geometry, axes) = (self.geometry(input, stride)?, input.extents.len());
        let Some(windows) = geometry.windows() else {
            let Geometry { image, before, after, dilation, .. } = geometry;
            let most =
                [0, 1].map(|axis| (image[axis] + before[axis] + after[axis]).saturating_sub(1) / dilation[axis] + 1);
            return Err(format!(
                "expected a kernel_size of at most {} in {input} with a padding of {} and a dilation of {}, got {}: make it smaller, or \
                 padding larger",
                listed(most, axes),
                listed(before, axes),
                listed(dilation, axes),
                listed(geometry.kernel, axes)
            ));
        };
        Ok((geometry, Form { extents: windows[2 - axes..].to_vec(), features, channels_first: true }))
    }

    /// Where the windows that the positions of `input` go into stand in the image that a transposed convolution gives, and that image
    /// if it has `features`.
    ///
    /// # Errors
    /// If there is no such image, as a sentence.
    pub(super) fn spread(&self, input: &Form, features: usize) -> Stands<(Geometry, Form)> {
        if let Some(Padding::Word(_)) = self.padding {
            return Err("expected a padding of a number of positions, got a word: write padding = 0, or more".into());
        }
        let (mut geometry, axes) = (self.geometry(input, Some(Sides::All(1)))?, input.extents.len());
        let Geometry { image: windows, kernel, stride, dilation, before, .. } = geometry;
        let added = self.output_padding.unwrap_or(Sides::All(0)).along(axes, 0);
        let added = added.map_err(|message| format!("output_padding: {message}"))?;
        if added.iter().zip(stride).any(|(added, stride)| *added >= stride) {
            return Err(format!(
                "expected an output_padding below the stride of {}, got {}",
                listed(stride, axes),
                listed(added, axes)
            ));
        }
        for axis in 0..2 {
            let whole = (windows[axis] - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1 + added[axis];
            let Some(left) = whole.checked_sub(2 * before[axis]).filter(|left| *left > 0) else {
                return Err(format!(
                    "a padding of {} takes away all that it makes of {input}: make it smaller",
                    listed(before, axes)
                ));
            };
            geometry.image[axis] = left;
        }
        Ok((geometry, Form { extents: geometry.image[2 - axes..].to_vec(), features, channels_first: true }))
    }

    /// Windows in the image that `input` is.
    fn geometry(&self, input: &Form, stride: Option<Sides>) -> Stands<Geometry> {
        let axes = input.extents.len();
        let image = match input.extents[..] {
            [length] => [1, length],
            [height, width] => [height, width],
            _ => return Err(format!("expected images or sequences, got {input}: {POSITIONS_BEFORE}")),
        };
        let Some(kernel) = self.kernel_size else {
            return Err(format!("expected kernel_size, the extents of a window of {input}, got none"));
        };
        let whole = |key: &str, sides: Sides| match sides.along(axes, 1) {
            Ok(sides) if sides.contains(&0) => Err(format!("expected {key} of at least 1, got 0")),
            other => other.map_err(|message| format!("{key}: {message}")),
        };
        let stride = self.stride.or(stride).unwrap_or(kernel);
        let (kernel, stride) = (whole("kernel_size", kernel)?, whole("stride", stride)?);
        let dilation = whole("dilation", self.dilation.unwrap_or(Sides::All(1)))?;
        let both = |sides: Sides| {
            let sides = sides.along(axes, 0).map_err(|message| format!("padding: {message}"))?;
            Ok::<_, String>((sides, sides))
        };
        let (before, after) = match self.padding {
            Some(Padding::Word(Same::Same)) if stride != [1, 1] => {
                return Err(format!("expected a stride of 1 with padding = \"same\", got {}", listed(stride, axes)));
            }
            Some(Padding::Word(Same::Same)) => {
                let added = [0, 1].map(|axis| dilation[axis] * (kernel[axis] - 1));
                (added.map(|n| n / 2), added.map(|n| n - n / 2))
            }
            Some(Padding::All(n)) => both(Sides::All(n))?,
            Some(Padding::Each(each)) => both(Sides::Each(each))?,
            None => ([0; 2], [0; 2]),
        };
        Ok(Geometry { image, kernel, stride, dilation, before, after })
    }
}

fn listed(sides: [usize; 2], axes: usize) -> String {
    format!("{:?}", &sides[2 - axes..])
}

/// The windows `[examples, windows, taps, features]` of `x` `[examples h w, features]`.
pub(super) fn of_images(g: &mut Graph, x: Tensor, geometry: Geometry) -> Result<Tensor> {
    let ([rows, features], positions) = (g.matrix(x)?, geometry.image.iter().product::<usize>());
    let images = g.reshape(x, &[rows / positions, positions, 1, features])?;
    g.windows(images, geometry)
}
