//! The linear assignment problem: which unit of one representation goes with which unit of the other, one to one, so
//! that the total is best. Exact, for rectangular costs, with dual prices that prove the optimum.
//!
//! Shortest augmenting paths (Jonker & Volgenant 1987; rectangular as in Crouse 2016), O(r² c) for r ≤ c.

use super::check::check_matrix;
use crate::error::Result;
use faer::MatRef;

/// An optimal assignment of rows to columns; each row and each column is used at most once, and as many as the smaller
/// side has are used.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// `(row, column)`, by row.
    pub pairs: Vec<(usize, usize)>,
    /// The sum of the assigned entries.
    pub total: f64,
}

/// The assignment of the largest total. Among equal totals one is chosen by a fixed rule, so the same input gives the
/// same pairs.
///
/// # Errors
/// When an entry is not finite or a side is empty.
pub fn maximise(scores: MatRef<'_, f64>) -> Result<Assignment> {
    solve(scores).map(|(assignment, _)| assignment)
}

/// An assignment and its proof: prices of rows and of columns with `rows[i] + columns[j] <= -score(i, j)`, equal where assigned.
fn solve(scores: MatRef<'_, f64>) -> Result<(Assignment, [Vec<f64>; 2])> {
    check_matrix(scores, "score")?;
    let (rows, columns) = scores.shape();
    let wide = if rows <= columns { scores } else { scores.transpose() };
    let (r, c) = wide.shape();
    let costs: Vec<f64> = wide.row_iter().flat_map(|row| row.iter().map(|score| -score)).collect();
    let (column_of, u, v) = augment(&costs, r, c);
    let mut pairs: Vec<(usize, usize)> = column_of.into_iter().enumerate().collect();
    let mut prices = [u, v];
    if rows > columns {
        pairs.iter_mut().for_each(|pair| *pair = (pair.1, pair.0));
        pairs.sort_unstable();
        prices.reverse();
    }
    let total = pairs.iter().map(|&(i, j)| scores[(i, j)]).sum();
    Ok((Assignment { pairs, total }, prices))
}

