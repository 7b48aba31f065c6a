//! Where everything goes: the scales of facets, the room that their numbers, names and bars take, and what that leaves
//! them.

use super::names::Names;
use super::place::{Point, Rect};
use super::scale::{Ruler, Scale};
use super::text::{CAPTION, NUMBERS, TITLES};
use super::{Facet, Figure, Frame, Line, Mark, Rule, Size, Stroke, legend};

/// The width of all figures, in pixels.
const WIDTH: f64 = 1080.0;
/// The least width of a figure, and of one with a legend, which may be wider than a lone panel.
const LEAST: (f64, f64) = (320.0, 640.0);
/// Left of everything, and right of it, for half the last number.
const MARGIN: (f64, f64) = (4.0, 22.0);
/// Between panels, and between rows of them.
const APART: (f64, f64) = (22.0, 14.0);
/// Room for the name of a vertical axis, or of a row.
const NAME: f64 = 20.0;
/// Room above a panel for its title, and without one; above cells for the labels of rules.
const TITLE: (f64, f64, f64) = (26.0, 6.0, 16.0);
/// Room under a panel for numbers, and for the name of its axis.
pub(super) const UNDER: (f64, f64) = (23.0, 19.0);
/// The height of a line of the caption, and of the title of a file.
pub(super) const LINES: (f64, f64) = (17.0, 28.0);
/// The height up to which a bar of colours grows.
const BAR: f64 = 200.0;
/// The least and the greatest width and height of a map's cell, and the height that maps are given, in pixels.
const MAP: ((f64, f64), (f64, f64), f64) = ((4.0, 52.0), (6.0, 34.0), 260.0);
/// Up to so many points, every one of a line is marked.
pub(super) const ALL_MARKED: usize = 12;

/// A facet with its place.
#[derive(Debug)]
pub(super) struct Placed<'a> {
    pub facet: &'a Facet,
    pub rect: Rect,
    pub x: Ruler,
    pub y: Ruler,
    /// Whether numbers stand along the axes, and whether their names do.
    pub numbered: (bool, bool),
    pub labelled: (bool, bool),
    /// The room that its own numbers and names take at its left, and that its row has above.
    pub left: f64,
    pub above: f64,
    /// The names of its rows and columns.
    pub names: (Names, Names),
    /// Where a bar of its own starts.
    pub bar: Option<(Point, f64)>,
    place: (usize, usize),
}

/// A figure with all sizes known.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    pub facets: Vec<Placed<'a>>,
    /// The upper left corner of the legend, and the width that it may take.
    pub legend: (Point, f64),
    /// The middle of each row, and its height.
    pub rows: Vec<(Point, f64)>,
    /// Where the bar for all facets starts, and its height.
    pub bar: (Point, f64),
    pub caption: (Vec<String>, f64),
    pub size: (f64, f64),
}

