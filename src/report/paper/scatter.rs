//! Predicted against measured: points with error bars around the line on which the two are equal.

use super::{distinct, index};
use crate::report::figure::palette::Look;
use crate::report::figure::{Axis, Dot, Dots, Entry, Facet, Figure, Frame, Mark, Size, Spacing};
use crate::report::numbers::counted;

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

impl ScatterPanel {
    /// Whether a point has a place on these axes.
    fn shows(&self, dot: &Dot) -> bool {
        let shown = |value: f64| value.is_finite() && (self.spacing != Spacing::Log || value > 0.0);
        shown(dot.x) && shown(dot.y)
    }
}

impl Scatter {
    /// Describes the figure. Its caption also says what cannot be shown.
    pub fn draw(&self) -> Figure {
        let groups = || self.panels.iter().flat_map(|panel| &panel.groups);
        let names = distinct(groups().map(|group| group.name.as_str()));
        let facets = self.panels.iter().map(|panel| self.facet(panel, &names)).collect();
        let rows = Figure::wrapped(facets, self.columns);
        let mut figure = Figure {
            label: self.label.clone(),
            size: Size::Square,
            legend: Entry::of(&rows),
            rows,
            ..Figure::default()
        };
        figure.caption = self.caption(figure.unnamed());
        figure
    }

    fn facet(&self, panel: &ScatterPanel, names: &[&str]) -> Facet {
        let dots = |group: &Group| {
            let shown = group.dots.iter().filter(|dot| panel.shows(dot)).cloned().collect();
            Mark::Dots(Dots { name: group.name.clone(), look: Look::of(index(names, &group.name)), dots: shown })
        };
        let axis = |label: &String| Axis { spacing: panel.spacing, ..Axis::linear(label) };
        Facet {
            title: panel.title.clone(),
            note: panel.note.clone(),
            x: axis(&self.x),
            y: axis(&self.y),
            frame: Frame::Grid,
            marks: std::iter::once(Mark::Equal).chain(panel.groups.iter().map(dots)).collect(),
            ..Facet::default()
        }
    }

    fn caption(&self, unnamed: usize) -> String {
        let lost = |panel: &ScatterPanel| {
            panel.groups.iter().flat_map(|group| &group.dots).filter(|dot| !panel.shows(dot)).count()
        };
        let mut sentences: Vec<String> = vec![self.caption.clone()];
        sentences.push(match self.panels.iter().map(lost).sum::<usize>() {
            0 => String::new(),
            lost => {
                let have = if lost == 1 { "has" } else { "have" };
                format!("{} {have} no place on these axes (not finite, or not positive).", counted(lost, "point"))
            }
        });
        sentences.push(match unnamed {
            0 => String::new(),
            _ => format!(
                "{} without room {} left out.",
                counted(unnamed, "name"),
                if unnamed == 1 { "is" } else { "are" }
            ),
        });
        sentences.retain(|sentence| !sentence.is_empty());
        sentences.join(" ")
    }
}
