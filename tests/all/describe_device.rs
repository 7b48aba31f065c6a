//! Statistics of single representations on the device against their definitions in f64.

use faer::Mat;
use isogram::measure::catalogue::Statistic;
use isogram::measure::compare::{Named, Place};
use isogram::measure::describe::{describe, on_device};
use isogram::measure::statistic::probe::{Link, Probe, held_out_scores};
use isogram::measure::statistic::probe::{LogisticOptions, k_fold, multi_label_probe, ridge_probe};
use isogram::measure::statistic::spectrum::jacobi::singular_values;

use crate::support;

/// Numbers that look random, the same on every machine.
struct Stream(u64);

impl Stream {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn matrix(&mut self, rows: usize, columns: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |_, _| self.normal())
    }
}

/// A matrix whose singular values fall over so many decades.
fn graded(stream: &mut Stream, rows: usize, columns: usize, decades: f64) -> Mat<f64> {
    let least = rows.min(columns);
    let (u, v) = (stream.matrix(rows, least), stream.matrix(columns, least));
    let (u, v) = (u.thin_svd().unwrap().U().to_owned(), v.thin_svd().unwrap().U().to_owned());
    let s =
        Mat::from_fn(
            least,
            least,
            |i, j| {
                if i == j { 10f64.powf(-decades * i as f64 / (least as f64 - 1.0)) } else { 0.0 }
            },
        );
    u * s * v.transpose()
}

#[test]
fn singular_values_are_those_of_f64() {
    let mut stream = Stream(1);
    let repeated = {
        let x = stream.matrix(40, 6);
        Mat::from_fn(40, 12, |i, j| if j == 7 { 0.0 } else { 1e4 * x[(i, j % 6)] })
    };
    let matrices = vec![
        stream.matrix(60, 17),
        stream.matrix(9, 33),
        graded(&mut stream, 80, 30, 5.0),
        graded(&mut stream, 30, 70, 5.0),
        repeated,
        Mat::from_fn(5, 1, |i, _| i as f64),
        Mat::zeros(4, 4),
    ];
    for (place, gpu) in support::executors() {
        for (which, (x, found)) in matrices.iter().zip(singular_values(gpu.as_ref(), &matrices).unwrap()).enumerate() {
            let (found, expected) = (found.unwrap(), x.singular_values().unwrap());
            assert_eq!(found.len(), expected.len());
            for (i, (a, b)) in found.iter().zip(&expected).enumerate() {
                let allowed = 1.5e-7 * expected[0] + 1e-6 * b;
                assert!((a - b).abs() <= allowed, "matrix {which}, value {i}, on {place}: {a} against {b}");
            }
        }
    }
}

#[test]
fn a_matrix_has_the_same_bits_in_company() {
    let mut stream = Stream(2);
    let (x, y) = (stream.matrix(30, 12), graded(&mut stream, 30, 12, 4.0));
    for (place, gpu) in support::executors() {
        let alone = singular_values(gpu.as_ref(), std::slice::from_ref(&x)).unwrap().remove(0).unwrap();
        let together = singular_values(gpu.as_ref(), &[y.clone(), x.clone()]).unwrap().remove(1).unwrap();
        assert_eq!(alone, together, "{place}");
    }
}

#[test]
fn singular_values_of_bad_matrices_are_refused() {
    assert!(singular_values(None, &[Mat::zeros(0, 3)]).is_err());
    assert!(singular_values(None, &[Mat::from_fn(3, 3, |_, _| f64::NAN)]).is_err());
    assert!(singular_values(None, &[Mat::from_fn(3, 3, |i, j| if i == j { f64::INFINITY } else { 0.0 })]).is_err());
}

const STATISTICS: [&str; 45] = [
    "participation_ratio",
    "participation_ratio:examples",
    "participation_ratio:units",
    "participation_ratio:both",
    "effective_rank",
    "effective_rank:eigenvalues",
    "rankme",
    "stable_rank",
    "components",
    "components:variance=0.9",
    "explained_variance",
    "explained_variance:component=3",
    "alpha_req",
    "alpha_req:last=8",
    "two_nn",
    "two_nn:likelihood",
    "two_nn:keep-one",
    "levina_bickel:k=8",
    "levina_bickel:k=5:median:keep-all",
    "correlation_dimension:k1=4:k2=9",
    "uniformity",
    "uniformity:t=0.5",
    "mean_distance",
    "median_distance",
    "class_selectivity",
    "linear_probe",
    "linear_probe:ridge",
    "linear_probe:strength=0.1",
    "v_information",
    "label_r2",
    "nearest_centroid",
    "knn_probe",
    "label_alignment",
    "label_alignment:uncentred",
    "silhouette",
    "davies_bouldin",
    "calinski_harabasz",
    "neural_collapse",
    "neural_collapse:trace",
    "nc2",
    "nc2:equinorm",
    "nc2:equiangular",
    "parallelism",
    "parallelism:contexts=2",
    "ccgp:contexts=2",
];