impl Figure {
    /// Where everything goes; with the title and the caption, if those are drawn.
    pub(super) fn layout(&self, whole: bool) -> Layout<'_> {
        let mut facets = self.placed();
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0).max(1);
        self.name(&mut facets, f64::INFINITY);
        let over = |facets: &[Placed<'_>], column: usize, of: &dyn Fn(&Placed<'_>) -> f64| {
            facets.iter().filter(|p| p.place.1 == column).map(of).fold(0.0, f64::max)
        };
        let lefts: Vec<f64> = (0..columns).map(|c| over(&facets, c, &|p| p.left)).collect();
        let rights: Vec<f64> = (0..columns).map(|c| over(&facets, c, &|p| p.right())).collect();
        let fixed: Vec<f64> = (0..columns).map(|c| over(&facets, c, &|p| p.facet.width.unwrap_or(0.0))).collect();
        let named = MARGIN.0 + if self.names.iter().all(String::is_empty) { 0.0 } else { NAME };
        let bar = self.colours.as_ref().map_or(0.0, |colours| colours.room(BAR));
        let around: f64 = named + bar + MARGIN.1 + APART.0 * (columns - 1) as f64;
        let sums = [&lefts, &rights, &fixed].map(|list| list.iter().sum::<f64>()).iter().sum::<f64>();
        let open = fixed.iter().filter(|width| **width == 0.0).count().max(1);
        let room = ((WIDTH - around - sums) / open as f64).max(60.0);
        self.name(&mut facets, room);
        let titled =
            |p: &Placed<'_>| if p.facet.frame == Frame::Cells { TITLES.width(&p.facet.title).min(room) } else { 0.0 };
        let widths: Vec<f64> = (0..columns).map(|c| over(&facets, c, &|p| p.rect.width().max(titled(p)))).collect();
        let start = |c: usize| {
            let before = |list: &[f64], count: usize| list.iter().take(count).sum::<f64>();
            named + before(&lefts, c + 1) + before(&widths, c) + before(&rights, c) + APART.0 * c as f64
        };
        let right = start(columns - 1) + widths[columns - 1] + rights[columns - 1];
        let least = if self.legend.is_empty() { LEAST.0 } else { LEAST.1 };
        let title = if whole { TITLES.width(&self.title).min(900.0) + MARGIN.1 } else { 0.0 };
        let width = (right + bar + MARGIN.1).max(least).max(title);
        let legend_left = start(0);
        let mut top = if whole && !self.title.is_empty() { LINES.1 } else { 0.0 };
        let legend = ((legend_left, top + 2.0), width - legend_left - MARGIN.1);
        top += legend::height(&self.legend, legend.1) + 2.0;
        let mut rows = Vec::with_capacity(self.rows.len());
        for row in 0..self.rows.len() {
            let all = |of: &dyn Fn(&Placed<'_>) -> f64, facets: &[Placed<'_>]| {
                facets.iter().filter(|p| p.place.0 == row).map(of).fold(0.0, f64::max)
            };
            let above = all(&|p| p.above, &facets);
            let height = all(&|p| p.rect.height(), &facets);
            top += above;
            for p in facets.iter_mut().filter(|p| p.place.0 == row) {
                let own = if p.facet.width.is_some() { height } else { p.rect.height() };
                p.above = above;
                p.put(Rect::sized(start(p.place.1), top, p.rect.width(), own));
            }
            rows.push(((named / 2.0, top + height / 2.0), height));
            top += height + all(&|p| p.below(), &facets) + APART.1;
        }
        let bar_top = facets.first().map_or(0.0, |p| p.rect.top + 1.0);
        let bar_height = rows.first().map_or(BAR, |row| row.1).clamp(90.0, BAR);
        let bottom = (top - APART.1 + 4.0).max(if bar > 0.0 { bar_top + bar_height + 12.0 } else { 60.0 });
        let caption = if whole { CAPTION.wrapped(&self.caption, width - 2.0 * 8.0) } else { Vec::new() };
        let beneath = if caption.is_empty() { 0.0 } else { 14.0 + caption.len() as f64 * LINES.0 };
        Layout {
            facets,
            legend,
            rows,
            bar: ((right + 12.0, bar_top), bar_height),
            caption: (caption, bottom + 6.0),
            size: (width, bottom + beneath),
        }
    }

    /// The facets with their scales, and with which numbers and names they have.
    fn placed(&self) -> Vec<Placed<'_>> {
        let values: Vec<_> = self.facets().map(Facet::values).collect();
        let places = self.rows.iter().enumerate().flat_map(|(i, row)| (0..row.len()).map(move |j| (i, j)));
        let scaled = |(i, (facet, place)): (usize, (_, _))| {
            let (x, y) = self.scales(facet, i, &values);
            Placed {
                facet,
                rect: Rect::sized(0.0, 0.0, 0.0, 0.0),
                x: Ruler { scale: x, start: 0.0, end: 0.0 },
                y: Ruler { scale: y, start: 0.0, end: 0.0 },
                numbered: (true, true),
                labelled: (true, true),
                left: 0.0,
                above: 0.0,
                names: (Names::default(), Names::default()),
                bar: None,
                place,
            }
        };
        let mut facets: Vec<Placed<'_>> = self.facets().zip(places).enumerate().map(scaled).collect();
        let lone = |p: &Placed<'_>| !matches!(p.facet.frame, Frame::Axes | Frame::Grid);
        let alike =
            |of: &dyn Fn(&Placed<'_>, &Placed<'_>) -> bool| facets.windows(2).all(|pair| of(&pair[0], &pair[1]));
        let same = (alike(&|a, b| a.x.scale == b.x.scale), alike(&|a, b| a.y.scale == b.y.scale));
        let same_label = alike(&|a, b| a.facet.x.label == b.facet.x.label);
        // Beside each other; one under another, every row has its own.
        let same_row = alike(&|a, b| a.place.0 != b.place.0 || a.facet.y.label == b.facet.y.label);
        let lowest: Vec<bool> =
            facets.iter().map(|p| !facets.iter().any(|o| o.place.1 == p.place.1 && o.place.0 > p.place.0)).collect();
        for (p, lowest) in facets.iter_mut().zip(lowest) {
            let first = p.place.1 == 0;
            p.numbered = (lone(p) || lowest || !same.0, lone(p) || first || !same.1);
            p.labelled = (lone(p) || lowest || !same_label, lone(p) || first || !same_row);
            p.labelled.0 &= !p.facet.x.label.is_empty();
            p.labelled.1 &= !p.facet.y.label.is_empty();
        }
        facets
    }

    /// The scales of a facet's two axes.
    fn scales(&self, facet: &Facet, i: usize, values: &[(Vec<f64>, Vec<f64>)]) -> (Scale, Scale) {
        if let Some(cells) = facet.cells() {
            let count = |cells: usize| Scale::Linear(0.0, cells.max(1) as f64);
            return (count(cells.columns), count(cells.rows()));
        }
        let of = |shared: bool| if shared { values } else { &values[i..=i] };
        if self.size == Size::Square {
            let scale = facet.x.scale(values[i].0.iter().chain(&values[i].1).copied(), 0.06);
            return (scale, scale);
        }
        let facets: Vec<&Facet> = if self.shared.0 { self.facets().collect() } else { vec![facet] };
        // Lines reach from edge to edge; points on an edge would be read badly.
        let few = |line: &Line| line.stroke == Stroke::Marks || line.x.len() <= ALL_MARKED;
        let dotted = |facet: &&&Facet| facet.marks.iter().any(|mark| matches!(mark, Mark::Dots(_)));
        let margin = match () {
            () if facets.iter().any(|f| dotted(&f)) => 0.06,
            () if facets.iter().flat_map(|f| f.lines()).any(few) => 0.03,
            () => 0.0,
        };
        let x = facet.x.scale(of(self.shared.0).iter().flat_map(|(x, _)| x).copied(), margin);
        let y = facet.y.scale(of(self.shared.1).iter().flat_map(|(_, y)| y).copied(), 0.06);
        let sharing: Vec<&Facet> = if self.shared.1 { self.facets().collect() } else { vec![facet] };
        let labelled = sharing.iter().flat_map(|f| f.rules(false)).filter(|rule| !rule.label.is_empty());
        (x, if facet.y.range.is_some() { y } else { labelled.fold(y, with_room) })
    }

    /// Gives facets their sizes where so much room is for each, and so the room that their names take.
    fn name(&self, facets: &mut [Placed<'_>], room: f64) {
        let counts = self.facets().filter_map(Facet::cells).map(|cells| cells.rows().max(cells.columns));
        let most = counts.max().unwrap_or(0).max(1) as f64;
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        for p in facets {
            let (across, down) =
                p.facet.cells().map_or((1.0, 1.0), |cells| (cells.columns as f64, cells.rows() as f64));
            let (width, height) = match (self.size, p.facet.width) {
                (_, Some(width)) => (width, 0.0),
                (Size::Wide(height), _) => {
                    let width = room.min(if columns < 2 { 620.0 } else { 480.0 });
                    (width, if height > 0.0 { height } else { (width * 0.62).clamp(118.0, 260.0) })
                }
                (Size::Square, _) => {
                    let side = room.min(if columns < 3 { 370.0 } else { 300.0 });
                    (side, side)
                }
                (Size::Flat(share), _) => (room.min(300.0), (room.min(300.0) * share).round()),
                (Size::Cells(cell, (least, greatest)), _) => {
                    let side = (most * cell).clamp(least, greatest).min(room);
                    let cell = side / across.max(down).max(1.0);
                    (cell * across, cell * down)
                }
                (Size::Map, _) => {
                    let width = (room / across.max(1.0)).min(MAP.0.1);
                    // No higher than wide, unless that makes the rows too low to be read.
                    let height = (MAP.2 / down.max(1.0)).min(width.max(18.0)).clamp(MAP.1.0, MAP.1.1);
                    (width.max(MAP.0.0) * across, height * down)
                }
            };
            p.rect = Rect::sized(0.0, 0.0, width, height);
            if p.facet.frame == Frame::Cells {
                let cell = (width / across.max(1.0), height / down.max(1.0));
                p.names = (Names::of(&p.facet.x, cell.0, true), Names::of(&p.facet.y, cell.1, false));
            }
            let beside = match p.facet.frame {
                Frame::Axes | Frame::Grid if p.numbered.1 => p.widest() + 8.0,
                Frame::Cells => p.names.1.beside(),
                _ => 0.0,
            };
            p.left = beside + if p.labelled.1 { NAME } else { 0.0 };
            let labelled = p.facet.frame == Frame::Cells && p.facet.rules(true).any(|rule| !rule.label.is_empty());
            p.above = if p.facet.title.is_empty() { TITLE.1 } else { TITLE.0 }
                + if labelled { TITLE.2 } else { 0.0 }
                + legend::height(&p.facet.legend, width);
        }
    }
}

