//! What a measure or statistic says that it holds in memory is what it takes at most: a measure that takes more would be
//! begun where there is no room for it.

use faer::Mat;
use isogram::measure::catalogue::{Extents, Measure, Statistic, measures, statistics};

use super::{ALONE, measured};

/// What is taken whatever the shape: buffers of products, lists of options, messages.
const SLACK: f64 = 128e3;

/// Options that change what is held.
const MORE: [&str; 17] = [
    "cka:biased",
    "cka:rbf",
    "cka:laplace:median=pairs",
    "cka:rbf:median=nonzero",
    "angular_cka:rbf",
    "hsic:biased",
    "minibatch_cka:batch=16",
    "distance_correlation:biased",
    "rsa:pearson",
    "rsa:tau-b",
    "rsa:whitened-pearson:euclidean",
    "rsa_bures:rsatoolbox",
    "semi_match:mean",
    "cca:pillai",
    "svcca:dimensions=3",
    "shape:alpha=0.5",
    "ridge:leave-one-out",
];

fn random(seed: u64, n: usize, p: usize) -> Mat<f64> {
    let value = |i: usize, j: usize| {
        let x = (seed << 40 ^ (i * 4096 + j) as u64 ^ 0x5851_f42d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((x ^ (x >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    Mat::from_fn(n, p, value)
}

/// Alone, once what products keep for each thread is there.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    let guard = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let square = random(9, 200, 200);
    assert!((&square * &square).norm_l2() > 0.0 && square.singular_values().is_ok());
    guard
}

#[test]
fn no_measure_takes_more_memory_than_it_says() {
    let _alone = alone();
    let mut wrong = Vec::new();
    for name in measures().map(|entry| entry.name).chain(MORE) {
        let measure = Measure::parse(name).unwrap();
        let tall = if name == "rtd" { 60 } else { 240 };
        for (n, p, q) in [(tall, 5, 8), (40, 120, 90), (2300, 3, 2)] {
            // Tables of so many examples take long; features of them do not.
            if n > 2048 && !name.starts_with("cka:biased") && name != "cka" && measure.entry.family != "units" {
                continue;
            }
            let q = if name == "output_jsd" { p } else { q };
            let (x, y) = (random(1, n, p), random(2, n, q));
            let (own, other) = (measure.held(Extents::new(n, p, p)), measure.held(Extents::new(n, q, q)));
            let pair = measure.held(Extents::new(n, p, q));
            let host = &measure.made.host;
            let ((a, b), peak) = measured(|| (host.prepare(x.as_ref()), host.prepare(y.as_ref())));
            let said = own.prepared + other.prepared + own.preparing.max(other.preparing);
            if peak as f64 > said + SLACK {
                wrong.push(format!("{name} of {n} x {p}, {q}: prepared with {peak} bytes, {said} said"));
            }
            let (Ok(a), Ok(b)) = (a, b) else { continue };
            let (found, peak) = measured(|| host.compare(&a, &b));
            if peak as f64 > pair.comparing + SLACK {
                let said = pair.comparing;
                wrong.push(format!("{name} of {n} x {p}, {q}: compared with {peak} bytes, {said} said ({found:?})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_statistic_takes_more_memory_than_it_says() {
    let _alone = alone();
    let mut wrong = Vec::new();
    for name in statistics().map(|entry| entry.name) {
        let statistic = Statistic::parse(name).unwrap();
        for (n, p) in [(400, 6), (60, 150)] {
            let x = random(3, n, p);
            let labels: Vec<usize> = (0..n).map(|i| i % 4).collect();
            let said = statistic.held(n, p);
            let (found, peak) = measured(|| statistic.of(x.as_ref(), &labels));
            if peak as f64 > said + SLACK {
                wrong.push(format!("{name} of {n} x {p}: {peak} bytes, {said} said ({found:?})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
