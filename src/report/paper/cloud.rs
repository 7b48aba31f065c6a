//! Clouds of points in the plane, such as projections of representations: conditions in rows, colourings in columns.

use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::colours::{ramp, ramp_colour};
use super::look::look;
use super::place::{Point, Rect};
use super::text::{LABELS, NOTES, TITLES, fitting};
use crate::report::axis::Scale;
use crate::report::canvas::{self, Font, Pen, shortened, text_width};
use crate::report::figure::Figure;
use crate::report::palette::{MUTED, Mark};
use crate::report::panel::WIDTH;

const APART: f64 = 16.0;
const TITLE: f64 = 28.0;
/// Room for the name of a row.
const NAME: f64 = 26.0;
/// Heights of the parts of a column's head, in pixels: its title, a ramp, a line of categories.
const HEAD: (f64, f64, f64) = (24.0, 36.0, 17.0);
/// The largest side of a panel, in pixels.
const SIDE: f64 = 300.0;
/// Colours into which a continuous colouring is cut.
const STEPS: usize = 32;
/// Points are drawn in so many turns through all colours, so that none lies over all others.
const TURNS: usize = 4;

/// A figure of points in the plane.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cloud {
    /// What the figure shows, for those who cannot see it.
    pub label: String,
    /// What stands under it; says over how many seeds.
    pub caption: String,
    /// What points are coloured by: one column of panels each.
    pub colourings: Vec<Colouring>,
    /// The clouds: one row of panels each.
    pub conditions: Vec<Condition>,
    /// Whether all panels have the same scale; else each row fills its panels, and sizes must not be compared.
    pub shared: bool,
}

/// What points are coloured by.
#[derive(Debug, Clone, PartialEq)]
pub enum Colouring {
    /// A number: from dark to light.
    Continuous(Axis),
    /// One of several categories: a colour and a mark each.
    Categories {
        /// What they are categories of.
        label: String,
        /// Their names.
        names: Vec<String>,
    },
}

/// A cloud.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Condition {
    /// What it is of; may be empty.
    pub name: String,
    /// Its points, in one unit along both axes. Points that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// For each colouring, the value of each point: the number, or the number of the category from 0. Points without a
    /// value are grey.
    pub values: Vec<Vec<f64>>,
}

impl Colouring {
    fn label(&self) -> &str {
        match self {
            Self::Continuous(axis) => &axis.label,
            Self::Categories { label, .. } => label,
        }
    }
}

/// The colours of one column.
enum Key<'a> {
    Ramp(Scale),
    Names(&'a [String]),
}

impl Cloud {
    /// Draws the figure.
    pub fn draw(&self) -> Figure {
        let columns = self.colourings.len().max(1);
        let side = ((WIDTH - NAME) / columns as f64 - APART).min(SIDE);
        let keys: Vec<Key<'_>> = (0..self.colourings.len()).map(|column| self.key(column)).collect();
        let head = HEAD.0 + keys.iter().map(|key| key.height(side)).fold(0.0, f64::max);
        let named = if self.conditions.iter().any(|condition| !condition.name.is_empty()) { NAME } else { 2.0 };
        let width = (named + (side + APART) * columns as f64).max(320.0);
        let low = (side * self.flatness()).round();
        let height = head + (low + APART) * self.conditions.len() as f64;
        let all = || self.conditions.iter().flat_map(|condition| &condition.points).copied();
        let svg = canvas::draw(width, height.max(60.0), &self.label, |pen| {
            for (column, key) in keys.iter().enumerate() {
                let left = named + column as f64 * (side + APART);
                let title = shortened(self.colourings[column].label(), fitting(side, TITLES));
                pen.text(&title, (left, TITLE - 10.0), TITLES, HPos::Left, VPos::Bottom);
                key.draw(pen, (left, HEAD.0), side);
            }
            for (row, condition) in self.conditions.iter().enumerate() {
                let top = head + row as f64 * (low + APART);
                let at = (named / 2.0 - 2.0, top + low / 2.0);
                let name = shortened(&condition.name, fitting(low, LABELS));
                pen.text(&name, at, Font { upwards: true, ..LABELS }, HPos::Center, VPos::Center);
                let (centre, scale) = if self.shared {
                    fitted(all(), (side, low))
                } else {
                    fitted(condition.points.iter().copied(), (side, low))
                };
                for (column, key) in keys.iter().enumerate() {
                    let rect = Rect::sized(named + column as f64 * (side + APART), top, side, low);
                    let place = |(x, y): Point| {
                        let (x, y) = ((x - centre.0) * scale, (centre.1 - y) * scale);
                        ((rect.left + rect.right) / 2.0 + x, (rect.top + rect.bottom) / 2.0 + y)
                    };
                    let placed: Vec<Option<Point>> = condition
                        .points
                        .iter()
                        .map(|&(x, y)| (x.is_finite() && y.is_finite()).then(|| place((x, y))))
                        .collect();
                    key.points(pen, &placed, condition.values.get(column).map_or(&[], Vec::as_slice));
                    let Rect { left, right, top, bottom } = rect;
                    let frame = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
                    pen.line(&frame, MUTED, 0.8, None);
                }
            }
        });
        Figure { svg, caption: self.caption.clone() }
    }

