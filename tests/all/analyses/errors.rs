//! Bad input is an error that says what came.

use faer::Mat;
use isogram::Error;
use isogram::measure::features::Sets;
use isogram::measure::features::components::Components;
use isogram::measure::features::head::Head;
use isogram::measure::features::intervention::{Steering, cosine, direction};
use isogram::measure::features::redundant::redundant;
use isogram::measure::features::split::split;
use isogram::measure::features::substructure::substructure;
use isogram::measure::features::variance::{explained_by_class, explained_by_columns};
use isogram::measure::statistic::probe::LogisticOptions;

use super::fixture::{labels, sets};

#[track_caller]
fn says<T>(found: Result<T, Error>, words: &str) {
    match found {
        Err(Error::Measure(message)) => assert!(message.contains(words), "{message}"),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("no error that says `{words}`"),
    }
}

fn some(n: usize, units: usize) -> Mat<f64> {
    Mat::from_fn(n, units, |i, j| ((i * 7 + j * 3) % 11) as f64)
}

fn two(n: usize) -> Vec<usize> {
    (0..n).map(|i| i / 2 % 2).collect()
}

#[test]
fn regressions() {
    let x = [some(12, 3), some(8, 3)];
    let of = [two(12), two(8)];
    let classes = |x: &[Mat<f64>; 2], of: &[Vec<usize>; 2]| explained_by_class(sets(x), labels(of));
    assert!(classes(&x, &of).is_ok());
    says(classes(&x, &[two(11), two(8)]), "11 labels for 12");
    says(classes(&x, &[two(12), two(9)]), "9 labels for 8");
    says(classes(&x, &[vec![0; 12], two(8)]), "1 classes");
    says(classes(&x, &[two(12), vec![1; 8]]), "class 0 of the feature does not occur in the test set");
    says(
        classes(&x, &[two(12), (0..8).map(|i| i % 3).collect()]),
        "class 2 of the feature does not occur in the fit set",
    );
    says(classes(&[some(12, 3), some(8, 4)], &of), "3 columns on the fit set and 4");
    says(classes(&[some(12, 3), Mat::full(8, 3, 0.25)], &of), "no unit varies on the test set");
    says(classes(&[some(12, 3), Mat::zeros(1, 3)], &[two(12), two(1)]), "1 examples");
    let mut broken = x.clone();
    broken[1][(3, 2)] = f64::NAN;
    says(classes(&broken, &of), "not finite at row 3, column 2");
    let columns = [some(12, 2), some(8, 2)];
    assert!(explained_by_columns(sets(&x), sets(&columns)).is_ok());
    says(explained_by_columns(sets(&x), sets(&[some(11, 2), some(8, 2)])), "12 rows");
    says(explained_by_columns(sets(&x), sets(&[some(12, 2), some(8, 1)])), "2 columns on the fit set and 1");
    // A fit set without variance is not an error: it predicts its mean.
    let flat = [Mat::full(12, 3, 1.0), some(8, 3)];
    assert!(classes(&flat, &of).unwrap().variance() <= 0.0);
}

