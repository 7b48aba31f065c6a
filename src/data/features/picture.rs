//! A picture of one thing: its outline, its texture and its colour, at a place, of a size and turned.
//!
//! After the Trifeature images of Hermann and Lampinen, *What shapes feature representations?* (NeurIPS 2020): a coloured and
//! textured shape, turned and anywhere, on grey. Outlines and textures are functions of where a point is, so that pictures can be of any
//! number of pixels; they are not those of that set to the pixel.

use std::f64::consts::PI;

use crate::settings::choices;

choices! {
    /// What of a picture a bit of a feature decides. Several bits that show one thing, in the order of the file, decide together.
    Attribute {
        /// Which of `shapes` it is.
        #[default]
        Shape = "shape",
        /// Which of `colours` it has.
        Colour = "colour" ["color"],
        /// Which of `textures` it has.
        Texture = "texture",
        /// How large it is, within `scale`.
        Size = "size" ["scale"],
        /// How far to the right it is.
        X = "x",
        /// How far down it is.
        Y = "y",
        /// How it is turned, within `rotation`.
        Rotation = "rotation" ["orientation"],
    }
}

choices! {
    /// An outline.
    Shape {
        /// An isosceles triangle that stands on its base.
        Triangle = "triangle",
        /// A square.
        #[default]
        Square = "square",
        /// Two bars that cross.
        Plus = "plus",
        /// A disc.
        Circle = "circle" ["disc", "disk"],
        /// A bar on a stem.
        Tee = "tee",
        /// A square on its corner, higher than wide.
        Rhombus = "rhombus" ["diamond"],
        /// A regular pentagon.
        Pentagon = "pentagon",
        /// A star of five points.
        Star = "star",
        /// Five squares, as on a die.
        FiveSquare = "fivesquare",
        /// A trapezoid on its longer side.
        Trapezoid = "trapezoid",
    }
}

choices! {
    /// What an outline is filled with; between its lines the background shows.
    Texture {
        /// All of it.
        #[default]
        Solid = "solid",
        /// Parallel lines.
        Stripes = "stripes",
        /// Lines that cross at right angles.
        Grid = "grid",
        /// Lines in three directions.
        Hexgrid = "hexgrid",
        /// Discs in rows.
        Dots = "dots",
        /// Half of the pixels, by chance.
        Noise = "noise",
        /// Triangles in rows.
        Triangles = "triangles",
        /// Lines that go to and fro.
        Zigzags = "zigzags",
        /// Small pluses in rows.
        Pluses = "pluses",
    }
}

choices! {
    /// A colour, as red, green and blue from 0 to 1.
    Colour {
        /// 1, 0, 0.
        #[default]
        Red = "red",
        /// 0, 1, 0.
        Green = "green",
        /// 0, 0, 1.
        Blue = "blue",
        /// 1, 1, 0.
        Yellow = "yellow",
        /// 1, 0.4, 1.
        Pink = "pink",
        /// 0, 1, 1.
        Cyan = "cyan",
        /// 0.3, 0, 0.5.
        Purple = "purple",
        /// 0.1, 0.4, 0.5.
        Ocean = "ocean",
        /// 1, 0.6, 0.
        Orange = "orange",
        /// 1, 1, 1.
        White = "white",
    }
}

/// Red, green and blue behind everything.
const BACKGROUND: f64 = 0.5;

/// Points along each side of a pixel of which its value is the mean.
const POINTS: usize = 4;

impl Colour {
    const fn channels(self) -> [f64; 3] {
        match self {
            Colour::Red => [1.0, 0.0, 0.0],
            Colour::Green => [0.0, 1.0, 0.0],
            Colour::Blue => [0.0, 0.0, 1.0],
            Colour::Yellow => [1.0, 1.0, 0.0],
            Colour::Pink => [1.0, 0.4, 1.0],
            Colour::Cyan => [0.0, 1.0, 1.0],
            Colour::Purple => [0.3, 0.0, 0.5],
            Colour::Ocean => [0.1, 0.4, 0.5],
            Colour::Orange => [1.0, 0.6, 0.0],
            Colour::White => [1.0, 1.0, 1.0],
        }
    }
}

