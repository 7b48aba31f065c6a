//! Metrics of networks, and measures between them, as quantities: which layer, which step, which networks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::found::{Found, Sample, Side};
use super::networks::Networks;
use super::quantity::Quantity;
use crate::papers::{Curve, Pair};

/// A metric, or a measure between networks, of the networks of a sweep.
///
/// # Errors
/// A sentence that begins with the key at fault.
pub fn selected(networks: &Networks, metric: &str, of: &Quantity) -> Result<Found, String> {
    let at = At::read(of.at.as_ref(), networks)?;
    let layer = Place::read(of.layer.as_ref())?;
    let chosen = chosen(networks, &of.settings)?;
    let across = of.across.clone().map(toml::Value::String);
    if of.by.is_some() && (across.is_some() || !of.with.is_empty()) {
        return Err("by: of pairs of unlike networks a list is over a setting of both, `across`".into());
    }
    let (mut sides, group_of) = groups(networks, across.as_ref().or(of.by.as_ref()), &chosen)?;
    let layers = networks.layers(metric);
    let pairs = networks.pairs.get(metric);
    let others = Others { with: self::chosen(networks, &of.with)?, of };
    let starred = networks.starred(metric);
    let setting = networks.settings.iter().any(|own| own.get(metric).is_some_and(Json::is_number));
    let whole = networks.curve(metric, None).is_some() || metric == "step" || !starred.is_empty() || setting;
    if layers.is_empty() && !whole {
        return Err(format!("metric: {}", networks.missing(metric)));
    }
    if pairs.is_none() && (across.is_some() || !of.with.is_empty()) {
        return Err(format!("{}: is of measures between networks", if across.is_some() { "across" } else { "with" }));
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
    // Steps at which there is a value of any of these networks; of pairs, those of all layers.
    let steps: Vec<u32> = match pairs {
        Some(pairs) => pairs.iter().map(|pair| pair.step).collect::<BTreeSet<_>>().into_iter().collect(),
        None => {
            let of = || networks.curves.iter().filter(|c| metric == "step" || c.name == metric);
            let any = |row: &[f64]| chosen.iter().any(|&network| !row[network].is_nan());
            let seen = of().flat_map(|c| c.steps.iter().zip(&c.values).filter(|(_, row)| any(row)));
            let seen: BTreeSet<u32> = seen.map(|(step, _)| *step).collect();
            let all = || of().flat_map(|c| &c.steps).copied().collect();
            if seen.is_empty() { all() } else { seen }.into_iter().collect()
        }
    };
    let choice = Choice { networks, metric, at, layer, layers, steps, chosen, group_of };
    let samples = match (networks.pairs.get(metric), starred.is_empty()) {
        (_, false) => choice.of_stars(&starred),
        (None, _) => choice.of_networks(),
        (Some(pairs), _) => choice.of_pairs(pairs, &others, sides.last().map_or(1, |side| side.labels.len())),
    };
    let Choice { at, layer, layers, steps, .. } = &choice;
    let (inner, places): (Vec<String>, Vec<f64>) = match (layer, at) {
        _ if !starred.is_empty() => starred.iter().map(|(number, _)| (number.to_string(), *number)).unzip(),
        (Place::All, _) => layers.iter().map(|l| (format!("layer {l}"), *l as f64)).unzip(),
        (_, At::All) => steps.iter().map(|s| (format!("step {s}"), f64::from(*s))).unzip(),
        _ => (vec![String::new()], vec![f64::NAN]),
    };
    if across.is_some() {
        sides.extend(sides.clone());
    }
    let named = |group: &String, inner: &String| {
        [group.as_str(), inner].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(", ")
    };
    let crossed = |all: Vec<String>, side: &Side| {
        all.iter().flat_map(|before| side.labels.iter().map(|own| named(before, own))).collect()
    };
    let labels: Vec<String> = sides.iter().fold(vec![String::new()], crossed);
    let (groups, many) = (labels.len(), inner.len());
    let along = match (layer, at) {
        _ if !starred.is_empty() => Some("*"),
        (Place::All, _) => Some("layer"),
        (_, At::All) => Some("step"),
        _ => None,
    };
    sides.extend(along.map(|name| Side { name: name.to_owned(), labels: inner.clone(), places: places.clone() }));
    Ok(Found {
        title: String::new(),
        places: labels
            .iter()
            .flat_map(|g| places.iter().map(move |p| if p.is_nan() { g.parse().unwrap_or(f64::NAN) } else { *p }))
            .collect(),
        labels: labels.iter().flat_map(|g| inner.iter().map(move |i| named(g, i))).collect(),
        sides,
        samples,
        groups,
        inner: many,
        sweep: of.sweep.clone(),
        reduce: of.reduce.unwrap_or_default(),
        digits: of.digits,
    })
}

/// Of each hidden layer, values over steps.
type ByLayer = BTreeMap<usize, Vec<(u32, f64)>>;

/// What was asked of a metric.
struct Choice<'a> {
    networks: &'a Networks,
    metric: &'a str,
    at: At,
    layer: Place,
    /// Layers that it was observed of, and steps.
    layers: Vec<usize>,
    steps: Vec<u32>,
    chosen: Vec<usize>,
    group_of: Vec<usize>,
}

