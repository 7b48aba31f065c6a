//! The extreme of a computation that does not show: bits under homomorphic encryption.

use super::networks::{mean, spread};
use super::shared::Shared;
use crate::error::Result;
use crate::measure::features::Sets;
use crate::measure::features::homomorphic::{Computed, Encrypted};
use crate::measure::features::variance::explained_by_class;
use crate::measure::random::Random;
use crate::measure::statistic::probe::{LogisticOptions, logistic};
use crate::papers::claim::{Claim, Kind, Measured, measured, number};
use crate::papers::{Lab, PartOutcome, parallel};
use crate::report::paper::{Dot, Group, Scatter, ScatterPanel, Section};

/// Examples of each set.
const EXAMPLES: usize = 1024;
/// Ciphertexts of a bit.
const UNITS: usize = 16;
/// Size of R² allowed.
const MOST_R2: f64 = 0.02;
/// Decoding allowed from its base rate.
const MOST_DECODED: f64 = 0.04;

type Truth = fn(&[bool; 4]) -> bool;
type Of = fn(&Computed) -> &Encrypted;

/// What is computed: its name, the function of four bits, and where it is found.
const FUNCTIONS: [(&str, Truth, Of); 3] = [
    ("bit", |b| b[0], |c| &c.easy),
    ("and", |b| b[0] && b[1], |c| &c.and),
    ("parity", |b| b.iter().filter(|v| **v).count() % 2 == 1, |c| &c.parity),
];

/// One function under one seed.
#[derive(Clone, Copy)]
struct Found {
    /// Part of ciphertexts of the test set that decrypt to the function.
    decrypted: f64,
    /// Share of the variance of the ciphertexts that it explains.
    r2: f64,
    /// Accuracy of a linear decoder.
    decoded: f64,
    /// Accuracy of the more frequent value.
    base: f64,
}

/// Random bits of both sets.
fn bits(seed: u64, draw: u32) -> Vec<[bool; 4]> {
    let mut random = Random::new(seed, draw);
    (0..EXAMPLES).map(|_| std::array::from_fn(|_| random.below(2) == 1)).collect()
}

fn find(seed: u64) -> Result<Vec<Found>> {
    let inputs = Sets { fit: bits(seed, 1), test: bits(seed, 2) };
    let computed = Sets {
        fit: Computed::of(&inputs.fit, UNITS, 2 * seed)?,
        test: Computed::of(&inputs.test, UNITS, 2 * seed + 1)?,
    };
    let of = |(_, truth, of): (&str, Truth, Of)| -> Result<Found> {
        let values = Sets {
            fit: inputs.fit.iter().map(|b| usize::from(truth(b))).collect::<Vec<_>>(),
            test: inputs.test.iter().map(|b| usize::from(truth(b))).collect::<Vec<_>>(),
        };
        let wanted: Vec<bool> = values.test.iter().map(|v| *v == 1).collect();
        let unit = of(&computed.fit).largest();
        let x = Sets { fit: of(&computed.fit).floats(unit), test: of(&computed.test).floats(unit) };
        let explained = explained_by_class(
            Sets { fit: x.fit.as_ref(), test: x.test.as_ref() },
            Sets { fit: &values.fit, test: &values.test },
        )?;
        let decoder = logistic(x.fit.as_ref(), &values.fit, &LogisticOptions::default())?;
        let answers = decoder.predict(x.test.as_ref())?;
        let right = answers.iter().zip(&values.test).filter(|(a, b)| a == b).count();
        let ones = values.test.iter().sum::<usize>();
        Ok(Found {
            decrypted: of(&computed.test).accuracy(&wanted)?,
            r2: explained.variance(),
            decoded: right as f64 / EXAMPLES as f64,
            base: ones.max(EXAMPLES - ones) as f64 / EXAMPLES as f64,
        })
    };
    FUNCTIONS.into_iter().map(of).collect()
}

