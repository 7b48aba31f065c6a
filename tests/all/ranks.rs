//! Sorting, ranks and rank comparisons of RDMs on every machine: against the f64 definitions, and against the values that
//! published packages give.

use faer::Mat;
use isogram::error::Error;
use isogram::graph::{Effect, Function, Graph, VariableKind};
use isogram::kernels::exact::product;
use isogram::kernels::program::DType;
use isogram::kernels::random::uniform;
use isogram::kernels::sort::Ties;
use isogram::measure::device::Rows;
use isogram::measure::device::ranks::{RankComparison, rank_comparisons};
use isogram::measure::embedding::Between;
use isogram::measure::pair::rsa::{Comparison, compare};
use isogram::measure::pairwise::rank::average_ranks;
use isogram::measure::pairwise::rdm::{Dissimilarity, rdm};

use crate::reference::{CASES, case};
use crate::support;

const ALL: [Comparison; 4] = [Comparison::Spearman, Comparison::RhoA, Comparison::TauA, Comparison::TauB];

fn wanted() -> Vec<RankComparison> {
    vec![RankComparison::Spearman, RankComparison::RhoA, RankComparison::TauA, RankComparison::TauB]
}

/// Values without a pattern in (-1, 1); with `levels` of them, whole numbers with many equals, and both zeros.
fn values(seed: u32, count: usize, levels: Option<u32>) -> Vec<f32> {
    (0..count as u32)
        .map(|i| {
            let x = 2.0 * uniform(seed, 7, 0, i) - 1.0;
            match levels {
                None => x,
                Some(levels) => match (x * levels as f32).trunc() {
                    0.0 if i % 2 == 0 => -0.0,
                    whole => whole,
                },
            }
        })
        .collect()
}

const SIZES: [usize; 3] = [511, 1000, 4099];

/// A program that sorts variables `x<n>` of many lengths, and what it gives.
fn sorter(lengths: &[usize]) -> (Graph, Function) {
    let mut g = Graph::new();
    let mut effects = Vec::new();
    for &n in lengths {
        let x = g.variable(format!("x{n}"), &[n, 1], DType::F32, VariableKind::State).unwrap();
        let sorted = g.sort(x).unwrap();
        let outputs = [
            ("keys", g.sorted_keys(sorted)),
            ("order", g.sorted_order(sorted)),
            ("average", g.ranks(sorted, Ties::Average)),
            ("lowest", g.ranks(sorted, Ties::Lowest)),
            ("inversions", g.inversions(x).unwrap()),
        ];
        effects.extend(outputs.map(|(name, value)| Effect::Output(format!("{name}{n}"), value)));
    }
    (g, Function::new("sort", effects))
}

/// The values of a length for a replica: without equals, with some, with hardly anything else.
fn keys(n: usize, replica: usize) -> Vec<f32> {
    values((n * 10 + replica) as u32, n, [None, Some(3 * n as u32), Some(3)][replica % 3])
}

#[test]
fn sorted_keys_orders_and_ranks_are_those_of_the_definitions() {
    let lengths: Vec<usize> = (1..=40).chain(SIZES).collect();
    let (graph, function) = sorter(&lengths);
    let replicas = 3;
    for (name, mut machine) in support::machines(&graph, &[function], replicas) {
        for &n in &lengths {
            let all: Vec<f32> = (0..replicas).flat_map(|r| keys(n, r)).collect();
            machine.write_variable(&format!("x{n}"), &all).unwrap();
        }
        machine.run("sort", 1).unwrap();
        let results = machine.read_results().unwrap();
        for &n in &lengths {
            for replica in 0..replicas {
                let of = |output: &str| {
                    machine.output(&results, &format!("{output}{n}")).unwrap()[replica * n..(replica + 1) * n].to_vec()
                };
                let x = keys(n, replica);
                let mut order: Vec<usize> = (0..n).collect();
                order.sort_by(|&a, &b| x[a].partial_cmp(&x[b]).unwrap());
                let got: Vec<usize> = of("order").iter().map(|i| i.to_bits() as usize).collect();
                assert_eq!(got, order, "order of {n}, replica {replica} on {name}");
                let sorted: Vec<f32> = order.iter().map(|&i| x[i]).collect();
                assert_eq!(of("keys"), sorted, "{n}, replica {replica} on {name}");
                let doubles: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
                let average: Vec<f64> = of("average").iter().map(|&v| f64::from(v)).collect();
                assert_eq!(average, average_ranks(&doubles).unwrap(), "{n}, replica {replica} on {name}");
                let lowest: Vec<f32> =
                    x.iter().map(|v| 1.0 + sorted.partition_point(|other| other < v) as f32).collect();
                assert_eq!(of("lowest"), lowest, "{n}, replica {replica} on {name}");
                let before: Vec<f32> =
                    order.iter().map(|&i| x[..i].iter().filter(|&&v| v > x[i]).count() as f32).collect();
                assert_eq!(of("inversions"), before, "inversions of {n}, replica {replica} on {name}");
            }
        }
    }
}

