//! Predicted against measured: points with error bars around the line on which the two are equal.

use super::axis::{Axis, Spacing};
use super::look::{distinct, index, look};
use super::note::note;
use super::place::{Point, Rect, Taken};
use super::plots::{Frame, Plot, Plots, Side};
use super::text::{NOTES, room};
use crate::report::axis::Scale;
use crate::report::canvas::{Font, Pen, shortened};
use crate::report::figure::Figure;
use crate::report::legend::Entry;
use crate::report::numbers::counted;
use crate::report::palette::{INK, MUTED};
use crate::report::panel::DASH;
use plotters::style::text_anchor::{HPos, VPos};

const RADIUS: f64 = 4.0;
const FONT: Font = Font { size: 10.5, ..NOTES };
/// How far labels lie from their points, nearest first, in pixels; far ones get a leader.
const RINGS: [f64; 3] = [7.0, 17.0, 30.0];

/// A figure of points around the line of equality.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scatter {
    /// What the figure shows, for those who cannot see it.
    pub label: String,
    /// What stands under it; says over how many seeds.
    pub caption: String,
    /// Panels beside each other; 0 chooses by their number.
    pub columns: usize,
    /// The name of the horizontal axis, with the unit: `predicted squared distance`.
    pub x: String,
    /// The name of the vertical axis, with the unit: `measured squared distance`.
    pub y: String,
    /// The panels, row by row.
    pub panels: Vec<ScatterPanel>,
}

/// A panel of points. Both of its axes have one scale, fitted to all of its points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScatterPanel {
    /// What it shows; may be empty.
    pub title: String,
    /// A remark: beside the title where one line fits there, else where it covers least. May be empty.
    pub note: String,
    /// How values are laid along both axes.
    pub spacing: Spacing,
    /// The points by group.
    pub groups: Vec<Group>,
}

/// Points that belong together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Its name; groups of one name look the same in all panels and share one entry of the legend.
    pub name: String,
    /// Its points.
    pub dots: Vec<Dot>,
}

/// A point, in the units of the axes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dot {
    /// What was predicted.
    pub x: f64,
    /// What was measured: the median, where there are several seeds.
    pub y: f64,
    /// The spread of the prediction, low and high, where it has one.
    pub x_range: Option<(f64, f64)>,
    /// The spread of the measured value, low and high.
    pub y_range: Option<(f64, f64)>,
    /// A short name beside the point; may be empty.
    pub label: String,
}

impl Dot {
    /// A point.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, ..Self::default() }
    }

    /// The same with the spread of the measured value.
    #[must_use]
    pub fn between(mut self, low: f64, high: f64) -> Self {
        self.y_range = Some((low, high));
        self
    }

    /// The same with a name.
    #[must_use]
    pub fn named(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let ends = |range: Option<(f64, f64)>| range.into_iter().flat_map(|(low, high)| [low, high]);
        [self.x, self.y].into_iter().chain(ends(self.x_range)).chain(ends(self.y_range))
    }
}

impl ScatterPanel {
    fn dots(&self) -> impl Iterator<Item = &Dot> {
        self.groups.iter().flat_map(|group| &group.dots)
    }

    fn scale(&self) -> Scale {
        let axis = Axis { spacing: self.spacing, ..Axis::default() };
        axis.scale(self.dots().filter(|dot| self.shows(dot)).flat_map(Dot::values), 0.06)
    }

    /// Whether a point has a place on these axes.
    fn shows(&self, dot: &Dot) -> bool {
        let shown = |value: f64| value.is_finite() && (self.spacing != Spacing::Log || value > 0.0);
        shown(dot.x) && shown(dot.y)
    }

    /// How many points have none.
    fn lost(&self) -> usize {
        self.dots().filter(|dot| !self.shows(dot)).count()
    }
}

impl Scatter {
    /// Draws the figure. Its caption also says what could not be shown.
    pub fn draw(&self) -> Figure {
        let groups = || self.panels.iter().flat_map(|panel| &panel.groups);
        let names = distinct(groups().map(|group| group.name.as_str()));
        let entry = |(i, name): (usize, &&str)| {
            let look = look(i);
            Entry::Point { label: shortened(name, 44), colour: look.colour, mark: look.mark, hollow: look.hollow }
        };
        let mut legend: Vec<Entry> = names.iter().enumerate().filter(|(_, name)| !name.is_empty()).map(entry).collect();
        legend.push(Entry::Line { label: "equal".to_owned(), colour: MUTED, mark: None, dashed: true });
        let plots = Plots {
            label: &self.label,
            columns: self.columns,
            square: true,
            legend,
            plots: self.panels.iter().map(|panel| self.plot(panel)).collect(),
        };
        let mut unnamed = 0;
        let svg = plots.draw(|pen, i, frame| unnamed += content(pen, &self.panels[i], frame, &names));
        Figure { svg, caption: self.caption(unnamed) }
    }

