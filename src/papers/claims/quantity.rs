//! Quantities: a metric, of a layer, at a step, of some networks; and what becomes of them over seeds.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value as Json;

use super::evaluate::{Names, Truth, Value, deviation, evaluate, mean, truths};
use super::expression::parse;
use super::networks::{Networks, VARIANT};
use crate::papers::claim::{Measured, Numbers, Spread, measured, number as digits_of};

/// What a claims file says of a quantity. What it leaves out, `[default]` says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quantity {
    /// What sentences call it; by default its name.
    pub title: Option<String>,
    /// The name of a metric (`metrics.parquet`) or of a measure between networks (`pairs.parquet`); `step` is the step itself.
    pub metric: Option<String>,
    /// In place of a metric: an expression of other quantities, for each network.
    pub each: Option<String>,
    /// Of a paper, the sweep it is about.
    pub sweep: Option<String>,
    /// The hidden layer, from 0: its number, `last`, or `all` for a list over layers.
    pub layer: Option<toml::Value>,
    /// The step: a number, `start`, `end`, `all` for a list over steps, or `when METRIC >= NUMBER`, for each network the first
    /// step at which that is so.
    pub at: Option<toml::Value>,
    /// Only networks with these values of settings; one value of each, or a list.
    #[serde(rename = "where")]
    pub settings: BTreeMap<String, toml::Value>,
    /// A list over the values of this setting, in the order of the sweep.
    pub by: Option<String>,
    /// Only networks of which this is so at the end: a condition on metrics of the whole network. An empty text is none.
    pub only: Option<String>,
    /// What becomes of networks: mean (the default), median, min, max, sd or sum.
    pub reduce: Option<Reduce>,
    /// Decimals in texts; by default as many as count.
    pub digits: Option<usize>,
}

/// What many networks become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reduce {
    /// The mean.
    #[default]
    Mean,
    /// The median.
    Median,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The standard deviation of a sample.
    Sd,
    /// The sum.
    Sum,
}

impl Reduce {
    fn of(self, values: &[f64]) -> f64 {
        let ends = |f: fn(f64, f64) -> f64| values.iter().copied().reduce(f).unwrap_or(f64::NAN);
        match self {
            Self::Mean => mean(values),
            Self::Median => Spread::of(values.iter().copied()).median,
            Self::Min => ends(f64::min),
            Self::Max => ends(f64::max),
            Self::Sd => deviation(values),
            Self::Sum => values.iter().sum(),
        }
    }
}

impl Quantity {
    /// The same with what it leaves out as another has it. Layer, step and setting are of metrics: an expression has those of its
    /// quantities.
    pub(super) fn or(self, default: &Self) -> Self {
        let of = |own: Option<toml::Value>, other: &Option<toml::Value>| {
            own.or_else(|| other.clone().filter(|_| self.each.is_none()))
        };
        Self {
            layer: of(self.layer, &default.layer),
            at: of(self.at, &default.at),
            by: self.by.or_else(|| default.by.clone().filter(|_| self.each.is_none())),
            sweep: self.sweep.or_else(|| default.sweep.clone()),
            only: self.only.or_else(|| default.only.clone()),
            reduce: self.reduce.or(default.reduce),
            digits: self.digits.or(default.digits),
            settings: if self.settings.is_empty() { default.settings.clone() } else { self.settings },
            ..self
        }
    }
}

/// A network, or a pair of them, with its values.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Which: the same network twice, or two.
    pub networks: [usize; 2],
    /// Their seeds.
    pub seeds: [u32; 2],
    /// Its place in the list over settings.
    pub group: usize,
    /// Whether it is one of the networks that are counted.
    pub kept: bool,
    /// Its values over layers or steps; one if there is no such list.
    pub values: Vec<f64>,
}

/// How often each seed was drawn; a seed that is not there counts once where nothing was drawn.
pub type Draw = BTreeMap<u32, usize>;

