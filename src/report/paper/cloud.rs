//! Clouds of points in the plane, such as projections of representations: conditions in rows, colourings in columns.

use crate::report::figure::palette::{Hue, Look, MUTED};
use crate::report::figure::{self, Axis, Colours, Entry, Facet, Figure, Frame, Mark, Size, ends, shortened};

/// Colours into which a continuous colouring is cut.
const STEPS: usize = 32;
/// How much of a panel its points fill.
const FILLED: f64 = 0.92;

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

/// A centre, and how far the points reach from it along both axes.
type Reach = ((f64, f64), (f64, f64));

impl Cloud {
    /// Describes the figure.
    pub fn draw(&self) -> Figure {
        let reaches: Vec<Reach> = self.conditions.iter().map(|c| reach(c.points.iter())).collect();
        let all = reach(self.conditions.iter().flat_map(|condition| &condition.points));
        // Flat clouds need no squares.
        let flatness = |&(_, (across, up)): &Reach| if across > 0.0 { up / across } else { 1.0 };
        let flattest = if self.shared { flatness(&all) } else { reaches.iter().map(flatness).fold(0.0, f64::max) };
        let flat = if flattest.is_finite() { flattest.clamp(0.5, 1.0) } else { 1.0 };
        let row = |(i, condition): (usize, &Condition)| {
            let reach = if self.shared { all } else { reaches[i] };
            (0..self.colourings.len()).map(|column| self.facet(i == 0, column, condition, reach, flat)).collect()
        };
        Figure {
            label: self.label.clone(),
            caption: self.caption.clone(),
            size: Size::Flat(flat),
            names: self.conditions.iter().map(|condition| condition.name.clone()).collect(),
            rows: self.conditions.iter().enumerate().map(row).collect(),
            ..Figure::default()
        }
    }

    fn facet(&self, first: bool, column: usize, condition: &Condition, reach: Reach, flat: f64) -> Facet {
        let values = condition.values.get(column).map_or(&[][..], Vec::as_slice);
        let mut facet = Facet { frame: Frame::Box, ..Facet::default() };
        (facet.x, facet.y) = filled(reach, flat);
        let (mut looks, kinds): (Vec<Look>, Vec<Option<usize>>) = match &self.colourings[column] {
            Colouring::Continuous(axis) => {
                let all = self.conditions.iter().filter_map(|condition| condition.values.get(column)).flatten();
                let mut colours = Colours::of(axis, all.copied(), Hue::Ramp);
                let step = |t: f64| (t * (STEPS - 1) as f64).round() as usize;
                let kinds = values.iter().map(|&v| colours.share(v).filter(|_| v.is_finite()).map(step)).collect();
                let look = |i| Look { colour: Hue::Ramp.at(i as f64 / (STEPS - 1) as f64), ..Look::default() };
                if first {
                    facet.title = std::mem::take(&mut colours.label);
                    facet.colours = Some(colours);
                }
                ((0..STEPS).map(look).collect(), kinds)
            }
            Colouring::Categories { label, names } => {
                let looks: Vec<Look> = (0..names.len()).map(|i| Look { hollow: false, ..Look::of(i) }).collect();
                if first {
                    facet.title.clone_from(label);
                    let entry = |(name, &look): (&String, &Look)| Entry::Point { label: shortened(name, 24), look };
                    facet.legend = names.iter().zip(&looks).map(entry).collect();
                }
                let kind = |value: &f64| (0..names.len()).find(|&i| *value == i as f64);
                (looks, values.iter().map(kind).collect())
            }
        };
        // Points without a value.
        looks.push(Look { colour: MUTED, ..Look::default() });
        let other = looks.len() - 1;
        let kinds = (0..condition.points.len()).map(|i| kinds.get(i).copied().flatten().unwrap_or(other)).collect();
        facet.marks = vec![Mark::Cloud(figure::Cloud { points: condition.points.clone(), kinds, looks })];
        facet
    }
}

fn reach<'a>(points: impl Iterator<Item = &'a (f64, f64)>) -> Reach {
    let points: Vec<_> = points.filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let along = |of: fn(&(f64, f64)) -> f64| match ends(points.iter().map(|point| of(point))) {
        (low, high) if low > high => (0.0, 0.0),
        (low, high) => (low / 2.0 + high / 2.0, high / 2.0 - low / 2.0),
    };
    let (x, y) = (along(|point| point.0), along(|point| point.1));
    ((x.0, y.0), (x.1, y.1))
}

/// Axes of one unit that points fill in a panel so high, in units of its width.
fn filled(((x, y), (across, up)): Reach, flat: f64) -> (Axis, Axis) {
    let half = across.max(up / flat) / FILLED;
    let half = if half > 0.0 && half.is_finite() { half } else { 1.0 };
    (Axis::linear("").within(x - half, x + half), Axis::linear("").within(y - half * flat, y + half * flat))
}
