//! The picture of a measure between all pairs of representations: a matrix with its scale, ordered by likeness with the
//! dendrogram beside it where that is asked for.
//!
//! ```
//! use isogram::report::comparison::{Comparison, Kind};
//!
//! let names = ["conv1", "conv2", "fc"].map(str::to_owned);
//! let values = [1.0, 0.8, 0.3, 0.8, 1.0, 0.4, 0.3, 0.4, 1.0];
//! let comparison = Comparison {
//!     title: "Layers of a network",
//!     measure: "linear CKA",
//!     names: &names,
//!     values: &values,
//!     kind: Kind::Similarity,
//!     range: Some((0.0, 1.0)),
//!     clustered: true,
//!     ..Comparison::default()
//! };
//! let drawn = comparison.draw()?;
//! assert!(drawn.figure.file().starts_with("<svg") && drawn.order == [0, 1, 2]);
//! # Ok::<(), isogram::Error>(())
//! ```

mod order;
mod scale;

use order::Tree;
use scale::{span, text};

use super::figure::palette::Hue;
use super::figure::{Axis, Cells, Colours, Facet, Figure, Frame, Mark, Size, ends};
use super::numbers::counted;
use crate::error::{Error, Result};

/// The side of a cell up to which a matrix grows, and the sides between which it is drawn, in pixels.
const SIZE: (f64, (f64, f64)) = (44.0, (150.0, 660.0));
/// The dendrogram's width, in pixels.
const TREE: f64 = 112.0;
/// More representations than this have no numbers in their cells.
const NUMBERED: usize = 30;

/// What large values of a measure say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// The two are alike, as for CKA.
    #[default]
    Similarity,
    /// The two are far apart, as for the Procrustes distance.
    Distance,
}

/// A measure between all pairs of representations.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Comparison<'a> {
    /// What was compared; may be empty.
    pub title: &'a str,
    /// The measure's name, with its unit where it has one.
    pub measure: &'a str,
    /// What the representations are called.
    pub names: &'a [String],
    /// The values, row by row: of representation `a` with `b` in row `a`, column `b`. NaN where there is none. They need
    /// not be symmetric: of a measure with a direction, the row is what it goes from.
    pub values: &'a [f64],
    /// What large values say.
    pub kind: Kind,
    /// The ends of the scale of colours. By default 0 to 1 for similarities that fit in there, else what holds the
    /// values, with 0. A scale with zero inside it has colours of two hues.
    pub range: Option<(f64, f64)>,
    /// Whether the representations are ordered by hierarchical clustering, average linkage, with the dendrogram beside
    /// them; else they stay in their order.
    pub clustered: bool,
    /// Whether a measure with a direction is clustered all the same, by the mean of both directions. The values shown
    /// stay as they are.
    pub symmetrised: bool,
}

/// A comparison as a figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The figure; its caption says what there is to say: the order, what is left out, what has no value.
    pub figure: Figure,
    /// The representations from top to bottom, by their places in [`Comparison::names`].
    pub order: Vec<usize>,
}

