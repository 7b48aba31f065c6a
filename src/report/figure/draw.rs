//! Facets as they are drawn: axes, marks, and texts where they cover least.

use super::layout::{ALL_MARKED, Placed};
use super::line::{inside, stretches, thinned};
use super::palette::{self, GRID, GROUND, INK, Look, MUTED, Shape};
use super::place::{Point, Rect, Taken};
use super::svg::{Anchor, Stroke as Pen, Svg};
use super::text::{Font, LABELS, NOTES, NUMBERS, TITLES, shortened};
use super::{
    Cells, Cloud, DASH, Dot, Dots, Figure, Frame, Line, Mark, PALE, RADIUS, Rule, Stroke, layout, legend, text,
};

/// Points of a line closer than this, in pixels, would cover it.
const MARKS_APART: f64 = 30.0;
/// How wide lines are, in pixels; a solid line is wider and paler where dashed ones are to be seen on it.
const WIDTHS: (f64, f64) = (1.9, 3.2);
/// Shorter than the dashes of theory, so that the two are told apart.
const DOTS: (f64, f64) = (1.6, 2.8);
/// The radius of dots, in pixels, and of the points of clouds, large ones and small ones.
const RADII: (f64, f64, f64) = (4.0, 1.7, 2.6);
/// The names of dots, and the labels of rules.
const NAMES: Font = Font { size: 10.5, ..NOTES };
const RULES: Font = Font { colour: MUTED, ..NOTES };
/// How far names lie from their dots, nearest first, in pixels; far ones get a leader.
const RINGS: [f64; 3] = [7.0, 17.0, 30.0];
/// Points of a cloud are drawn in so many turns through all kinds, so that none lies over all others.
const TURNS: usize = 4;

impl Figure {
    /// Draws the figure; `whole` as a file of its own, on white, with its title and its caption. Returns also how many
    /// names of dots found no room.
    pub(super) fn draw(&self, whole: bool) -> (String, usize) {
        let layout = self.layout(whole);
        let mut svg = Svg::default();
        if whole && !self.title.is_empty() {
            let title = TITLES.fitted(&self.title, layout.size.0 - 16.0);
            svg.text(&title, (8.0, layout::LINES.1 / 2.0 + 2.0), TITLES, Anchor::Start);
        }
        legend::draw(&mut svg, &self.legend, layout.legend.0, layout.legend.1);
        for (name, (middle, height)) in self.names.iter().zip(&layout.rows) {
            svg.text(&LABELS.fitted(name, height + 20.0), *middle, LABELS.upwards(), Anchor::Middle);
        }
        let unnamed = layout.facets.iter().map(|placed| placed.draw(&mut svg)).sum();
        if let Some(colours) = &self.colours {
            colours.bar(&mut svg, layout.bar.0, layout.bar.1);
        }
        for (i, line) in layout.caption.0.iter().enumerate() {
            let at = (8.0, layout.caption.1 + (i as f64 + 0.5) * layout::LINES.0);
            svg.text(line, at, text::CAPTION, Anchor::Start);
        }
        (svg.finish(layout.size, &self.label, whole), unnamed)
    }
}

