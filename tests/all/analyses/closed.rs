//! What can be worked out by hand.

use faer::{Mat, mat};
use isogram::kernels::random;
use isogram::measure::catalogue::{Measure, Statistic};
use isogram::measure::features::Sets;
use isogram::measure::features::components::Components;
use isogram::measure::features::head::Head;
use isogram::measure::features::homomorphic::{Computed, Encrypted};
use isogram::measure::features::intervention::{Steering, cosine, direction};
use isogram::measure::features::redundant::redundant;
use isogram::measure::features::split::split;
use isogram::measure::features::substructure::substructure;
use isogram::measure::features::variance::{Constant, Explained, explained_by_class, selectivity};
use isogram::measure::statistic::probe::{LogisticOptions, logistic};

use super::fixture::{labels, near, sets};

/// All patterns of `bits` bits, `times` over.
fn patterns(bits: usize, times: usize) -> Vec<Vec<usize>> {
    (0..times << bits).map(|i| (0..bits).map(|b| i >> b & 1).collect()).collect()
}

fn column(rows: &[Vec<usize>], j: usize) -> Vec<usize> {
    rows.iter().map(|r| r[j]).collect()
}

/// Values without structure.
fn pseudo(i: usize) -> f64 {
    let mut x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((x >> 40) as f64) / (1u64 << 24) as f64 - 0.5
}

#[test]
fn features_share_the_variance_as_their_sizes_squared() {
    // Units: 3 f, 1 g, f and g, nothing at all.
    let rows = patterns(2, 5);
    let x = Mat::from_fn(rows.len(), 4, |i, u| {
        let [f, g] = [rows[i][0] as f64, rows[i][1] as f64];
        [3.0 * f, g, 2.0 * f - 2.0 * g, 7.5][u]
    });
    let x = [x.clone(), x];
    let of = |j: usize| {
        let own = column(&rows, j);
        explained_by_class(sets(&x), labels(&[own.clone(), own])).unwrap()
    };
    let (f, g) = (of(0), of(1));
    // Of 9 + 1 + 4 + 4 = 18 quarters of variance, f has 13 and g 5.
    near("variance", &[f.variance(), g.variance()], &[13.0 / 18.0, 5.0 / 18.0], 1e-15);
    near("uniform", &[f.uniform(Constant::Masked)], &[0.5], 1e-15);
    near("as scikit-learn", &[f.uniform(Constant::Counted)], &[2.5 / 4.0], 1e-15);
    near("TV", &[f.total_variance()], &[18.0 / 4.0], 1e-14);
    near("density", &[f.density(0.25), f.density(0.5), f.density(0.05)], &[0.5, 0.25, 0.5], 0.0);
    let chosen = selectivity(&f, &g).unwrap();
    near("selectivity", &chosen[..3], &[1.0, -1.0, 0.0], 1e-15);
    assert!(chosen[3].is_nan());
    let unlearned = Explained { errors: vec![11.0], spreads: vec![10.0], examples: 5 };
    near("negative", &[unlearned.variance(), unlearned.per_unit()[0]], &[-0.1, -0.1], 1e-15);
}

#[test]
fn the_statistic_of_the_catalogue_is_fitted_on_halves() {
    // Both halves of each class have the same mean here.
    let own: Vec<usize> = (0..40).map(|i| i / 20).collect();
    let x = Mat::from_fn(40, 2, |i, u| own[i] as f64 * (u as f64 + 1.0) + if i % 2 == 0 { 0.5 } else { -0.5 });
    let value = |name: &str| Statistic::parse(name).unwrap().of(x.as_ref(), &own).unwrap();
    // Variances 1/4 and 1 of the feature, 1/4 of the rest in either unit.
    let (share, uniform) = (1.25 / 1.75, (0.5 + 0.8) / 2.0);
    near("share", &[value("variance_explained"), value("variance_explained:same")], &[share, share], 1e-14);
    near("uniform", &[value("variance_explained:uniform")], &[uniform], 1e-14);
    // Noise explains nothing of another half, and something of its own.
    let noise = Mat::from_fn(40, 30, |i, u| pseudo(i * 30 + u));
    let value = |name: &str| Statistic::parse(name).unwrap().of(noise.as_ref(), &own).unwrap();
    assert!(value("variance_explained") < 0.0 && value("variance_explained:same") > 0.0);
}

