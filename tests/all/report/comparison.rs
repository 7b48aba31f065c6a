//! Pictures of comparisons as a whole. With `ISOGRAM_KEEP_REPORTS` set they stay in that folder, to be looked at.

use std::path::Path;

use isogram::report::comparison::{Comparison, Drawn, Kind};

/// Similarities of items in groups: high within a group, lower between, a little lower with every place apart.
fn grouped(count: usize, groups: usize) -> Vec<f64> {
    let value = |a: usize, b: usize| {
        let (near, far) = (a * 7919 % groups, b * 7919 % groups);
        let noise = ((a * b * 31 + a + b) % 17) as f64 / 17.0 * 0.08;
        if a == b { 1.0 } else { (if near == far { 0.88 } else { 0.55 - 0.12 * near.abs_diff(far) as f64 }) - noise }
    };
    (0..count * count).map(|i| value(i / count, i % count)).collect()
}

fn names(count: usize, of: impl Fn(usize) -> String) -> Vec<String> {
    (0..count).map(of).collect()
}

fn keep(name: &str, drawn: &Drawn) {
    if let Some(folder) = std::env::var_os("ISOGRAM_KEEP_REPORTS") {
        let folder = Path::new(&folder).join("comparison");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.svg")), drawn.figure.file()).unwrap();
    }
}

#[test]
fn every_size_is_drawn() {
    for (count, groups) in [(1, 1), (2, 2), (3, 2), (8, 3), (16, 4), (40, 5), (120, 6), (500, 7), (1200, 7)] {
        let names = names(count, |i| format!("block{}.layer{i}", i % groups));
        let values = grouped(count, groups);
        let comparison = Comparison {
            title: "Layers of one network",
            measure: "linear CKA",
            names: &names,
            values: &values,
            clustered: true,
            ..Comparison::default()
        };
        let drawn = comparison.draw().unwrap();
        keep(&format!("size{count}"), &drawn);
        let mut sorted = drawn.order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..count).collect::<Vec<_>>());
        assert_eq!(drawn.figure.caption.contains("Ordered by average linkage."), count > 1);
        assert_eq!(drawn.figure.caption.contains("names are shown"), count > 60, "{}", drawn.figure.caption);
        let svg = drawn.figure.file();
        assert!(!svg.contains("NaN") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.len() < 90 * count * count + 400_000, "{} bytes for {count}", svg.len());
        let groups: Vec<usize> = drawn.order.iter().map(|item| item * 7919 % groups).collect();
        let changes = groups.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes < 7, "groups stay together: {groups:?}");
    }
}

#[test]
fn signed_values_distances_and_long_names() {
    let names = names(9, |i| format!("model.encoder.layers.{i}.self_attention.out_proj.{}", ["weight", "bias"][i % 2]));
    let signed: Vec<f64> =
        grouped(9, 3).iter().enumerate().map(|(i, v)| if i / 9 == i % 9 { 1.0 } else { v * 1.8 - 0.9 }).collect();
    let comparison = Comparison {
        title: "Units of two attention blocks, by the correlation of their dissimilarity matrices",
        measure: "RSA (Spearman correlation)",
        names: &names,
        values: &signed,
        range: Some((-1.0, 1.0)),
        clustered: true,
        ..Comparison::default()
    };
    keep("signed", &comparison.draw().unwrap());
    keep("signed_fitted", &Comparison { range: None, title: "", ..comparison }.draw().unwrap());
    let distances: Vec<f64> = grouped(9, 3).iter().map(|v| (1.0 - v) * 37.0).collect();
    let far = Comparison { kind: Kind::Distance, values: &distances, range: None, measure: "distance", ..comparison };
    keep("distances", &far.draw().unwrap());
    keep("beyond", &Comparison { range: Some((5.0, 15.0)), ..far }.draw().unwrap());
    let tiny: Vec<f64> = distances.iter().map(|v| v * 1e-9).collect();
    keep("tiny", &Comparison { values: &tiny, ..far }.draw().unwrap());
    let many = self::names(130, |i| format!("unit {i}"));
    let values: Vec<f64> = grouped(130, 4).iter().map(|v| v * 2.0 - 1.0).collect();
    keep("signed130", &Comparison { names: &many, values: &values, ..comparison }.draw().unwrap());
}

