//! Phase maps: a quantity over two settings, such as gain and depth.

use crate::report::figure::palette::Hue;
use crate::report::figure::{Axis, Cells, Colours, Facet, Figure, Frame, Mark, Rule, Size, digits};

/// A figure of phase maps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Map {
    /// What the figure shows, for those who cannot see it.
    pub label: String,
    /// What stands under it; says over how many seeds.
    pub caption: String,
    /// Maps beside each other; 0 chooses by their number.
    pub columns: usize,
    /// The scale of colours: its name with the unit, whether it is logarithmic, and its ends.
    pub colours: Axis,
    /// Whether one scale is fitted to all maps; else each has its own, with its own bar.
    pub shared: bool,
    /// The maps.
    pub panels: Vec<MapPanel>,
}

/// A setting along one side of a map. Cells are equally large, however its values are spaced.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Setting {
    /// Its name, with the unit.
    pub label: String,
    /// Its values, one for each column or row.
    pub values: Vec<f64>,
    /// What they are called, where they are words.
    pub names: Vec<String>,
}

/// A map.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MapPanel {
    /// What it shows; may be empty.
    pub title: String,
    /// The setting along the columns, from the left.
    pub x: Setting,
    /// The setting along the rows, from the bottom.
    pub y: Setting,
    /// The values, in the unit of the colours: row by row from the bottom, each row from the left. NaN, or a value that
    /// is missing at the end, leaves a cell without a value: it is hatched.
    pub values: Vec<f64>,
    /// A scale of colours of its own, where that of the map is not shared.
    pub colours: Option<Axis>,
    /// Whether values are written into cells that have room for them.
    pub numbers: bool,
    /// Values that matter, such as a critical gain: upright ones in columns from the left edge, where 0.5 is the middle of the
    /// first column, and others in rows from the top.
    pub rules: Vec<Rule>,
}

impl MapPanel {
    /// Where a value of the horizontal setting lies, in columns from the left edge: between the middles of the two
    /// columns whose values it lies between. `None` beyond the first and the last column.
    pub fn column_of(&self, value: f64) -> Option<f64> {
        let pairs = self.x.values.windows(2).enumerate();
        pairs.into_iter().find_map(|(i, pair)| {
            let share = (value - pair[0]) / (pair[1] - pair[0]);
            (0.0..=1.0).contains(&share).then_some(i as f64 + 0.5 + share)
        })
    }

    /// The values row by row from the top, with NaN where there is none.
    fn downwards(&self) -> Vec<f64> {
        let columns = self.x.values.len();
        let value = |row: usize, column: usize| self.values.get(row * columns + column).copied().unwrap_or(f64::NAN);
        (0..self.y.values.len()).rev().flat_map(|row| (0..columns).map(move |column| value(row, column))).collect()
    }
}

impl Map {
    /// Describes the figure.
    pub fn draw(&self) -> Figure {
        let values: Vec<Vec<f64>> = self.panels.iter().map(MapPanel::downwards).collect();
        let all = values.iter().flatten().copied();
        let shared = self.shared.then(|| Colours::of(&self.colours, all, Hue::Heat));
        let facet = |(panel, values): (&MapPanel, Vec<f64>)| {
            let axis = panel.colours.as_ref().unwrap_or(&self.colours);
            let own = || Colours::of(axis, values.iter().copied(), Hue::Heat);
            let colours = shared.clone().unwrap_or_else(own);
            Facet { colours: shared.is_none().then(|| colours.clone()), ..panel.facet(values, colours) }
        };
        let columns = match (self.columns, self.panels.len()) {
            (0, count) => [1, 1, 2, 3, 2, 3, 3].get(count).copied().unwrap_or(4),
            (columns, _) => columns,
        };
        let facets = self.panels.iter().zip(values.clone()).map(facet).collect();
        Figure {
            label: self.label.clone(),
            caption: self.caption.clone(),
            size: Size::Map,
            rows: Figure::wrapped(facets, columns),
            colours: shared.clone(),
            ..Figure::default()
        }
    }
}

impl MapPanel {
    /// The map of these values, row by row from the top.
    fn facet(&self, values: Vec<f64>, colours: Colours) -> Facet {
        let named = |Setting { label, values, names }: &Setting| {
            let numbers = || values.iter().map(|value| digits(*value, 3)).collect();
            let names: Vec<String> = if names.is_empty() { numbers() } else { names.clone() };
            Axis { upright: false, ..Axis::named(label, names) }
        };
        let (x, mut y) = (named(&self.x), named(&self.y));
        y.names.reverse();
        let text = |value: &f64| if value.is_nan() { String::new() } else { digits(*value, 2) };
        let texts = if self.numbers { values.iter().map(text).collect() } else { Vec::new() };
        let cells = Cells { columns: self.x.values.len().max(1), values, texts, colours };
        Facet {
            title: self.title.clone(),
            x,
            y,
            frame: Frame::Cells,
            marks: std::iter::once(Mark::Cells(cells)).chain(self.rules.iter().cloned().map(Mark::Rule)).collect(),
            ..Facet::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_between_columns_lie_between_their_middles() {
        let x = Setting { values: vec![0.5, 1.0, 2.0], ..Setting::default() };
        let map = MapPanel { x, ..MapPanel::default() };
        assert_eq!([0.5, 0.75, 1.0, 1.5, 2.0].map(|gain| map.column_of(gain)), [0.5, 1.0, 1.5, 2.0, 2.5].map(Some));
        assert_eq!([0.4, 2.1, f64::NAN].map(|gain| map.column_of(gain)), [None; 3]);
    }
}
