//! K-means with a reproducible start, the last step of spectral clustering.

use super::algebra::squared_distance;
use super::random::SplitMix;

/// The clusters of one run.
pub(crate) struct Clusters {
    /// Cluster of every point, below k.
    pub label: Vec<usize>,
    /// Sum of squared distances to the centres.
    pub inertia: f64,
}

/// The best of several runs of Lloyd's algorithm: one from points chosen far apart (each the farthest from those
/// before, after the point `first`), the others from k-means++ (Arthur and Vassilvitskii 2007) with streams of `seed`.
///
/// Between equally good runs the first wins. Expects 1 ≤ k ≤ points. Clusters may come out empty if points coincide.
pub(crate) fn kmeans(points: &[Vec<f64>], k: usize, first: usize, restarts: usize, seed: u64) -> Clusters {
    let mut best = lloyd(points, farthest_first(points, k, first));
    for restart in 0..restarts {
        let run = lloyd(points, plus_plus(points, k, &mut SplitMix::new(seed, restart as u64)));
        if run.inertia < best.inertia {
            best = run;
        }
    }
    best
}

fn farthest_first(points: &[Vec<f64>], k: usize, first: usize) -> Vec<Vec<f64>> {
    let mut centres = vec![points[first].clone()];
    let mut nearest = vec![f64::INFINITY; points.len()];
    while centres.len() < k {
        update_nearest(points, &centres, &mut nearest);
        let far = (0..points.len()).fold(0, |best, i| if nearest[i] > nearest[best] { i } else { best });
        centres.push(points[far].clone());
    }
    centres
}

fn plus_plus(points: &[Vec<f64>], k: usize, random: &mut SplitMix) -> Vec<Vec<f64>> {
    let mut centres = vec![points[random.below(points.len())].clone()];
    let mut nearest = vec![f64::INFINITY; points.len()];
    while centres.len() < k {
        update_nearest(points, &centres, &mut nearest);
        let mut left = random.uniform() * nearest.iter().sum::<f64>();
        let chosen = nearest.iter().position(|&d| {
            left -= d;
            left < 0.0
        });
        centres.push(points[chosen.unwrap_or(points.len() - 1)].clone());
    }
    centres
}

fn update_nearest(points: &[Vec<f64>], centres: &[Vec<f64>], nearest: &mut [f64]) {
    if let Some(newest) = centres.last() {
        nearest.iter_mut().zip(points).for_each(|(d, p)| *d = d.min(squared_distance(p, newest)));
    }
}

const MAX_ROUNDS: usize = 300;

fn lloyd(points: &[Vec<f64>], mut centres: Vec<Vec<f64>>) -> Clusters {
    let mut label = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let next: Vec<usize> = points.iter().map(|p| nearest_centre(p, &centres).0).collect();
        if next == label {
            break;
        }
        label = next;
        for (c, centre) in centres.iter_mut().enumerate() {
            let members: Vec<&Vec<f64>> = points.iter().zip(&label).filter(|(_, l)| **l == c).map(|(p, _)| p).collect();
            // A centre that lost its points stays where it is.
            if !members.is_empty() {
                for (d, v) in centre.iter_mut().enumerate() {
                    *v = members.iter().map(|p| p[d]).sum::<f64>() / members.len() as f64;
                }
            }
        }
    }
    let inertia = points.iter().map(|p| nearest_centre(p, &centres).1).sum();
    Clusters { label, inertia }
}

/// The nearest centre, the first one if several are, and the squared distance to it.
fn nearest_centre(point: &[f64], centres: &[Vec<f64>]) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (c, centre) in centres.iter().enumerate() {
        let d = squared_distance(point, centre);
        if d < best.1 {
            best = (c, d);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equally_good_runs_the_first_wins() {
        // Two clusters of two points, each half a unit from its centre. Runs from other starts number the clusters otherwise.
        let points = [0.0, 1.0, 10.0, 11.0].map(|x| vec![x]);
        for seed in 0..8 {
            let found = kmeans(&points, 2, 0, 2, seed);
            assert_eq!(found.label, [0, 0, 1, 1]);
            assert_eq!(found.inertia, 4.0 * 0.25);
        }
    }

    #[test]
    fn points_that_coincide_are_one_cluster() {
        let found = kmeans(&[vec![2.0, 3.0], vec![2.0, 3.0]], 2, 1, 1, 0);
        assert_eq!((found.label, found.inertia), (vec![0, 0], 0.0));
    }
}