impl Choice<'_> {
    fn sample(&self, [a, b]: [usize; 2], values: Vec<f64>) -> Sample {
        let seeds = [a, b].map(|network| self.networks.seeds[network]);
        Sample { networks: [a, b], seeds, group: self.group_of[a], kept: true, values }
    }

    fn pick(&self, at: &At, course: &[(u32, f64)], network: usize) -> Vec<f64> {
        at.pick(course, &self.steps, self.networks, network)
    }

    /// Values of the names that a star stands for, in the end.
    fn of_stars(&self, starred: &[(f64, &Curve)]) -> Vec<Sample> {
        let of = |&network: &usize| {
            let end = |(_, curve): &(f64, &Curve)| self.pick(&At::End, &course(curve, network), network)[0];
            self.sample([network; 2], starred.iter().map(end).collect())
        };
        self.chosen.iter().map(of).collect()
    }

    fn of_networks(&self) -> Vec<Sample> {
        let of = |&network: &usize| {
            let curve = |layer| self.networks.curve(self.metric, layer);
            let observed = |layer: &&usize| {
                curve(Some(**layer)).is_some_and(|c| c.values.iter().any(|row| !row[network].is_nan()))
            };
            let last = self.layers.iter().rev().find(observed).copied();
            let one = |layer: Option<usize>| -> Vec<f64> {
                let own = match curve(layer) {
                    Some(curve) => course(curve, network),
                    None if self.metric == "step" => self.steps.iter().map(|s| (*s, f64::from(*s))).collect(),
                    None => {
                        let setting = self.networks.settings[network].get(self.metric).and_then(Json::as_f64);
                        setting.map(|value| (0, value)).into_iter().collect()
                    }
                };
                self.pick(&self.at, &own, network)
            };
            let values = match self.layer {
                Place::None => one(None),
                Place::Number(layer) => one(Some(layer)),
                Place::Last => one(last),
                Place::All => self.layers.iter().flat_map(|&layer| one(Some(layer))).collect(),
            };
            self.sample([network; 2], values)
        };
        self.chosen.iter().map(of).collect()
    }

    /// Pairs of networks that differ in their seed alone, or in this and in settings that the quantity names, each at one layer of both.
    /// Of `across`, which has so many values, each stands at both of its places.
    fn of_pairs(&self, pairs: &[Pair], others: &Others<'_>, values: usize) -> Vec<Sample> {
        let counted = |&[a, b]: &[usize; 2]| {
            let is_in = |of: &[usize], network: usize| of.binary_search(&network).is_ok();
            let there = match others.of.with.is_empty() {
                true => [a, b].iter().all(|n| is_in(&self.chosen, *n)),
                false => [[a, b], [b, a]].iter().any(|[a, b]| is_in(&self.chosen, *a) && is_in(&others.with, *b)),
            };
            let whole = [a, b].iter().all(|n| !self.networks.diverged[*n]);
            there
                && whole
                && a != b
                && others.match_but(&self.networks.settings[a], &self.networks.settings[b])
                && (self.networks.seeds[a] != self.networks.seeds[b] || !others.any())
        };
        let mut courses: BTreeMap<[usize; 2], ByLayer> = BTreeMap::new();
        for pair in pairs.iter().filter(|p| p.layers[0] == p.layers[1] && counted(&p.networks)) {
            let of = courses.entry(pair.networks).or_default().entry(pair.layers[0]).or_default();
            of.push((pair.step, pair.value));
        }
        let of = |(networks, mut by_layer): ([usize; 2], ByLayer)| {
            by_layer.values_mut().for_each(|course| course.sort_by_key(|c| c.0));
            let one =
                |layer: &usize| self.pick(&self.at, by_layer.get(layer).map_or(&[][..], Vec::as_slice), networks[0]);
            let values = match &self.layer {
                Place::Number(layer) => one(layer),
                Place::All => self.layers.iter().flat_map(one).collect(),
                Place::None | Place::Last => by_layer.keys().last().map(one).unwrap_or_default(),
            };
            self.sample(networks, values)
        };
        let all = courses.into_iter().map(of);
        if others.of.across.is_none() {
            return all.collect();
        }
        let twice = |sample: Sample| {
            let [a, b] = sample.networks.map(|network| self.group_of[network]);
            let places = [a * values + b, b * values + a];
            places.into_iter().take(if a == b { 1 } else { 2 }).map(move |group| Sample { group, ..sample.clone() })
        };
        all.flat_map(twice).collect()
    }
}

