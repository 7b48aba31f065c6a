//! Curves over a number: networks as solid lines with a band over seeds, theory as dashed lines, in small multiples.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::line::{inside, stretches, thinned};
use super::look::{distinct, index, look};
use super::note::note;
use super::place::{Point, Rect, Taken};
use super::plots::{Frame, Plot, Plots, Side};
use super::reference::{self, Reference};
use crate::report::axis::Scale;
use crate::report::canvas::{Pen, shortened};
use crate::report::figure::Figure;
use crate::report::legend::Entry;
use crate::report::palette::{self, DISTINCT, MUTED, Mark};
use crate::report::panel::{DASH, MARK};

/// Marks closer than this, in pixels, would cover the line.
const MARKS_APART: f64 = 30.0;
/// Up to so many points, every one gets its mark.
const ALL_MARKED: usize = 12;

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
    /// Values of the vertical axis that matter, such as a plateau: dotted lines across.
    pub across: Vec<Reference>,
    /// Values of the horizontal axis that matter, such as a critical gain: dotted upright lines.
    pub upright: Vec<Reference>,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stroke {
    /// A solid line: measured.
    #[default]
    Solid,
    /// A dashed line: predicted.
    Dashed,
    /// Marks without a line.
    Marks,
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

    /// The points with their bands.
    fn points(&self) -> impl Iterator<Item = (f64, f64, Option<(f64, f64)>)> {
        let ends = |i: usize| Some((*self.low.get(i)?, *self.high.get(i)?));
        let band = move |i| ends(i).filter(|(low, high)| low.is_finite() && high.is_finite());
        self.x.iter().zip(&self.y).enumerate().map(move |(i, (&x, &y))| (x, y, band(i)))
    }

    fn banded(&self) -> bool {
        self.stroke != Stroke::Marks && self.points().any(|(.., band)| band.is_some())
    }
}

impl Panel {
    fn x_values(&self) -> impl Iterator<Item = f64> {
        self.series.iter().flat_map(|series| &series.x).copied().chain(self.upright.iter().map(|line| line.at))
    }

    fn y_values(&self) -> impl Iterator<Item = f64> {
        let series = self.series.iter().flat_map(|series| {
            series.points().flat_map(|(_, y, band)| {
                let (low, high) = band.unwrap_or((y, y));
                [y, low, high]
            })
        });
        series.chain(self.across.iter().map(|line| line.at))
    }
}

/// How wide lines are, in pixels; a solid line is wider and paler where dashed ones are to be seen on it.
const WIDTHS: (f64, f64) = (1.9, 3.2);
/// How much of a pale line's colour is white.
const PALE: f64 = 0.45;

/// What stands for a quantity.
#[derive(Debug, Clone, Copy)]
struct Style {
    colour: RGBColor,
    mark: Option<Mark>,
}

impl Curves {
    /// Draws the figure.
    pub fn draw(&self) -> Figure {
        let names = distinct(self.panels.iter().flat_map(|panel| &panel.series).map(|series| series.quantity.as_str()));
        let plot = |panel| {
            let (x, y) = self.scales(panel);
            let side = |axis, scale| Side { label: axis, scale };
            Plot { title: &panel.title, note: &panel.note, x: side(&panel.x.label, x), y: side(&panel.y.label, y) }
        };
        let plots = Plots {
            label: &self.label,
            columns: self.columns,
            square: false,
            legend: self.legend(&names),
            plots: self.panels.iter().map(plot).collect(),
        };
        let svg = plots.draw(|pen, i, frame| self.content(pen, &self.panels[i], frame, &names));
        Figure { svg, caption: self.caption.clone() }
    }

