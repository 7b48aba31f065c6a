//! Values that matter, such as a plateau or a critical gain: dotted lines with a label.

use super::place::{Point, Rect, Taken};
use super::plots::Frame;
use super::text::{NOTES, fitting, on_ground, room};
use crate::report::axis::Scale;
use crate::report::canvas::{Font, Pen, shortened};
use crate::report::palette::MUTED;

/// Shorter than the dashes of theory, so that the two are told apart.
const DOTS: (f64, f64) = (1.6, 2.8);
const FONT: Font = Font { colour: MUTED, ..NOTES };

/// A value that matters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reference {
    /// The value, in the unit of its axis.
    pub at: f64,
    /// What it is; may be empty.
    pub label: String,
}

impl Reference {
    /// A value with its name.
    pub fn new(at: f64, label: impl Into<String>) -> Self {
        Self { at, label: label.into() }
    }
}

/// A dotted line at a value of the vertical axis.
pub(super) fn across(pen: &mut Pen<'_>, line: &Reference, frame: Frame) {
    if let Some([from, to]) = ends_across(line, frame) {
        pen.line(&[from, to], MUTED, 1.3, Some(DOTS));
    }
}

/// A dotted line at a value of the horizontal axis.
pub(super) fn upright(pen: &mut Pen<'_>, line: &Reference, frame: Frame) {
    if let Some([from, to]) = ends_upright(line, frame) {
        pen.line(&[from, to], MUTED, 1.3, Some(DOTS));
    }
}

fn ends_across(line: &Reference, frame: Frame) -> Option<[Point; 2]> {
    let y = frame.y.at(line.at).filter(|_| frame.y.holds(line.at))?;
    Some([(frame.rect.left, y), (frame.rect.right, y)])
}

fn ends_upright(line: &Reference, frame: Frame) -> Option<[Point; 2]> {
    let x = frame.x.at(line.at).filter(|_| frame.x.holds(line.at))?;
    Some([(x, frame.rect.top), (x, frame.rect.bottom)])
}

/// A scale that also has room for the label of a line that lies near one of its ends.
pub(super) fn with_room(scale: Scale, line: &Reference) -> Scale {
    /// The least share of the scale on either side of the line.
    const SHARE: f64 = 0.14;
    let (low, high, at) = match scale {
        Scale::Linear(low, high) => (low, high, line.at),
        Scale::Log(low, high) if line.at > 0.0 => (low.ln(), high.ln(), line.at.ln()),
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

/// The labels of both kinds of lines, each beside its line where it covers least.
pub(super) fn labels(pen: &mut Pen<'_>, across: &[Reference], upright: &[Reference], frame: Frame, taken: &mut Taken) {
    let lines = across.iter().filter_map(|line| ends_across(line, frame));
    for [from, to] in lines.chain(upright.iter().filter_map(|line| ends_upright(line, frame))) {
        taken.faint(from, to);
    }
    let Rect { left, right, top, bottom } = frame.rect;
    let most = fitting(right - left - 8.0, FONT);
    for line in across.iter().filter(|line| !line.label.is_empty()) {
        let Some([(_, y), _]) = ends_across(line, frame) else { continue };
        let text = shortened(&line.label, most);
        let (width, height) = room(&text, FONT);
        let steps = 6;
        let along =
            (0..=steps).map(|i| right - 3.0 - width - (right - left - width - 6.0) * f64::from(i) / f64::from(steps));
        let places = along.flat_map(|x| [y - height - 1.5, y + 1.5].map(|y| Rect::sized(x, y, width, height)));
        write(pen, &text, places, frame.rect, taken);
    }
    for line in upright.iter().filter(|line| !line.label.is_empty()) {
        let Some([(x, _), _]) = ends_upright(line, frame) else { continue };
        let text = shortened(&line.label, most);
        let (width, height) = room(&text, FONT);
        let steps = 6;
        let down = (0..=steps).map(|i| top + 2.0 + (bottom - top - height - 4.0) * f64::from(i) / f64::from(steps));
        let places = down.flat_map(|y| [x + 4.0, x - 4.0 - width].map(|x| Rect::sized(x, y, width, height)));
        write(pen, &text, places, frame.rect, taken);
    }
}

fn write(pen: &mut Pen<'_>, text: &str, places: impl Iterator<Item = Rect>, within: Rect, taken: &mut Taken) {
    if let Some((place, _)) = taken.freest(places, within) {
        on_ground(pen, text, (place.left, place.top), FONT);
        taken.rect(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_make_room_for_labels_at_their_ends() {
        let Scale::Linear(low, high) = with_room(Scale::Linear(0.0, 1.0), &Reference::new(0.05, "a")) else { panic!() };
        assert!(high == 1.0 && ((0.05 - low) / (high - low) - 0.14).abs() < 1e-12, "{low}");
        let Scale::Log(low, high) = with_room(Scale::Log(1.0, 100.0), &Reference::new(95.0, "a")) else { panic!() };
        assert!((low - 1.0).abs() < 1e-12 && (120.0..300.0).contains(&high), "{high}");
        for at in [0.5, -3.0, f64::NAN] {
            assert_eq!(with_room(Scale::Linear(0.0, 1.0), &Reference::new(at, "a")), Scale::Linear(0.0, 1.0));
        }
    }
}
