//! Figures of quantities: curves over layers, steps or a setting, maps over two of these, and one quantity against another, network
//! by network.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;

use super::evaluate::{deviation, number};
use super::expression::parse;
use super::found::{Found, Sample, Side};
use super::verdict::OverNetworks;
use crate::report::paper::{
    Axis, Curves, Dot, Figure, Group, Map, MapPanel, Panel, Rule, Scatter, ScatterPanel, Series, Setting, Spacing,
};

/// A figure as a file says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FigureText {
    /// The name of its file, without an ending.
    pub name: String,
    /// What stands above it.
    pub heading: String,
    /// What it shows, for those who cannot see it; by default its heading.
    #[serde(default)]
    label: String,
    /// What stands under it, with quantities in braces as in claims.
    #[serde(default)]
    pub caption: String,
    /// Panels beside each other; by default by their number.
    #[serde(default)]
    columns: usize,
    /// A place along the horizontal axes of all panels that matters, an expression, and what it is.
    rule: Option<(String, String)>,
    /// Its panels.
    panel: Vec<PanelText>,
}

/// A panel: curves, points, or a map.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PanelText {
    title: String,
    /// The names of its axes.
    x: String,
    y: String,
    /// What the horizontal axis has in units of, such as the steps of an epoch: a number or a constant.
    per: Option<String>,
    /// Whether the horizontal axis is logarithmic, both of points; and whether the vertical one of curves is.
    log: bool,
    log_y: bool,
    /// The ends of the vertical axis, or of the colours.
    within: Option<[f64; 2]>,
    /// Quantities over the places of their lists: measured, and in dashes what theory has in the colours of the same places.
    curves: Vec<String>,
    dashed: Vec<String>,
    /// Whether each entry of what its lists are over first, such as a variant, has a panel of its own.
    split: bool,
    /// Groups of points: a name and two quantities, one point a network; where they are lists, one an entry, with bars.
    points: Vec<[String; 3]>,
    /// A map: a quantity that is a list over two things, the first of them upwards, the other to the right.
    cells: Option<String>,
    /// What its colours are of.
    colours: String,
    /// Whether values are written into its cells.
    numbers: bool,
    /// Values that matter, with what they are: of the vertical axis, of the horizontal one.
    rules: Vec<(f64, String)>,
    upright: Vec<(f64, String)>,
}

impl FigureText {
    /// The names of quantities and constants in it.
    ///
    /// # Errors
    /// A sentence if an expression in it cannot be read.
    pub fn names(&self) -> Result<Vec<String>, String> {
        let mut all = Vec::new();
        for panel in &self.panel {
            all.extend(panel.points.iter().flat_map(|[_, x, y]| [x.clone(), y.clone()]));
            all.extend(panel.curves.iter().chain(&panel.dashed).chain(&panel.cells).cloned());
            all.extend(panel.per.clone().filter(|per| per.parse::<f64>().is_err()));
        }
        if let Some((at, _)) = &self.rule {
            all.extend(parse(at)?.names().into_iter().map(str::to_owned));
        }
        Ok(all)
    }