#[test]
fn products_of_whole_numbers_are_exact() {
    let (replicas, lengths) = (3, [1, 300, 20_000]);
    let mut g = Graph::new();
    let mut effects = Vec::new();
    for n in lengths {
        let x = g.variable(format!("x{n}"), &[n, 1], DType::F32, VariableKind::State).unwrap();
        effects.push(Effect::Output(format!("words{n}"), g.pair_dot_exact(x).unwrap()));
    }
    for (name, mut machine) in support::machines(&g, &[Function::new("run", effects)], replicas) {
        let whole = |n: usize, r: usize| values((n + r) as u32, n, Some(8_388_607));
        for n in lengths {
            let all: Vec<f32> = (0..replicas).flat_map(|r| whole(n, r)).collect();
            machine.write_variable(&format!("x{n}"), &all).unwrap();
        }
        machine.run("run", 1).unwrap();
        for n in lengths {
            let words = machine.read_output(&format!("words{n}")).unwrap();
            let each = words.len() / (replicas * replicas);
            for a in 0..replicas {
                for b in a..replicas {
                    let at = (a * replicas + b) * each;
                    let got = product(words[at..at + each].iter().map(|w| w.to_bits()));
                    let expected: i128 = whole(n, a).iter().zip(whole(n, b)).map(|(&x, y)| x as i128 * y as i128).sum();
                    assert_eq!(got, expected, "{n} elements of {a} and {b} on {name}");
                }
            }
        }
    }
}

/// Whole numbers, or not, of `units` for each of `examples`.
fn representation(seed: u32, examples: usize, units: usize, levels: Option<u32>) -> Vec<f32> {
    values(seed, examples * units, levels)
}

fn matrix(values: &[f32], units: usize) -> Mat<f64> {
    Mat::from_fn(values.len() / units, units, |i, j| f64::from(values[i * units + j]))
}

fn every_pair(count: usize) -> Vec<(usize, usize)> {
    (0..count).flat_map(|a| (0..count).map(move |b| (a, b))).collect()
}