#[test]
fn a_direction_keeps_the_order_unless_both_are_averaged() {
    let names = names(6, |i| format!("net{i}"));
    let mut values = grouped(6, 2);
    values.iter_mut().enumerate().filter(|(i, _)| i / 6 > i % 6).for_each(|(_, value)| *value *= 0.6);
    let comparison =
        Comparison { measure: "R²", names: &names, values: &values, clustered: true, ..Comparison::default() };
    let drawn = comparison.draw().unwrap();
    assert_eq!(drawn.order, [0, 1, 2, 3, 4, 5]);
    assert!(
        drawn.figure.caption.contains("Not ordered: the measure depends on the direction"),
        "{}",
        drawn.figure.caption
    );
    assert!(drawn.figure.caption.contains("from rows to columns"));
    keep("direction", &drawn);
    let drawn = Comparison { symmetrised: true, ..comparison }.draw().unwrap();
    assert_eq!(drawn.order, [0, 2, 4, 1, 5, 3]);
    assert!(drawn.figure.caption.contains("the mean of both directions"), "{}", drawn.figure.caption);
    keep("direction_averaged", &drawn);
}

#[test]
fn missing_values_are_hatched_and_odd_ones_survive() {
    let names = names(5, |i| format!("<net {i}> & \"more\""));
    let mut values = grouped(5, 2);
    values[7] = f64::NAN;
    values[11] = f64::NAN;
    let comparison = Comparison { names: &names, values: &values, clustered: true, ..Comparison::default() };
    let drawn = comparison.draw().unwrap();
    keep("missing", &drawn);
    assert!(
        drawn.figure.caption.contains("1 representation with missing values at the end"),
        "{}",
        drawn.figure.caption
    );
    assert_eq!(drawn.order.last(), Some(&2));
    assert!(drawn.figure.caption.contains("Hatched: no value (2 cells)."), "{}", drawn.figure.caption);
    assert!(drawn.figure.svg().contains("&lt;net 0&gt; &amp;"));
    let many = self::names(90, |i| i.to_string());
    let mut values = grouped(90, 3);
    values.iter_mut().enumerate().filter(|(i, _)| i % 90 == 30 || i / 90 == 30).for_each(|(_, v)| *v = f64::NAN);
    keep("missing90", &Comparison { names: &many, values: &values, ..comparison }.draw().unwrap());
    let drawn = Comparison { values: &[f64::NAN; 25], ..comparison }.draw().unwrap();
    assert!(drawn.figure.caption.contains("too many pairs have no finite value"), "{}", drawn.figure.caption);
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 0.0, -0.0, f64::MIN_POSITIVE, -1.0] {
        for kind in [Kind::Similarity, Kind::Distance] {
            for other in [odd, 1.0, f64::MAX] {
                let values = [odd, other, other, odd];
                let names = &many[..2];
                let drawn = Comparison { names, values: &values, kind, clustered: true, ..comparison }.draw().unwrap();
                let svg = drawn.figure.svg();
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{odd} {other}");
            }
        }
    }
}

#[test]
fn values_that_are_no_square_are_refused() {
    let names = names(3, |i| i.to_string());
    for (names, count) in [(&names[..], 8), (&names[..], 0), (&names[..0], 0), (&names[..1], 2)] {
        let values = vec![0.5; count];
        let said = Comparison { names, values: &values, ..Comparison::default() }.draw().unwrap_err().to_string();
        assert!(said.contains(&format!("{} representations", names.len())), "{said}");
    }
}
