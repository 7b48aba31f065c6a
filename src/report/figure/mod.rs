//! One grammar of figures: facets with scales and marks, a legend and a bar of colours, described as data. A [`Figure`] is
//! drawn as SVG by a writer of our own, the same bytes for the same data, and is written as Vega-Lite too, for those who
//! want to change it.
//!
//! Sections of reports only describe. What a description leaves open (sizes, ticks, where texts have room) is decided
//! in `layout` and `draw`, once for all figures.
//!
//! ```
//! use isogram::report::figure::{Axis, Facet, Figure, Line, Mark};
//!
//! let (x, y) = ((1..=100).map(f64::from).collect(), (1..=100).map(|step| 1.0 / f64::from(step)).collect());
//! let line = Line { name: "loss".to_owned(), x, y, ..Line::default() };
//! let facet = Facet { x: Axis::log_from_zero("step"), y: Axis::log("loss"), marks: vec![Mark::Line(line)], ..Facet::default() };
//! let figure = Figure { label: "Loss over training".to_owned(), rows: vec![vec![facet]], ..Figure::default() };
//! assert!(figure.svg().contains(">step<"));
//! assert_eq!(figure.vega_lite()["description"], "Loss over training");
//! ```

mod cells;
mod colours;
mod draw;
mod layout;
mod legend;
mod line;
mod names;
pub mod palette;
mod place;
mod png;
mod scale;
mod svg;
#[cfg(test)]
mod tests;
mod text;
mod vega;

use std::path::Path;

use crate::error::{Error, Result};
use crate::files::write_atomic;
pub use cells::Cells;
pub use colours::Colours;
pub use legend::Entry;
pub use palette::Rgb;
use palette::{Look, Shape};
pub use scale::{Axis, Scale, Spacing, ends};
pub use text::{digits, shortened};

/// Lengths of dashes and gaps, in pixels.
const DASH: (f64, f64) = (6.0, 3.5);
/// The radius of points on lines, in pixels.
const RADIUS: f64 = 3.4;
/// How much of a pale line's colour is white.
pub const PALE: f64 = 0.45;

/// A figure.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figure {
    /// What it shows, for those who cannot see it.
    pub label: String,
    /// What stands above it in a file of its own; may be empty.
    pub title: String,
    /// What stands beneath it: what is shown, and over how many seeds.
    pub caption: String,
    /// How large its facets are.
    pub size: Size,
    /// Whether horizontal and whether vertical axes that are not given ends are fitted to all facets together.
    pub shared: (bool, bool),
    /// What colours, shapes and dashes mean.
    pub legend: Vec<Entry>,
    /// The colours of all cells, explained by one bar.
    pub colours: Option<Colours>,
    /// The names of the rows, at their left; may be empty.
    pub names: Vec<String>,
    /// The facets, row by row.
    pub rows: Vec<Vec<Facet>>,
}

/// How large facets are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Size {
    /// As wide as there is room for, and so high, in pixels; 0 chooses by the width.
    Wide(f64),
    /// As high as wide. Both axes have one scale, fitted to all values, and are read alike.
    Square,
    /// So high, in units of the width.
    Flat(f64),
    /// Square cells of at most such a size, which make matrices of a side between two others, in pixels.
    Cells(f64, (f64, f64)),
    /// Cells of a map: wider than high, as there is room.
    Map,
}

impl Default for Size {
    fn default() -> Self {
        Self::Wide(0.0)
    }
}

/// What stands around a facet's marks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Frame {
    /// Two axes with numbers, and grid lines across.
    #[default]
    Axes,
    /// The same with grid lines both ways.
    Grid,
    /// The names of rows and columns.
    Cells,
    /// An axis beneath.
    Beneath,
    /// A rectangle.
    Box,
    /// Nothing.
    Bare,
}

