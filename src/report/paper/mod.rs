//! Reports of reproduced papers: claims, figures and facts, from plain numbers.
//!
//! Nothing here knows a device, a run or which paper it is: whoever reproduces one hands over medians, ranges and
//! sentences. A figure is described as data ([`Curves`], [`Scatter`], [`Matrices`], [`Map`], [`Cloud`]), which
//! become a [`Figure`] with a caption, put into a [`Section`] of a [`Page`], which writes one file that needs no network.
//!
//! ```
//! use isogram::report::paper::{Axis, ClaimRow, Curves, Page, Panel, Section, Series, Verdict};
//!
//! let epochs: Vec<f64> = (0..100).map(f64::from).collect();
//! let theory: Vec<f64> = epochs.iter().map(|t| 1.0 / (1.0 + (5.0 - t / 10.0).exp())).collect();
//! let panel = Panel {
//!     title: "default".to_owned(),
//!     x: Axis::linear("epoch"),
//!     y: Axis::linear("squared distance"),
//!     series: vec![Series::dashed("h", epochs, theory)],
//!     ..Panel::default()
//! };
//! let curves = Curves { label: "Distances over training".to_owned(), panels: vec![panel], ..Curves::default() };
//! let claim = ClaimRow { id: "C1".to_owned(), verdict: Verdict::Reproduced, seeds: 3, ..ClaimRow::default() };
//! let sections = vec![Section::new("distances", "Distances", Ok(curves.draw()))];
//! let page = Page { title: "A paper".to_owned(), claims: vec![claim], sections, ..Page::default() };
//! assert!(page.html()?.contains("1 of 1 claim reproduced"));
//! # Ok::<(), isogram::Error>(())
//! ```

mod claim;
mod cloud;
mod curves;
mod map;
mod matrices;
mod measured;
mod page;
mod scatter;

pub use crate::report::figure::{Axis, Dot, Figure, Rule, Spacing, Stroke};
pub use claim::{ClaimKind, ClaimRow, Summary, Verdict, with_range};
pub use cloud::{Cloud, Colouring, Condition};
pub use curves::{Curves, Panel, Series};
pub use map::{Map, MapPanel, Setting};
pub use matrices::{Matrices, Matrix, MatrixRow};
pub use measured::{Measured, Numbers};
pub(crate) use measured::{measured, noted};
pub use page::{Page, Section};
pub use scatter::{Group, Scatter, ScatterPanel};

/// The different names, in the order of their first appearance.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut list = Vec::new();
    for name in names {
        if !list.contains(&name) {
            list.push(name);
        }
    }
    list
}

/// The place of a name in a list that holds it.
fn index(list: &[&str], name: &str) -> usize {
    list.iter().position(|other| *other == name).unwrap_or(0)
}
