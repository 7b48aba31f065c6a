//! Lines as they are drawn: broken where a value is missing, cut at the frame, and without points that nobody can see.

use super::place::{Point, Rect};

/// Points that lie closer than this to the line through their neighbours are left out, in pixels.
const NEAR: f64 = 0.1;
/// More points than this are first thinned by columns.
const MANY: usize = 400;
/// The width of such a column, in pixels.
const COLUMN: f64 = 0.5;

/// The stretches between missing points.
pub fn stretches<T: Copy>(points: impl Iterator<Item = Option<T>>) -> Vec<Vec<T>> {
    let mut stretches = vec![Vec::new()];
    for point in points {
        match (point, stretches.last_mut()) {
            (Some(point), Some(last)) => last.push(point),
            _ => stretches.push(Vec::new()),
        }
    }
    stretches.retain(|stretch| !stretch.is_empty());
    stretches
}

/// The parts of a line that lie in a rectangle.
pub fn inside(points: &[Point], rect: Rect) -> Vec<Vec<Point>> {
    let mut parts: Vec<Vec<Point>> = Vec::new();
    for pair in points.windows(2) {
        let Some((from, to)) = rect.cut(pair[0], pair[1]) else { continue };
        match parts.last_mut() {
            Some(part) if part.last() == Some(&from) => part.push(to),
            _ => parts.push(vec![from, to]),
        }
    }
    parts
}

/// The same line to the eye, of fewer points.
pub fn thinned(points: &[Point]) -> Vec<Point> {
    let ordered = points.windows(2).all(|pair| pair[0].0 <= pair[1].0);
    if points.len() > MANY && ordered { simplified(&extremes(points)) } else { simplified(points) }
}

/// The first, the lowest, the highest and the last point of every column of pixels.
fn extremes(points: &[Point]) -> Vec<Point> {
    let column = |point: &Point| (point.0 / COLUMN).floor();
    let mut kept = Vec::new();
    for part in points.chunk_by(|a, b| column(a) == column(b)) {
        let by_height = |a: &usize, b: &usize| part[*a].1.total_cmp(&part[*b].1);
        let lowest = (0..part.len()).max_by(by_height).unwrap_or(0);
        let highest = (0..part.len()).min_by(by_height).unwrap_or(0);
        let mut chosen = [0, lowest, highest, part.len() - 1];
        chosen.sort_unstable();
        for (i, &at) in chosen.iter().enumerate() {
            if i == 0 || at != chosen[i - 1] {
                kept.push(part[at]);
            }
        }
    }
    kept
}

/// Ramer (1972), Douglas & Peucker (1973).
fn simplified(points: &[Point]) -> Vec<Point> {
    if points.len() < 3 {
        return points.to_vec();
    }
    let mut kept = vec![false; points.len()];
    (kept[0], kept[points.len() - 1]) = (true, true);
    let mut open = vec![(0, points.len() - 1)];
    while let Some((first, last)) = open.pop() {
        let away = |i: usize| distance(points[i], points[first], points[last]);
        let Some(farthest) = (first + 1..last).max_by(|&a, &b| away(a).total_cmp(&away(b))) else { continue };
        if away(farthest) > NEAR {
            kept[farthest] = true;
            open.extend([(first, farthest), (farthest, last)]);
        }
    }
    points.iter().zip(kept).filter(|(_, kept)| *kept).map(|(point, _)| *point).collect()
}

/// How far a point lies from a stretch.
fn distance((x, y): Point, (x0, y0): Point, (x1, y1): Point) -> f64 {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { (((x - x0) * dx + (y - y0) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    (x - x0 - along * dx).hypot(y - y0 - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_missing_points_and_at_the_frame() {
        let points = [Some(1), Some(2), None, None, Some(3), None];
        assert_eq!(stretches(points.into_iter()), [vec![1, 2], vec![3]]);
        let rect = Rect::sized(0.0, 0.0, 10.0, 10.0);
        let parts = inside(&[(0.0, 5.0), (2.0, -5.0), (4.0, 5.0), (6.0, 5.0)], rect);
        assert_eq!(parts, [vec![(0.0, 5.0), (1.0, 0.0)], vec![(3.0, 0.0), (4.0, 5.0), (6.0, 5.0)]]);
    }

    #[test]
    fn thinning_keeps_the_shape_and_the_spikes() {
        let straight: Vec<Point> = (0..10_000).map(|i| (f64::from(i) * 0.02, f64::from(i) * 0.01)).collect();
        assert_eq!(thinned(&straight).len(), 2);
        let mut spiked = straight.clone();
        spiked[4_321].1 = 90.0;
        assert!(thinned(&spiked).contains(&spiked[4_321]));
        let wave: Vec<Point> = (0..6_000).map(|i| (f64::from(i) * 0.04, 60.0 * (f64::from(i) * 0.002).sin())).collect();
        let thin = thinned(&wave);
        assert!(thin.len() < 200, "{}", thin.len());
        for point in wave {
            let near = thin.windows(2).map(|pair| distance(point, pair[0], pair[1])).fold(f64::INFINITY, f64::min);
            assert!(near < 0.3, "{near}");
        }
        assert!(thinned(&[]).is_empty());
    }
}