#[test]
fn components_of_two_features_stand_in_the_order_of_their_sizes() {
    let rows = patterns(2, 4);
    let x = Mat::from_fn(rows.len(), 3, |i, u| {
        let [f, g] = [rows[i][0] as f64 - 0.5, rows[i][1] as f64 - 0.5];
        [4.0 * f, g, 0.0][u]
    });
    let components = Components::of(x.as_ref()).unwrap();
    near("share", &components.share, &[16.0 / 17.0, 1.0 / 17.0], 1e-14);
    let (f, g) = (column(&rows, 0), column(&rows, 1));
    near("with f", &components.squared_correlations(x.as_ref(), &f).unwrap(), &[1.0, 0.0], 1e-14);
    near("with g", &components.squared_correlations(x.as_ref(), &g).unwrap(), &[0.0, 1.0], 1e-14);
    // The first feature is there from one component, the second, read by the largest of two logits, from two.
    let weight = mat![[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 1.0, 0.0]];
    let head = Head::new(weight.as_ref(), &[0.0; 3], vec![0..1, 1..3]).unwrap();
    assert_eq!(head.read(x.as_ref()).unwrap(), [f.clone(), g.clone()]);
    let accuracy = components.accuracy(x.as_ref(), &head, &[&f, &g]).unwrap();
    assert_eq!(accuracy, [[0.5, 0.5], [1.0, 0.5], [1.0, 1.0]]);
}

#[test]
fn a_longer_direction_takes_a_longer_step() {
    // f along the first unit with means 4 apart, g along the second with means 1 apart; each logit is its unit.
    let rows = patterns(2, 5);
    let x = Mat::from_fn(rows.len(), 2, |i, u| [4.0, 1.0][u] * (rows[i][u] as f64 - 0.5));
    let (x, head) = ([x.clone(), x], Head::binary(mat![[1.0, 0.0], [0.2, 3.0]].as_ref(), &[0.0, 0.0]).unwrap());
    let [f, g] = [0, 1].map(|j| column(&rows, j));
    near("d", &direction(x[0].as_ref(), &f).unwrap(), &[4.0, 0.0], 1e-15);
    near("cosine", &[cosine(&[4.0, 0.0], &[1.0, 1.0]).unwrap()], &[0.5f64.sqrt()], 1e-15);
    let strong = Steering::new(sets(&x), &f, &head, 0).unwrap();
    let weak = Steering::new(sets(&x), &g, &head, 1).unwrap();
    let spread = 4.25f64.sqrt();
    near("spread", &[strong.spread()], &[spread], 1e-15);
    assert_eq!((strong.flips(1.0).unwrap().target, weak.flips(1.0).unwrap().target), (1.0, 1.0));
    assert_eq!((strong.flips(0.49).unwrap().target, strong.flips(0.51).unwrap().target), (0.0, 1.0));
    near("norm", &[strong.norm_to_flip(0.5).unwrap(), strong.norm_to_flip(1.0).unwrap()], &[2.0 / spread; 2], 1e-15);
    // Logits 0.2 (±2) + 3 (±0.5): 1.1 or 1.9 in size, at a rate of 3; a step of 0.49 directions adds 1.47.
    near("half", &[weak.flips(0.49).unwrap().target], &[0.5], 1e-15);
    let norms = [weak.norm_to_flip(0.5).unwrap(), weak.norm_to_flip(0.9).unwrap()];
    near("norm", &norms, &[1.1 / 3.0 / spread, 1.9 / 3.0 / spread], 1e-15);
    // A step of alpha directions along f pulls the logit of g by 0.8 alpha, towards zero where it is 1.9, away where 1.1.
    near("off target", &[strong.flips(1.0).unwrap().off_target], &[0.0], 0.0);
    near("off target", &[strong.flips(1.5).unwrap().off_target], &[0.0], 0.0);
    near("off target", &[strong.flips(3.0).unwrap().off_target], &[0.5], 1e-15);
    // An output that falls along its direction is never flipped that way.
    let head = Head::binary(mat![[-1.0, 0.0]].as_ref(), &[0.0]).unwrap();
    let never = Steering::new(sets(&x), &f, &head, 0).unwrap();
    assert_eq!((never.flips(9.0).unwrap().target, never.norm_to_flip(0.5).unwrap()), (0.0, f64::INFINITY));
}

#[test]
fn a_classifier_follows_the_larger_feature() {
    let rows = patterns(2, 8);
    let x = Mat::from_fn(rows.len(), 2, |i, u| [4.0, 1.0][u] * (rows[i][u] as f64 - 0.5));
    let x = [x.clone(), x];
    let [f, g] = [0, 1].map(|j| [column(&rows, j), column(&rows, j)]);
    let options = LogisticOptions { standardise: false, ..LogisticOptions::default() };
    let found = redundant(sets(&x), labels(&f), labels(&g), 16, &options).unwrap();
    assert_eq!((found.first, found.agreeing, found.conflicts.len()), (1.0, Some(1.0), 16));
    assert_eq!(redundant(sets(&x), labels(&g), labels(&f), 16, &options).unwrap().first, 0.0);
}