impl Shape {
    /// Whether a point is within, of a square from -1 to 1 with its second axis downwards.
    fn holds(self, [u, v]: [f64; 2]) -> bool {
        let (across, down) = (u.abs(), v.abs());
        // The angle between a point and the nearest of five directions, of which the first is upwards.
        let folded = || {
            let turn = (u.atan2(-v) / (2.0 * PI / 5.0)).rem_euclid(1.0);
            turn.min(1.0 - turn) * 2.0 * PI / 5.0
        };
        match self {
            Shape::Triangle => (-0.9..=0.8).contains(&v) && across <= 0.95 * (v + 0.9) / 1.7,
            Shape::Square => across.max(down) <= 0.8,
            Shape::Plus => across.min(down) <= 0.3 && across.max(down) <= 0.9,
            Shape::Circle => u * u + v * v <= 0.81,
            Shape::Tee => (across <= 0.9 && (-0.9..=-0.35).contains(&v)) || (across <= 0.28 && down <= 0.9),
            Shape::Rhombus => across / 0.65 + down / 0.95 <= 1.0,
            // A side stands across the middle between two directions.
            Shape::Pentagon => u.hypot(v) * (PI / 5.0 - folded()).cos() <= 0.95 * (PI / 5.0).cos(),
            Shape::Star => {
                // Within the line from a point of the star to the corner between two of them.
                let (far, at) = (u.hypot(v), folded());
                let (x, y) = (far * at.cos(), far * at.sin());
                let (corner_x, corner_y) = (0.38 * (PI / 5.0).cos(), 0.38 * (PI / 5.0).sin());
                (x - 0.95) * corner_y - y * (corner_x - 0.95) <= 0.0
            }
            Shape::FiveSquare => across.max(down) <= 0.28 || (across - 0.6).abs().max((down - 0.6).abs()) <= 0.28,
            Shape::Trapezoid => down <= 0.6 && across <= 0.55 + 0.35 * (v + 0.6) / 1.2,
        }
    }
}

impl Texture {
    /// Whether it covers a point, given in periods of it; `noisy` is what chance says of the pixel.
    fn covers(self, [s, t]: [f64; 2], noisy: bool) -> bool {
        let part = |x: f64| x.rem_euclid(1.0);
        let (x, y) = (part(s) - 0.5, part(t) - 0.5);
        match self {
            Texture::Solid => true,
            Texture::Stripes => part(s) < 0.4,
            Texture::Grid => part(s) < 0.3 || part(t) < 0.3,
            Texture::Hexgrid => {
                let slanted = [0.5 * s, -0.5 * s].map(|half| part(half + 0.75f64.sqrt() * t));
                part(s) < 0.2 || slanted.into_iter().any(|line| line < 0.2)
            }
            Texture::Dots => x * x + y * y <= 0.16,
            Texture::Noise => noisy,
            Texture::Triangles => part(s) + part(t) < 1.0,
            Texture::Zigzags => part(t + x.abs()) < 0.4,
            Texture::Pluses => x.abs().min(y.abs()) <= 0.15 && x.abs().max(y.abs()) <= 0.4,
        }
    }
}

/// A thing and where it is; lengths are parts of the picture's side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture {
    pub shape: Shape,
    pub texture: Texture,
    pub colour: Colour,
    /// Side of the square that the outline stands in.
    pub scale: f64,
    /// By how much the outline is turned, clockwise, and by how much the texture, in degrees.
    pub rotation: [f64; 2],
    /// Its middle, as parts of the way from where it touches one border to where it touches the other, to the right and downwards.
    pub place: [f64; 2],
    /// Period of the texture, and where in it the picture's corner is.
    pub period: f64,
    pub phase: [f64; 2],
}

