//! The quantities of a file, found by their names, each once; those that are made of others network by network.

use std::collections::BTreeMap;

use super::evaluate::{Names, Truth, Value, evaluate, truths};
use super::expression::parse;
use super::found::{Found, Sample};
use super::networks::{Networks, VARIANT};
use super::quantity::Quantity;
use super::select::selected;

/// The quantities of a file, found in the networks of its sweeps.
pub struct Quantities<'a> {
    /// As the file says them, with its defaults.
    pub declared: &'a BTreeMap<String, Quantity>,
    /// Numbers by name.
    pub constants: &'a BTreeMap<String, f64>,
    /// Networks, by the name of their sweep; a run's own have none.
    pub networks: &'a BTreeMap<String, Networks>,
}

/// What was found so far.
pub type Book = BTreeMap<String, Found>;

impl Quantities<'_> {
    /// Finds a quantity and what it is made of, into a book.
    ///
    /// # Errors
    /// A sentence that names the quantity and the key.
    pub fn find(&self, name: &str, book: &mut Book) -> Result<(), String> {
        self.find_within(name, book, &mut Vec::new())
    }

    fn find_within(&self, name: &str, book: &mut Book, open: &mut Vec<String>) -> Result<(), String> {
        if book.contains_key(name) || self.constants.contains_key(name) {
            return Ok(());
        }
        let (plain, of) = name.split_once('@').map_or((name, None), |(plain, of)| (plain, Some(of)));
        let Some(declared) = self.declared.get(plain) else {
            return Err(unknown(plain, self.declared.keys().chain(self.constants.keys())));
        };
        if open.iter().any(|other| other == name) {
            return Err(format!("quantity `{name}` is made of itself"));
        }
        open.push(name.to_owned());
        let mut declared = declared.clone();
        if let Some(of) = of {
            let mut words = of.split('.');
            let sweep = words.next().unwrap_or_default();
            declared.sweep = Some(sweep.to_owned());
            let variant = words.next();
            // Two variants are of pairs, one network of each.
            declared.with.extend(words.next().map(|other| (VARIANT.to_owned(), other.into())));
            match variant {
                Some(variant) => drop(declared.settings.insert(VARIANT.into(), variant.into())),
                None if declared.each.is_none()
                    && declared.by.is_none()
                    && declared.across.is_none()
                    && self.networks.get(sweep).is_some_and(Networks::varies) =>
                {
                    declared.by = Some(VARIANT.into());
                }
                None => {}
            }
        }
        let found = self.made(plain, of, &declared, book, open).map_err(|why| match why.starts_with("quantity `") {
            true => why,
            false => format!("quantity `{name}`: {why}"),
        })?;
        open.pop();
        book.insert(name.to_owned(), found);
        Ok(())
    }

    fn made(
        &self,
        name: &str,
        at: Option<&str>,
        of: &Quantity,
        book: &mut Book,
        open: &mut Vec<String>,
    ) -> Result<Found, String> {
        let mut found = match (&of.metric, &of.each) {
            (Some(metric), None) => selected(self.sweep(of)?, metric, of)?,
            (None, Some(text)) => self.derived(text, at, of, book, open)?,
            (Some(_), Some(_)) => return Err("has both `metric` and `each`: leave one out".into()),
            (None, None) => return Err("has neither `metric` nor `each`".into()),
        };
        found.title = of.title.clone().unwrap_or_else(|| name.replace('_', " "));
        if let Some(at) = at {
            found.title += &format!(" ({})", at.replace('_', " ").replace('.', ", "));
        }
        if let Some(text) = of.only.as_ref().filter(|text| !text.is_empty()) {
            let only = parse(text).map_err(|why| format!("only: {why}"))?;
            let networks = self.sweep(of)?;
            for sample in &mut found.samples {
                // Of a pair, both must be so.
                for network in sample.networks {
                    let all = truths(&only, &AtEnd { networks, network }).map_err(|why| format!("only: {why}"))?;
                    sample.kept &= Truth::all(&all).holds;
                }
            }
        }
        Ok(found)
    }

    fn sweep(&self, of: &Quantity) -> Result<&Networks, String> {
        let sweep = of.sweep.as_deref().unwrap_or_default();
        self.networks.get(sweep).ok_or_else(|| {
            let known: Vec<&str> = self.networks.keys().map(String::as_str).collect();
            format!("sweep: there is no sweep `{sweep}`; there are {}", known.join(", "))
        })
    }

    /// An expression of other quantities, network by network.
    fn derived(
        &self,
        text: &str,
        at: Option<&str>,
        of: &Quantity,
        book: &mut Book,
        open: &mut Vec<String>,
    ) -> Result<Found, String> {
        // What it is made of is of the same sweep.
        let at_sweep = |name: &str| match at {
            Some(at) if !name.contains('@') && !self.constants.contains_key(name) => format!("{name}@{at}"),
            _ => name.to_owned(),
        };
        let each = parse(text).map_err(|why| format!("each: {why}"))?.named(&at_sweep);
        if let Some(key) =
            [("layer", of.layer.is_some()), ("at", of.at.is_some()), ("by", of.by.is_some())].iter().find(|k| k.1)
        {
            return Err(format!(
                "{}: stands with `metric`, not with `each`, which is of what its quantities are",
                key.0
            ));
        }
        for name in each.names() {
            self.find_within(name, book, open)?;
        }
        let of_networks: Vec<&Found> = each.names().iter().filter_map(|name| book.get(*name)).collect();
        // As long as the longest list that it is made of, if it gives one.
        let first = of_networks.iter().copied().max_by_key(|found| found.inner).ok_or("each: names no quantity")?;
        let mut found = Found { reduce: of.reduce.unwrap_or_default(), digits: of.digits, ..first.clone() };
        for (place, sample) in found.samples.iter_mut().enumerate() {
            let names = OfNetwork {
                networks: sample.networks,
                seeds: sample.seeds,
                place,
                sweep: &first.sweep,
                constants: self.constants,
                book,
            };
            // A condition is 1 where it holds, and 0 where it does not.
            sample.values = match evaluate(&each, &names).map_err(|why| format!("each: {why}"))? {
                Value::Numbers(numbers) => numbers,
                Value::Truths(all) => all.iter().map(|truth| f64::from(u8::from(truth.holds))).collect(),
            };
            sample.kept = true;
        }
        let long = found.samples.iter().map(|s| s.values.len()).max().unwrap_or(1);
        if found.samples.iter().any(|s| s.values.len() != long) || ![1, found.inner].contains(&long) {
            return Err("each: gives lists of other lengths than those it is made of".into());
        }
        if long != found.inner {
            let group = |list: &mut Vec<String>| *list = list.iter().step_by(found.inner).cloned().collect();
            group(&mut found.labels);
            found.places = found.places.iter().step_by(found.inner).copied().collect();
            found.sides.pop();
            found.inner = 1;
        }
        Ok(found)
    }
}

