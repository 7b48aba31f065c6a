//! Minimisation without derivatives (Nelder and Mead 1965), for one or two unknowns.
//!
//! Written here, since what is wanted of it is what a general framework gets wrong: values that are not finite are walls,
//! and the search stops by the size of its simplex, so that a perfect fit, whose values are rounding, stops too.

/// Where a search ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Minimum<const N: usize> {
    /// The best point.
    pub point: [f64; N],
    /// The value there. Infinite if no point with a finite value was met.
    pub value: f64,
    /// Whether the simplex shrank to the size asked for.
    pub converged: bool,
}

/// Searches from a simplex at `start` with legs of `leg`, until all of it is within `size` of its best point, or for
/// `most` moves.
pub(super) fn minimise<const N: usize>(
    mut f: impl FnMut(&[f64; N]) -> f64,
    start: [f64; N],
    leg: f64,
    size: f64,
    most: usize,
) -> Minimum<N> {
    let mut valued = |point: [f64; N]| {
        let value = f(&point);
        (if value.is_nan() { f64::INFINITY } else { value }, point)
    };
    let mut simplex = vec![valued(start)];
    for i in 0..N {
        let mut corner = start;
        corner[i] += leg;
        simplex.push(valued(corner));
    }
    for _ in 0..most {
        simplex.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (best, second, worst) = (simplex[0], simplex[N - 1], simplex[N]);
        if extent(&simplex) <= size {
            return Minimum { point: best.1, value: best.0, converged: true };
        }
        let mut centre = [0.0; N];
        for (_, point) in &simplex[..N] {
            for (c, p) in centre.iter_mut().zip(point) {
                *c += p / N as f64;
            }
        }
        // Along the line from the worst corner through the centre of the others: 1 is its mirror image.
        let along = |reach: f64| std::array::from_fn(|i| centre[i] + reach * (centre[i] - worst.1[i]));
        let mirrored = valued(along(1.0));
        if mirrored.0 < best.0 {
            let further = valued(along(2.0));
            simplex[N] = if further.0 < mirrored.0 { further } else { mirrored };
        } else if mirrored.0 < second.0 {
            simplex[N] = mirrored;
        } else {
            let nearer = valued(along(if mirrored.0 < worst.0 { 0.5 } else { -0.5 }));
            if nearer.0 < mirrored.0.min(worst.0) {
                simplex[N] = nearer;
            } else {
                for corner in &mut simplex[1..] {
                    *corner = valued(std::array::from_fn(|i| 0.5 * (corner.1[i] + best.1[i])));
                }
            }
        }
    }
    simplex.sort_by(|a, b| a.0.total_cmp(&b.0));
    Minimum { point: simplex[0].1, value: simplex[0].0, converged: false }
}

/// The largest difference of a coordinate from that of the first corner.
fn extent<const N: usize>(simplex: &[(f64, [f64; N])]) -> f64 {
    let first = simplex[0].1;
    simplex.iter().flat_map(|(_, point)| point.iter().zip(&first)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        let rosenbrock = |p: &[f64; 2]| (1.0 - p[0]).powi(2) + 100.0 * (p[1] - p[0] * p[0]).powi(2);
        let found = minimise(rosenbrock, [-1.2, 1.0], 0.5, 1e-9, 1000);
        assert!(found.converged && found.value < 1e-15, "{found:?}");
        assert!(found.point.iter().all(|x| (x - 1.0).abs() < 1e-7), "{found:?}");
    }

    #[test]
    fn one_unknown() {
        let found = minimise(|p: &[f64; 1]| (p[0] - 3.0).abs(), [-50.0], 1.0, 1e-9, 500);
        assert!(found.converged && (found.point[0] - 3.0).abs() < 1e-8, "{found:?}");
    }

    #[test]
    fn what_is_not_finite_is_a_wall() {
        // A basin whose half is not a number, with its lowest point on the edge.
        let half = |p: &[f64; 2]| if p[0] < 0.0 { f64::NAN } else { p[0] + p[1] * p[1] };
        let found = minimise(half, [2.0, 2.0], 0.5, 1e-9, 2000);
        assert!(found.value < 1e-6, "{found:?}");
        let nothing = minimise(|_: &[f64; 2]| f64::NAN, [0.0, 0.0], 1.0, 1e-9, 100);
        assert!(nothing.value.is_infinite());
    }

    #[test]
    fn it_stops_when_told() {
        let mut calls = 0;
        let found = minimise(
            |p: &[f64; 2]| {
                calls += 1;
                -p[0]
            },
            [0.0, 0.0],
            1.0,
            1e-9,
            30,
        );
        assert!(!found.converged && calls < 70, "{calls}");
    }
}