#[test]
fn heads_components_and_interventions() {
    let x = [some(12, 3), some(8, 3)];
    let weight = some(2, 3);
    says(Head::binary(weight.as_ref(), &[0.0]), "as many finite biases, but 1");
    says(Head::binary(weight.as_ref(), &[0.0, f64::NAN]), "finite biases");
    says(Head::new(weight.as_ref(), &[0.0; 2], vec![0..1, 1..3]), "1..3");
    says(Head::new(weight.as_ref(), &[0.0; 2], vec![]), "no output");
    let head = Head::binary(weight.as_ref(), &[0.0; 2]).unwrap();
    says(head.read(some(4, 2).as_ref()), "reads 3 units, but 2");
    says(Components::of(Mat::full(5, 3, 1.0).as_ref()), "the same for every example");
    let components = Components::of(x[0].as_ref()).unwrap();
    says(components.scores(some(4, 2).as_ref()), "fitted on 3 units, but 2");
    says(components.accuracy(x[1].as_ref(), &head, &[&two(8)]), "answers for 2 features, but labels of 1");
    says(components.accuracy(x[1].as_ref(), &head, &[&two(8), &two(7)]), "7 labels for 8");
    says(components.squared_correlations(x[1].as_ref(), &[0; 8]), "1 classes");
    says(direction(x[0].as_ref(), &[0; 12]), "has the feature at 1");
    says(direction(x[0].as_ref(), &[2; 12]), "labelled 0 or 1");
    says(direction(Mat::full(12, 3, 1.0).as_ref(), &two(12)), "has no direction");
    says(cosine(&[0.0], &[1.0]), "length zero");
    says(cosine(&[0.0], &[1.0, 2.0]), "1 and 2 units");
    says(Steering::new(sets(&x), &two(12), &head, 2), "feature 2 was asked for");
    let classes = Head::new(weight.as_ref(), &[0.0; 2], std::iter::once(0..2).collect()).unwrap();
    says(Steering::new(sets(&x), &two(12), &classes, 0), "2 outputs");
    says(Steering::new(sets(&[some(12, 3), Mat::zeros(4, 3)]), &two(12), &head, 0), "no unit varies");
    let steering = Steering::new(sets(&x), &two(12), &head, 0).unwrap();
    says(steering.norm_to_flip(0.0), "above 0");
    says(steering.flips(f64::NAN), "finite");
}

#[test]
fn classifiers_inputs_and_splits() {
    let x = [some(12, 3), some(8, 3)];
    let (a, b) = ([two(12), two(8)], [vec![1; 12], vec![1; 8]]);
    let options = LogisticOptions::default();
    says(redundant(sets(&x), labels(&a), labels(&a), 8, &options), "agree on every example of the test set");
    says(redundant(sets(&x), labels(&a), labels(&b), 8, &options), "has 6");
    says(redundant(sets(&x), labels(&a), labels(&b), 0, &options), "at least 1 of them, got 0");
    says(redundant(sets(&x), labels(&a), labels(&b), 4, &options), "1 classes");
    let bits = |n: usize, k: usize| Mat::from_fn(n, k, |i, j| ((i >> j) & 1) as f64);
    says(substructure(sets(&x), sets(&[bits(12, 3), bits(8, 3)])), "but 3 are given");
    says(substructure(sets(&x), sets(&[bits(12, 4), bits(7, 4)])), "7 and 8 rows");
    let mut half = [bits(12, 4), bits(8, 4)];
    half[0][(2, 1)] = 0.5;
    says(substructure(sets(&x), sets(&half)), "one is 0.5");
    // What the sets do not determine is an error of that part alone.
    let parts = substructure(sets(&x), sets(&[bits(12, 4), bits(8, 4)])).unwrap();
    assert!(parts.iter().any(|p| p.explained.is_ok()) && parts.iter().any(|p| p.explained.is_err()));
    let own = two(12);
    says(split(x[0].as_ref(), x[1].as_ref(), &[&own]), "12 and 8 rows");
    says(split(x[0].as_ref(), Mat::full(12, 2, 1.0).as_ref(), &[&own]), "same for every example");
    says(split(x[0].as_ref(), x[0].as_ref(), &[&own, &own]), "feature 1 is determined by the features before");
    says(split(x[0].as_ref(), x[0].as_ref(), &[&own[..11]]), "11 labels for 12");
    let found = split(x[0].as_ref(), x[0].as_ref(), &[&own]).unwrap();
    says(found.own(1), "feature 1 was asked for");
    // One feature or none at all is as good.
    let none = split(x[0].as_ref(), x[0].as_ref(), &[]).unwrap();
    assert!((none.cka - 1.0).abs() < 1e-14 && (none.rest() - 1.0).abs() < 1e-14);
    let _: Sets<&[usize]> = labels(&a);
}