    /// The height of panels in units of their width: flat clouds need no squares.
    fn flatness(&self) -> f64 {
        let flatness = |points: &mut dyn Iterator<Item = Point>| {
            let ((left, bottom), (right, top)) = ends(points);
            if right > left { (top - bottom) / (right - left) } else { 1.0 }
        };
        let flattest = if self.shared {
            flatness(&mut self.conditions.iter().flat_map(|condition| &condition.points).copied())
        } else {
            let each = self.conditions.iter().map(|condition| flatness(&mut condition.points.iter().copied()));
            each.fold(0.0, f64::max)
        };
        if flattest.is_finite() { flattest.clamp(0.5, 1.0) } else { 1.0 }
    }

    fn key(&self, column: usize) -> Key<'_> {
        match &self.colourings[column] {
            Colouring::Continuous(axis) => {
                let values = self.conditions.iter().filter_map(|condition| condition.values.get(column)).flatten();
                Key::Ramp(axis.scale(values.copied(), 0.0))
            }
            Colouring::Categories { names, .. } => Key::Names(names),
        }
    }
}

/// The lowest and the highest place of points along both axes.
fn ends(points: impl Iterator<Item = Point>) -> (Point, Point) {
    let nothing = ((f64::INFINITY, f64::INFINITY), (f64::NEG_INFINITY, f64::NEG_INFINITY));
    points
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .fold(nothing, |(low, high), (x, y)| ((low.0.min(x), low.1.min(y)), (high.0.max(x), high.1.max(y))))
}

/// The middle of points, and the pixels per unit with which they fill a panel.
fn fitted(points: impl Iterator<Item = Point>, (width, height): (f64, f64)) -> (Point, f64) {
    let (low, high) = ends(points);
    if low.0 > high.0 {
        return ((0.0, 0.0), 1.0);
    }
    let scale = |from: f64, to: f64, room: f64| if to > from { room * 0.92 / (to - from) } else { f64::INFINITY };
    let scale = scale(low.0, high.0, width).min(scale(low.1, high.1, height));
    let middle = (low.0 / 2.0 + high.0 / 2.0, low.1 / 2.0 + high.1 / 2.0);
    (middle, if scale.is_finite() { scale } else { 1.0 })
}

impl Key<'_> {
    fn height(&self, width: f64) -> f64 {
        match self {
            Self::Ramp(_) => HEAD.1,
            Self::Names(names) => arranged(names, width).last().map_or(0.0, |(_, (_, y))| y + HEAD.2 + 6.0),
        }
    }

    /// Draws what the colours mean.
    fn draw(&self, pen: &mut Pen<'_>, (left, top): Point, width: f64) {
        match self {
            Self::Ramp(scale) => ramp(pen, *scale, (left, top), width.min(200.0)),
            Self::Names(names) => {
                for (i, (name, (x, y))) in arranged(names, width).into_iter().enumerate() {
                    let (look, middle) = (look(i), top + y + HEAD.2 / 2.0);
                    pen.mark(look.mark, (left + x + 5.0, middle), 3.4, look.colour, false);
                    pen.text(&name, (left + x + 13.0, middle), NOTES, HPos::Left, VPos::Center);
                }
            }
        }
    }

    fn points(&self, pen: &mut Pen<'_>, placed: &[Option<Point>], values: &[f64]) {
        let radius = if placed.len() > 600 { 1.7 } else { 2.6 };
        let groups = match self {
            Self::Ramp(_) => STEPS,
            Self::Names(names) => names.len(),
        };
        let group = |value: f64| match self {
            Self::Ramp(scale) if value.is_finite() => Some((scale.place(value) * (STEPS - 1) as f64).round() as usize),
            Self::Names(names) => (0..names.len()).find(|&i| value == i as f64),
            Self::Ramp(_) => None,
        };
        let mut sorted: Vec<Vec<Vec<Point>>> = vec![vec![Vec::new(); groups + 1]; TURNS];
        for (i, point) in placed.iter().enumerate() {
            let Some(point) = point else { continue };
            let group = values.get(i).and_then(|value| group(*value)).unwrap_or(groups);
            sorted[i % TURNS][group].push(*point);
        }
        for turn in &sorted {
            for (i, points) in turn.iter().enumerate() {
                let (mark, colour) = self.look(i, groups);
                pen.marks(mark, points, radius, colour, 0.85);
            }
        }
    }

    fn look(&self, i: usize, groups: usize) -> (Mark, RGBColor) {
        match self {
            _ if i == groups => (Mark::Circle, MUTED),
            Self::Ramp(_) => (Mark::Circle, ramp_colour(i as f64 / (STEPS - 1) as f64)),
            Self::Names(_) => (look(i).mark, look(i).colour),
        }
    }
}

/// Where the names of categories go within a width.
fn arranged(names: &[String], width: f64) -> Vec<(String, Point)> {
    let (mut x, mut y) = (0.0, 0.0);
    let mut places = Vec::with_capacity(names.len());
    for name in names {
        let name = shortened(name, 24);
        let room = 13.0 + text_width(&name, NOTES.size);
        if x > 0.0 && x + room > width {
            (x, y) = (0.0, y + HEAD.2);
        }
        places.push((name, (x, y)));
        x += room + 12.0;
    }
    places
}
