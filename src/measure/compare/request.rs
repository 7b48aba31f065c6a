//! A set of representations compared by several measures, and how sure each value is: the call behind `isogram compare`.
//!
//! ```no_run
//! use isogram::measure::compare::request::Request;
//! # fn of(set: &[isogram::measure::compare::Named]) -> isogram::Result<()> {
//! let found = Request { permutations: 1000, ..Request::of(&["cka", "rsa"])? }.compare(set, None, &mut |_, _| {})?;
//! println!("{found}");
//! # Ok(())
//! # }
//! ```

mod json;
mod text;

pub use text::{Notes, REASONS, number, without};

use super::inference::{Halves, Interval, Permuted, Sampling, halves, interval, permutation_test};
use super::{Named, Resources, Step, Table, all_pairs};
use crate::error::{Error, Result};
use crate::measure::catalogue::Measure;
use crate::measure::declaration::Extents;
use crate::measure::outcome::Outcome;

/// What is compared where nothing is said: one or two of each family, those that most papers report.
pub const MAIN: &[&str] = &[
    "cka",
    "cka:biased",
    "cka:rbf",
    "distance_correlation",
    "rsa",
    "rsa:pearson",
    "procrustes",
    "cca:mean-squared",
    "svcca",
    "linear_regression",
    "soft_match",
    "knn",
    "cknna",
];

/// What is asked of a set of representations.
#[derive(Debug, Default)]
pub struct Request {
    /// By what they are compared.
    pub measures: Vec<Measure>,
    /// Orders of the examples that each pair is tested against; none, if zero.
    pub permutations: usize,
    /// Random halves of the examples for an interval of each pair; none, if zero.
    pub interval: usize,
    /// Bootstrap draws of the examples for an interval of each pair; none, if zero.
    pub bootstrap: usize,
    /// Random halves of each representation's units that are compared with each other (a noise floor); none, if zero.
    pub halves: usize,
    /// Of what is drawn.
    pub seed: u32,
}

impl Request {
    /// Measures by their names, or families of them; the main ones if there are no names. Nothing is drawn.
    ///
    /// # Errors
    /// If a name is not known, an option does not fit, or a measure is named twice.
    pub fn of(names: &[impl AsRef<str>]) -> Result<Self> {
        let names: Vec<String> = match names {
            [] => MAIN.iter().map(|&name| name.to_owned()).collect(),
            names => names.iter().map(|name| name.as_ref().to_owned()).collect(),
        };
        let measures = Measure::parse_all(&names)?;
        if measures.is_empty() {
            return Err(Error::config("no measure is named: leave the names out for the main ones"));
        }
        let mut seen = std::collections::HashSet::new();
        match measures.iter().map(Measure::name).find(|name| !seen.insert(name.clone())) {
            Some(twice) => Err(Error::config(format!("`{twice}` is named twice among the measures"))),
            None => Ok(Self { measures, ..Self::default() }),
        }
    }

    /// Whether anything is asked that needs all examples at once.
    pub fn draws(&self) -> bool {
        [self.permutations, self.interval, self.bootstrap, self.halves].iter().any(|&draws| draws > 0)
    }

    /// Whether there are draws enough of what is drawn.
    ///
    /// # Errors
    /// If an interval is asked for from fewer than twenty draws.
    pub fn check(&self) -> Result<()> {
        match [self.interval, self.bootstrap].iter().find(|&draws| (1..20).contains(draws)) {
            Some(few) => {
                Err(Error::config(format!("an interval needs 20 draws or more for its ends, and {few} are asked for")))
            }
            None => Ok(()),
        }
    }

