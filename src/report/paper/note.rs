//! Remarks inside panels.

use super::place::{Rect, Taken};
use super::plots::Frame;
use super::text::{NOTES, fitting, on_ground, room, usual_width};
use crate::report::canvas::{Pen, shortened};

/// A remark that does not stand beside the title, where it covers least, corners first.
pub(super) fn note(pen: &mut Pen<'_>, text: &str, frame: Frame, taken: &Taken) {
    if text.is_empty() || frame.noted {
        return;
    }
    let most = frame.rect.right - frame.rect.left - 12.0;
    let line = |line| {
        if usual_width(line, NOTES) <= most { line.to_owned() } else { shortened(line, fitting(most, NOTES)) }
    };
    let text: Vec<String> = text.lines().map(line).collect();
    let text = text.join("\n");
    let (width, height) = room(&text, NOTES);
    let Rect { left, top, right, bottom } = frame.rect;
    let place = |across: f64, down: f64| {
        let (x, y) =
            (left + 6.0 + across * (right - left - width - 10.0), top + 3.0 + down * (bottom - top - height - 7.0));
        Rect::sized(x, y, width, height)
    };
    let corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
    let anywhere = (0..=6).flat_map(|j| [0.0, 1.0, 0.5, 0.25, 0.75].map(|across| (across, f64::from(j) / 6.0)));
    let places = corners.into_iter().chain(anywhere).map(|(across, down)| place(across, down));
    let within = Rect::sized(left, top, (right - left).max(width + 10.0), bottom - top);
    if let Some((place, _)) = taken.freest(places, within) {
        on_ground(pen, &text, (place.left, place.top), NOTES);
    }
}