/// Names as they are for one network, or pair of them.
struct OfNetwork<'a> {
    networks: [usize; 2],
    seeds: [u32; 2],
    /// Where they are in the quantity that is longest, and so in most.
    place: usize,
    sweep: &'a Option<String>,
    constants: &'a BTreeMap<String, f64>,
    book: &'a Book,
}

impl Names for OfNetwork<'_> {
    fn numbers(&self, name: &str) -> Result<Vec<f64>, String> {
        if let Some(constant) = self.constants.get(name) {
            return Ok(vec![*constant]);
        }
        let found = self.book.get(name).ok_or_else(|| format!("there is no quantity `{name}`"))?;
        if found.sweep != *self.sweep {
            return Err(format!("`{name}` is of another sweep, whose networks are not these"));
        }
        let ours = |s: &&Sample| s.networks == self.networks;
        let own = found.samples.get(self.place).filter(ours).or_else(|| found.samples.iter().find(ours));
        // Of another variant, the network that has the same seed.
        let own = own.or_else(|| {
            let mut twins = found.samples.iter().filter(|s| name.contains('@') && s.seeds == self.seeds);
            twins.next().filter(|_| twins.next().is_none())
        });
        Ok(own.map_or_else(|| vec![f64::NAN; found.inner], |sample| sample.values.clone()))
    }

    fn about(&self, function: &str, name: &str) -> Result<Vec<f64>, String> {
        Err(format!("{function}({name}) is of many networks, and this is of one"))
    }
}

/// Metrics of one network as they are in the end.
struct AtEnd<'a> {
    networks: &'a Networks,
    network: usize,
}

impl Names for AtEnd<'_> {
    fn numbers(&self, name: &str) -> Result<Vec<f64>, String> {
        let curve = self.networks.curve(name, None).ok_or_else(|| self.networks.missing(name))?;
        let last = curve.values.iter().rev().map(|row| row[self.network]).find(|value| !value.is_nan());
        Ok(vec![last.filter(|_| !self.networks.diverged[self.network]).unwrap_or(f64::NAN)])
    }

    fn about(&self, function: &str, name: &str) -> Result<Vec<f64>, String> {
        Err(format!("{function}({name}) is of many networks, and this is of one"))
    }
}

/// That there is no such quantity, with the nearest.
pub fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a String> + Clone) -> String {
    let near = crate::error::nearest(name, known.clone().map(String::as_str));
    let advice = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
    format!(
        "there is no quantity `{name}`{advice}. There are {}",
        known.map(String::as_str).collect::<Vec<_>>().join(", ")
    )
}