/// One panel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facet {
    /// What it shows; may be empty.
    pub title: String,
    /// A remark: beside the title where one line fits there, else where it covers least. May be empty.
    pub note: String,
    /// Its horizontal axis.
    pub x: Axis,
    /// Its vertical axis.
    pub y: Axis,
    /// What stands around its marks.
    pub frame: Frame,
    /// What it shows.
    pub marks: Vec<Mark>,
    /// What its points mean, above it.
    pub legend: Vec<Entry>,
    /// The colours that a bar of its own explains.
    pub colours: Option<Colours>,
    /// Its width in pixels, where that is not of the figure's [`Size`]; it is as high as what stands beside it.
    pub width: Option<f64>,
}

/// What a facet shows, in the units of its axes.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// A line with its band and its points.
    Line(Line),
    /// Points with error bars and names.
    Dots(Dots),
    /// Many small points.
    Cloud(Cloud),
    /// A grid of coloured cells that fills the facet.
    Cells(Cells),
    /// A dotted line at a value that matters.
    Rule(Rule),
    /// Straight strokes, each from a point to another, so wide in pixels.
    Segments(Vec<[(f64, f64); 2]>, f64),
    /// The line on which both axes have the same value.
    Equal,
    /// A line of text from a point to the right.
    Text((f64, f64), String),
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

/// A curve: points `(x[i], y[i])`. What is not finite, or not positive on a logarithmic axis, breaks the line. Lists of
/// different lengths are cut to the shortest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// What it shows.
    pub name: String,
    /// Its colour.
    pub colour: Rgb,
    /// The shape of its points, if it has any.
    pub shape: Option<Shape>,
    /// How it is drawn.
    pub stroke: Stroke,
    /// Whether it is wide and pale, so that dashed lines are seen on it.
    pub pale: bool,
    /// How opaque its band is.
    pub opacity: f64,
    /// Places along the horizontal axis.
    pub x: Vec<f64>,
    /// Values along the vertical axis.
    pub y: Vec<f64>,
    /// The lower ends of the band, or of error bars where there is no line; empty for none.
    pub low: Vec<f64>,
    /// The upper ends; empty for none.
    pub high: Vec<f64>,
}

impl Line {
    /// The points with their bands.
    fn points(&self) -> impl Iterator<Item = (f64, f64, Option<(f64, f64)>)> {
        let ends = |i: usize| Some((*self.low.get(i)?, *self.high.get(i)?));
        let band = move |i| ends(i).filter(|(low, high)| low.is_finite() && high.is_finite());
        self.x.iter().zip(&self.y).enumerate().map(move |(i, (&x, &y))| (x, y, band(i)))
    }

    /// Whether it has a band.
    pub fn banded(&self) -> bool {
        self.stroke != Stroke::Marks && self.points().any(|(.., band)| band.is_some())
    }
}

/// Points of one kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dots {
    /// What they show.
    pub name: String,
    /// How they look.
    pub look: Look,
    /// The points.
    pub dots: Vec<Dot>,
}

/// A point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dot {
    /// Its place along the horizontal axis: what was predicted.
    pub x: f64,
    /// Its place along the vertical axis: what was measured, the median where there are several seeds.
    pub y: f64,
    /// The spread of the horizontal value, low and high, where it has one.
    pub x_range: Option<(f64, f64)>,
    /// The spread of the vertical value, low and high.
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
}

/// Small points, each of one of several kinds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cloud {
    /// The points; those that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// The kind of each point.
    pub kinds: Vec<usize>,
    /// How each kind looks.
    pub looks: Vec<Look>,
}

/// A value that matters, such as a plateau or a critical gain.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rule {
    /// The value, in the unit of its axis.
    pub at: f64,
    /// What it is; may be empty.
    pub label: String,
    /// Whether it is a value of the horizontal axis, and the line upright.
    pub upright: bool,
}

impl Rule {
    /// A value of the vertical axis, with what it is.
    pub fn across(at: f64, label: impl Into<String>) -> Self {
        Self { at, label: label.into(), upright: false }
    }

    /// A value of the horizontal axis, with what it is.
    pub fn upright(at: f64, label: impl Into<String>) -> Self {
        Self { upright: true, ..Self::across(at, label) }
    }
}