/// A quantity with its values.
#[derive(Clone, Debug)]
pub struct Found {
    /// What sentences call it.
    pub title: String,
    /// What a list over settings, layers or steps is over; one if it is none.
    pub labels: Vec<String>,
    /// The same as numbers, for an axis.
    pub places: Vec<f64>,
    /// Networks.
    pub samples: Vec<Sample>,
    groups: usize,
    inner: usize,
    sweep: Option<String>,
    reduce: Reduce,
    digits: Option<usize>,
}

impl Found {
    /// Values of the networks behind an entry of the list; with a draw, as often as their seeds were drawn.
    pub fn values(&self, entry: usize, draw: Option<&Draw>) -> Vec<f64> {
        let (group, inner) = (entry / self.inner, entry % self.inner);
        let mut all = Vec::new();
        for sample in self.samples.iter().filter(|s| s.kept && s.group == group && s.values[inner].is_finite()) {
            all.extend(std::iter::repeat_n(sample.values[inner], times(sample, draw)));
        }
        all
    }

    /// How many entries the list has.
    pub fn size(&self) -> usize {
        self.groups * self.inner
    }

    /// What networks become, for each entry of the list.
    pub fn reduced(&self, draw: Option<&Draw>) -> Vec<f64> {
        (0..self.size()).map(|entry| self.reduce.of(&self.values(entry, draw))).collect()
    }

    /// How many networks there are behind each entry, and how many were asked for.
    pub fn counts(&self, draw: Option<&Draw>) -> Vec<(f64, f64)> {
        let count = |entry| {
            let of = self.samples.iter().filter(|s| s.group == entry / self.inner);
            (self.values(entry, draw).len() as f64, of.map(|s| times(s, draw)).sum::<usize>() as f64)
        };
        (0..self.size()).map(count).collect()
    }

    /// What is counted.
    pub fn kind(&self) -> &'static str {
        if self.samples.iter().any(|s| s.networks[0] != s.networks[1]) { "pairs of networks" } else { "networks" }
    }

    /// Its seeds.
    pub fn seeds(&self) -> BTreeSet<u32> {
        self.samples.iter().filter(|s| s.kept).flat_map(|s| s.seeds).collect()
    }

    /// As text: what networks become, with its spread over them.
    pub fn text(&self, digits: Option<usize>) -> Measured {
        let digits = digits.or(self.digits);
        let one = |entry: usize| {
            let values = self.values(entry, None);
            let middle = self.reduce.of(&values);
            match self.reduce {
                Reduce::Median if digits.is_none() => {
                    let (spread, mut kept) = (Spread::of(values), Vec::new());
                    spread.numbers(&mut kept);
                    Measured::new(spread.to_string(), kept)
                }
                Reduce::Mean if values.len() > 1 => {
                    measured!("{} ± {}", shown(middle, digits), shown(deviation(&values), digits))
                }
                _ => shown(middle, digits),
            }
        };
        if self.size() == 1 {
            return one(0);
        }
        Measured::joined(
            (0..self.size()).map(|entry| {
                let label = &self.labels[entry];
                measured!("{label}: {}", one(entry))
            }),
            ", ",
        )
    }
}

fn times(sample: &Sample, draw: Option<&Draw>) -> usize {
    let Some(draw) = draw else { return 1 };
    let of = |seed: u32| draw.get(&seed).copied().unwrap_or(0);
    let [a, b] = sample.networks;
    of(sample.seeds[0]) * if a == b { 1 } else { of(sample.seeds[1]) }
}

