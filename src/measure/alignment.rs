//! Measures as terms of a loss: how far two representations are apart, as a value with a gradient, from the declarations by which
//! the same measures are computed elsewhere.

use super::catalogue::Measure;
use super::declaration::{Cosine, Device, Direction, FromProducts, Nuclear, NuclearValue};
use super::device::polar::polar;
use super::embedding::{Bandwidth, Between, Embedding, differentiable, many};
use super::numerics::basis::{Basis, Shape};
use super::scale;
use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Unary;
use crate::nn::{Loss, LossKind, Reduction};

/// What two representations are brought together by.
#[derive(Debug)]
pub enum Alignment {
    /// The mean squared difference of units of the same place.
    Mse,
    /// The divergence of the softmax of one from that of the other (Kullback and Leibler 1951), in nats, a mean over examples.
    Kl,
    /// A measure of the catalogue: a distance, or one less a similarity.
    Measure(Box<Measure>),
}

impl Alignment {
    /// By its name: `mse`, `kl`, or that of a measure with its options.
    ///
    /// # Errors
    /// If there is none of the name, or the measure has no gradient.
    pub fn parse(name: &str) -> Result<Self> {
        let measure = match name.trim() {
            "mse" => return Ok(Self::Mse),
            "kl" => return Ok(Self::Kl),
            name => Measure::parse(name)?,
        };
        // Whether it has one is asked of a small graph.
        let (mut g, refusal) = (Graph::new(), without(&measure));
        let [x, y] = [3, 2].map(|units| g.data(vec![0.0; 8 * units], &[8, units]));
        let (x, y, alignment) = (x?, y?, Self::Measure(Box::new(measure)));
        let loss = alignment.loss(&mut g, x, y)?;
        match g.gradients(loss, &[x, y]) {
            Ok(_) => Ok(alignment),
            Err(_) => Err(refusal),
        }
    }

    /// How far `x` `[n, p]` is from `y` `[n, q]`, `[1, 1]`, to be minimised: it has gradients with respect to both.
    ///
    /// # Errors
    /// If the numbers of examples differ, or are too few, or widths differ where they may not.
    pub fn loss(&self, g: &mut Graph, x: Tensor, y: Tensor) -> Result<Tensor> {
        self.apart(g, x, y, &|g, embedding| differentiable(g, x, y, embedding))
    }

    /// The same value to be looked at: tables of pairs of examples are made in bands.
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    pub fn value(&self, g: &mut Graph, x: Tensor, y: Tensor) -> Result<Tensor> {
        self.apart(g, x, y, &|g, embedding| Ok(many(g, &[x, y], &[(0, 1)], &[embedding])?[0][0]))
    }

    fn apart(
        &self,
        g: &mut Graph,
        x: Tensor,
        y: Tensor,
        cosine: &dyn Fn(&mut Graph, Embedding) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let measure = match self {
            Self::Mse => {
                same_widths(g, "mse", x, y)?;
                return Loss::new(LossKind::Mse, Reduction::Mean).apply(g, x, y);
            }
            Self::Kl => {
                same_widths(g, "kl", x, y)?;
                return divergence(g, x, y);
            }
            Self::Measure(measure) => measure,
        };
        let value = match &measure.made.device {
            Some(Device::Cosine(Cosine { embedding, value: FromProducts::Cosine })) if !by_order(*embedding) => {
                cosine(g, *embedding)?
            }
            Some(Device::Nuclear(Nuclear { basis: Basis::Unit, value: NuclearValue::Distance(shape), .. })) => {
                of_shapes(g, x, y, *shape)?.ok_or_else(|| without(measure))?
            }
            _ => return Err(without(measure)),
        };
        if measure.entry.direction == Direction::Distance {
            return Ok(value);
        }
        let one = g.constant(1.0);
        g.minus(one, value)
    }
}

/// Whether tables depend on the order of distances, which has no gradient, or are of parts of the examples.
fn by_order(embedding: Embedding) -> bool {
    let median = |width| matches!(width, Bandwidth::Median(..));
    embedding.batch.is_some() || matches!(embedding.between, Between::Gaussian(w) | Between::Laplace(w) if median(w))
}

