//! Curves over a number: networks as solid lines with a band over seeds, theory as dashed lines, in small multiples.

use super::{distinct, index};
use crate::report::figure::palette::{self, DISTINCT, Look, MUTED, Shape, paler};
use crate::report::figure::{Axis, Entry, Facet, Figure, Line, Mark, PALE, Rgb, Rule, Stroke};

/// A figure of curves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curves {
    /// What the figure shows, for those who cannot see it.
    pub label: String,
    /// What stands under it; says over how many seeds.
    pub caption: String,
    /// Panels beside each other; 0 chooses by their number.
    pub columns: usize,
    /// Whether horizontal axes that are not given ends are fitted to all panels together.
    pub shared_x: bool,
    /// Whether vertical axes that are not given ends are fitted to all panels together.
    pub shared_y: bool,
    /// What solid lines are: `network, median`. The legend says so only where there are dashed ones too.
    pub solid: String,
    /// What dashed lines are: `theory`.
    pub dashed: String,
    /// What bands are: `lowest to highest of 5 seeds`.
    pub band: String,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
}

/// A panel of curves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Panel {
    /// What it shows; may be empty.
    pub title: String,
    /// A remark: beside the title where one line fits there, else where it covers least. May be empty.
    pub note: String,
    /// Its horizontal axis.
    pub x: Axis,
    /// Its vertical axis.
    pub y: Axis,
    /// Its curves.
    pub series: Vec<Series>,
    /// Values that matter, such as a plateau or a critical gain: dotted lines.
    pub rules: Vec<Rule>,
}

/// A curve: points `(x[i], y[i])`, in the units of the panel's axes. What is not finite, or not positive on a
/// logarithmic axis, breaks the line. Lists of different lengths are cut to the shortest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// The quantity that it shows; series of one name have one colour in the whole figure and one entry in its legend.
    pub quantity: String,
    /// Which colour of the palette the quantity has, where figures must agree on it; `None` counts.
    pub colour: Option<usize>,
    /// How it is drawn.
    pub stroke: Stroke,
    /// Whether its line carries marks, which tell quantities apart on grey paper.
    pub marked: bool,
    /// Places along the horizontal axis.
    pub x: Vec<f64>,
    /// Values: medians, where there are several seeds.
    pub y: Vec<f64>,
    /// The lower ends of the band; empty for none.
    pub low: Vec<f64>,
    /// The upper ends of the band; empty for none.
    pub high: Vec<f64>,
}

impl Series {
    /// A measured curve: solid and marked.
    pub fn solid(quantity: impl Into<String>, x: Vec<f64>, y: Vec<f64>) -> Self {
        Self { quantity: quantity.into(), marked: true, x, y, ..Self::default() }
    }

    /// A predicted curve: dashed.
    pub fn dashed(quantity: impl Into<String>, x: Vec<f64>, y: Vec<f64>) -> Self {
        Self { stroke: Stroke::Dashed, marked: false, ..Self::solid(quantity, x, y) }
    }

    /// Points without a line.
    pub fn marks(quantity: impl Into<String>, x: Vec<f64>, y: Vec<f64>) -> Self {
        Self { stroke: Stroke::Marks, ..Self::solid(quantity, x, y) }
    }

    /// The same with a band, or with error bars where there is no line.
    #[must_use]
    pub fn band(mut self, low: Vec<f64>, high: Vec<f64>) -> Self {
        (self.low, self.high) = (low, high);
        self
    }

    /// The same in a colour of the palette: 0 blue, 1 vermilion, 2 green, 3 purple, 4 orange, 5 light blue, 6 grey,
    /// 7 yellow.
    #[must_use]
    pub fn in_colour(mut self, colour: usize) -> Self {
        self.colour = Some(colour);
        self
    }
}

impl Curves {
    /// Describes the figure.
    pub fn draw(&self) -> Figure {
        let names = distinct(self.series().map(|series| series.quantity.as_str()));
        let rows = Figure::wrapped(self.panels.iter().map(|panel| self.facet(panel, &names)).collect(), self.columns);
        Figure {
            label: self.label.clone(),
            caption: self.caption.clone(),
            shared: (self.shared_x, self.shared_y),
            legend: self.legend(&rows),
            rows,
            ..Figure::default()
        }
    }

    fn series(&self) -> impl Iterator<Item = &Series> {
        self.panels.iter().flat_map(|panel| &panel.series)
    }

    fn facet(&self, panel: &Panel, names: &[&str]) -> Facet {
        let pale = self.compares();
        // Bands over bands make mud: the more there are, the thinner.
        let opacity = if panel.series.iter().filter(|series| !series.low.is_empty()).count() > 3 { 0.12 } else { 0.2 };
        let line = |series: &Series| {
            let (colour, shape) = self.style(names, &series.quantity);
            let Series { quantity, stroke, marked, x, y, low, high, .. } = series.clone();
            Mark::Line(Line {
                name: quantity,
                colour,
                shape: shape.filter(|_| marked),
                stroke,
                pale,
                opacity,
                x,
                y,
                low,
                high,
            })
        };
        let marks = panel.rules.iter().cloned().map(Mark::Rule).chain(panel.series.iter().map(line)).collect();
        let Panel { title, note, x, y, .. } = panel.clone();
        Facet { title, note, x, y, marks, ..Facet::default() }
    }

    fn style(&self, names: &[&str], name: &str) -> (Rgb, Option<Shape>) {
        let i = index(names, name);
        let chosen = self.series().filter(|series| series.quantity == name).find_map(|series| series.colour);
        if names.len() > DISTINCT && chosen.is_none() {
            return (palette::colour(i, names.len()), None);
        }
        let look = Look::of(chosen.unwrap_or(i) % DISTINCT);
        (look.colour, Some(look.shape))
    }

    /// Whether there are both solid and dashed lines.
    fn compares(&self) -> bool {
        let has = |stroke| self.series().any(|series| series.stroke == stroke);
        has(Stroke::Solid) && has(Stroke::Dashed)
    }

    fn legend(&self, rows: &[Vec<Facet>]) -> Vec<Entry> {
        let mut entries = Entry::of(rows);
        if self.compares() && !self.solid.is_empty() {
            let colour = paler(MUTED, PALE);
            entries.push(Entry::Line { label: self.solid.clone(), colour, shape: None, dashed: false });
        }
        if self.compares() && !self.dashed.is_empty() {
            entries.push(Entry::plain(&self.dashed, true));
        }
        if !self.band.is_empty() && self.series().any(|s| s.stroke != Stroke::Marks && !s.low.is_empty()) {
            entries.push(Entry::Band { label: self.band.clone() });
        }
        entries
    }
}