    /// Compares all pairs of `set`; see [`all_pairs`] for `on` and `step`. What has no value is an entry with its reason.
    ///
    /// # Errors
    /// If there is no representation, they have not the same number of examples, or draws are too few.
    pub fn compare<'a>(self, set: &[Named], on: impl Into<Resources<'a>>, step: Step<'_>) -> Result<Compared> {
        self.check()?;
        let on = on.into();
        let examples = set.first().map_or(0, |x| x.values.nrows());
        let affordable: Result<Vec<Measure>> = self.measures.into_iter().map(|m| m.affordable(examples)).collect();
        let asked = Self { measures: affordable?, ..self };
        let tables = all_pairs(set, &asked.measures, on, step)?;
        let mut found = Compared::of_tables(set.iter().map(Summary::of).collect(), Vec::new(), tables);
        asked.sure(set, on, &mut found);
        found.measures = asked.measures;
        Ok(found)
    }

    /// What is drawn for each pair, and each representation.
    fn sure(&self, set: &[Named], on: Resources<'_>, found: &mut Compared) {
        let seed = self.seed;
        for (measure, table) in self.measures.iter().zip(&found.tables) {
            for (i, x) in set.iter().enumerate().filter(|_| self.halves > 0) {
                let value = halves(x, measure, on, self.halves, seed);
                found.halves.push((i, measure.name(), value.map_err(|e| Outcome::from(&e))));
            }
            let pairs = (0..set.len()).flat_map(|a| (0..set.len()).map(move |b| (a, b)));
            for (a, b) in pairs.filter(|&(a, b)| a != b && (a < b || !measure.entry.symmetric)) {
                let pair = [&set[a], &set[b]];
                let known = table.cell(a, b);
                // What has no value has no more with other examples.
                if self.permutations > 0 {
                    let test = || permutation_test(pair, measure, on, self.permutations, seed);
                    found.permuted.push(Drawn { a, b, measure: measure.name(), value: if_any(known, test) });
                }
                for (draws, sampling) in [(self.interval, Sampling::Halves), (self.bootstrap, Sampling::Bootstrap)] {
                    if draws > 0 {
                        let value = if_any(known, || interval(pair, measure, on, sampling, draws, seed));
                        found.intervals.push(Drawn { a, b, measure: measure.name(), value });
                    }
                }
            }
        }
    }
}

/// What is found of a pair that has a value; of another, why it has none.
fn if_any<T>(known: &Outcome, find: impl FnOnce() -> Result<T>) -> Result<T, Outcome> {
    match known.value() {
        Some(_) => find().map_err(|e| Outcome::from(&e)),
        None => Err(known.clone()),
    }
}

/// What is said of a representation where it is shown.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its name.
    pub name: String,
    /// Its examples.
    pub examples: usize,
    /// Its units.
    pub units: usize,
    /// Units that are the same for all examples.
    pub constant: usize,
}

impl Summary {
    /// Of a representation.
    pub fn of(x: &Named) -> Self {
        let same = |unit: &usize| x.values.col(*unit).iter().all(|v| *v == x.values[(0, *unit)]);
        let (examples, units) = x.values.shape();
        Self { name: x.name.clone(), examples, units, constant: (0..units).filter(same).count() }
    }
}

/// What draws say of a pair, or why they say nothing.
#[derive(Debug)]
pub struct Drawn<T> {
    /// Number of the first.
    pub a: usize,
    /// Number of the second.
    pub b: usize,
    /// Canonical name of the measure.
    pub measure: String,
    /// What was found.
    pub value: Result<T, Outcome>,
}

/// Everything that was found. It prints as `isogram compare` prints it.
#[derive(Debug)]
pub struct Compared {
    /// What was compared.
    pub representations: Vec<Summary>,
    /// By what.
    pub measures: Vec<Measure>,
    /// For each measure, all pairs.
    pub tables: Vec<Table>,
    /// Tests against other orders of the examples.
    pub permuted: Vec<Drawn<Permuted>>,
    /// Intervals over examples.
    pub intervals: Vec<Drawn<Interval>>,
    /// Of a representation (its number) and a measure: how alike random halves of its units are.
    pub halves: Vec<(usize, String, Result<Halves, Outcome>)>,
}

impl Compared {
    /// Tables alone.
    pub fn of_tables(representations: Vec<Summary>, measures: Vec<Measure>, tables: Vec<Table>) -> Self {
        let (permuted, intervals, halves) = (Vec::new(), Vec::new(), Vec::new());
        Self { representations, measures, tables, permuted, intervals, halves }
    }

    /// What to be aware of with a measure here: of the pair, or of the widest representation of several.
    pub fn caution(&self, measure: &Measure) -> Option<String> {
        let (first, second) = match &self.representations[..] {
            [a, b] => (a, b),
            all => {
                let widest = all.iter().max_by_key(|x| x.units)?;
                (widest, widest)
            }
        };
        let constant = self.representations.iter().map(|x| x.constant).sum();
        measure.caution(Extents { constant, ..Extents::new(first.examples, first.units, second.units) })
    }
}
