//! Exact linear assignment: one-to-one matching of largest total score, which bipartite matching of units needs.
//!
//! Written here because the crates that offer it want square or totally ordered input, or pull in a second matrix
//! library, while the algorithm is one page.

use faer::MatRef;

use super::units::power_of_two_scale;
use crate::error::{Error, Result};

/// The one-to-one matching of rows and columns of `score` with the largest sum; min(rows, columns) pairs.
///
/// Returns `(row, column)` pairs in ascending order of rows. The sum is optimal up to rounding; between matchings of
/// equal sum the choice is fixed by the order of rows and columns. Shortest augmenting paths with dual variables
/// (Jonker and Volgenant 1987; the rectangular form of Crouse 2016): O(min² · max) time.
///
/// # Errors
/// If `score` is empty or holds a value that is not finite.
pub fn assign_max(score: MatRef<'_, f64>) -> Result<Vec<(usize, usize)>> {
    check_matrix(score, "score")?;
    // A power of two changes no choice and keeps sums of costs from overflowing.
    let scale = -power_of_two_scale(max_abs(score));
    Ok(if score.nrows() <= score.ncols() {
        solve(score.nrows(), score.ncols(), |i, j| scale * score[(i, j)]).into_iter().enumerate().collect()
    } else {
        let rows = solve(score.ncols(), score.nrows(), |i, j| scale * score[(j, i)]);
        let mut pairs: Vec<_> = rows.into_iter().enumerate().map(|(column, row)| (row, column)).collect();
        pairs.sort_unstable();
        pairs
    })
}

/// Refuses an empty matrix and one with a value that is not finite.
pub(crate) fn check_matrix(m: MatRef<'_, f64>, name: &str) -> Result<()> {
    if m.nrows() == 0 || m.ncols() == 0 {
        let (rows, columns) = (m.nrows(), m.ncols());
        return Err(Error::Measure(format!("expected a {name} matrix with rows and columns, got {rows} × {columns}")));
    }
    if (0..m.ncols()).any(|j| m.col(j).iter().any(|v| !v.is_finite())) {
        return Err(Error::Measure(format!("expected finite values in the {name} matrix, got NaN or infinity")));
    }
    Ok(())
}

/// Largest magnitude in a matrix.
pub(crate) fn max_abs(m: MatRef<'_, f64>) -> f64 {
    (0..m.ncols()).flat_map(|j| m.col(j).iter()).fold(0.0, |a: f64, b| a.max(b.abs()))
}

const FREE: usize = usize::MAX;

/// Column of every row in the assignment of least cost; `rows` ≤ `columns`.
fn solve(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    let mut u = vec![0.0; rows];
    let mut v = vec![0.0; columns];
    let mut column_of = vec![FREE; rows];
    let mut row_of = vec![FREE; columns];
    let mut distance = vec![0.0; columns];
    let mut previous = vec![FREE; columns];
    let mut done = vec![false; columns];
    for start in 0..rows {
        distance.fill(f64::INFINITY);
        done.fill(false);
        let (mut row, mut reached) = (start, 0.0);
        // Dijkstra over columns with reduced costs, until a free column is the nearest.
        let end = loop {
            let mut nearest = (f64::INFINITY, FREE);
            for j in 0..columns {
                if done[j] {
                    continue;
                }
                let d = reached + (cost(row, j) - u[row] - v[j]);
                if d < distance[j] {
                    distance[j] = d;
                    previous[j] = row;
                }
                // A free column at the same distance ends the search at once.
                if distance[j] < nearest.0
                    || (distance[j] == nearest.0 && row_of[j] == FREE && row_of[nearest.1] != FREE)
                {
                    nearest = (distance[j], j);
                }
            }
            let (d, j) = nearest;
            reached = d;
            done[j] = true;
            if row_of[j] == FREE {
                break j;
            }
            row = row_of[j];
        };
        u[start] += reached;
        for j in (0..columns).filter(|&j| done[j] && j != end) {
            u[row_of[j]] += reached - distance[j];
            v[j] -= reached - distance[j];
        }
        let mut j = end;
        loop {
            let row = previous[j];
            row_of[j] = row;
            let next = std::mem::replace(&mut column_of[row], j);
            if row == start {
                break;
            }
            j = next;
        }
    }
    column_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;
    use proptest::prelude::*;

    /// The best sum over all injections, by trying them all.
    fn brute(m: MatRef<'_, f64>, row: usize, used: &mut Vec<bool>) -> f64 {
        if row == m.nrows() {
            return 0.0;
        }
        let mut best = f64::NEG_INFINITY;
        for j in 0..m.ncols() {
            if !used[j] {
                used[j] = true;
                best = best.max(m[(row, j)] + brute(m, row + 1, used));
                used[j] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn agrees_with_brute_force(p in 1_usize..6, q in 1_usize..7, ties in any::<bool>(), v in prop::collection::vec(-1.0_f64..1.0, 42)) {
            let m = Mat::from_fn(p, q, |i, j| if ties { (3.0 * v[i * 7 + j]).round() } else { v[i * 7 + j] });
            let pairs = assign_max(m.as_ref()).unwrap();
            prop_assert_eq!(pairs.len(), p.min(q));
            let mut rows: Vec<_> = pairs.iter().map(|x| x.0).collect();
            let mut columns: Vec<_> = pairs.iter().map(|x| x.1).collect();
            rows.dedup();
            columns.sort_unstable();
            columns.dedup();
            prop_assert_eq!((rows.len(), columns.len()), (p.min(q), p.min(q)));
            let sum: f64 = pairs.iter().map(|&(i, j)| m[(i, j)]).sum();
            let best = if p <= q { brute(m.as_ref(), 0, &mut vec![false; q]) } else { brute(m.transpose(), 0, &mut vec![false; p]) };
            prop_assert!((sum - best).abs() < 1e-12, "{} instead of {}", sum, best);
        }
    }

    #[test]
    fn bad_matrices_are_refused() {
        for m in [
            Mat::zeros(0, 3),
            Mat::zeros(3, 0),
            Mat::from_fn(2, 2, |_, _| f64::NAN),
            Mat::from_fn(2, 2, |_, _| f64::INFINITY),
        ] {
            assert!(assign_max(m.as_ref()).is_err());
        }
    }

    #[test]
    fn huge_and_tied_scores_are_matched() {
        let m = Mat::from_fn(3, 3, |i, j| if i == j { 1.5e308 } else { -1.5e308 });
        assert_eq!(assign_max(m.as_ref()).unwrap(), [(0, 0), (1, 1), (2, 2)]);
        let zeros = Mat::zeros(4, 2);
        assert_eq!(assign_max(zeros.as_ref()).unwrap().len(), 2);
    }
}
