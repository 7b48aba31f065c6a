//! Matrix products, and distances between rows.

use std::borrow::Cow;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::prelude::*;
use crate::graph::program_of::Word;
use crate::kernels::matmul::{self as kernel, Factors, Form, Inner, Precision, rounded};

/// Matrix product, either factor stored transposed; or, with another [`Inner`], distances between rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MatMul {
    /// First factor is stored transposed.
    transpose_a: bool,
    /// Second factor is stored transposed.
    transpose_b: bool,
    /// How exact the factors are.
    precision: Precision,
    /// What of two factors is summed.
    inner: Inner,
}

impl Graph {
    /// Matrix product `a b`, or as many as there are along a first of three axes.
    ///
    /// # Errors
    /// If the inner extents differ.
    pub fn matmul(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.matmul_of(a, false, b, false)
    }

    /// Sets the precision of the factors of matrix products made from now on, and returns the former one. The products in
    /// the gradient of a product are as exact as it is.
    pub fn set_precision(&mut self, precision: Precision) -> Precision {
        std::mem::replace(&mut self.precision, precision)
    }

    /// Matrix product with either factor transposed first; of two times as many matrices, `[batch, rows, columns]`, the product of
    /// each two.
    ///
    /// # Errors
    /// If the factors are not matrices, or not as many, or the inner extents differ.
    pub fn matmul_of(&mut self, a: Tensor, transpose_a: bool, b: Tensor, transpose_b: bool) -> Result<Tensor> {
        let ((of_a, [ar, ac]), (of_b, [br, bc])) = (self.matrices(a)?, self.matrices(b)?);
        if of_a != of_b {
            return Err(self.misfit("matmul", a, b, "as many matrices of either"));
        }
        let (m, k) = if transpose_a { (ac, ar) } else { (ar, ac) };
        let (l, n) = if transpose_b { (bc, br) } else { (br, bc) };
        if k != l {
            let what = format!("inner extents to agree, and {k} is not {l}");
            return Err(self.misfit("matmul", a, b, &what));
        }
        let op = MatMul { transpose_a, transpose_b, precision: self.precision, inner: Inner::Product };
        let extents: Vec<usize> = of_a.into_iter().chain([m, n]).collect();
        Ok(self.add(op, vec![a, b], Shape::new(&extents), DType::F32))
    }

    /// How many matrices a tensor of three axes is, and the extents of each.
    fn matrices(&self, x: Tensor) -> Result<(Option<usize>, [usize; 2])> {
        match *self.shape(x).extents() {
            [batch, rows, columns] if self.node(x).scope != Scope::Pairs => Ok((Some(batch), [rows, columns])),
            _ => Ok((None, self.matrix(x)?)),
        }
    }

    /// Distances between the rows of `a` `[M, K]` and of `b` `[N, K]`: `[M, N]`, each the sum over K of what `inner` makes
    /// of two elements.
    ///
    /// # Errors
    /// If they are not matrices or their rows differ in length.
    pub fn distances(&mut self, a: Tensor, b: Tensor, inner: Inner) -> Result<Tensor> {
        let ([m, k], [n, l]) = (self.matrix(a)?, self.matrix(b)?);
        if k != l {
            return Err(self.misfit("distances", a, b, &format!("rows of one length, and {k} is not {l}")));
        }
        let op = MatMul { transpose_a: false, transpose_b: true, precision: Precision::Single, inner };
        Ok(self.add(op, vec![a, b], Shape::new(&[m, n]), DType::F32))
    }
}

impl Rules for MatMul {
    fn facts(&self) -> Facts {
        Facts::kernel_with_maps(if self.inner == Inner::Product { "product" } else { "distances" })
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        let (a, b) = (back.input(0), back.input(1));
        match self.inner {
            Inner::Product => {}
            Inner::SquaredDifference => {
                let g = back.whole()?;
                for (input, other) in [(0, b), (1, a)] {
                    if back.wants(input) {
                        let part = pull_together(back.graph, g, input == 1, back.input(input), other)?;
                        back.give(input, part);
                    }
                }
                return Ok(());
            }
            Inner::AbsoluteDifference => {
                return Err(Error::Shape(format!("{} has no gradient", back.graph.describe(back.tensor))));
            }
        }
        let before = back.graph.set_precision(self.precision);
        let g = back.whole()?;
        if back.wants(0) {
            let part = if self.transpose_a {
                back.graph.matmul_of(b, self.transpose_b, g, true)?
            } else {
                back.graph.matmul_of(g, false, b, !self.transpose_b)?
            };
            back.give(0, part);
        }
        if back.wants(1) {
            let part = if self.transpose_b {
                back.graph.matmul_of(g, true, a, self.transpose_a)?
            } else {
                back.graph.matmul_of(a, !self.transpose_a, g, false)?
            };
            back.give(1, part);
        }
        back.graph.set_precision(before);
        Ok(())
    }