impl Placed<'_> {
    /// Puts the facet where it goes.
    fn put(&mut self, rect: Rect) {
        self.rect = rect;
        (self.x.start, self.x.end) = (rect.left, rect.right);
        // Categories, and what stands beside them, start at the top.
        let downwards = matches!(self.facet.frame, Frame::Cells | Frame::Beneath | Frame::Bare);
        (self.y.start, self.y.end) = if downwards { (rect.top, rect.bottom) } else { (rect.bottom, rect.top) };
        let bar = |_| ((rect.right + 8.0, rect.top + 1.0), (rect.height() - 2.0).clamp(60.0, BAR));
        self.bar = self.facet.colours.as_ref().map(bar);
    }

    /// The widest of the numbers of a high panel; a low one has no more, and none that are wider.
    fn widest(&self) -> f64 {
        let numbers = self.y.scale.ticks(8);
        numbers.iter().map(|(_, text)| NUMBERS.width(text)).fold(12.0, f64::max)
    }

    fn right(&self) -> f64 {
        self.facet.colours.as_ref().map_or(0.0, |colours| 10.0 + colours.room(BAR))
    }

    fn below(&self) -> f64 {
        let numbers = match self.facet.frame {
            Frame::Axes | Frame::Grid if self.numbered.0 => UNDER.0,
            Frame::Beneath => UNDER.0 + 5.0,
            Frame::Axes | Frame::Grid => 4.0,
            Frame::Cells => self.names.0.beneath(),
            Frame::Box | Frame::Bare => 0.0,
        };
        numbers + if self.labelled.0 { UNDER.1 } else { 0.0 }
    }

    /// The room beneath that numbers or names take.
    pub fn beneath(&self) -> f64 {
        self.below() - if self.labelled.0 { UNDER.1 } else { 0.0 }
    }
}