    /// Draws it of quantities that were found.
    ///
    /// # Errors
    /// A sentence if a name is no quantity.
    pub fn drawn(&self, caption: String, names: &OverNetworks<'_>) -> Result<Figure, String> {
        let (book, constants) = (names.book, names.constants);
        let of = |name: &String| {
            book.get(name).ok_or_else(|| format!("figure `{}`: there is no quantity `{name}`", self.name))
        };
        let label = if self.label.is_empty() { self.heading.clone() } else { self.label.clone() };
        if self.panel.iter().any(|panel| panel.cells.is_some()) {
            return self.map(label, caption, names);
        }
        if self.panel.iter().any(|panel| !panel.points.is_empty()) {
            let mut panels = Vec::new();
            for panel in &self.panel {
                let mut groups = Vec::new();
                for [name, x, y] in &panel.points {
                    groups.push(Group { name: with(name, constants), dots: dots(of(x)?, of(y)?) });
                }
                let spacing = if panel.log { Spacing::Log } else { Spacing::default() };
                let title = with(&panel.title, constants);
                panels.push(ScatterPanel { title, groups, spacing, ..ScatterPanel::default() });
            }
            let first = &self.panel[0];
            let scatter =
                Scatter { label, caption, columns: self.columns, x: first.x.clone(), y: first.y.clone(), panels };
            return Ok(scatter.draw());
        }
        let rule = match &self.rule {
            None => None,
            Some((at, what)) => {
                let at = number(&parse(at)?, names)?;
                at.first().filter(|at| at.is_finite()).map(|at| Rule::upright(*at, what))
            }
        };
        let mut panels = Vec::new();
        let curves: Vec<&Found> =
            self.panel.iter().flat_map(|panel| &panel.curves).map(of).collect::<Result<_, _>>()?;
        let many = curves.iter().any(|found| found.size() > 0 && found.values(0, None).len() > FEW);
        for panel in &self.panel {
            let per = panel.per.as_ref().map_or(Ok(1.0), |name| {
                name.parse()
                    .or_else(|_| constants.get(name).copied().ok_or_else(|| format!("per: `{name}` is no constant")))
            })?;
            let axis = |label: &str, log: bool| if log { Axis::log(label) } else { Axis::linear(label) };
            let y = axis(&panel.y, panel.log_y);
            let parts = match panel.curves.first().filter(|_| panel.split) {
                Some(first) => of(first)?.sides.first().map_or(&[][..], |side| &side.labels).iter().map(Some).collect(),
                None => vec![None],
            };
            for (part, label) in parts.iter().enumerate() {
                let of_part = |name: &String| {
                    let found = of(name)?;
                    let all = 0..found.size();
                    let own = found.size() / parts.len();
                    Ok::<_, String>(curve(
                        found,
                        if panel.split { part * own..(part + 1) * own } else { all },
                        per,
                        many,
                    ))
                };
                let mut series = Vec::new();
                for (colour, name) in panel.curves.iter().enumerate() {
                    series.push(of_part(name)?.in_colour(colour));
                }
                for (colour, name) in panel.dashed.iter().enumerate() {
                    let Series { quantity, x, y, .. } = of_part(name)?;
                    series.push(Series::dashed(quantity, x, y).in_colour(colour));
                }
                panels.push(Panel {
                    title: label.map_or_else(|| with(&panel.title, constants), |label| label.to_string()),
                    x: axis(&panel.x, panel.log),
                    y: if let Some([low, high]) = panel.within { y.clone().within(low, high) } else { y.clone() },
                    series,
                    rules: panel
                        .rules
                        .iter()
                        .map(|(at, what)| Rule::across(*at, what))
                        .chain(panel.upright.iter().map(|(at, what)| Rule::upright(*at, what)))
                        .chain(rule.clone())
                        .collect(),
                    ..Panel::default()
                });
            }
        }
        Ok(Curves {
            label,
            caption,
            columns: self.columns,
            shared_x: true,
            solid: "network".into(),
            dashed: "theory".into(),
            band: if many { "two standard errors" } else { "lowest to highest network" }.into(),
            panels,
            ..Curves::default()
        }
        .draw())
    }
}