#[test]
fn comparisons_are_those_of_the_definitions() {
    let cases = [
        (Between::SquaredEuclidean, Dissimilarity::SquaredEuclidean),
        (Between::Euclidean, Dissimilarity::Euclidean),
        (Between::CityBlock, Dissimilarity::Cityblock),
    ];
    for (name, gpu) in support::executors() {
        for examples in [3, 4, 9, 31, 70] {
            // Without ties, with some, with many, and of another width: any two of them are compared.
            let shapes = [(5, None), (9, Some(100)), (4, Some(2)), (4, None), (3, Some(1))];
            let set: Vec<Vec<f32>> = shapes
                .iter()
                .enumerate()
                .map(|(i, &(units, levels))| representation((examples * 10 + i) as u32, examples, units, levels))
                .collect();
            let rows: Vec<Rows> = set.iter().zip(shapes).map(|(values, (units, _))| Rows { values, units }).collect();
            let pairs = every_pair(rows.len());
            for (between, dissimilarity) in cases {
                let got = rank_comparisons(gpu.as_ref(), examples, &rows, between, &pairs, &wanted()).unwrap();
                let rdms: Vec<_> =
                    rows.iter().map(|r| rdm(matrix(r.values, r.units).as_ref(), dissimilarity).unwrap()).collect();
                for (comparison, got) in ALL.into_iter().zip(got) {
                    for (&(a, b), got) in pairs.iter().zip(got) {
                        let what = format!("{comparison:?} of {a} and {b}, {between:?}, {examples} on {name}");
                        match compare(&rdms[a], &rdms[b], comparison) {
                            Ok(expected) => {
                                let whole = shapes[a].1.is_some() && shapes[b].1.is_some();
                                // Of numbers that are not whole, f32 may turn two distances round.
                                let allowed = if whole || examples < 31 { 1e-14 } else { 2e-6 };
                                assert!((got - expected).abs() <= allowed, "{what}: {got} against {expected}");
                            }
                            Err(_) => assert!(got.is_nan(), "{what}: {got} is not defined"),
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn company_changes_no_bit() {
    let examples = 30;
    let set: Vec<Vec<f32>> = (0..4).map(|i| representation(40 + i, examples, 7, (i == 2).then_some(2))).collect();
    let rows: Vec<Rows> = set.iter().map(|values| Rows { values, units: 7 }).collect();
    for (name, gpu) in support::executors() {
        for between in [Between::SquaredEuclidean, Between::Correlation] {
            let pairs = every_pair(rows.len());
            let together = rank_comparisons(gpu.as_ref(), examples, &rows, between, &pairs, &wanted()).unwrap();
            for (p, &pair) in pairs.iter().enumerate().filter(|(_, (a, b))| a < b) {
                let alone = rank_comparisons(gpu.as_ref(), examples, &rows, between, &[pair], &wanted()).unwrap();
                for (alone, together) in alone.iter().zip(&together) {
                    assert_eq!(alone[0].to_bits(), together[p].to_bits(), "{pair:?}, {between:?} on {name}");
                }
            }
        }
    }
}

#[test]
fn what_is_not_defined_is_no_number() {
    let examples = 6;
    let good = representation(3, examples, 4, None);
    let constant = vec![2.0; examples * 4];
    let mut silent = good.clone();
    silent[4..8].fill(0.0);
    let rows: Vec<Rows> = [&good, &constant, &silent].map(|values| Rows { values, units: 4 }).to_vec();
    for (name, gpu) in support::executors() {
        let of = |between, pairs: &[(usize, usize)]| {
            rank_comparisons(gpu.as_ref(), examples, &rows, between, pairs, &wanted()).unwrap()
        };
        let found = of(Between::SquaredEuclidean, &[(0, 1), (1, 1), (0, 0)]);
        assert!(found[0][0].is_nan() && found[0][1].is_nan() && found[3][0].is_nan(), "{name}: {found:?}");
        assert_eq!([found[1][0], found[1][1], found[2][0], found[2][1]], [0.0; 4], "{name}");
        assert_eq!([found[0][2], found[1][2], found[2][2], found[3][2]], [1.0; 4], "{name}");
        // An example of zeros has no direction; it spoils no other representation.
        let found = of(Between::Cosine, &[(0, 2), (2, 2), (0, 0)]);
        assert!(found.iter().all(|f| f[0].is_nan() && f[1].is_nan() && f[2] == 1.0), "{name}: {found:?}");
    }
}

#[test]
fn bad_arguments_are_refused() {
    let x = representation(1, 5, 2, None);
    let rows = [Rows { values: &x, units: 2 }];
    let refused = |examples, rows: &[Rows], pairs: &[(usize, usize)]| {
        let between = Between::SquaredEuclidean;
        matches!(rank_comparisons(None, examples, rows, between, pairs, &wanted()), Err(Error::Shape(_)))
    };
    assert!(refused(1, &rows, &[(0, 0)]));
    assert!(refused(5000, &rows, &[(0, 0)]));
    assert!(refused(usize::MAX, &rows, &[(0, 0)]));
    assert!(refused(4, &rows, &[(0, 0)]));
    assert!(refused(5, &[Rows { values: &x, units: 0 }], &[(0, 0)]));
    assert!(refused(5, &rows, &[(0, 1)]));
    assert!(!refused(5, &rows, &[]));
}

fn is_whole(x: &Mat<f64>) -> bool {
    x.col_iter().all(|c| c.iter().all(|v| v.fract() == 0.0))
}

/// In f32, row by row; offsets that no distance sees cost no digits.
fn standardised(x: &Mat<f64>, between: Between) -> Vec<f32> {
    let distance = matches!(between, Between::SquaredEuclidean | Between::Euclidean | Between::CityBlock);
    let mean = |j: usize| x.col(j).iter().sum::<f64>() / x.nrows() as f64;
    let means: Vec<f64> = (0..x.ncols()).map(|j| if distance && !is_whole(x) { mean(j) } else { 0.0 }).collect();
    (0..x.nrows())
        .flat_map(|i| (0..x.ncols()).map(move |j| (i, j)))
        .map(|(i, j)| (x[(i, j)] - means[j]) as f32)
        .collect()
}

#[test]
fn comparisons_are_what_published_packages_give() {
    let names = [("spearman", 0), ("rho-a", 1), ("tau-a", 2), ("tau-b", 3)];
    let rdms = [
        ("sqeuclidean_over_p", Between::SquaredEuclidean),
        ("euclidean", Between::Euclidean),
        ("cityblock", Between::CityBlock),
        ("correlation", Between::Correlation),
        ("cosine", Between::Cosine),
    ];
    let mut tried = 0;
    for case in CASES.map(case) {
        for (key, between) in rdms {
            // Quotients break exact ties of whole numbers, in the packages as here.
            if case.name == "ties" && matches!(between, Between::Correlation | Between::Cosine) {
                continue;
            }
            let (x, y) = (&case.x, &case.y);
            let [a, b] = [x, y].map(|m| standardised(m, between));
            let rows = [Rows { values: &a, units: x.ncols() }, Rows { values: &b, units: y.ncols() }];
            for (place, gpu) in support::executors() {
                let found = rank_comparisons(gpu.as_ref(), x.nrows(), &rows, between, &[(0, 1)], &wanted()).unwrap();
                for (name, i) in names {
                    let entry = format!("rsa_{key}_{name}");
                    let Some(expected) = case.value("pairwise", &entry, None) else { continue };
                    let off = (found[i][0] - expected).abs();
                    let exact = is_whole(x) && is_whole(y);
                    assert!(
                        off <= if exact { 1e-12 } else { 1e-6 },
                        "{} {entry} on {place}: {} against {expected}",
                        case.name,
                        found[i][0]
                    );
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 50, "{tried} values");
}

/// Times on the adapter: `cargo test --release --test all ranks -- --ignored --nocapture`.
#[test]
#[ignore = "takes its time"]
fn times() {
    let Some(gpu) = support::gpu() else { return };
    let (examples, units, count) = (1000, 256, 16);
    let set: Vec<Vec<f32>> = (0..count).map(|i| representation(i, examples, units, None)).collect();
    let rows: Vec<Rows> = set.iter().map(|values| Rows { values, units }).collect();
    let all: Vec<(usize, usize)> = (0..rows.len()).flat_map(|a| (a + 1..rows.len()).map(move |b| (a, b))).collect();
    let time = |what: &str, run: &dyn Fn()| {
        run();
        let begun = std::time::Instant::now();
        run();
        eprintln!("{what}: {:.3} s", begun.elapsed().as_secs_f64());
    };
    let device = |pairs: &[(usize, usize)], comparison: RankComparison| {
        rank_comparisons(Some(&gpu), examples, &rows, Between::SquaredEuclidean, pairs, &[comparison]).unwrap();
    };
    time("Spearman of all pairs", &|| device(&all, RankComparison::Spearman));
    time("tau-a of one pair", &|| device(&all[..1], RankComparison::TauA));
    time("tau-a of 12 pairs", &|| device(&all[..12], RankComparison::TauA));
    let rdms: Vec<_> =
        set.iter().take(2).map(|x| rdm(matrix(x, units).as_ref(), Dissimilarity::SquaredEuclidean).unwrap()).collect();
    time("Spearman of one pair of RDMs in f64", &|| drop(compare(&rdms[0], &rdms[1], Comparison::Spearman)));
    time("tau-a of one pair of RDMs in f64", &|| drop(compare(&rdms[0], &rdms[1], Comparison::TauA)));
}