/// The error for a measure that cannot be minimised, with one near it that can.
fn without(measure: &Measure) -> Error {
    let near = match measure.entry.name {
        "rsa" => "rsa:pearson, rsa:cosine-of",
        "procrustes" => "procrustes:squared, procrustes:disparity",
        "shape" => "procrustes:squared",
        "cka" | "minibatch_cka" => "cka without a median width (cka:rbf:sigma=1)",
        "angular_cka" => "cka",
        _ => "mse, kl, cka, rsa:pearson, procrustes:squared, nbs",
    };
    Error::Measure(format!("{} has no gradient at all values: expected one such as {near}", measure.name()))
}

fn same_widths(g: &Graph, name: &str, x: Tensor, y: Tensor) -> Result<()> {
    let ([n, p], [m, q]) = (g.matrix(x)?, g.matrix(y)?);
    if (n, p) == (m, q) {
        return Ok(());
    }
    let message = format!("{name} compares unit by unit, and there are {p} and {q}: take a measure such as cka");
    Err(Error::Shape(message))
}

/// `KL(softmax(y) | softmax(x))`, a mean over rows.
fn divergence(g: &mut Graph, x: Tensor, y: Tensor) -> Result<Tensor> {
    let mut logs = |x: Tensor| -> Result<Tensor> {
        // The result does not depend on it.
        let largest = g.max(x, 1)?;
        let largest = g.detach(largest);
        let below = g.minus(x, largest)?;
        let exponential = g.unary(Unary::Exp, below);
        let sum = g.sum(exponential, 1)?;
        let log = g.unary(Unary::Log, sum);
        g.minus(below, log)
    };
    let (p, q) = (logs(y)?, logs(x)?);
    let (weight, ratio) = (g.unary(Unary::Exp, p), g.minus(p, q)?);
    let terms = g.times(weight, ratio)?;
    let rows = g.sum(terms, 1)?;
    g.mean_all(rows)
}

/// Of the Procrustes family what has a gradient also where two shapes agree. With `P` the polar factor of `X'Y`, the sum of
/// its singular values is `<P, X'Y>`, and its derivative is that of `X'Y` with `P` held.
fn of_shapes(g: &mut Graph, x: Tensor, y: Tensor, shape: Shape) -> Result<Option<Tensor>> {
    if !matches!(shape, Shape::Squared | Shape::Disparity | Shape::Nbs) {
        return Ok(None);
    }
    let ([n, _], [m, _]) = (g.matrix(x)?, g.matrix(y)?);
    if n != m || n < 2 {
        return Err(Error::Shape(format!(
            "two representations of the same 2 examples or more are compared: got {n} and {m}"
        )));
    }
    // Both at one scale, near one.
    let (scaled, factor) = scale::together(g, &[x, y])?;
    let mut centred = |x: Tensor| -> Result<Tensor> {
        let mean = g.mean(x, 0)?;
        g.minus(x, mean)
    };
    let (x, y) = (centred(scaled[0])?, centred(scaled[1])?);
    let cross = g.matmul_of(x, true, y, false)?;
    let held = g.detach(cross);
    let factor_of_cross = polar(g, held)?;
    let mut inner = |a: Tensor, b: Tensor| -> Result<Tensor> {
        let product = g.times(a, b)?;
        g.sum_all(product)
    };
    let (nuclear, own_x, own_y) = (inner(factor_of_cross, cross)?, inner(x, x)?, inner(y, y)?);
    if shape == Shape::Squared {
        let both = g.plus(own_x, own_y)?;
        let twice = g.scale(nuclear, 2.0);
        let squared = g.minus(both, twice)?;
        let once = g.over(squared, factor)?;
        return g.over(once, factor).map(Some);
    }
    let (norm_x, norm_y) = (g.unary(Unary::Sqrt, own_x), g.unary(Unary::Sqrt, own_y));
    let part = g.over(nuclear, norm_x)?;
    let similarity = g.over(part, norm_y)?;
    if shape == Shape::Nbs {
        return Ok(Some(similarity));
    }
    let one = g.constant(1.0);
    let square = g.unary(Unary::Square, similarity);
    g.minus(one, square).map(Some)
}
