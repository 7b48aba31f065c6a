//! Cosines of embeddings as values of a graph: of several pairs, and to train on.

use super::{Embedding, Piece};
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
    // Inner products wanted: of each with itself, then of each pair.
    let wanted: Vec<(usize, usize)> =
        (0..used.len()).map(|x| (x, x)).chain(pairs.iter().map(|&(a, b)| (place(a), place(b)))).collect();
    let prepared = embeddings
        .iter()
        .map(|e| used.iter().map(|&x| e.prepare_all(g, xs[x], None)).collect::<Result<Vec<_>>>())
        .collect::<Result<Vec<_>>>()?;
    let mut totals: Vec<Vec<Option<Tensor>>> = vec![vec![None; wanted.len()]; embeddings.len()];
    let pieces: Vec<Vec<Piece>> = embeddings.iter().map(|e| e.pieces(n)).collect();
    for k in 0..pieces.iter().map(Vec::len).max().unwrap_or(0) {
        // One piece at a time: without the fence the tables of all would stand in memory together.
        g.fence();
        for ((prepared, totals), pieces) in prepared.iter().zip(&mut totals).zip(&pieces) {
            let Some(&piece) = pieces.get(k) else { continue };
            let bands = prepared
                .iter()
                .map(|p| p[piece.table].band(g, piece.start, piece.count))
                .collect::<Result<Vec<_>>>()?;
            for (&(a, b), total) in wanted.iter().zip(totals) {
                let product = g.times(bands[a], bands[b])?;
                let part = g.sum_all(product)?;
                *total = Some(match *total {
                    Some(total) => g.plus(total, part)?,
                    None => part,
                });
            }
        }
    }
    g.fence();
    let none = || Error::Shape("a comparison of no examples".into());
    totals
        .into_iter()
        .map(|totals| {
            let totals = totals.into_iter().collect::<Option<Vec<_>>>().ok_or_else(none)?;
            (used.len()..wanted.len()).map(|i| cosine(g, totals[i], totals[wanted[i].0], totals[wanted[i].1])).collect()
        })
        .collect()
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