#[test]
fn intermediate_results_are_told_from_the_result() {
    // One unit for W⊕X, one for the parity, one for the sum, one for a distractor.
    let rows = patterns(5, 2);
    let x = Mat::from_fn(rows.len(), 4, |i, u| {
        let b = &rows[i];
        let sum = b[..4].iter().sum::<usize>();
        [b[0] ^ b[1], sum % 2, sum, b[4]][u] as f64
    });
    let bits = Mat::from_fn(rows.len(), 5, |i, j| rows[i][j] as f64);
    let parts = substructure(sets(&[x.clone(), x]), sets(&[bits.clone(), bits])).unwrap();
    let names: Vec<&str> = parts.iter().map(|p| p.name.as_str()).collect();
    let expected = ["xor_left", "xor_right", "parity", "patterns", "sum", "bit_0", "bit_1", "bit_2", "bit_3", "bits"];
    assert_eq!(names[..10], expected);
    assert_eq!(names[10..], ["distractors"]);
    let r2 = |name: &str| {
        let part = parts.iter().find(|p| p.name == name).unwrap();
        part.explained.as_ref().unwrap().per_unit()
    };
    near("xor_left", &r2("xor_left"), &[1.0, 0.0, 0.0, 0.0], 1e-14);
    near("xor_right", &r2("xor_right"), &[0.0, 0.0, 0.0, 0.0], 1e-14);
    near("parity", &r2("parity"), &[0.0, 1.0, 0.0, 0.0], 1e-14);
    near("patterns", &r2("patterns"), &[1.0, 1.0, 1.0, 0.0], 1e-14);
    // Of 1 to 4 set bits only the parity of the left two at a sum of 0 and 4 is certain; half of it at 1, 2 (2/3 of 6), 3.
    near("sum", &r2("sum"), &[1.0 / 16.0 + 1.0 / 16.0 + 6.0 / 16.0 / 9.0, 1.0, 1.0, 0.0], 1e-14);
    near("bit", &r2("bit_0"), &[0.0, 0.0, 0.25, 0.0], 1e-14);
    near("bits", &r2("bits"), &[0.0, 0.0, 1.0, 0.0], 1e-14);
    near("distractors", &r2("distractors"), &[0.0, 0.0, 0.0, 1.0], 1e-14);
}

#[test]
fn cka_of_orthogonal_codes_is_split_among_them() {
    // Both networks: f at length 2 or 1 and g at length 1 or 3, in orthogonal directions; the second turned.
    let rows = patterns(2, 6);
    let code = |f: f64, g: f64| {
        Mat::from_fn(rows.len(), 2, |i, u| [f, g][u] * (rows[i][u] as f64 - 0.5) + if u == 0 { 3.0 } else { 0.0 })
    };
    let turn = mat![[0.6, 0.8], [-0.8, 0.6]];
    let (a, b) = (code(2.0, 1.0), code(1.0, 3.0) * turn);
    let [f, g] = [0, 1].map(|j| column(&rows, j));
    let found = split(a.as_ref(), b.as_ref(), &[&f, &g]).unwrap();
    // Kernels are sums of f fᵀ and g gᵀ with weights 4, 1 and 1, 9.
    let scale = (17.0f64 * 82.0).sqrt();
    near("CKA", &[found.cka], &[13.0 / scale], 1e-14);
    near("own", &[found.own(0).unwrap(), found.own(1).unwrap()], &[4.0 / scale, 9.0 / scale], 1e-14);
    near("rest", &[found.cross(), found.rest(), found.overlap], &[0.0; 3], 1e-14);
    let host = Measure::parse("cka:biased").unwrap().made.host;
    let known = host.compare(&host.prepare(a.as_ref()).unwrap(), &host.prepare(b.as_ref()).unwrap()).unwrap();
    near("catalogue", &[found.cka], &[known], 1e-13);
    // With only f named, what g brings is the rest.
    let one = split(a.as_ref(), b.as_ref(), &[&f]).unwrap();
    near("rest", &[one.own(0).unwrap(), one.rest(), one.cross()], &[4.0 / scale, 9.0 / scale, 0.0], 1e-14);
    // In one shared direction, with opposite signs in the second network, the cross terms are negative.
    let line = |sign: f64| Mat::from_fn(rows.len(), 1, |i, _| rows[i][0] as f64 + sign * rows[i][1] as f64);
    let found = split(line(1.0).as_ref(), line(-1.0).as_ref(), &[&f, &g]).unwrap();
    near(
        "opposite",
        &[found.cka, found.own(0).unwrap(), found.own(1).unwrap(), found.cross()],
        &[0.0, 0.25, 0.25, -0.5],
        1e-14,
    );
}

