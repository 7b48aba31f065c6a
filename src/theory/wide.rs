//! Wide networks at initialisation: how the size of pre-activations, its fluctuation from network to network and the neural tangent
//! kernel go from layer to layer, to leading order in one over the width, for one input.
//!
//! `z^(1) = b + W x`, `z^(l+1) = b + W s(z^(l))`, weights normal with variance `C_W / width`, biases with variance `C_b`; `<f>` is the
//! mean over a normal number of variance K.
//!
//! - K' = C_b + C_W <s²>
//! - V' = C_W² (<s⁴> - <s²>²) + χ² V with χ = C_W <s² (z² - K)> / (2 K²), where `V / width = E[z_i² z_j²] - K²` for i ≠ j, and V = 0
//!   in the first layer
//! - Θ' = λ_b + λ_W <s²> + C_W <s'²> Θ, for rates λ_b of biases and λ_W / width of weights
//!
//! Source: Roberts, Yaida & Hanin, *The Principles of Deep Learning Theory* (2022), chapters 4, 5 and 8. Depth counts weight matrices.

use super::error::TheoryError;

/// An activation function with its derivative, variances of weights and biases, and rates of the tangent kernel.
pub struct Wide<'a> {
    /// s
    pub activation: &'a dyn Fn(f64) -> f64,
    /// s'
    pub derivative: &'a dyn Fn(f64) -> f64,
    /// C_b and C_W, as [`Activation::critical`](crate::nn::Activation::critical) gives them.
    pub variances: [f64; 2],
    /// λ_b and λ_W.
    pub rates: [f64; 2],
}

/// What is known of the pre-activations of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WideLayer {
    /// K, the mean square of a pre-activation.
    pub kernel: f64,
    /// V, the width times how far the mean product of the squares of two pre-activations is from K².
    pub vertex: f64,
    /// Θ
    pub tangent: f64,
}

/// Standard deviations to either side that means are taken over.
const REACH: f64 = 12.0;

/// Intervals on either side of zero, where an activation function may have a kink: an even number.
const INTERVALS: usize = 4000;

/// The mean of a function of a normal number of this variance, by Simpson's rule on either side of zero.
fn mean(variance: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (scale, step) = (variance.sqrt(), REACH / INTERVALS as f64);
    let term = |i: usize, sign: f64| {
        let z = sign * i as f64 * step;
        let weight = if i == 0 || i == INTERVALS { 1.0 } else { [2.0, 4.0][i % 2] };
        // One-sided at zero, where a derivative may jump.
        let at = if i == 0 { sign * 1e-300 } else { z * scale };
        weight * f(at) * (-z * z / 2.0).exp()
    };
    let side = |sign: f64| (0..=INTERVALS).map(|i| term(i, sign)).sum::<f64>();
    (side(-1.0) + side(1.0)) * step / 3.0 / std::f64::consts::TAU.sqrt()
}

impl Wide<'_> {
    /// The first so many layers, from the K of the first.
    ///
    /// # Errors
    /// If K is not positive and finite, or does not stay so.
    pub fn layers(&self, kernel: f64, depth: usize) -> Result<Vec<WideLayer>, TheoryError> {
        let ([c_b, c_w], [rate_b, rate_w]) = (self.variances, self.rates);
        let mut layer = WideLayer { kernel, vertex: 0.0, tangent: rate_b + rate_w * (kernel - c_b) / c_w };
        let mut all = Vec::with_capacity(depth);
        for l in 1..=depth {
            if !(layer.kernel.is_finite() && layer.kernel > 0.0) {
                return Err(TheoryError::input(format!(
                    "the kernel must be positive and finite, and in layer {l} it is {}",
                    layer.kernel
                )));
            }
            all.push(layer);
            layer = self.next(layer, [c_b, c_w], [rate_b, rate_w]);
        }
        Ok(all)
    }

    fn next(
        &self,
        WideLayer { kernel: k, vertex, tangent }: WideLayer,
        [c_b, c_w]: [f64; 2],
        [b, w]: [f64; 2],
    ) -> WideLayer {
        let square = |z: f64| (self.activation)(z).powi(2);
        let squares = mean(k, square);
        let fourth = mean(k, |z| square(z).powi(2));
        let parallel = c_w / (2.0 * k * k) * mean(k, |z| square(z) * (z * z - k));
        let perpendicular = c_w * mean(k, |z| (self.derivative)(z).powi(2));
        WideLayer {
            kernel: c_b + c_w * squares,
            vertex: c_w * c_w * (fourth - squares * squares) + parallel * parallel * vertex,
            tangent: b + w * squares + perpendicular * tangent,
        }
    }
}