    /// The scales of a panel's two axes.
    fn scales(&self, panel: &Panel) -> (Scale, Scale) {
        let panels = |shared| if shared { self.panels.as_slice() } else { std::slice::from_ref(panel) };
        let (x, y) = (panels(self.shared_x), panels(self.shared_y));
        // Lines reach from edge to edge; marks on an edge would be read badly.
        let few = |series: &Series| series.stroke == Stroke::Marks || series.x.len() <= ALL_MARKED;
        let margin = if x.iter().flat_map(|panel| &panel.series).any(few) { 0.03 } else { 0.0 };
        let x = panel.x.scale(x.iter().flat_map(Panel::x_values), margin);
        let fitted = panel.y.scale(y.iter().flat_map(Panel::y_values), 0.06);
        let labelled = y.iter().flat_map(|panel| &panel.across).filter(|line| !line.label.is_empty());
        let y = if panel.y.range.is_some() { fitted } else { labelled.fold(fitted, reference::with_room) };
        (x, y)
    }

    fn style(&self, names: &[&str], name: &str) -> Style {
        let series = || self.panels.iter().flat_map(|panel| &panel.series).filter(|series| series.quantity == name);
        let i = index(names, name);
        let chosen = series().find_map(|series| series.colour);
        if names.len() > DISTINCT && chosen.is_none() {
            return Style { colour: palette::colour(i, names.len()), mark: None };
        }
        let look = look(chosen.unwrap_or(i) % DISTINCT);
        Style { colour: look.colour, mark: Some(look.mark) }
    }

    /// Whether there are both solid and dashed lines.
    fn compares(&self) -> bool {
        let has = |stroke| self.panels.iter().flat_map(|panel| &panel.series).any(|series| series.stroke == stroke);
        has(Stroke::Solid) && has(Stroke::Dashed)
    }

    fn legend(&self, names: &[&str]) -> Vec<Entry> {
        let all = || self.panels.iter().flat_map(|panel| &panel.series);
        let uncoloured = all().all(|series| series.colour.is_none());
        let mut entries = Vec::new();
        if let ([first, .., last], true) = (names, names.len() > DISTINCT && uncoloured) {
            entries.push(Entry::Ramp { first: shortened(first, 32), last: shortened(last, 32) });
        } else {
            for name in names.iter().filter(|name| !name.is_empty()) {
                let of = || all().filter(|series| series.quantity == **name);
                let Style { colour, mark } = self.style(names, name);
                let mark = mark.filter(|_| of().any(|series| series.marked));
                let label = shortened(name, 60);
                entries.push(match mark {
                    Some(mark) if of().all(|series| series.stroke == Stroke::Marks) => {
                        Entry::Point { label, colour, mark, hollow: false }
                    }
                    _ => {
                        Entry::Line { label, colour, mark, dashed: of().all(|series| series.stroke == Stroke::Dashed) }
                    }
                });
            }
        }
        if self.compares() {
            for (label, colour, dashed) in [(&self.solid, paler(MUTED), false), (&self.dashed, MUTED, true)] {
                if !label.is_empty() {
                    entries.push(Entry::Line { label: label.clone(), colour, mark: None, dashed });
                }
            }
        }
        if !self.band.is_empty() && all().any(Series::banded) {
            entries.push(Entry::Band { label: self.band.clone() });
        }
        entries
    }

    fn content(&self, pen: &mut Pen<'_>, panel: &Panel, frame: Frame, names: &[&str]) {
        // Bands over bands make mud: the more there are, the thinner.
        let bands = panel.series.iter().filter(|series| series.banded()).count();
        let opacity = if bands > 3 { 0.12 } else { 0.2 };
        for series in panel.series.iter().filter(|series| series.banded()) {
            band(pen, series, frame, self.style(names, &series.quantity).colour, opacity);
        }
        for line in &panel.across {
            reference::across(pen, line, frame);
        }
        for line in &panel.upright {
            reference::upright(pen, line, frame);
        }
        let mut taken = Taken::default();
        let pale = self.compares();
        for (i, series) in panel.series.iter().enumerate() {
            let style = self.style(names, &series.quantity);
            let turn = MARKS_APART * i as f64 / panel.series.len() as f64;
            curve(pen, (series, style, pale), frame, turn, &mut taken);
        }
        reference::labels(pen, &panel.across, &panel.upright, frame, &mut taken);
        note(pen, &panel.note, frame, &taken);
    }
}