    /// Sums over rows, as gradients of a weight that is used several times are, are one sum over all rows.
    fn joined(&self, graph: &mut Graph, terms: &[Tensor]) -> Result<Option<Tensor>> {
        let alike = |t: &Tensor| graph.node(*t).op == Op::MatMul(*self) && graph.shape(*t).0.len() == 2;
        if !self.transpose_a || self.transpose_b || self.inner != Inner::Product || !terms.iter().all(alike) {
            return Ok(None);
        }
        let mut factors: Vec<[Tensor; 2]> =
            terms.iter().rev().map(|t| [0, 1].map(|i| graph.node(*t).inputs[i])).collect();
        // As they stand in a stack, if they do.
        factors.sort_by_key(|[a, _]| graph.place_in_stack(*a).map(|(_, at)| at));
        let [a, b] = [0, 1].map(|i| factors.iter().map(|both| both[i]).collect::<Vec<_>>());
        let (Some(a), Some(b)) = (graph.stacked(&a, 0)?, graph.stacked(&b, 0)?) else { return Ok(None) };
        let before = graph.set_precision(self.precision);
        let product = graph.matmul_of(a, true, b, false);
        graph.set_precision(before);
        product.map(Some)
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let factor = |i: usize| match self.precision {
            Precision::Single => Cow::Borrowed(&**at.inputs[i]),
            // The rounding is part of the meaning.
            Precision::Half => Cow::Owned(at.inputs[i].iter().map(|&x| f64::from(rounded(x as f32))).collect()),
        };
        let (a, b) = (factor(0), factor(1));
        if self.inner != Inner::Product {
            return Ok(distances(&a, &b, at.extents_of(0)[1], self.inner));
        }
        let matrices = |i: usize, transposed: bool, values| {
            let (_, [rows, columns]) = at.graph().matrices(at.node.inputs[i])?;
            let each = <[f64]>::chunks(values, rows * columns);
            Ok::<_, Error>(each.map(move |values| {
                let stored = MatRef::from_row_major_slice(values, rows, columns);
                if transposed { stored.transpose() } else { stored }
            }))
        };
        let mut values = vec![0.0; at.count()];
        let [m, n] = at.extents[at.extents.len() - 2..] else { unreachable!("products have rows and columns") };
        let factors = matrices(0, self.transpose_a, &*a)?.zip(matrices(1, self.transpose_b, &*b)?);
        for (result, (a, b)) in values.chunks_mut(m * n).zip(factors) {
            matmul(MatMut::from_row_major_slice_mut(result, m, n), Accum::Replace, a, b, 1.0, Par::Seq);
        }
        Ok(values.into())
    }

    fn item(&self, at: &Assembly) -> Result<Item> {
        let &MatMul { transpose_a, transpose_b, precision, inner } = self;
        let graph = at.graph();
        let (batch, [m, n]) = graph.matrices(at.tensor)?;
        let (_, [a_rows, lda]) = graph.matrices(at.input(0))?;
        let (_, [b_rows, ldb]) = graph.matrices(at.input(1))?;
        let k = if transpose_a { a_rows } else { lda };
        let ((a, a_extra), (b, b_extra)) = (at.operand(0)?, at.operand(1)?);
        let aligned = |place: Place, extra: usize, ld: usize| {
            place.arena().four().is_some() && extra.is_multiple_of(4) && ld.is_multiple_of(4)
        };
        let (aligned_a, aligned_b) = (aligned(a, a_extra, lda), aligned(b, b_extra, ldb));
        let form = Form { m, n, k, transpose_a, transpose_b, aligned_a, aligned_b, precision };
        let after = at.after(at.tensor, Vec::new())?;
        let mut job = [0, m, n, k].map(number).to_vec();
        job.extend([Word::Offset(a, a_extra), Word::Stride(a), number(lda)]);
        job.extend([Word::Offset(b, b_extra), Word::Stride(b), number(ldb)]);
        job.extend(batch.into_iter().flat_map(|batch| [batch, a_rows * lda, b_rows * ldb].map(number)));
        let kernel = kernel::MatMul {
            batched: batch.is_some(),
            a: a.arena(),
            b: b.arena(),
            transpose_a,
            transpose_b,
            vector_a: form.vector_a(),
            vector_b: form.vector_b(),
            vector_c: form.vector_c() && after.program.by_four(),
            tile: form.tile(at.profile),
            factors: Factors::of(precision, at.profile),
            inner,
            windowed: None,
            in_parts: false,
            program: after.program,
        };
        let batch = batch.unwrap_or(1);
        let flops = 2 * (batch * m * n * k) as u64 + after.flops;
        Ok(Item::new(kernel, [job, after.words].concat(), flops, (batch * (m * k + k * n)) as u64 + after.elements))
    }
}

/// Gradient of squared distances with respect to the rows of `a`: `2 sum_j g_ij (a_i - b_j)`, with `g` turned first if its
/// columns are those of `a`.
fn pull_together(graph: &mut Graph, g: Tensor, turned: bool, a: Tensor, b: Tensor) -> Result<Tensor> {
    let weights = graph.sum(g, if turned { 0 } else { 1 })?;
    let weights = if turned { graph.transpose(weights)? } else { weights };
    let (own, others) = (graph.times(weights, a)?, graph.matmul_of(g, turned, b, false)?);
    let difference = graph.minus(own, others)?;
    Ok(graph.scale(difference, 2.0))
}

/// Distances between the rows of `a` and of `b`, which are of `length` elements.
fn distances(a: &[f64], b: &[f64], length: usize, inner: Inner) -> Values {
    let term = |(x, y): (&f64, &f64)| match inner {
        Inner::Product => x * y,
        Inner::SquaredDifference => (x - y) * (x - y),
        Inner::AbsoluteDifference => (x - y).abs(),
    };
    let rows = a.chunks(length);
    rows.flat_map(|x| b.chunks(length).map(move |y| x.iter().zip(y).map(term).sum::<f64>())).collect()
}