/// A number as a text: to so many decimals, or those that count.
pub fn shown(x: f64, digits: Option<usize>) -> Measured {
    match digits {
        Some(digits) if x.is_finite() => measured!("{:.*}", digits, x),
        _ => digits_of(x),
    }
}

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
            let (sweep, variant) = of.split_once('.').map_or((of, None), |(sweep, variant)| (sweep, Some(variant)));
            declared.sweep = Some(sweep.to_owned());
            match variant {
                Some(variant) => drop(declared.settings.insert(VARIANT.into(), variant.into())),
                None if declared.each.is_none() && self.networks.get(sweep).is_some_and(Networks::varies) => {
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
            (Some(metric), None) => self.selected(metric, of)?,
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
        for sample in &mut found.samples {
            let names = OfNetwork { networks: sample.networks, sweep: &first.sweep, constants: self.constants, book };
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
            found.inner = 1;
        }
        Ok(found)
    }

    /// A metric, or a measure between networks.
    fn selected(&self, metric: &str, of: &Quantity) -> Result<Found, String> {
        let networks = self.sweep(of)?;
        let at = At::read(of.at.as_ref(), networks)?;
        let layer = Place::read(of.layer.as_ref())?;
        let chosen = chosen(networks, &of.settings)?;
        let (labels, group_of) = groups(networks, of.by.as_deref(), &chosen)?;
        let layers = networks.layers(metric);
        let pairs = networks.pairs.get(metric);
        let whole = networks.curve(metric, None).is_some() || metric == "step";
        if layers.is_empty() && !whole {
            return Err(format!("metric: {}", networks.missing(metric)));
        }
        match (&layer, layers.is_empty()) {
            (Place::None, false) if !whole => {
                return Err(format!(
                    "layer: {metric} is of hidden layers: say a number to {}, `last` or `all`",
                    layers.last().unwrap_or(&0)
                ));
            }
            (Place::Last | Place::All | Place::Number(_), true) => {
                return Err(format!("layer: {metric} is of the whole network: leave it out"));
            }
            (Place::Number(n), _) if !layers.contains(n) => {
                return Err(format!("layer: {metric} was not observed of layer {n}, but of {layers:?}"));
            }
            (Place::All, _) if at == At::All => {
                return Err("at: a list is over layers or over steps, not over both".into());
            }
            _ => {}
        }
        // Steps at which there is a value of any network; of pairs, those of all layers.
        let steps: Vec<u32> = match pairs {
            Some(pairs) => pairs.iter().map(|pair| pair.step).collect::<BTreeSet<_>>().into_iter().collect(),
            None => {
                let of = networks.curves.iter().filter(|c| metric == "step" || c.name == metric);
                of.flat_map(|c| &c.steps).copied().collect::<BTreeSet<_>>().into_iter().collect()
            }
        };
        let mut samples = Vec::new();
        match pairs {
            None => {
                for &network in &chosen {
                    let depth = layers.iter().rev().copied().find(|&l| {
                        networks
                            .curve(metric, Some(l))
                            .is_some_and(|c| c.values.iter().any(|row| !row[network].is_nan()))
                    });
                    let course = |layer: Option<usize>| -> Vec<(u32, f64)> {
                        match networks.curve(metric, layer) {
                            Some(curve) => {
                                curve.steps.iter().zip(&curve.values).map(|(s, row)| (*s, row[network])).collect()
                            }
                            None if metric == "step" => steps.iter().map(|s| (*s, f64::from(*s))).collect(),
                            None => Vec::new(),
                        }
                    };
                    let one = |layer| at.pick(&course(layer), &steps, networks, network);
                    let values = match layer {
                        Place::None => one(None),
                        Place::Number(l) => one(Some(l)),
                        Place::Last => depth.map_or_else(|| one(None), |l| one(Some(l))),
                        Place::All => layers.iter().flat_map(|&l| one(Some(l))).collect(),
                    };
                    samples.push(Sample {
                        networks: [network; 2],
                        seeds: [networks.seeds[network]; 2],
                        group: group_of[network],
                        kept: true,
                        values,
                    });
                }
            }
            Some(pairs) => {
                let mut courses: BTreeMap<[usize; 2], BTreeMap<usize, Vec<(u32, f64)>>> = BTreeMap::new();
                let alike = |[a, b]: [usize; 2]| {
                    a != b && group_of[a] == group_of[b] && networks.settings[a] == networks.settings[b]
                };
                let both = |[a, b]: [usize; 2]| chosen.binary_search(&a).is_ok() && chosen.binary_search(&b).is_ok();
                for pair in pairs.iter().filter(|p| p.layers[0] == p.layers[1] && both(p.networks) && alike(p.networks))
                {
                    courses
                        .entry(pair.networks)
                        .or_default()
                        .entry(pair.layers[0])
                        .or_default()
                        .push((pair.step, pair.value));
                }
                for (networks_of, mut by_layer) in courses {
                    by_layer.values_mut().for_each(|course| course.sort_by_key(|c| c.0));
                    let none = Vec::new();
                    let one = |l: &usize| at.pick(by_layer.get(l).unwrap_or(&none), &steps, networks, networks_of[0]);
                    let values = match &layer {
                        Place::Number(l) => one(l),
                        Place::All => layers.iter().flat_map(one).collect(),
                        Place::None | Place::Last => by_layer.keys().last().map(one).unwrap_or_default(),
                    };
                    let seeds = networks_of.map(|n| networks.seeds[n]);
                    samples.push(Sample {
                        networks: networks_of,
                        seeds,
                        group: group_of[networks_of[0]],
                        kept: true,
                        values,
                    });
                }
            }
        }
        let (inner, places): (Vec<String>, Vec<f64>) = match (&layer, &at) {
            (Place::All, _) => layers.iter().map(|l| (format!("layer {l}"), *l as f64)).unzip(),
            (_, At::All) => steps.iter().map(|s| (format!("step {s}"), f64::from(*s))).unzip(),
            _ => (vec![String::new()], vec![f64::NAN]),
        };
        let (groups, many) = (labels.len(), inner.len());
        let named = |group: &String, inner: &String| {
            [group.as_str(), inner].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(", ")
        };
        Ok(Found {
            title: String::new(),
            places: labels
                .iter()
                .flat_map(|g| places.iter().map(move |p| if p.is_nan() { g.parse().unwrap_or(f64::NAN) } else { *p }))
                .collect(),
            labels: labels.iter().flat_map(|g| inner.iter().map(move |i| named(g, i))).collect(),
            samples,
            groups,
            inner: many,
            sweep: of.sweep.clone(),
            reduce: of.reduce.unwrap_or_default(),
            digits: of.digits,
        })
    }
}