fn statistics() -> Vec<Statistic> {
    STATISTICS.iter().map(|name| Statistic::parse(name).unwrap()).collect()
}

fn named(name: &str, values: Mat<f64>) -> Named {
    Named { name: name.into(), values }
}

/// Representations of 90 examples of four classes.
fn sets() -> (Vec<Named>, Vec<usize>) {
    let mut stream = Stream(3);
    let n = 90;
    let labels: Vec<usize> = (0..n).map(|i| (i * 7 + i / 11) % 4).collect();
    let centres = stream.matrix(4, 200);
    let mut about = |units: usize, apart: f64| {
        let noise = stream.matrix(n, units);
        Mat::from_fn(n, units, |i, j| noise[(i, j)] + apart * centres[(labels[i], j)])
    };
    let (random, separated, wide) = (about(20, 0.3), about(33, 1.0), about(150, 0.4));
    let ill = graded(&mut stream, n, 24, 5.0);
    let constant = {
        let x = stream.matrix(n, 10);
        Mat::from_fn(n, 14, |i, j| if j % 5 == 4 { 3.5 } else { x[(i, j % 10)] + 100.0 })
    };
    let whole = Mat::from_fn(n, 9, |_, _| (6.0 * stream.uniform()).floor());
    let rates = {
        let x = stream.matrix(n, 16);
        Mat::from_fn(n, 16, |i, j| 1e-3 * (x[(i, j)] + centres[(labels[i], j)]).max(0.0))
    };
    let repeated = {
        let x = stream.matrix(n, 12);
        Mat::from_fn(n, 12, |i, j| x[(if i < 5 { 5 } else { i }, j)])
    };
    let sets = vec![
        named("random", random),
        named("separated", separated),
        named("wide", wide),
        named("ill-conditioned", ill),
        named("constant units", constant),
        named("whole numbers", whole),
        named("rates", rates),
        named("equal rows", repeated),
    ];
    (sets, labels)
}