/// A scale that also has room for the label of a rule that lies near one of its ends.
fn with_room(scale: Scale, rule: &Rule) -> Scale {
    /// The least share of the scale on either side of the rule.
    const SHARE: f64 = 0.14;
    let (low, high, at) = match scale {
        Scale::Linear(low, high) => (low, high, rule.at),
        Scale::Log(low, high) if rule.at > 0.0 => (low.ln(), high.ln(), rule.at.ln()),
        _ => return scale,
    };
    let share = (at - low) / (high - low);
    let (low, high) = match share {
        share if (0.0..SHARE).contains(&share) => ((at - SHARE * high) / (1.0 - SHARE), high),
        share if (1.0 - SHARE..=1.0).contains(&share) => (low, (at - SHARE * low) / (1.0 - SHARE)),
        _ => (low, high),
    };
    if let Scale::Log(..) = scale { Scale::Log(low.exp(), high.exp()) } else { Scale::Linear(low, high) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_make_room_for_labels_at_their_ends() {
        let rule = |at: f64| Rule { at, label: "a".to_owned(), upright: false };
        let Scale::Linear(low, high) = with_room(Scale::Linear(0.0, 1.0), &rule(0.05)) else { panic!() };
        assert!(high == 1.0 && ((0.05 - low) / (high - low) - 0.14).abs() < 1e-12, "{low}");
        let Scale::Log(low, high) = with_room(Scale::Log(1.0, 100.0), &rule(95.0)) else { panic!() };
        assert!((low - 1.0).abs() < 1e-12 && (120.0..300.0).contains(&high), "{high}");
        for at in [0.5, -3.0, f64::NAN] {
            assert_eq!(with_room(Scale::Linear(0.0, 1.0), &rule(at)), Scale::Linear(0.0, 1.0));
        }
    }
}