/// Names as they are for one network, or pair of them.
struct OfNetwork<'a> {
    networks: [usize; 2],
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
        let own = found.samples.iter().find(|s| s.networks == self.networks);
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

/// Which layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    None,
    Number(usize),
    Last,
    All,
}

impl Place {
    fn read(of: Option<&toml::Value>) -> Result<Self, String> {
        let wrong = |got: &toml::Value| Err(format!("layer: expected a number from 0, `last` or `all`, got {got}"));
        match of {
            None => Ok(Self::None),
            Some(toml::Value::Integer(n)) => {
                usize::try_from(*n).map(Self::Number).or_else(|_| wrong(&toml::Value::Integer(*n)))
            }
            Some(toml::Value::String(text)) if text.is_empty() => Ok(Self::None),
            Some(toml::Value::String(text)) if text == "last" => Ok(Self::Last),
            Some(toml::Value::String(text)) if text == "all" => Ok(Self::All),
            Some(other) => wrong(other),
        }
    }
}

/// Which step.
#[derive(Clone, Debug, PartialEq)]
enum At {
    Start,
    End,
    All,
    Step(u32),
    /// The first step at which a metric is at least, or at most, a number.
    When(String, bool, f64),
}

impl At {
    fn read(of: Option<&toml::Value>, networks: &Networks) -> Result<Self, String> {
        let text = match of {
            None => return Ok(Self::End),
            Some(toml::Value::Integer(n)) => {
                return u32::try_from(*n).map(Self::Step).map_err(|_| format!("at: no step is {n}"));
            }
            Some(toml::Value::String(text)) => text.as_str(),
            Some(other) => {
                return Err(format!(
                    "at: expected a step, `start`, `end`, `all` or `when METRIC >= NUMBER`, got {other}"
                ));
            }
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["start"] => Ok(Self::Start),
            ["end"] => Ok(Self::End),
            ["all"] => Ok(Self::All),
            ["when", metric, sign @ (">=" | "<="), bound] => {
                let bound = bound.parse().map_err(|_| format!("at: `{bound}` is no number"))?;
                if networks.curve(metric, None).is_none() {
                    return Err(format!("at: {}", networks.missing(metric)));
                }
                Ok(Self::When(metric.to_owned(), sign == ">=", bound))
            }
            _ => Err(format!("at: expected a step, `start`, `end`, `all` or `when METRIC >= NUMBER`, got \"{text}\"")),
        }
    }

