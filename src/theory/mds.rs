//! Classical multidimensional scaling (Torgerson 1952): points whose distances are those given, as far as a few
//! dimensions can have them.

use nalgebra::DMatrix;

use super::error::TheoryError;
use super::krylov::leading;

/// Points in few dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct Mds {
    /// Coordinates `[points, dimensions]`, row by row, around the origin; dimensions by falling spread. The sign of each
    /// dimension is free, and is such that its largest coordinate is positive.
    pub coordinates: Vec<f64>,
    /// The eigenvalue of each dimension: its sum of squared coordinates. Negative where the distances are none that points
    /// can have; such a dimension's coordinates are zero.
    pub eigenvalues: Vec<f64>,
    /// The sum of all eigenvalues, those of dimensions left out as well.
    pub total: f64,
}

impl Mds {
    /// The share of the squared distances that each dimension has, if the distances are those of points.
    pub fn shares(&self) -> Vec<f64> {
        self.eigenvalues.iter().map(|value| if self.total > 0.0 { value / self.total } else { 0.0 }).collect()
    }
}

/// How far distances may be from symmetric, above zero and zero on the diagonal, against the largest: what sums in
/// 32 bits leave.
const ROOM: f64 = 1e-4;

/// Places `n` points in `dimensions` by their *squared* distances `[n, n]`, row by row.
///
/// # Errors
/// If there are not `n * n` distances, fewer than two points or than dimensions, or the distances are not finite, not
/// symmetric, negative, or not zero on the diagonal.
pub fn classical_mds(distances_squared: &[f64], n: usize, dimensions: usize) -> Result<Mds, TheoryError> {
    if n < 2 || n.checked_mul(n) != Some(distances_squared.len()) {
        return Err(TheoryError::input(format!(
            "expected the n x n squared distances of n >= 2 points, and there are {} for n = {n}",
            distances_squared.len()
        )));
    }
    if !(1..=n).contains(&dimensions) {
        return Err(TheoryError::input(format!(
            "{n} points can be placed in 1 to {n} dimensions, and {dimensions} are asked for"
        )));
    }
    let at = |i: usize, j: usize| distances_squared[i * n + j];
    let refused = |i: usize, j: usize, what: &str| {
        Err(TheoryError::input(format!(
            "squared distances must be finite, not negative, symmetric and zero from a point to itself, and that of points \
             {i} and {j} is {} one way and {} the other: {what}",
            at(i, j),
            at(j, i)
        )))
    };
    if let Some(k) = distances_squared.iter().position(|d| !d.is_finite()) {
        return refused(k / n, k % n, "leave out points that diverged");
    }
    let room = ROOM * distances_squared.iter().fold(0.0, |a: f64, d| a.max(d.abs()));
    for i in 0..n {
        if at(i, i).abs() > room {
            return refused(i, i, "give distances, not similarities");
        }
        for j in 0..i {
            if at(i, j) < -room || (at(i, j) - at(j, i)).abs() > room {
                return refused(i, j, "give squared Euclidean distances of all pairs");
            }
        }
    }
    let both = |i: usize, j: usize| 0.5 * (at(i, j) + at(j, i));
    let means: Vec<f64> = (0..n).map(|i| (0..n).map(|j| both(i, j)).sum::<f64>() / n as f64).collect();
    let mean = means.iter().sum::<f64>() / n as f64;
    let gram = DMatrix::from_fn(n, n, |i, j| -0.5 * (both(i, j) - means[i] - means[j] + mean));
    let total = gram.trace();
    let (eigenvalues, vectors) = leading(gram, dimensions);
    let mut coordinates = vec![0.0; n * dimensions];
    for (d, (&value, vector)) in eigenvalues.iter().zip(vectors.column_iter()).enumerate() {
        // By size with room for rounding, so that of two mirror images the first decides.
        let largest = vector.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
        let first = vector.iter().find(|v| v.abs() >= largest * (1.0 - 1e-6));
        let scale = value.max(0.0).sqrt() * first.map_or(1.0, |v| v.signum());
        for (i, v) in vector.iter().enumerate() {
            coordinates[i * dimensions + d] = scale * v;
        }
    }
    Ok(Mds { coordinates, eigenvalues, total })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distances(points: &[Vec<f64>]) -> Vec<f64> {
        let between = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        points.iter().flat_map(|a| points.iter().map(move |b| between(a, b))).collect()
    }

    fn rows(mds: &Mds, dimensions: usize) -> Vec<Vec<f64>> {
        mds.coordinates.chunks(dimensions).map(<[f64]>::to_vec).collect()
    }

    fn cloud(n: usize, dimensions: usize) -> Vec<Vec<f64>> {
        (0..n)
            .map(|i| {
                (0..dimensions).map(|d| ((i * 7 + 3) as f64 * (d + 2) as f64 * 0.37).sin() / (d + 1) as f64).collect()
            })
            .collect()
    }

    #[test]
    fn points_are_recovered_up_to_rotation() {
        for n in [5, 60, 320] {
            let points = cloud(n, 3);
            let given = distances(&points);
            let mds = classical_mds(&given, n, 3).unwrap();
            let found = distances(&rows(&mds, 3));
            let worst = given.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-9, "{n}: {worst}");
            assert!((mds.shares().iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!(mds.eigenvalues.windows(2).all(|pair| pair[0] >= pair[1]));
        }
    }

    #[test]
    fn a_square_has_two_equal_dimensions_and_no_third() {
        let square = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].map(|p| p.to_vec());
        let mds = classical_mds(&distances(&square), 4, 3).unwrap();
        assert!((mds.eigenvalues[0] - 1.0).abs() < 1e-12 && (mds.eigenvalues[1] - 1.0).abs() < 1e-12);
        assert!(mds.eigenvalues[2].abs() < 1e-12 && (mds.total - 2.0).abs() < 1e-12);
    }

    #[test]
    fn distances_of_no_points_have_a_negative_dimension() {
        // The triangle inequality fails: 1 and 1 do not reach 3.
        let mds = classical_mds(&[0.0, 1.0, 9.0, 1.0, 0.0, 1.0, 9.0, 1.0, 0.0], 3, 3).unwrap();
        assert!(mds.eigenvalues[2] < -0.1);
        assert!(mds.coordinates.iter().skip(2).step_by(3).all(|&c| c == 0.0));
        let nothing = classical_mds(&[0.0; 9], 3, 2).unwrap();
        assert!(nothing.coordinates.iter().all(|&c| c == 0.0) && nothing.shares() == [0.0, 0.0]);
    }

    #[test]
    fn what_is_no_distance_is_refused() {
        let text = |d: &[f64], n, k| classical_mds(d, n, k).unwrap_err().to_string();
        assert!(text(&[], 0, 1).contains("n >= 2"));
        assert!(text(&[0.0; 3], 2, 1).contains("3 for n = 2"));
        assert!(text(&[0.0, 1.0, 1.0, 0.0], 2, 3).contains("3 are asked for"));
        assert!(text(&[0.0, 1.0, 1.0, 0.0], 2, 0).contains("0 are asked for"));
        assert!(text(&[0.0, f64::NAN, 1.0, 0.0], 2, 1).contains("points 0 and 1"));
        assert!(text(&[0.0, 2.0, 1.0, 0.0], 2, 1).contains("is 1 one way and 2 the other"));
        assert!(text(&[0.0, -1.0, -1.0, 0.0], 2, 1).contains("squared Euclidean"));
        assert!(text(&[1.0, 1.0, 1.0, 0.0], 2, 1).contains("similarities"));
        assert!(text(&[], usize::MAX, 1).contains("n >= 2"));
    }
}