/// Smallest-cost assignment of `r` rows to `c >= r` columns: the column of each row, row prices, column prices.
fn augment(costs: &[f64], r: usize, c: usize) -> (Vec<usize>, Vec<f64>, Vec<f64>) {
    const FREE: usize = usize::MAX;
    let row = |i: usize| &costs[i * c..(i + 1) * c];
    let mut u = vec![0.0; r];
    let mut v = vec![0.0; c];
    let mut column_of = vec![FREE; r];
    let mut row_of = vec![FREE; c];
    // Each row takes its cheapest column where that is still free: with prices at the row minimum this is optimal so far.
    for i in 0..r {
        let (mut best, mut least) = (0, f64::INFINITY);
        for (j, &cost) in row(i).iter().enumerate() {
            if cost < least {
                (best, least) = (j, cost);
            }
        }
        u[i] = least;
        if row_of[best] == FREE {
            (row_of[best], column_of[i]) = (i, best);
        }
    }
    let mut distance = vec![0.0; c];
    let mut previous = vec![FREE; c];
    let mut open: Vec<usize> = Vec::with_capacity(c);
    let mut closed: Vec<usize> = Vec::with_capacity(r);
    for start in 0..r {
        if column_of[start] != FREE {
            continue;
        }
        // Dijkstra over reduced costs from `start` to the nearest free column.
        distance.fill(f64::INFINITY);
        open.clear();
        open.extend(0..c);
        closed.clear();
        let (mut i, mut reached) = (start, 0.0);
        let sink = loop {
            let (mut nearest, mut at) = (f64::INFINITY, 0);
            let base = reached - u[i];
            let costs = row(i);
            for (position, &j) in open.iter().enumerate() {
                let through = base + costs[j] - v[j];
                if through < distance[j] {
                    distance[j] = through;
                    previous[j] = i;
                }
                // A free column among equals ends the search at once.
                if distance[j] < nearest || (distance[j] == nearest && row_of[j] == FREE) {
                    (nearest, at) = (distance[j], position);
                }
            }
            reached = nearest;
            let j = open.swap_remove(at);
            if row_of[j] == FREE {
                break j;
            }
            closed.push(j);
            i = row_of[j];
        };
        u[start] += reached;
        for &j in &closed {
            u[row_of[j]] += reached - distance[j];
            v[j] -= reached - distance[j];
        }
        // Flip the path.
        let mut j = sink;
        loop {
            let i = previous[j];
            row_of[j] = i;
            std::mem::swap(&mut column_of[i], &mut j);
            if i == start {
                break;
            }
        }
    }
    (column_of, u, v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::{Mat, mat};
    use proptest::prelude::*;

    /// Best total by trying all injections of rows into columns.
    fn brute(scores: &Mat<f64>, row: usize, used: &mut Vec<bool>) -> f64 {
        if row == scores.nrows() {
            return 0.0;
        }
        let mut best = f64::NEG_INFINITY;
        for j in 0..scores.ncols() {
            if !used[j] {
                used[j] = true;
                best = best.max(scores[(row, j)] + brute(scores, row + 1, used));
                used[j] = false;
            }
        }
        best
    }

    /// The prices bound every assignment from below and reach the one found: a proof of the optimum.
    fn prove(scores: &Mat<f64>) {
        let (Assignment { pairs, total }, [u, v]) = &solve(scores.as_ref()).unwrap();
        let scale = scores.norm_max().max(1.0) * 1e-12 * scores.nrows().max(scores.ncols()) as f64;
        for i in 0..scores.nrows() {
            for j in 0..scores.ncols() {
                assert!(u[i] + v[j] <= scale - scores[(i, j)]);
            }
        }
        let bound: f64 = u.iter().chain(v).sum();
        assert!((bound + total).abs() <= scale, "{bound} {total}");
        let longer = if scores.nrows() <= scores.ncols() { v } else { u };
        assert!(longer.iter().all(|&p| p <= scale));
        assert_eq!(pairs.len(), scores.nrows().min(scores.ncols()));
        assert!(pairs.windows(2).all(|w| w[0].0 < w[1].0));
        let mut columns: Vec<usize> = pairs.iter().map(|p| p.1).collect();
        columns.sort_unstable();
        assert!(columns.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn by_hand() {
        let scores = mat![[-4.0, -1.0, -3.0], [-2.0, 0.0, -5.0], [-3.0, -2.0, -2.0]];
        let found = maximise(scores.as_ref()).unwrap();
        assert_eq!(found, Assignment { pairs: vec![(0, 1), (1, 0), (2, 2)], total: -5.0 });
        let tall = mat![[1.0], [7.0], [3.0]];
        assert_eq!(maximise(tall.as_ref()).unwrap(), Assignment { pairs: vec![(1, 0)], total: 7.0 });
    }

    #[test]
    fn large_and_degenerate() {
        prove(&Mat::zeros(40, 60));
        prove(&Mat::from_fn(150, 150, |i, j| ((i * j) % 7) as f64));
        // Products of sorted sequences: the assignment has to be undone step by step.
        prove(&Mat::from_fn(200, 200, |i, j| ((i + 1) as f64) * (j + 1) as f64));
    }

    #[test]
    fn bad_input_is_an_error() {
        assert!(maximise(Mat::zeros(0, 3).as_ref()).is_err());
        assert!(maximise(Mat::zeros(3, 0).as_ref()).is_err());
        assert!(maximise(mat![[f64::NAN]].as_ref()).is_err());
        assert!(maximise(mat![[f64::INFINITY, 1.0]].as_ref()).is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_all_permutations(rows in 1usize..6, extra in 0usize..3, seed in prop::collection::vec(-9i8..9, 64)) {
            let scores = Mat::from_fn(rows, rows + extra, |i, j| f64::from(seed[i * 8 + j]) / 4.0);
            let best = brute(&scores, 0, &mut vec![false; rows + extra]);
            prop_assert!((maximise(scores.as_ref()).unwrap().total - best).abs() < 1e-12);
            let tall = scores.transpose().to_owned();
            prop_assert!((maximise(tall.as_ref()).unwrap().total - best).abs() < 1e-12);
            prove(&tall);
        }

        #[test]
        fn the_prices_prove_it(r in 1usize..30, c in 1usize..30, seed in prop::collection::vec(-1f64..1.0, 900)) {
            prove(&Mat::from_fn(r, c, |i, j| seed[i * 30 + j]));
        }
    }
}