/// V over K² from mean squares of a layer of so many units, one for each network, and its standard error: width times
/// `E[q²] / ((1 + 2 / width) E[q]²) - 1`, since a unit's own fourth moment is three times that of two.
///
/// # Errors
/// If there are fewer than two networks, one that is not finite, or all are zero.
pub fn vertex_of(mean_squares: &[f64], width: usize) -> Result<[f64; 2], TheoryError> {
    let count = mean_squares.len() as f64;
    let of = |f: &dyn Fn(f64) -> f64| mean_squares.iter().map(|&q| f(q)).sum::<f64>() / count;
    let (first, second) = (of(&|q| q), of(&|q| q * q));
    if mean_squares.len() < 2 || !second.is_finite() || first == 0.0 {
        return Err(TheoryError::input(
            "expected two networks or more, with mean squares that are finite and not all zero",
        ));
    }
    let (n, ratio) = (width as f64, second / (first * first));
    // How much each network moves the ratio.
    let influence = |q: f64| (q * q - second) / (first * first) - 2.0 * ratio * (q - first) / first;
    let error = (of(&|q| influence(q).powi(2)) / (count - 1.0)).sqrt();
    let factor = n / (1.0 + 2.0 / n);
    Ok([factor * ratio - n, factor * error])
}

/// The correlation of two inputs' pre-activations after a layer of rectifiers, from that before it (Cho & Saul 2009).
pub fn rectified_correlation(correlation: f64) -> f64 {
    let c = correlation.clamp(-1.0, 1.0);
    ((1.0 - c * c).sqrt() + c * (std::f64::consts::PI - c.acos())) / std::f64::consts::PI
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide<'a>(activation: &'a dyn Fn(f64) -> f64, derivative: &'a dyn Fn(f64) -> f64, c_w: f64) -> Wide<'a> {
        Wide { activation, derivative, variances: [0.0, c_w], rates: [1.0, 1.0] }
    }

    fn near(got: f64, expected: f64, within: f64) {
        assert!((got - expected).abs() <= within * expected.abs(), "{got} for {expected}");
    }

    /// Layer, K, V / K² and Θ of tanh, by Gauss-Hermite quadrature of 200 points (`tests/reference/make_wide.py`).
    const TANH: [(usize, f64, f64, f64); 6] = [
        (2, 0.394_294_490_398, 0.627_290_806_015, 2.323_100_295_29),
        (3, 0.236_450_410_499, 1.212_823_347_76, 2.715_207_271_55),
        (5, 0.127_904_735_299, 2.408_273_534_23, 3.582_720_351_06),
        (9, 0.065_244_318_819_8, 4.891_037_724_93, 5.438_230_436_61),
        (17, 0.032_481_296_034_4, 10.017_398_459_2, 9.290_631_328_6),
        (33, 0.016_071_278_941_8, 20.472_682_506_1, 17.143_370_208_7),
    ];

    #[test]
    fn tanh_falls_as_quadrature_says() {
        let slope = |z: f64| 1.0 - z.tanh().powi(2);
        let layers = wide(&f64::tanh, &slope, 1.0).layers(1.0, 33).unwrap();
        for (l, kernel, vertex, tangent) in TANH {
            let layer = layers[l - 1];
            near(layer.kernel, kernel, 1e-9);
            near(layer.vertex / layer.kernel.powi(2), vertex, 1e-9);
            near(layer.tangent, tangent, 1e-9);
        }
        // The sine's own recursion in closed form.
        let layers = wide(&f64::sin, &f64::cos, 1.0).layers(1.0, 9).unwrap();
        layers.windows(2).for_each(|l| near(l[1].kernel, (1.0 - (-2.0 * l[0].kernel).exp()) / 2.0, 1e-12));
        near(layers[8].kernel / 0.065_244_3, 1.562, 1e-3);
    }

    #[test]
    fn what_is_linear_on_either_side_keeps_its_size_and_adds_up_fluctuations() {
        let (identity, one) = (|z: f64| z, |_: f64| 1.0);
        let (relu, step) = (|z: f64| z.max(0.0), |z: f64| f64::from(u8::from(z > 0.0)));
        for (c_w, c, per_layer, wide) in
            [(1.0, 2.0, 2.0, wide(&identity, &one, 1.0)), (2.0, 5.0, 1.5, wide(&relu, &step, 2.0))]
        {
            let layers = wide.layers(1.0, 9).unwrap();
            for (l, layer) in layers.iter().enumerate() {
                near(layer.kernel, 1.0, 1e-9);
                assert!((layer.vertex - c * l as f64).abs() < 1e-7, "{} at {l}", layer.vertex);
                near(layer.tangent, 1.0 + 1.0 / c_w + per_layer * l as f64, 1e-9);
            }
        }
        let grows = Wide { variances: [0.0, 2.2], ..wide(&relu, &step, 2.0) }.layers(1.0, 5).unwrap();
        near(grows[4].kernel, 1.1f64.powi(4), 1e-9);
        let mut c = 0.0;
        for _ in 1..5 {
            c = rectified_correlation(c);
        }
        near(1.0 - c, 0.319, 2e-3);
        assert!(wide(&relu, &step, 2.0).layers(0.0, 2).is_err());
    }

    #[test]
    fn fluctuations_are_told_from_mean_squares() {
        // Of two networks with mean squares 1 and 3, of width 4: 4 (5 / (1.5 · 4) - 1).
        let [value, error] = vertex_of(&[1.0, 3.0], 4).unwrap();
        near(value, 4.0 * (5.0 / 6.0 - 1.0), 1e-12);
        // Influences (1 - 5)/4 + 1.25 and (9 - 5)/4 - 1.25: one quarter either way.
        near(error, 4.0 / 1.5 * 0.25, 1e-12);
        assert!(vertex_of(&[1.0], 4).is_err() && vertex_of(&[0.0, 0.0], 4).is_err());
    }
}