impl Comparison<'_> {
    /// Describes the comparison: two to five hundred representations can be told apart; more are drawn, but coarsely.
    ///
    /// # Errors
    /// [`Error::Shape`] when there are no names, or not a value for every pair of names.
    pub fn draw(&self) -> Result<Drawn> {
        let (count, came) = (self.names.len(), self.values.len());
        if count == 0 || count.checked_mul(count) != Some(came) {
            return Err(Error::Shape(format!(
                "a comparison of {count} representations needs a value for every pair of them, row by row, but there \
                 are {came}; pass at least one name, and as many values as names times names"
            )));
        }
        let (tree, said) = self.tree();
        let (tree, order) = match tree {
            Some((tree, order)) => (Some(tree), order),
            None => (None, (0..count).collect()),
        };
        let notes: Vec<String> = said.into_iter().chain(self.notes()).collect();
        let mut figure = self.figure(tree.as_ref(), &order);
        figure.caption = notes.join(" ");
        let (shown, all) = figure.named();
        if shown < all {
            figure.caption.push_str(&format!(" {shown} of {all} names are shown."));
        }
        Ok(Drawn { figure, order })
    }

    fn figure(&self, tree: Option<&Tree>, order: &[usize]) -> Figure {
        let what = if self.title.is_empty() { "Comparison of representations" } else { self.title };
        let (low, high) = span(self);
        let hue = if low < 0.0 && high > 0.0 { Hue::Diverging } else { Hue::Heat };
        let colours = Colours::of(&Axis::linear(self.measure).within(low, high), self.values.iter().copied(), hue);
        let values: Vec<f64> = order.iter().flat_map(|&a| order.iter().map(move |&b| self.value(a, b))).collect();
        let texts = match order.len() <= NUMBERED {
            true => values.iter().map(|&value| text(value, low.abs().max(high.abs()))).collect(),
            false => Vec::new(),
        };
        let cells = Cells { columns: order.len(), values, texts, colours: colours.clone() };
        let names: Vec<String> = order.iter().filter_map(|&item| self.names.get(item).cloned()).collect();
        let matrix = Facet {
            x: Axis::named("", names.clone()),
            y: Axis::named("", names),
            frame: Frame::Cells,
            marks: vec![Mark::Cells(cells)],
            ..Facet::default()
        };
        Figure {
            label: format!("{what}: {} between {} representations", self.measure, order.len()),
            title: self.title.to_owned(),
            size: Size::Cells(SIZE.0, SIZE.1),
            colours: Some(colours),
            rows: vec![
                std::iter::once(matrix).chain(tree.and_then(|tree| self.dendrogram(tree, (low, high)))).collect(),
            ],
            ..Figure::default()
        }
    }

    /// The dendrogram beside the rows, items at its left, with its axis beneath.
    fn dendrogram(&self, tree: &Tree, (low, high): (f64, f64)) -> Option<Facet> {
        let brackets = tree.brackets();
        let (least, most) = ends(brackets.iter().map(|bracket| bracket.value));
        if least > most {
            return None;
        }
        // Where items start: at a distance of zero, or where similarities end. Small differences are not drawn larger
        // than the scale of colours would show them, but for a share of it.
        let share = (high - low) * 0.05;
        let (start, end) = match self.kind {
            Kind::Similarity => (high.max(most), least.min(high.max(most) - share)),
            Kind::Distance => (least.min(0.0), most.max(least.min(0.0) + share)),
        };
        let segments = brackets.iter().flat_map(|bracket| {
            let [(above, _), (below, _)] = bracket.ends;
            let branch = |(place, from): (f64, Option<f64>)| [(from.unwrap_or(start), place), (bracket.value, place)];
            bracket.ends.map(branch).into_iter().chain([[(bracket.value, above), (bracket.value, below)]])
        });
        let cell = (self.names.len() as f64 * SIZE.0).clamp(SIZE.1.0, SIZE.1.1) / self.names.len() as f64;
        let x = Axis::linear("mean between groups").within(start.min(end), start.max(end));
        Some(Facet {
            x: Axis { reversed: start > end, ..x },
            y: Axis::linear("").within(0.0, self.names.len() as f64),
            frame: Frame::Beneath,
            marks: vec![Mark::Segments(segments.collect(), (cell * 0.4).clamp(0.3, 1.1))],
            width: Some(TREE),
            ..Facet::default()
        })
    }

    /// The clustering with the order of all items, where it was asked for and can be had, and what there is to say about
    /// it.
    fn tree(&self) -> (Option<(Tree, Vec<usize>)>, Option<String>) {
        if !self.clustered || self.names.len() < 2 {
            return (None, None);
        }
        let symmetric = self.is_symmetric();
        if !symmetric && !self.symmetrised {
            let said = "Not ordered: the measure depends on the direction, so there is no tree unless both directions \
                        are averaged.";
            return (None, Some(said.to_owned()));
        }
        let (items, aside) = order::complete(self);
        if items.len() < 2 {
            return (None, Some("Not ordered: too many pairs have no finite value.".to_owned()));
        }
        let mut said = "Ordered by average linkage".to_owned();
        if !symmetric {
            said.push_str(" of the mean of both directions; the matrix shows each direction");
        }
        said.push('.');
        if !aside.is_empty() {
            let whole = counted(aside.len(), "representation");
            said.push_str(&format!(" {whole} with missing values at the end, outside the tree."));
        }
        let tree = Tree::of(self, &items);
        let order = tree.order.iter().filter_map(|&place| items.get(place).copied()).chain(aside).collect();
        (Some((tree, order)), Some(said))
    }

    /// The value of a pair; NaN where there is none.
    fn value(&self, a: usize, b: usize) -> f64 {
        self.values.get(a * self.names.len() + b).copied().unwrap_or(f64::NAN)
    }

    /// Places and values off the diagonal.
    fn off_diagonal(&self) -> impl Iterator<Item = ((usize, usize), f64)> {
        let count = self.names.len().max(1);
        let all = self.values.iter().enumerate().map(move |(i, &value)| ((i / count, i % count), value));
        all.filter(|((a, b), _)| a != b)
    }

    /// Whether both directions have the same values, but for rounding, as far as they have any.
    fn is_symmetric(&self) -> bool {
        self.off_diagonal().all(|((a, b), there)| {
            let back = self.value(b, a);
            let slack = 1e-9 * there.abs().max(back.abs()).max(1e-300);
            there == back || (there - back).abs() <= slack || there.is_nan() || back.is_nan()
        })
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.is_symmetric() {
            notes.push("The measure goes from rows to columns.".to_owned());
        }
        let missing = self.values.iter().filter(|value| value.is_nan()).count();
        if missing > 0 {
            notes.push(format!("Hatched: no value ({}).", counted(missing, "cell")));
        }
        notes
    }
}
