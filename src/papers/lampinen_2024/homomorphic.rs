//! The extreme of a computation that does not show: bits under homomorphic encryption. Of a network only its seed is used.

use crate::error::Result;
use crate::measure::features::Sets;
use crate::measure::features::homomorphic::{Computed, Encrypted};
use crate::measure::features::variance::explained_by_class;
use crate::measure::random::Random;
use crate::measure::statistic::probe::{LogisticOptions, logistic};
use crate::papers::claims::Rows;

/// Examples of each set.
const EXAMPLES: usize = 1024;
/// Ciphertexts of a bit.
const UNITS: usize = 16;

type Truth = fn(&[bool; 4]) -> bool;
type Of = fn(&Computed) -> &Encrypted;

/// What is computed: its name, the function of four bits, and where it is found.
const FUNCTIONS: [(&str, Truth, Of); 3] = [
    ("bit", |b| b[0], |c| &c.easy),
    ("and", |b| b[0] && b[1], |c| &c.and),
    ("parity", |b| b.iter().filter(|v| **v).count() % 2 == 1, |c| &c.parity),
];

/// Random bits of a set.
fn bits(seed: u64, draw: u32) -> Vec<[bool; 4]> {
    let mut random = Random::new(seed, draw);
    (0..EXAMPLES).map(|_| std::array::from_fn(|_| random.below(2) == 1)).collect()
}

/// Of each function: the part of ciphertexts of the test set that decrypt to it, the share of the ciphertexts' variance that it
/// explains, the accuracy of a linear decoder, and that of the more frequent value.
pub fn encrypted(seed: u64) -> Result<Rows> {
    let inputs = Sets { fit: bits(seed, 1), test: bits(seed, 2) };
    let computed = Sets {
        fit: Computed::of(&inputs.fit, UNITS, 2 * seed)?,
        test: Computed::of(&inputs.test, UNITS, 2 * seed + 1)?,
    };
    let mut rows = Rows::new();
    for (name, truth, of) in FUNCTIONS {
        let values = |of: &[[bool; 4]]| of.iter().map(|b| usize::from(truth(b))).collect::<Vec<_>>();
        let values = Sets { fit: values(&inputs.fit), test: values(&inputs.test) };
        let wanted: Vec<bool> = values.test.iter().map(|v| *v == 1).collect();
        let unit = of(&computed.fit).largest();
        let x = Sets { fit: of(&computed.fit).floats(unit), test: of(&computed.test).floats(unit) };
        let explained = explained_by_class(
            Sets { fit: x.fit.as_ref(), test: x.test.as_ref() },
            Sets { fit: &values.fit, test: &values.test },
        )?;
        let answers = logistic(x.fit.as_ref(), &values.fit, &LogisticOptions::default())?.predict(x.test.as_ref())?;
        let right = answers.iter().zip(&values.test).filter(|(a, b)| a == b).count();
        let ones = values.test.iter().sum::<usize>();
        rows.push((format!("decrypted_{name}"), of(&computed.test).accuracy(&wanted)?));
        rows.push((format!("ciphers_{name}"), explained.variance()));
        rows.push((format!("decoded_{name}"), right as f64 / EXAMPLES as f64));
        rows.push((format!("guessed_{name}"), ones.max(EXAMPLES - ones) as f64 / EXAMPLES as f64));
    }
    Ok(rows)
}