pub fn run(_: &mut Lab<'_>, shared: &mut Shared) -> Result<PartOutcome> {
    let seeds: Vec<u64> = (0..u64::from(shared.seeds)).collect();
    let all = parallel(&seeds, |&seed| find(seed)).into_iter().collect::<Result<Vec<_>>>()?;
    let values = |f: usize, of: fn(&Found) -> f64| all.iter().map(|found| of(&found[f])).collect::<Vec<f64>>();
    let each = |text: &dyn Fn(usize) -> Measured| {
        Measured::joined(FUNCTIONS.iter().enumerate().map(|(f, (name, ..))| measured!("{name} {}", text(f))), ", ")
    };
    let every = |held: &dyn Fn(usize) -> bool| !all.is_empty() && (0..FUNCTIONS.len()).all(held);
    let lowest = |f: usize| values(f, |n| n.decrypted).into_iter().fold(f64::INFINITY, f64::min);
    let largest = |f: usize| values(f, |n| n.r2.abs()).into_iter().fold(0.0, f64::max);
    let gap = |f: usize| mean(&values(f, |n| n.decoded - n.base));
    let source = |window: &str| format!("[A] 2025 commentary: a conceptual case study; the scheme [P]; {window}");
    let claims = vec![
        Claim::new(
            "homomorphic.decrypted",
            Kind::Prediction,
            "What was computed under encryption is decrypted without fault",
        )
        .source(source("[M] 1.0; window [M]"))
        .predicted(
            "part of ciphertexts that decrypt to the function of the bits: 1",
            "every seed and function, exactly",
        )
        .measured(each(&|f| number(lowest(f))), shared.seeds, every(&|f| lowest(f) == 1.0)),
        Claim::new("homomorphic.explained", Kind::Prediction, "The function explains nothing of the ciphertexts")
            .source(source("[M] -.003 to -.005; window [M]"))
            .predicted("share of variance explained: 0", format!("every seed and function within {MOST_R2}"))
            .measured(
                measured!(
                    "{}; largest size {}",
                    each(&|f| spread(&values(f, |n| n.r2))),
                    each(&|f| number(largest(f)))
                ),
                shared.seeds,
                every(&|f| largest(f) < MOST_R2),
            ),
        Claim::new("homomorphic.decoded", Kind::Prediction, "Nor can it be decoded from them by a linear classifier")
            .source(source("[M] .49, .52, .755 for base rates .5, .5, .75; window [M]"))
            .predicted(
                "accuracy less the base rate: 0",
                format!("mean over seeds within {MOST_DECODED} for each function"),
            )
            .measured(
                measured!(
                    "{}; less base rate {}",
                    each(&|f| spread(&values(f, |n| n.decoded))),
                    each(&|f| number(gap(f)))
                ),
                shared.seeds,
                every(&|f| gap(f).abs() <= MOST_DECODED),
            ),
    ];
    let group = |name: &str, of: fn(&Found) -> f64| Group {
        name: name.to_owned(),
        dots: (0..FUNCTIONS.len()).flat_map(|f| all.iter().map(move |n| Dot::new(n[f].base, of(&n[f])))).collect(),
    };
    let figure = Scatter {
        label: "Accuracy by decryption and by a linear decoder, against the base rate".into(),
        caption: format!(
            "A bit, a conjunction (base rate near 0.75) and a parity of four bits, computed \
             under encryption: {UNITS} ciphertexts of each of {EXAMPLES} examples as units of a \
             representation, {} seeds. On the line: no better than the more frequent answer.",
            all.len()
        ),
        columns: 1,
        x: "accuracy of the more frequent value".into(),
        y: "accuracy".into(),
        panels: vec![ScatterPanel {
            groups: vec![group("decrypted", |n| n.decrypted), group("linear decoder", |n| n.decoded)],
            ..ScatterPanel::default()
        }],
    };
    let section = Section::new("homomorphic", "A computation that does not show", Ok(figure.draw()));
    Ok(PartOutcome { claims, sections: vec![section] })
}
