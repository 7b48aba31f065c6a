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
//! assert!(drawn.svg.starts_with("<svg") && drawn.order == [0, 1, 2]);
//! # Ok::<(), isogram::Error>(())
//! ```

mod cells;
mod labels;
mod layout;
mod order;
mod scale;
#[cfg(test)]
mod tests;

use order::Tree;

use super::canvas;
use super::figure::Figure;
use super::numbers::counted;
use crate::error::{Error, Result};

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

/// A drawn comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// A whole SVG file, on white, with the title above and what there is to say beneath.
    pub svg: String,
    /// The picture alone, for a page that has a ground and a caption of its own.
    pub picture: String,
    /// What there is to say: the order, what is left out, what has no value.
    pub caption: String,
    /// The representations from top to bottom, by their places in [`Comparison::names`].
    pub order: Vec<usize>,
}

impl From<Drawn> for Figure {
    fn from(drawn: Drawn) -> Figure {
        Figure { svg: drawn.picture, caption: drawn.caption }
    }
}

impl Comparison<'_> {
    /// Draws the comparison: two to five hundred representations can be told apart; more are drawn, but coarsely.
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
        let layout = layout::Layout::of(self, tree.as_ref(), &order);
        let mut notes: Vec<String> = said.into_iter().collect();
        notes.extend(self.notes());
        notes.extend(layout.notes());
        let caption = notes.join(" ");
        let svg = canvas::on_white(&layout.draw(Some(&caption)));
        Ok(Drawn { svg, picture: layout.draw(None), caption, order })
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