impl Placed<'_> {
    /// Draws the facet, and returns how many of its dots' names found no room.
    fn draw(&self, svg: &mut Svg) -> usize {
        let noted = self.head(svg);
        self.axes(svg);
        let mut taken = Taken::default();
        let lines: Vec<&Line> = self.facet.lines().collect();
        for line in lines.iter().filter(|line| line.banded()) {
            self.band(svg, line);
        }
        for mark in &self.facet.marks {
            match mark {
                Mark::Cells(cells) => cells.draw(svg, self.rect),
                Mark::Cloud(cloud) => self.cloud(svg, cloud),
                Mark::Segments(segments, width) => {
                    let at = |(x, y): Point| (self.x.clamped(x), self.y.clamped(y));
                    let strokes: Vec<_> = segments.iter().map(|ends| ends.map(at)).collect();
                    svg.strokes(&strokes, Pen::new(INK, *width));
                }
                Mark::Equal => {
                    let ends = [(self.rect.left, self.rect.bottom), (self.rect.right, self.rect.top)];
                    svg.line(&ends, Pen::new(MUTED, 1.5).dashed(DASH));
                    taken.line(&ends);
                }
                Mark::Text((x, y), text) => {
                    let at = (self.x.clamped(*x), self.y.clamped(*y));
                    svg.text(&NAMES.fitted(text, self.rect.right - at.0), at, NAMES, Anchor::Start);
                }
                Mark::Rule(rule) => match self.facet.cells() {
                    Some(cells) => self.rule_on_cells(svg, rule, cells),
                    None => {
                        if let Some(ends) = self.ends(rule) {
                            svg.line(&ends, Pen::new(MUTED, 1.3).dashed(DOTS));
                        }
                    }
                },
                Mark::Line(_) | Mark::Dots(_) => {}
            }
        }
        for (i, line) in lines.iter().enumerate() {
            self.line(svg, line, MARKS_APART * i as f64 / lines.len() as f64, &mut taken);
        }
        let mut named = Vec::new();
        for mark in &self.facet.marks {
            if let Mark::Dots(dots) = mark {
                self.dots(svg, dots, &mut named, &mut taken);
            }
        }
        let unnamed = named.iter().filter(|(at, label)| !self.name(svg, label, *at, &mut taken)).count();
        if self.facet.cells().is_none() {
            self.rule_labels(svg, &mut taken);
        }
        if !noted {
            self.note(svg, &taken);
        }
        unnamed
    }

    /// The title, the legend, the bar, and the remark where it fits beside the title: whether it does, or there is none.
    fn head(&self, svg: &mut Svg) -> bool {
        let (Rect { left, right, top, .. }, facet) = (self.rect, self.facet);
        let width = self.rect.width() + if facet.frame == Frame::Cells { 60.0 } else { 12.0 };
        let title_at = top - self.above + 12.0;
        svg.text(&TITLES.fitted(&facet.title, width), (left, title_at), TITLES, Anchor::Start);
        legend::draw(svg, &facet.legend, (left, title_at + 9.0), self.rect.width());
        if let (Some(colours), Some((at, height))) = (&facet.colours, self.bar) {
            colours.bar(svg, at, height);
        }
        let taken = TITLES.width(&facet.title) + 10.0 + NOTES.width(&facet.note);
        let fits = !facet.title.is_empty() && !facet.note.contains('\n') && taken <= self.rect.width();
        if fits {
            svg.text(&facet.note, (right, title_at), NOTES, Anchor::End);
        }
        fits || facet.note.is_empty()
    }

    fn axes(&self, svg: &mut Svg) {
        let (Rect { left, right, top, bottom }, facet) = (self.rect, self.facet);
        let ink = Pen::new(INK, 1.0);
        match facet.frame {
            Frame::Axes | Frame::Grid => {
                let both = facet.frame == Frame::Grid;
                let most = if both { self.rect.height() / 44.0 } else { (self.rect.height() / 25.0).min(6.0) };
                for (y, text) in self.y.ticks(most as usize) {
                    svg.line(&[(left, y), (right, y)], Pen::new(GRID, 1.0));
                    if self.numbered.1 {
                        svg.text(&text, (left - 6.0, y), NUMBERS, Anchor::End);
                    }
                }
                self.numbers(svg, both);
                svg.line(&[(left, top), (left, bottom), (right, bottom)], ink);
            }
            Frame::Beneath => {
                self.numbers(svg, false);
                svg.line(&[(left, bottom + 5.0), (right, bottom + 5.0)], Pen::new(MUTED, 1.0));
            }
            Frame::Cells => {
                self.names.0.draw(svg, self.rect, true);
                self.names.1.draw(svg, self.rect, false);
            }
            Frame::Box => svg.outline(self.rect, Pen::new(MUTED, 0.8)),
            Frame::Bare => {}
        }
        let (across, along) = self.rect.middle();
        if self.labelled.0 {
            let text = LABELS.fitted(&facet.x.label, self.rect.width().max(90.0) + 30.0);
            svg.text(&text, (across, bottom + self.beneath() + 8.0), LABELS, Anchor::Middle);
        }
        if self.labelled.1 {
            let text = LABELS.fitted(&facet.y.label, self.rect.height() + 30.0);
            svg.text(&text, (left - self.left + 8.0, along), LABELS.upwards(), Anchor::Middle);
        }
    }

    /// The numbers of the horizontal axis. One that would touch its left neighbour is left out; its tick stays.
    fn numbers(&self, svg: &mut Svg, grid: bool) {
        let (Rect { left, right, top, bottom }, beneath) = (self.rect, self.facet.frame == Frame::Beneath);
        let start = bottom + if beneath { 5.0 } else { 0.0 };
        let mut free: Vec<(f64, f64)> = Vec::new();
        let room = if beneath { 28.0 } else { 44.0 };
        for (x, text) in self.x.ticks(((right - left) / room) as usize) {
            if grid {
                svg.line(&[(x, top), (x, bottom)], Pen::new(GRID, 1.0));
            }
            svg.line(&[(x, start), (x, start + 4.0)], Pen::new(if beneath { MUTED } else { INK }, 1.0));
            let half = NUMBERS.width(&text) / 2.0 + 2.5;
            if self.numbered.0 && free.iter().all(|(from, to)| x - half >= *to || x + half <= *from) {
                svg.text(&text, (x, start + 13.0), NUMBERS, Anchor::Middle);
                free.push((x - half, x + half));
            }
        }
    }

    fn band(&self, svg: &mut Svg, line: &Line) {
        let (left, right) = (self.rect.left - 0.5, self.rect.right + 0.5);
        let placed = line.points().map(|(x, y, band)| {
            let ((low, high), x) = (band?, self.x.at(x)?);
            // Where the line is broken, so is its band.
            self.y.at(y)?;
            (left..=right).contains(&x).then(|| (x, self.y.clamped(low), self.y.clamped(high)))
        });
        for stretch in stretches(placed).into_iter().filter(|stretch| stretch.len() > 1) {
            let above: Vec<Point> = stretch.iter().map(|&(x, _, high)| (x, high)).collect();
            let below: Vec<Point> = stretch.iter().map(|&(x, low, _)| (x, low)).collect();
            let mut outline = thinned(&above);
            outline.extend(thinned(&below).into_iter().rev());
            svg.polygon(&outline, line.colour, line.opacity);
        }
    }

    fn line(&self, svg: &mut Svg, line: &Line, turn: f64, taken: &mut Taken) {
        let dashed = line.stroke == Stroke::Dashed;
        let pen = match (dashed, line.pale) {
            (true, _) => Pen::new(line.colour, WIDTHS.0).dashed(DASH),
            (false, true) => Pen::new(palette::paler(line.colour, PALE), WIDTHS.1),
            (false, false) => Pen::new(line.colour, WIDTHS.0),
        };
        let placed = line.points().map(|(x, y, _)| Some((self.x.at(x)?, self.y.at(y)?)));
        for stretch in stretches(placed).into_iter().filter(|s| line.stroke != Stroke::Marks && s.len() > 1) {
            for part in inside(&thinned(&stretch), self.rect) {
                svg.line(&part, pen);
                taken.line(&part);
            }
        }
        let held = |(x, y, band): (f64, f64, _)| (self.x.held(x).zip(self.y.held(y)), band);
        let points: Vec<_> = line.points().map(held).collect();
        // Lines take turns, so that the points of lines that lie on each other can be told apart.
        let few = points.len() <= ALL_MARKED || line.stroke == Stroke::Marks;
        let mut free = if few { f64::NEG_INFINITY } else { self.rect.left + turn };
        for (i, (point, band)) in points.iter().enumerate() {
            let Some((x, y)) = *point else { continue };
            // A lone point is no line: it needs a mark to be seen at all.
            let beside = |j: Option<usize>| j.and_then(|j| points.get(j)).is_some_and(|(point, _)| point.is_some());
            let lone = !beside(i.checked_sub(1)) && !beside(Some(i + 1));
            if !lone && (line.shape.is_none() || x < free) {
                continue;
            }
            if let (Stroke::Marks, Some((low, high))) = (line.stroke, band) {
                svg.line(&[(x, self.y.clamped(*low)), (x, self.y.clamped(*high))], Pen::new(line.colour, 1.2));
            }
            svg.point(line.shape.unwrap_or(Shape::Circle), (x, y), RADIUS, line.colour, dashed);
            taken.rect(Rect::around((x, y), RADIUS + 1.0));
            free = if few { free } else { x + MARKS_APART };
        }
    }

    fn cloud(&self, svg: &mut Svg, cloud: &Cloud) {
        let radius = if cloud.points.len() > 600 { RADII.1 } else { RADII.2 };
        let mut sorted = vec![vec![Vec::new(); cloud.looks.len()]; TURNS];
        for (i, (&(x, y), &kind)) in cloud.points.iter().zip(&cloud.kinds).enumerate() {
            if let (Some(x), Some(y), Some(points)) = (self.x.at(x), self.y.at(y), sorted[i % TURNS].get_mut(kind)) {
                points.push((x, y));
            }
        }
        for turn in &sorted {
            for (points, Look { colour, shape, .. }) in turn.iter().zip(&cloud.looks) {
                svg.points(*shape, points, radius, *colour, 0.85);
            }
        }
    }

    fn dots<'a>(&self, svg: &mut Svg, dots: &'a Dots, named: &mut Vec<(Point, &'a str)>, taken: &mut Taken) {
        let Look { colour, shape, hollow } = dots.look;
        let pen = Pen::new(colour, 1.1);
        let finite = |range: Option<(f64, f64)>| range.filter(|(low, high)| low.is_finite() && high.is_finite());
        for Dot { x, y, x_range, y_range, label } in &dots.dots {
            let (Some(x), Some(y)) = (self.x.at(*x), self.y.at(*y)) else { continue };
            if let Some((low, high)) = finite(*y_range) {
                let (low, high) = (self.y.clamped(low), self.y.clamped(high));
                let end = |y| [(x - 2.5, y), (x + 2.5, y)];
                svg.strokes(&[[(x, low), (x, high)], end(low), end(high)], pen);
                taken.line(&[(x, low), (x, high)]);
            }
            if let Some((low, high)) = finite(*x_range) {
                let ends = [(self.x.clamped(low), y), (self.x.clamped(high), y)];
                svg.line(&ends, pen);
                taken.line(&ends);
            }
            svg.point(shape, (x, y), RADII.0, colour, hollow);
            taken.rect(Rect::around((x, y), RADII.0 + 1.0));
            if !label.is_empty() {
                named.push(((x, y), label));
            }
        }
    }

    /// Writes a dot's name beside it, if there is room.
    fn name(&self, svg: &mut Svg, label: &str, (x, y): Point, taken: &mut Taken) -> bool {
        /// More than this would cover another name or a dot.
        const MOST: f64 = 8.0;
        /// Right, left, above, below, then the four corners.
        const SIDES: [Point; 8] =
            [(1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (0.8, -0.8), (0.8, 0.8), (-0.8, -0.8), (-0.8, 0.8)];
        let text = shortened(label, 24);
        let (width, height) = NAMES.room(&text);
        // The nearer end of a side at a place, or its middle there.
        let start = |at: f64, side: f64, size: f64| match side {
            0.0 => at - size / 2.0,
            side => at - if side > 0.0 { 0.0 } else { size },
        };
        let places = RINGS.iter().flat_map(|ring| SIDES.map(|side| (ring, side))).map(|(ring, (across, down))| {
            let (left, top) = (start(x + across * ring, across, width), start(y + down * ring, down, height));
            Rect::sized(left, top, width, height)
        });
        let Some((place, _)) = taken.freest(places, self.rect).filter(|(_, covered)| *covered <= MOST) else {
            return false;
        };
        let nearest = (x.clamp(place.left, place.right), y.clamp(place.top, place.bottom));
        if (nearest.0 - x).hypot(nearest.1 - y) > RINGS[0] + 3.0 {
            svg.line(&[(x, y), nearest], Pen::new(MUTED, 0.7));
            taken.line(&[(x, y), nearest]);
        }
        let (end, anchor) = if place.right <= x { (place.right, Anchor::End) } else { (place.left, Anchor::Start) };
        svg.text(&text, (end, place.middle().1), NAMES, anchor);
        taken.rect(place);
        true
    }

    /// The two ends of a rule that lies between the ends of its axis.
    fn ends(&self, rule: &Rule) -> Option<[Point; 2]> {
        let Rect { left, right, top, bottom } = self.rect;
        Some(if rule.upright {
            let x = self.x.held(rule.at)?;
            [(x, top), (x, bottom)]
        } else {
            let y = self.y.held(rule.at)?;
            [(left, y), (right, y)]
        })
    }

    /// The labels of rules, each beside its line where it covers least.
    fn rule_labels(&self, svg: &mut Svg, taken: &mut Taken) {
        let rules: Vec<&Rule> = self.facet.rules(false).chain(self.facet.rules(true)).collect();
        for [from, to] in rules.iter().filter_map(|rule| self.ends(rule)) {
            taken.faint(from, to);
        }
        let Rect { left, right, top, bottom } = self.rect;
        for rule in rules.into_iter().filter(|rule| !rule.label.is_empty()) {
            let Some([(x, y), _]) = self.ends(rule) else { continue };
            let text = RULES.fitted(&rule.label, right - left - 8.0);
            let (width, height) = RULES.room(&text);
            let places: Vec<Rect> = (0..=6)
                .flat_map(|i| {
                    let share = f64::from(i) / 6.0;
                    let along = right - 3.0 - width - (right - left - width - 6.0) * share;
                    let down = top + 2.0 + (bottom - top - height - 4.0) * share;
                    match rule.upright {
                        true => [(x + 4.0, down), (x - 4.0 - width, down)],
                        false => [(along, y - height - 1.5), (along, y + 1.5)],
                    }
                })
                .map(|(x, y)| Rect::sized(x, y, width, height))
                .collect();
            if let Some((place, _)) = taken.freest(places, self.rect) {
                on_ground(svg, &text, (place.left, place.top), RULES);
                taken.rect(place);
            }
        }
    }

    /// A remark where it covers least, corners first.
    fn note(&self, svg: &mut Svg, taken: &Taken) {
        let Rect { left, top, .. } = self.rect;
        let lines = self.facet.note.lines().map(|line| NOTES.fitted(line, self.rect.width() - 12.0));
        let text = lines.collect::<Vec<_>>().join("\n");
        let (width, height) = NOTES.room(&text);
        let room = (self.rect.width() - width - 10.0, self.rect.height() - height - 7.0);
        let corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
        let anywhere = (0..=6).flat_map(|j| [0.0, 1.0, 0.5, 0.25, 0.75].map(|across| (across, f64::from(j) / 6.0)));
        let place =
            |(across, down): Point| Rect::sized(left + 6.0 + across * room.0, top + 3.0 + down * room.1, width, height);
        let within = Rect::sized(left, top, self.rect.width().max(width + 10.0), self.rect.height());
        if let Some((place, _)) = taken.freest(corners.into_iter().chain(anywhere).map(place), within) {
            on_ground(svg, &text, (place.left, place.top), NOTES);
        }
    }

    /// An upright dashed line with its label above; where cells hold numbers, it runs between these.
    fn rule_on_cells(&self, svg: &mut Svg, rule: &Rule, cells: &Cells) {
        let Some([(x, top), (_, bottom)]) = self.ends(rule) else { return };
        let size = (self.rect.width() / cells.columns.max(1) as f64, self.rect.height() / cells.rows().max(1) as f64);
        let (period, share) =
            if cells.written(size) { (size.1, 0.5) } else { (DASH.0 + DASH.1, DASH.0 / (DASH.0 + DASH.1)) };
        let half = period * share / 2.0;
        let count = ((bottom - top) / period).round() as usize;
        let strokes: Vec<[Point; 2]> = (0..=count)
            .map(|i| top + i as f64 * period)
            .map(|middle| [(x, (middle - half).max(top - 4.0)), (x, (middle + half).min(bottom))])
            .filter(|[(_, from), (_, to)]| from < to)
            .collect();
        // On a ground of its own, or it could not be seen on dark cells.
        svg.strokes(&strokes, Pen::new(GROUND, 4.0));
        svg.strokes(&strokes, Pen::new(INK, 1.8));
        let half = NOTES.width(&rule.label) / 2.0;
        let middle = x.min(self.rect.right + 24.0 - half).max(self.rect.left + half - 20.0);
        svg.text(&rule.label, (middle, top - 12.0), NOTES, Anchor::Middle);
    }
}

/// Lines of text from an upper left corner, on a ground that lets curves through a little.
fn on_ground(svg: &mut Svg, text: &str, (left, top): Point, font: Font) {
    let (width, height) = font.room(text);
    let (right, bottom) = (left + width, top + height);
    svg.polygon(&[(left, top), (right, top), (right, bottom), (left, bottom)], GROUND, 0.65);
    for (i, line) in text.lines().enumerate() {
        svg.text(line, (left, top + (i as f64 + 0.5) * font.size * text::LINE), font, Anchor::Start);
    }
}