    fn plot<'a>(&'a self, panel: &'a ScatterPanel) -> Plot<'a> {
        let scale = panel.scale();
        Plot {
            title: &panel.title,
            note: &panel.note,
            x: Side { label: &self.x, scale },
            y: Side { label: &self.y, scale },
        }
    }

    fn caption(&self, unnamed: usize) -> String {
        let mut caption = self.caption.clone();
        let mut add = |sentence: String| {
            if !caption.is_empty() {
                caption.push(' ');
            }
            caption.push_str(&sentence);
        };
        let lost: usize = self.panels.iter().map(ScatterPanel::lost).sum();
        if lost > 0 {
            let have = if lost == 1 { "has" } else { "have" };
            add(format!("{} {have} no place on these axes (not finite, or not positive).", counted(lost, "point")));
        }
        if unnamed > 0 {
            add(format!(
                "{} without room {} left out.",
                counted(unnamed, "name"),
                if unnamed == 1 { "is" } else { "are" }
            ));
        }
        caption
    }
}

/// Draws the points, and returns how many names found no room.
fn content(pen: &mut Pen<'_>, panel: &ScatterPanel, frame: Frame, names: &[&str]) -> usize {
    let Rect { left, right, top, bottom } = frame.rect;
    let mut taken = Taken::default();
    let equal = [(left, bottom), (right, top)];
    pen.line(&equal, MUTED, 1.5, Some(DASH));
    taken.line(&equal);
    let mut named: Vec<(Point, &str)> = Vec::new();
    for group in &panel.groups {
        let look = look(index(names, &group.name));
        for dot in &group.dots {
            let (Some(x), Some(y)) = (frame.x.at(dot.x), frame.y.at(dot.y)) else { continue };
            if let Some((low, high)) = finite(dot.y_range) {
                let (low, high) = (frame.y.clamped(low), frame.y.clamped(high));
                for bar in [[(x, low), (x, high)], [(x - 2.5, low), (x + 2.5, low)], [(x - 2.5, high), (x + 2.5, high)]]
                {
                    pen.line(&bar, look.colour, 1.1, None);
                }
                taken.line(&[(x, low), (x, high)]);
            }
            if let Some((low, high)) = finite(dot.x_range) {
                let (low, high) = (frame.x.clamped(low), frame.x.clamped(high));
                pen.line(&[(low, y), (high, y)], look.colour, 1.1, None);
                taken.line(&[(low, y), (high, y)]);
            }
            pen.mark(look.mark, (x, y), RADIUS, look.colour, look.hollow);
            taken.rect(Rect::around((x, y), RADIUS + 1.0));
            if !dot.label.is_empty() {
                named.push(((x, y), &dot.label));
            }
        }
    }
    let unnamed = named.iter().filter(|(at, label)| !name(pen, label, *at, frame.rect, &mut taken)).count();
    note(pen, &panel.note, frame, &taken);
    unnamed
}

fn finite(range: Option<(f64, f64)>) -> Option<(f64, f64)> {
    range.filter(|(low, high)| low.is_finite() && high.is_finite())
}

/// Writes a point's name beside it, if there is room.
fn name(pen: &mut Pen<'_>, label: &str, (x, y): Point, within: Rect, taken: &mut Taken) -> bool {
    /// More than this would cover another name or a mark.
    const MOST: f64 = 8.0;
    let text = shortened(label, 24);
    let (width, height) = room(&text, FONT);
    // Right, left, above, below, then the four corners.
    const SIDES: [(f64, f64); 8] =
        [(1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (0.8, -0.8), (0.8, 0.8), (-0.8, -0.8), (-0.8, 0.8)];
    let places = RINGS.iter().flat_map(|ring| {
        SIDES.iter().map(move |(across, down)| {
            let (at_x, at_y) = (x + across * ring, y + down * ring);
            let left = if *across == 0.0 {
                at_x - width / 2.0
            } else if *across > 0.0 {
                at_x
            } else {
                at_x - width
            };
            let top = if *down == 0.0 {
                at_y - height / 2.0
            } else if *down > 0.0 {
                at_y
            } else {
                at_y - height
            };
            Rect::sized(left, top, width, height)
        })
    });
    let Some((place, covered)) = taken.freest(places, within) else { return false };
    if covered > MOST {
        return false;
    }
    let nearest = (x.clamp(place.left, place.right), y.clamp(place.top, place.bottom));
    if (nearest.0 - x).hypot(nearest.1 - y) > RINGS[0] + 3.0 {
        pen.line(&[(x, y), nearest], MUTED, 0.7, None);
        taken.line(&[(x, y), nearest]);
    }
    let font = Font { colour: INK, ..FONT };
    let middle = (place.top + place.bottom) / 2.0;
    if place.right <= x {
        pen.text(&text, (place.right, middle), font, HPos::Right, VPos::Center);
    } else {
        pen.text(&text, (place.left, middle), font, HPos::Left, VPos::Center);
    }
    taken.rect(place);
    true
}