/// In what the networks of a pair may differ, beside their seed.
struct Others<'a> {
    of: &'a Quantity,
    /// Networks that the second may be.
    with: Vec<usize>,
}

impl Others<'_> {
    fn any(&self) -> bool {
        self.of.across.is_some() || !self.of.with.is_empty()
    }

    /// Whether all settings are the same but those.
    fn match_but(&self, a: &Map<String, Json>, b: &Map<String, Json>) -> bool {
        let free = |key: &String| self.of.with.contains_key(key) || self.of.across.as_ref() == Some(key);
        a.keys().chain(b.keys()).all(|key| free(key) || a.get(key) == b.get(key))
    }
}

/// The values of a network over the steps of a curve.
fn course(curve: &Curve, network: usize) -> Vec<(u32, f64)> {
    curve.steps.iter().zip(&curve.values).map(|(step, row)| (*step, row[network])).collect()
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

/// The values of some settings, and the place of each network in the list over their combinations.
fn groups(networks: &Networks, by: Option<&toml::Value>, chosen: &[usize]) -> Result<(Vec<Side>, Vec<usize>), String> {
    let wrong = |got: &toml::Value| format!("by: expected the name of a setting, or a list of such, got {got}");
    let keys: Vec<&str> = match by {
        None => Vec::new(),
        Some(toml::Value::String(one)) => Some(one.as_str()).into_iter().filter(|one| !one.is_empty()).collect(),
        Some(toml::Value::Array(all)) => {
            all.iter().map(|one| one.as_str().ok_or_else(|| wrong(one))).collect::<Result<_, _>>()?
        }
        Some(other) => return Err(wrong(other)),
    };
    let (mut sides, mut of) = (Vec::new(), vec![0; networks.seeds.len()]);
    for key in keys {
        let (mut labels, mut places) = (Vec::<String>::new(), Vec::new());
        for &network in chosen {
            let Some(value) = networks.settings[network].get(key) else {
                return Err(format!("by: not all networks have a value of {key}; {}", settings_of(networks)));
            };
            let own = label(value);
            places.push(labels.iter().position(|other| *other == own).unwrap_or(labels.len()));
            if places.last() == Some(&labels.len()) {
                labels.push(own);
            }
        }
        chosen.iter().zip(places).for_each(|(&network, place)| of[network] = of[network] * labels.len() + place);
        let numbers = labels.iter().map(|label| label.parse().unwrap_or(f64::NAN)).collect();
        sides.push(Side { name: key.to_owned(), labels, places: numbers });
    }
    Ok((sides, of))
}