#[test]
fn statistics_are_those_of_f64() {
    let (set, labels) = sets();
    let statistics = statistics();
    for (place, gpu) in support::executors() {
        let found = on_device(gpu.as_ref(), &set, &statistics, &labels).unwrap();
        let mut worst = vec![(0.0f64, 0, 0); statistics.len()];
        let mut wrong = Vec::new();
        for (x, values) in set.iter().zip(&found) {
            for (s, value) in values.iter().enumerate() {
                let Some(value) = value else {
                    worst[s].2 += 1;
                    continue;
                };
                let expected = match statistics[s].of(x.values.as_ref(), &labels) {
                    Ok(expected) => expected,
                    Err(error) => {
                        wrong.push(format!("{} of {} on {place}: {value}, but in f64: {error}", STATISTICS[s], x.name));
                        continue;
                    }
                };
                let off = (value - expected).abs() / expected.abs().max(1.0);
                worst[s] = (worst[s].0.max(off), worst[s].1 + 1, worst[s].2);
                if off > 1e-4 {
                    wrong.push(format!("{} of {} on {place}: {value} against {expected}", STATISTICS[s], x.name));
                }
            }
        }
        for (name, (off, on, left)) in STATISTICS.iter().zip(&worst) {
            println!("{name}: {off:.1e}, {on} on {place}, {left} left to double precision");
            assert!(*on >= 1, "{name} never ran on {place}");
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn what_the_device_leaves_is_computed_on_the_cpu() {
    let (mut set, labels) = sets();
    let n = labels.len();
    set.push(named("constant", Mat::from_fn(n, 3, |_, j| j as f64)));
    set.push(named("not finite", Mat::from_fn(n, 3, |i, j| if i == 2 && j == 1 { f64::NAN } else { (i * j) as f64 })));
    let names = ["participation_ratio", "mean_norm", "two_nn", "linear_probe"];
    let statistics: Vec<Statistic> = names.iter().map(|name| Statistic::parse(name).unwrap()).collect();
    for (place, gpu) in support::executors() {
        let found = describe(&set, &statistics, &labels, support::single(gpu.as_ref()));
        assert_eq!(found.len(), set.len() * names.len());
        for (i, one) in found.iter().enumerate() {
            let (x, statistic) = (&set[i / names.len()], &statistics[i % names.len()]);
            match statistic.of(x.values.as_ref(), &labels) {
                Ok(expected) => {
                    let value = one.value.value().unwrap();
                    assert!(
                        (value - expected).abs() <= 1e-4 * expected.abs().max(1.0),
                        "{} of {} on {place}",
                        statistic.name(),
                        x.name
                    );
                }
                Err(reason) => {
                    assert_eq!(one.place, Place::Cpu);
                    assert_eq!(one.value.reason().unwrap(), reason.to_string());
                }
            }
        }
        let places: Vec<Place> = found.iter().take(2).map(|one| one.place).collect();
        assert_eq!(places, [Place::Gpu, Place::Cpu], "{place}");
    }
}

#[test]
fn labels_that_do_not_fit_are_refused() {
    let (set, labels) = sets();
    let statistics: Vec<Statistic> =
        ["silhouette", "linear_probe", "knn_probe", "neural_collapse"].map(|n| Statistic::parse(n).unwrap()).into();
    for bad in [&labels[..80], &[], &vec![1; 90], &(0..90).collect::<Vec<_>>()] {
        let on_all = support::executors();
        let found = on_all.iter().map(|(_, gpu)| describe(&set[..2], &statistics, bad, support::single(gpu.as_ref())));
        for (i, one) in found.flat_map(|found| found.into_iter().enumerate()) {
            let expected = statistics[i % statistics.len()].of(set[i / statistics.len()].values.as_ref(), bad);
            assert_eq!(one.value.value().as_ref(), expected.as_ref().ok());
        }
    }
}

#[test]
fn probes_of_several_labels_and_of_numbers() {
    let mut stream = Stream(5);
    let (n, d) = (80, 11);
    let set = vec![stream.matrix(n, d), stream.matrix(n, 7)];
    let wanted = Mat::from_fn(n, 3, |i, t| set[0][(i, t)] - set[0][(i, t + 1)] + 0.8 * stream.normal());
    let labels = Mat::from_fn(n, 3, |i, t| f64::from(u8::from(wanted[(i, t)] > 0.3 * t as f64)));
    let folds = k_fold(n, 4).unwrap();
    for (place, gpu) in support::executors() {
        let probe = Probe { link: Link::Sigmoid, penalty: 1.0, standardise: true };
        let found = held_out_scores(gpu.as_ref(), &set, &labels, &folds, probe).unwrap();
        for (x, scores) in set.iter().zip(found) {
            let scores = scores.unwrap();
            let expected = multi_label_probe(x.as_ref(), labels.as_ref(), &folds, &LogisticOptions::default()).unwrap();
            for (t, expected) in expected.into_iter().map(Option::unwrap).enumerate() {
                let loss = |i: usize| {
                    let z = if labels[(i, t)] > 0.5 { scores[(i, t)] } else { -scores[(i, t)] };
                    (-z).exp().ln_1p() / std::f64::consts::LN_2
                };
                let mean = (0..n).map(loss).sum::<f64>() / n as f64;
                assert!((mean - expected.cross_entropy_bits()).abs() < 1e-5, "{mean} against {expected:?} on {place}");
                for (i, predicted) in expected.predictions().into_iter().enumerate() {
                    assert_eq!(usize::from(scores[(i, t)] > 0.0), predicted, "{place}");
                }
            }
        }

        let probe = Probe { link: Link::Identity, penalty: 2.5, standardise: false };
        let found = held_out_scores(gpu.as_ref(), &set, &wanted, &folds, probe).unwrap();
        for (x, scores) in set.iter().zip(found) {
            let (scores, expected) = (scores.unwrap(), ridge_probe(x.as_ref(), wanted.as_ref(), &folds, 2.5).unwrap());
            for i in 0..n {
                for t in 0..3 {
                    let (a, b) = (scores[(i, t)], expected[(i, t)]);
                    assert!((a - b).abs() < 1e-5, "example {i}, target {t}, on {place}: {a} against {b}");
                }
            }
        }
    }
    let probe = Probe { link: Link::Identity, penalty: 2.5, standardise: false };
    let bad = Probe { penalty: 0.0, ..probe };
    assert!(held_out_scores(None, &set, &wanted, &folds, bad).is_err());
    assert!(held_out_scores(None, &set, &stream.matrix(n - 1, 2), &folds, probe).is_err());
    assert!(held_out_scores(None, &[], &wanted, &folds, probe).is_err());
}