    /// Its value of a course, or its values at all steps.
    fn pick(&self, course: &[(u32, f64)], steps: &[u32], networks: &Networks, network: usize) -> Vec<f64> {
        let at = |step: u32| course.iter().find(|c| c.0 == step).map_or(f64::NAN, |c| c.1);
        if networks.diverged[network] {
            return vec![f64::NAN; if *self == Self::All { steps.len() } else { 1 }];
        }
        match self {
            Self::All => steps.iter().map(|s| at(*s)).collect(),
            Self::Step(step) => vec![at(*step)],
            Self::Start => vec![course.iter().map(|c| c.1).find(|v| !v.is_nan()).unwrap_or(f64::NAN)],
            Self::End => vec![course.iter().rev().map(|c| c.1).find(|v| !v.is_nan()).unwrap_or(f64::NAN)],
            Self::When(metric, least, bound) => {
                let reached = |v: f64| if *least { v >= *bound } else { v <= *bound };
                let curve = networks.curve(metric, None);
                let first = curve.and_then(|c| c.steps.iter().zip(&c.values).find(|(_, row)| reached(row[network])));
                vec![first.map_or(f64::NAN, |(step, _)| at(*step))]
            }
        }
    }
}

/// The value of a setting as a label.
fn label(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(all) => all.iter().map(label).collect::<Vec<_>>().join("-"),
        Json::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |x| x.to_string()),
        other => other.to_string(),
    }
}

/// The networks with some values of settings, ascending.
fn chosen(networks: &Networks, wanted: &BTreeMap<String, toml::Value>) -> Result<Vec<usize>, String> {
    let mut all: Vec<usize> = (0..networks.seeds.len()).collect();
    for (key, value) in wanted {
        let json = serde_json::to_value(value).unwrap_or_default();
        // A list is of values, but where the setting's own values are lists.
        let values = match &json {
            Json::Array(values)
                if !networks
                    .settings
                    .iter()
                    .any(|s| s.get(key).is_some_and(Json::is_array) && !values.iter().any(Json::is_array)) =>
            {
                values.clone()
            }
            one => vec![one.clone()],
        };
        let labels: Vec<String> = values.iter().map(label).collect();
        all.retain(|&n| networks.settings[n].get(key).is_some_and(|own| labels.contains(&label(own))));
        if all.is_empty() {
            return Err(format!("where: no network has {key} = {value}; {}", settings_of(networks)));
        }
    }
    Ok(all)
}

/// The settings that networks differ in, in words.
fn settings_of(networks: &Networks) -> String {
    let mut seen: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (key, value) in networks.settings.iter().flatten() {
        let values = seen.entry(key).or_default();
        if !values.contains(&label(value)) {
            values.push(label(value));
        }
    }
    if seen.is_empty() {
        return "this sweep's networks differ in their seed alone".into();
    }
    let each: Vec<String> = seen.iter().map(|(key, values)| format!("{key} ({})", values.join(", "))).collect();
    format!("networks differ in {}", each.join(" and "))
}

/// Labels of the values of a setting, and the place of each network's.
fn groups(networks: &Networks, by: Option<&str>, chosen: &[usize]) -> Result<(Vec<String>, Vec<usize>), String> {
    let mut of = vec![0; networks.seeds.len()];
    let Some(by) = by.filter(|by| !by.is_empty()) else { return Ok((vec![String::new()], of)) };
    let mut labels: Vec<String> = Vec::new();
    for &network in chosen {
        let Some(value) = networks.settings[network].get(by) else {
            return Err(format!("by: not all networks have a value of {by}; {}", settings_of(networks)));
        };
        let own = label(value);
        of[network] = labels.iter().position(|other| *other == own).unwrap_or_else(|| {
            labels.push(own);
            labels.len() - 1
        });
    }
    Ok((labels, of))
}