impl Figure {
    /// Facets one after another, so many beside each other; 0 chooses by their number.
    pub fn wrapped(facets: Vec<Facet>, columns: usize) -> Vec<Vec<Facet>> {
        let columns = match (columns, facets.len()) {
            (0, count @ 0..=3) => count.max(1),
            (0, 4) => 2,
            (0, 5..=6 | 9) => 3,
            (0, 7..=8 | 10..=16) => 4,
            (0, _) => 5,
            (columns, _) => columns,
        };
        let mut facets = facets.into_iter().peekable();
        let row = |_| facets.by_ref().take(columns).collect::<Vec<_>>();
        (0..).map(row).take_while(|row| !row.is_empty()).collect()
    }

    /// The picture alone, for a page that has a ground and a caption of its own.
    pub fn svg(&self) -> String {
        self.draw(false).0
    }

    /// A whole SVG file, on white, with the title above and the caption beneath.
    pub fn file(&self) -> String {
        self.draw(true).0
    }

    /// How many names of dots find no room.
    pub fn unnamed(&self) -> usize {
        self.draw(false).1
    }

    /// How many names of the first matrix's rows are shown, and how many there are.
    pub fn named(&self) -> (usize, usize) {
        let layout = self.layout(false);
        layout.facets.first().map_or((0, 0), |placed| (placed.names.1.shown(), placed.names.1.count))
    }

    /// Writes `NAME.svg` and `NAME.vl.json` into a folder, or removes what an earlier report left there where there is no
    /// figure: it would be taken for one of this report.
    ///
    /// # Errors
    /// [`Error::Io`] when a file cannot be written or removed.
    pub fn write(figure: Option<&Self>, folder: &Path, name: &str) -> Result<()> {
        let (svg, json) = (folder.join(format!("{name}.svg")), folder.join(format!("{name}.vl.json")));
        let Some(figure) = figure else {
            let old = [svg, json].into_iter().filter(|path| path.exists());
            return old.into_iter().try_for_each(|path| std::fs::remove_file(&path).map_err(Error::io(&path)));
        };
        write_atomic(&svg, figure.file().as_bytes())?;
        write_atomic(&json, figure.vega_lite().to_string().as_bytes())
    }

    fn facets(&self) -> impl Iterator<Item = &Facet> {
        self.rows.iter().flatten()
    }
}

impl Facet {
    /// The grid of cells, where it has one.
    fn cells(&self) -> Option<&Cells> {
        self.marks.iter().find_map(|mark| if let Mark::Cells(cells) = mark { Some(cells) } else { None })
    }

    fn rules(&self, upright: bool) -> impl Iterator<Item = &Rule> {
        let rules = self.marks.iter().filter_map(|mark| if let Mark::Rule(rule) = mark { Some(rule) } else { None });
        rules.filter(move |rule| rule.upright == upright)
    }

    fn lines(&self) -> impl Iterator<Item = &Line> {
        self.marks.iter().filter_map(|mark| if let Mark::Line(line) = mark { Some(line) } else { None })
    }

    /// The values that axes are fitted to: those of the horizontal axis, and those of the vertical one.
    fn values(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        let ends = |range: Option<(f64, f64)>| range.into_iter().flat_map(|(low, high)| [low, high]);
        for mark in &self.marks {
            match mark {
                Mark::Line(line) => {
                    x.extend(&line.x);
                    y.extend(line.points().flat_map(|(_, y, band)| ends(band).chain([y])));
                }
                Mark::Dots(Dots { dots, .. }) => {
                    x.extend(dots.iter().flat_map(|dot| ends(dot.x_range).chain([dot.x])));
                    y.extend(dots.iter().flat_map(|dot| ends(dot.y_range).chain([dot.y])));
                }
                Mark::Rule(rule) => if rule.upright { &mut x } else { &mut y }.push(rule.at),
                _ => {}
            }
        }
        (x, y)
    }
}
