//! Cosines of embeddings as values of a graph: of several pairs, and to train on.

use super::{Embedding, Piece, Prepared};
use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Unary;

/// Cosines of the embeddings of several pairs of representations of the same examples: for each embedding, for each pair,
/// `[1, 1]`. Each representation's table is made once, however many pairs it is in.
///
/// # Errors
/// If the numbers of examples differ, or are too few.
pub fn many(
    g: &mut Graph,
    xs: &[Tensor],
    pairs: &[(usize, usize)],
    embeddings: &[Embedding],
) -> Result<Vec<Vec<Tensor>>> {
    let mut used: Vec<usize> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
    used.sort_unstable();
    used.dedup();
    let Some(&first) = used.first() else { return Ok(embeddings.iter().map(|_| Vec::new()).collect()) };
    let [n, _] = g.matrix(xs[first])?;
    for &x in &used {
        same_examples(g, n, xs[x])?;
    }
    let place = |x: usize| used.binary_search(&x).unwrap_or(0);
    // Of each with itself, then of each pair.
    let own = (0..used.len()).map(|x| (x, x));
    let of_one: Vec<(usize, usize)> = own.chain(pairs.iter().map(|&(a, b)| (place(a), place(b)))).collect();
    let wanted: Vec<Wanted> = (0..embeddings.len())
        .flat_map(|embedding| of_one.iter().map(move |&pair| Wanted { embedding, pair }))
        .collect();
    let prepared = used
        .iter()
        .map(|&x| embeddings.iter().map(|e| e.prepare_all(g, xs[x], None)).collect::<Result<Vec<_>>>())
        .collect::<Result<Vec<_>>>()?;
    let product = |g: &mut Graph, x: Tensor, y: Tensor| {
        let product = g.times(x, y)?;
        g.sum_all(product)
    };
    let products = inner_products(g, n, embeddings, &prepared, &wanted, &product)?;
    g.fence();
    products
        .chunks(of_one.len())
        .map(|own| (used.len()..own.len()).map(|i| cosine(g, own[i], own[of_one[i].0], own[of_one[i].1])).collect())
        .collect()
}

/// An inner product: of which embedding, of which two representations.
#[derive(Clone, Copy)]
pub(in crate::measure) struct Wanted {
    pub embedding: usize,
    pub pair: (usize, usize),
}

/// Inner products of embeddings of `n` examples, a piece of the tables at a time. `prepared` has the tables of each representation
/// for each embedding, and `product` is how two pieces are multiplied.
///
/// # Errors
/// If there are no examples.
pub(in crate::measure) fn inner_products(
    g: &mut Graph,
    n: usize,
    embeddings: &[Embedding],
    prepared: &[Vec<Vec<Prepared>>],
    wanted: &[Wanted],
    product: &dyn Fn(&mut Graph, Tensor, Tensor) -> Result<Tensor>,
) -> Result<Vec<Tensor>> {
    let mut totals: Vec<Option<Tensor>> = vec![None; wanted.len()];
    let pieces: Vec<Vec<Piece>> = embeddings.iter().map(|e| e.pieces(n)).collect();
    for k in 0..pieces.iter().map(Vec::len).max().unwrap_or(0) {
        // One piece at a time: without the fence the tables of all would stand in memory together.
        g.fence();
        for (&Wanted { embedding: e, pair: (a, b) }, total) in wanted.iter().zip(&mut totals) {
            let Some(&Piece { table, start, count }) = pieces[e].get(k) else { continue };
            let x = prepared[a][e][table].band(g, start, count)?;
            let y = prepared[b][e][table].band(g, start, count)?;
            let part = product(g, x, y)?;
            *total = Some(match *total {
                Some(total) => g.plus(total, part)?,
                None => part,
            });
        }
    }
    let none = || Error::Shape("a comparison of no examples".into());
    totals.into_iter().collect::<Option<_>>().ok_or_else(none)
}

/// The cosine of two representations' embeddings as a value to train on: differentiable, from undivided tables.
///
/// # Errors
/// As [`many`], and if the table has no gradient.
pub fn differentiable(g: &mut Graph, x: Tensor, y: Tensor, embedding: Embedding) -> Result<Tensor> {
    let [n, _] = g.matrix(x)?;
    same_examples(g, n, y)?;
    let ((x, _), (y, _)) = (embedding.at_own_scale(g, x)?, embedding.at_own_scale(g, y)?);
    let (x, y) = (embedding.prepare(g, x, None, false)?, embedding.prepare(g, y, None, false)?);
    let (a, b) = (x.band(g, 0, n)?, y.band(g, 0, n)?);
    let mut dot = |p: Tensor, q: Tensor| -> Result<Tensor> {
        let product = g.times(p, q)?;
        g.sum_all(product)
    };
    let (xy, xx, yy) = (dot(a, b)?, dot(a, a)?, dot(b, b)?);
    cosine(g, xy, xx, yy)
}

fn same_examples(g: &Graph, n: usize, x: Tensor) -> Result<()> {
    let [m, _] = g.matrix(x)?;
    if m == n {
        return Ok(());
    }
    Err(Error::Shape(format!("representations of the same examples are compared: got {n} and {m}")))
}

/// `xy / sqrt(xx yy)`, as a product of two roots, since the product of the squares may overflow.
fn cosine(g: &mut Graph, xy: Tensor, xx: Tensor, yy: Tensor) -> Result<Tensor> {
    let (a, b) = (g.unary(Unary::Sqrt, xx), g.unary(Unary::Sqrt, yy));
    let first = g.over(xy, a)?;
    g.over(first, b)
}