#[test]
fn encrypted_features_are_computed_rightly_and_seen_by_nothing_linear() {
    let bits = |n: usize, from: u32| -> Vec<[bool; 4]> {
        let draw = |i: usize, j: usize| random::uniform(7, 0, from, (4 * i + j) as u32) > 0.5;
        (0..n).map(|i| std::array::from_fn(|j| draw(i, j))).collect()
    };
    let (fit, test) = (bits(1024, 0), bits(1024, 1));
    let computed = Sets { fit: Computed::of(&fit, 16, 1).unwrap(), test: Computed::of(&test, 16, 2).unwrap() };
    type Case = (&'static str, fn([bool; 4]) -> bool, fn(&Computed) -> &Encrypted);
    let cases: [Case; 3] = [
        ("easy", |b| b[0], |c| &c.easy),
        ("and", |b| b[0] && b[1], |c| &c.and),
        ("parity", |b| b.iter().filter(|v| **v).count() % 2 == 1, |c| &c.parity),
    ];
    for (name, truth, of) in cases {
        let own = Sets {
            fit: fit.iter().map(|b| truth(*b)).collect::<Vec<bool>>(),
            test: test.iter().map(|b| truth(*b)).collect::<Vec<bool>>(),
        };
        for (encrypted, bits) in [(of(&computed.fit), &own.fit), (of(&computed.test), &own.test)] {
            assert_eq!(encrypted.accuracy(bits).unwrap(), 1.0, "{name}");
        }
        let unit = of(&computed.fit).largest();
        let x = [of(&computed.fit).floats(unit), of(&computed.test).floats(unit)];
        assert_eq!(x[0].norm_max(), 1.0);
        let number = |b: &Vec<bool>| b.iter().map(|v| usize::from(*v)).collect::<Vec<_>>();
        let feature = [number(&own.fit), number(&own.test)];
        let r2 = explained_by_class(sets(&x), labels(&feature)).unwrap();
        let decoder = logistic(x[0].as_ref(), &feature[0], &LogisticOptions::default()).unwrap();
        let found = decoder.predict(x[1].as_ref()).unwrap();
        let right = found.iter().zip(&feature[1]).filter(|(a, b)| a == b).count() as f64 / 1024.0;
        let base = if name == "and" { 0.75 } else { 0.5 };
        println!(
            "{name}: R² {:.4} {:.4}, decoded {right:.3}, base rate {base:.3}",
            r2.variance(),
            r2.uniform(Constant::Masked)
        );
        assert!(r2.variance().abs() < 0.02 && r2.uniform(Constant::Masked).abs() < 0.02, "{name}");
        assert!((right - base).abs() < 0.04, "{name}: {right} against {base}");
    }
}

#[test]
fn a_computation_that_could_decrypt_wrongly_is_refused() {
    let bits = |n: usize| (0..n).map(|i| pseudo(i) > 0.0).collect::<Vec<bool>>();
    let a = Encrypted::of(&bits(10), 3, 1).unwrap();
    let conjunction = a.and(&a).unwrap();
    assert_eq!(conjunction.decrypt(), a.decrypt());
    assert!(conjunction.and(&a).is_err());
    // A thousand sums of conjunctions are well within the bound.
    let mut sum = conjunction.clone();
    for _ in 0..1000 {
        sum = sum.xor(&conjunction).unwrap();
    }
    assert_eq!(sum.decrypt(), a.decrypt());
    // The bound comes before the noise: doubling again and again is refused in time.
    let mut sum = a.clone();
    let refused = (0..60).any(|_| match sum.xor(&sum) {
        Ok(next) => {
            sum = next;
            assert!(sum.decrypt().iter().all(|b| !b), "twice a bit is even");
            false
        }
        Err(_) => true,
    });
    assert!(refused);
    assert!(a.xor(&Encrypted::of(&bits(9), 3, 1).unwrap()).is_err());
    assert!(Encrypted::of(&[], 3, 1).is_err() && Encrypted::of(&bits(2), 0, 1).is_err());
    assert!(a.accuracy(&bits(9)).is_err());
}