impl FigureText {
    /// The figure as maps: all on one scale of colours where the first panel says its ends, else each on its own.
    fn map(&self, label: String, caption: String, names: &OverNetworks<'_>) -> Result<Figure, String> {
        let wrong = |why: String| format!("figure `{}`: {why}", self.name);
        let colours = |panel: &PanelText| {
            let axis = if panel.log { Axis::log(&panel.colours) } else { Axis::linear(&panel.colours) };
            panel.within.map_or_else(|| axis.clone(), |[low, high]| axis.clone().within(low, high))
        };
        let mut panels = Vec::new();
        for panel in &self.panel {
            let name = panel.cells.as_ref().ok_or_else(|| wrong("a map is of panels that all have `cells`".into()))?;
            let found = names.book.get(name).ok_or_else(|| wrong(format!("there is no quantity `{name}`")))?;
            let [y, x] = &found.sides[..] else {
                return Err(wrong(format!(
                    "cells: expected a list over two things (`by` two settings, or one and layers or steps), and `{name}` is over {}",
                    found.sides.len()
                )));
            };
            let mut map = MapPanel {
                title: with(&panel.title, names.constants),
                x: setting(&panel.x, x),
                y: setting(&panel.y, y),
                values: found.reduced(None),
                colours: Some(colours(panel)),
                numbers: panel.numbers,
                rules: Vec::new(),
            };
            let rules = panel.upright.iter().filter_map(|(at, what)| Some(Rule::upright(map.column_of(*at)?, what)));
            map.rules = rules.collect();
            panels.push(map);
        }
        let first = &self.panel[0];
        Ok(Map {
            label,
            caption,
            columns: self.columns,
            colours: colours(first),
            shared: first.within.is_some(),
            panels,
        }
        .draw())
    }
}

/// A side of a map.
fn setting(label: &str, side: &Side) -> Setting {
    let label = if label.is_empty() { side.name.clone() } else { label.to_owned() };
    let words = side.places.iter().any(|x| x.is_nan());
    let names = if words { side.labels.iter().map(|label| label.replace('_', " ")).collect() } else { Vec::new() };
    Setting { label, values: side.places.clone(), names }
}

/// A text with constants in the place of their names in braces.
pub fn with(text: &str, constants: &BTreeMap<String, f64>) -> String {
    let replaced =
        |text: String, (name, value): (&String, &f64)| text.replace(&format!("{{{name}}}"), &value.to_string());
    constants.iter().fold(text.to_owned(), replaced)
}

/// The most networks whose least and greatest say how far they lie apart: of more, one alone decides where a band ends.
const FEW: usize = 32;

/// What networks become over places of a list, with the least and the greatest of them, or of `many` two standard errors.
fn curve(found: &Found, entries: Range<usize>, per: f64, many: bool) -> Series {
    let reduced = found.reduced(None);
    let ends = |entry: usize| {
        let values = found.values(entry, None);
        if many {
            let error = deviation(&values) / (values.len() as f64).sqrt();
            return (reduced[entry] - 2.0 * error, reduced[entry] + 2.0 * error);
        }
        (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let (low, high) = entries.clone().map(ends).unzip();
    // Words have no place: they stand beside each other.
    let place = |(i, x): (usize, &f64)| if x.is_nan() { i as f64 } else { x / per };
    let x: Vec<f64> = found.places[entries.clone()].iter().enumerate().map(place).collect();
    let marked = x.len() <= 12;
    Series { marked, ..Series::solid(&found.title, x, reduced[entries].to_vec()).band(low, high) }
}

/// Of single numbers a point a network, of lists a point an entry.
fn dots(x: &Found, y: &Found) -> Vec<Dot> {
    if x.size() == 1 && y.size() == 1 {
        let other = |s: &Sample| y.samples.iter().find(|o| o.kept && o.networks == s.networks).map(|o| o.values[0]);
        return x.samples.iter().filter(|s| s.kept).filter_map(|s| Some(Dot::new(s.values[0], other(s)?))).collect();
    }
    let ends = |found: &Found, entry: usize| {
        let values = found.values(entry, None);
        (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let (a, b) = (x.reduced(None), y.reduced(None));
    let dot = |i: usize| {
        let (low, high) = ends(y, i);
        Dot { x_range: Some(ends(x, i)), ..Dot::new(a[i], b[i]).between(low, high).named(x.labels[i].clone()) }
    };
    (0..a.len().min(b.len())).map(dot).collect()
}