fn paler(RGBColor(r, g, b): RGBColor) -> RGBColor {
    let mix = |part: u8| (f64::from(part) * (1.0 - PALE) + 255.0 * PALE).round() as u8;
    RGBColor(mix(r), mix(g), mix(b))
}

fn band(pen: &mut Pen<'_>, series: &Series, frame: Frame, colour: RGBColor, opacity: f64) {
    let placed = series.points().map(|(x, y, band)| {
        let ((low, high), x) = (band?, frame.x.at(x)?);
        // Where the line is broken, so is its band.
        frame.y.at(y)?;
        Some((x, frame.y.clamped(low), frame.y.clamped(high)))
    });
    let placed =
        placed.map(|point| point.filter(|(x, ..)| (frame.rect.left - 0.5..=frame.rect.right + 0.5).contains(x)));
    for stretch in stretches(placed).into_iter().filter(|stretch| stretch.len() > 1) {
        let above: Vec<Point> = stretch.iter().map(|&(x, _, high)| (x, high)).collect();
        let below: Vec<Point> = stretch.iter().map(|&(x, low, _)| (x, low)).collect();
        let mut outline = thinned(&above);
        outline.extend(thinned(&below).into_iter().rev());
        pen.polygon(&outline, colour, opacity);
    }
}

fn curve(pen: &mut Pen<'_>, (series, style, pale): (&Series, Style, bool), frame: Frame, turn: f64, taken: &mut Taken) {
    let dashed = series.stroke == Stroke::Dashed;
    let placed = series.points().map(|(x, y, _)| Some((frame.x.at(x)?, frame.y.at(y)?)));
    for stretch in stretches(placed) {
        if series.stroke == Stroke::Marks || stretch.len() == 1 {
            continue;
        }
        for part in inside(&thinned(&stretch), frame.rect) {
            match (dashed, pale) {
                (true, _) => pen.line(&part, style.colour, WIDTHS.0, Some(DASH)),
                (false, true) => pen.line(&part, paler(style.colour), WIDTHS.1, None),
                (false, false) => pen.line(&part, style.colour, WIDTHS.0, None),
            }
            taken.line(&part);
        }
    }
    let held = |x, y| Some((frame.x.at(x)?, frame.y.at(y)?)).filter(|_| frame.x.holds(x) && frame.y.holds(y));
    let points: Vec<_> = series.points().map(|(x, y, band)| (held(x, y), band)).collect();
    // Lines take turns, so that the marks of lines that lie on each other can be told apart.
    let few = points.len() <= ALL_MARKED || series.stroke == Stroke::Marks;
    let mut free = if few { f64::NEG_INFINITY } else { frame.rect.left + turn };
    for (i, (point, band)) in points.iter().enumerate() {
        let Some((x, y)) = *point else { continue };
        // A lone point is no line: it needs a mark to be seen at all.
        let beside = |j: Option<usize>| j.and_then(|j| points.get(j)).is_some_and(|(point, _)| point.is_some());
        let lone = !beside(i.checked_sub(1)) && !beside(Some(i + 1));
        if !lone && (!series.marked || x < free) {
            continue;
        }
        if let (Stroke::Marks, Some((low, high))) = (series.stroke, band) {
            pen.line(&[(x, frame.y.clamped(*low)), (x, frame.y.clamped(*high))], style.colour, 1.2, None);
        }
        pen.mark(style.mark.unwrap_or(Mark::Circle), (x, y), MARK, style.colour, dashed);
        taken.rect(Rect::around((x, y), MARK + 1.0));
        free = if few { free } else { x + MARKS_APART };
    }
}