impl Picture {
    /// `[3, size, size]`, values from 0 to 1. `noisy` says whether noise covers a pixel.
    pub fn draw(&self, size: usize, noisy: impl Fn(usize) -> bool) -> Vec<f32> {
        let [outline, texture] = self.rotation.map(|degrees| (degrees * PI / 180.0).sin_cos());
        // Of the square as it is turned; it fits into the picture.
        let half = self.scale / 2.0 * (outline.0.abs() + outline.1.abs());
        let middle = self.place.map(|part| half + part * (1.0 - 2.0 * half));
        let back = |(sin, cos): (f64, f64), [x, y]: [f64; 2]| [x * cos + y * sin, y * cos - x * sin];
        let covers = |[x, y]: [f64; 2], noisy: bool| {
            let within = back(outline, [x - middle[0], y - middle[1]]).map(|side| side * 2.0 / self.scale);
            let [s, t] = back(texture, [x, y]).map(|along| along / self.period);
            self.shape.holds(within) && self.texture.covers([s + self.phase[0], t + self.phase[1]], noisy)
        };
        let (side, plane) = (size as f64, size * size);
        let point = |pixel: usize, i: usize| (pixel as f64 + (i as f64 + 0.5) / POINTS as f64) / side;
        let reach = |pixel: usize, middle: f64| (((pixel as f64 + 0.5) / side) - middle).abs() <= half + 0.5 / side;
        let mut drawn = vec![BACKGROUND as f32; 3 * plane];
        for (row, column) in (0..size).flat_map(|row| (0..size).map(move |column| (row, column))) {
            if !reach(column, middle[0]) || !reach(row, middle[1]) {
                continue;
            }
            let pixel = row * size + column;
            let noisy = noisy(pixel);
            let points =
                (0..POINTS * POINTS).filter(|i| covers([point(column, i % POINTS), point(row, i / POINTS)], noisy));
            let share = points.count() as f64 / (POINTS * POINTS) as f64;
            for (channel, value) in self.colour.channels().into_iter().enumerate() {
                drawn[channel * plane + pixel] = (BACKGROUND + share * (value - BACKGROUND)) as f32;
            }
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn still(shape: Shape, texture: Texture) -> Picture {
        let colour = Colour::Orange;
        Picture {
            shape,
            texture,
            colour,
            scale: 0.5,
            rotation: [0.0; 2],
            place: [0.5; 2],
            period: 0.25,
            phase: [0.0; 2],
        }
    }

    /// The part of the square in which an outline stands that it covers.
    fn area(picture: &Picture) -> f64 {
        let size = 64;
        let drawn = picture.draw(size, |pixel| pixel % 2 == 0);
        let plane = size * size;
        let of: f64 = drawn[..plane].iter().map(|&red| (f64::from(red) - 0.5) / 0.5).sum();
        of / (plane as f64 * picture.scale.powi(2))
    }

    #[test]
    fn a_square_is_drawn_to_the_pixel() {
        let size = 20;
        // Side 0.8 of 0.5 of 20 pixels: 8 pixels, from 6 to 14.
        let drawn = still(Shape::Square, Texture::Solid).draw(size, |_| false);
        assert_eq!(drawn.len(), 3 * size * size);
        for (at, &value) in drawn.iter().enumerate() {
            let (channel, row, column) = (at / 400, at / 20 % 20, at % 20);
            let inside = (6..14).contains(&row) && (6..14).contains(&column);
            assert_eq!(value, if inside { [1.0, 0.6, 0.0][channel] } else { 0.5 }, "{channel} {row} {column}");
        }
        // In the corners it touches the borders of its own square.
        let corner = Picture { place: [1.0, 0.0], ..still(Shape::Square, Texture::Solid) }.draw(size, |_| false);
        let red = |row: usize, column: usize| corner[row * size + column];
        assert_eq!((red(1, 18), red(8, 11), red(0, 18), red(1, 19), red(9, 11)), (1.0, 1.0, 0.5, 0.5, 0.5));
    }

    #[test]
    fn outlines_have_their_areas_however_they_are_turned() {
        let (tenth, fifth) = (PI / 10.0, PI / 5.0);
        let star = 5.0 * 0.95 * 0.38 * fifth.sin();
        let expected = [
            (Shape::Triangle, 0.95 * 1.7),
            (Shape::Square, 2.56),
            (Shape::Plus, 4.0 * 0.9 * 0.6 - 0.36),
            (Shape::Circle, PI * 0.81),
            (Shape::Tee, 1.8 * 0.55 + 0.56 * 1.25),
            (Shape::Rhombus, 2.0 * 0.65 * 0.95),
            (Shape::Pentagon, 2.5 * 0.95f64.powi(2) * (4.0 * tenth).sin()),
            (Shape::Star, star),
            (Shape::FiveSquare, 5.0 * 0.56f64.powi(2)),
            (Shape::Trapezoid, 1.2 * (1.1 + 1.8) / 2.0),
        ];
        assert_eq!(expected.map(|(shape, _)| shape), Shape::ALL);
        for (shape, area_of_square) in expected {
            for turned in [0.0, 30.0] {
                let picture = Picture { rotation: [turned, 0.0], ..still(shape, Texture::Solid) };
                let (is, of) = (area(&picture), area_of_square / 4.0);
                assert!((is - of).abs() < 0.02, "{shape} turned by {turned}: {is} against {of}");
            }
        }
    }

    #[test]
    fn textures_cover_their_part() {
        let whole = area(&still(Shape::Square, Texture::Solid));
        let expected = [1.0, 0.4, 0.51, 0.5, PI * 0.16, 0.5, 0.5, 0.4, 2.0 * 0.8 * 0.3 - 0.09];
        for (&texture, expected) in Texture::ALL.iter().zip(expected) {
            // Many periods, of which the borders cut few.
            let picture = Picture { period: 0.05, rotation: [0.0, 20.0], ..still(Shape::Square, texture) };
            let part = area(&picture) / whole;
            assert!((part - expected).abs() < 0.06, "{texture}: {part} against {expected}");
        }
    }
}
