//! Features that are seen: a picture for each example, of which each shown bit decides something.

use super::declare::{Features, Set};
use super::host::Made;
use super::picture::{Attribute, Colour, Picture, Shape, Texture};
use super::resolve::key;
use crate::data::{Dataset, Table, Targets};
use crate::error::{Error, Result};
use crate::kernels::random::{choice, uniform};
use crate::settings::settings;

settings! {
    /// The pictures of `form = "image"`: one thing on grey, after the Trifeature images of Hermann and Lampinen (2020). What bits of
    /// features show (`shows`) is decided by them: m bits choose one of 2^m equal parts of a list, in its order, or of a range, the first
    /// bit between its halves. Within its part, or where no feature decides, each value is as likely.
    Images {
        /// Pixels along each side; examples are `[3, size, size]`, red, green and blue from 0 to 1.
        #[schemars(range(min = 8, max = 512), extend("synonyms" = ["resolution", "image_size"]))]
        size: u32 = 32,
        /// Outlines.
        #[schemars(length(min = 1, max = 256))]
        shapes: Vec<Shape> = vec![Shape::Triangle, Shape::Square, Shape::Plus, Shape::Circle],
        /// Colours.
        #[schemars(length(min = 1, max = 256), extend("synonyms" = ["colors"]))]
        colours: Vec<Colour> = vec![Colour::Red, Colour::Green, Colour::Blue, Colour::Yellow],
        /// Textures.
        #[schemars(length(min = 1, max = 256))]
        textures: Vec<Texture> = vec![Texture::Solid],
        /// Least and largest side of the square that an outline stands in, as a part of the picture's: from 0.1 to 0.7, so that it fits
        /// however it is turned.
        scale: [f64; 2] = [0.5, 0.5],
        /// Least and largest angle by which an outline is turned, clockwise, in degrees; textures are turned within it on their own.
        rotation: [f64; 2] = [-45.0, 45.0],
        /// Period of textures, as a part of the picture's side.
        #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 1.0))]
        period: f64 = 0.125,
    }
}

/// What decides an attribute in an example: the part that its bits choose, of so many.
#[derive(Clone, Copy)]
struct Part {
    chosen: u32,
    of: u32,
}

/// One example's draws.
struct Drawing<'a> {
    set: Set,
    seed: u32,
    example: u32,
    part: &'a dyn Fn(Attribute) -> Part,
}

impl Drawing<'_> {
    fn key(&self, what: &str) -> u32 {
        key(&format!("data/{}/image/{what}", self.set.name()))
    }

    fn one_of<T: Copy>(&self, attribute: Attribute, list: &[T]) -> T {
        let Part { chosen, of } = (self.part)(attribute);
        let width = list.len() as u32 / of;
        let within = choice(self.seed, self.key(attribute.name()), 0, self.example, width);
        list[(chosen * width + within) as usize]
    }

    fn within(&self, attribute: Attribute, [least, most]: [f64; 2]) -> f64 {
        let Part { chosen, of } = (self.part)(attribute);
        let at = (f64::from(chosen) + self.uniform(attribute.name(), 0)) / f64::from(of);
        least + (most - least) * at
    }

    fn uniform(&self, what: &str, slot: u32) -> f64 {
        f64::from(uniform(self.seed, self.key(what), slot, self.example))
    }
}

impl Features {
    /// Bits that show an attribute: the feature and the bit of its pattern.
    fn shown_by(&self, attribute: Attribute) -> Vec<(usize, usize)> {
        let all = self.features().iter().enumerate();
        let bits =
            all.flat_map(|(f, feature)| feature.shows.iter().enumerate().map(move |(bit, shows)| (f, bit, *shows)));
        bits.filter(|(.., shows)| *shows == attribute).map(|(f, bit, _)| (f, bit)).collect()
    }

    /// Whether pictures can show the features.
    ///
    /// # Errors
    /// [`Error::Config`] with a sentence that names a feature or a key.
    pub fn check_images(&self, images: &Images) -> Result<()> {
        for feature in self.features() {
            let (relevant, shows) = (feature.function.relevant() as usize, feature.shows.len());
            if relevant != shows {
                return Err(Error::config(format!(
                    "feature `{}`: {} reads {relevant} bits, so shows must name {relevant} of {}, one for each, and it has {shows}",
                    feature.name,
                    feature.function,
                    Attribute::ALL.iter().map(|a| a.name()).collect::<Vec<_>>().join(", ")
                )));
            }
        }
        let lists = [
            (Attribute::Shape, "shapes", images.shapes.len()),
            (Attribute::Colour, "colours", images.colours.len()),
            (Attribute::Texture, "textures", images.textures.len()),
        ];
        for (attribute, name, length) in lists {
            let bits = self.shown_by(attribute).len();
            if bits > 8 || !length.is_multiple_of(1 << bits) {
                return Err(Error::config(format!(
                    "data.image.{name}: {bits} bits of features show {attribute}, which choose one of 2^{bits} equal parts: expected a \
                     multiple of that many, got {length}"
                )));
            }
        }
        for (attribute, name, [least, most], [lower, upper]) in [
            (Attribute::Size, "scale", images.scale, [0.1, 0.7]),
            (Attribute::Rotation, "rotation", images.rotation, [-360.0, 360.0]),
        ] {
            if !(lower <= least && least <= most && most <= upper) {
                return Err(Error::config(format!(
                    "data.image.{name}: expected two numbers from {lower} to {upper}, the lower first, got {least} and {most}"
                )));
            }
            if least == most && !self.shown_by(attribute).is_empty() {
                return Err(Error::config(format!(
                    "data.image.{name}: a feature shows {attribute}, and it is {least} throughout: expected a range"
                )));
            }
        }
        let crowded = Attribute::ALL.iter().find(|attribute| self.shown_by(**attribute).len() > 8);
        match crowded {
            Some(attribute) => Err(Error::config(format!("at most 8 bits of features can show {attribute}"))),
            None => Ok(()),
        }
    }

    /// Makes a set of pictures: inputs `[N, 3, size, size]`, and the labels that [`Features::make`] gives. A feature that is absent shows
    /// bits that tell nothing of its label.
    ///
    /// # Errors
    /// As [`Features::make`] and [`Features::check_images`].
    pub fn make_images(&self, set: Set, examples: usize, seed: u32, images: &Images) -> Result<Made> {
        self.check_images(images)?;
        let resolved = self.resolve(set, examples)?;
        let size = images.size as usize;
        let mut pixels = Vec::with_capacity(examples * 3 * size * size);
        let (mut labels, mut present) = (Vec::new(), Vec::new());
        let shown: Vec<_> = Attribute::ALL.iter().map(|&attribute| (attribute, self.shown_by(attribute))).collect();
        for example in 0..examples as u32 {
            let facts = self.facts(&resolved, seed, example, examples as u32);
            let pattern = |f: usize| {
                let (fact, r) = (&facts[f], &resolved[f]);
                if fact.present || !r.hides {
                    return fact.pattern;
                }
                r.patterns[choice(seed, r.unit_key, 0, example, r.patterns.len() as u32) as usize]
            };
            let part = |attribute: Attribute| {
                let bits =
                    shown.iter().find(|(other, _)| *other == attribute).map_or(&[][..], |(_, bits)| bits.as_slice());
                let chosen = bits.iter().fold(0, |chosen, &(f, bit)| 2 * chosen + (pattern(f) >> bit & 1));
                Part { chosen, of: 1 << bits.len() }
            };
            let drawing = Drawing { set, seed, example, part: &part };
            let turned = drawing.uniform("texture/rotation", 0);
            let picture = Picture {
                shape: drawing.one_of(Attribute::Shape, &images.shapes),
                texture: drawing.one_of(Attribute::Texture, &images.textures),
                colour: drawing.one_of(Attribute::Colour, &images.colours),
                scale: drawing.within(Attribute::Size, images.scale),
                rotation: [
                    drawing.within(Attribute::Rotation, images.rotation),
                    images.rotation[0] + (images.rotation[1] - images.rotation[0]) * turned,
                ],
                place: [Attribute::X, Attribute::Y].map(|axis| drawing.within(axis, [0.0, 1.0])),
                period: images.period,
                phase: [0, 1].map(|axis| drawing.uniform("texture/phase", axis)),
            };
            let noise = drawing.key("texture/noise");
            pixels.extend(picture.draw(size, |pixel| uniform(seed, noise, pixel as u32, example) < 0.5));
            labels.extend(facts.iter().map(|fact| f32::from(u8::from(fact.label))));
            present.extend(facts.iter().map(|fact| f32::from(u8::from(fact.present))));
        }
        let flags = |values: Vec<f32>| Table { rows: examples, shape: vec![self.outputs()], values };
        let inputs = Table { rows: examples, shape: vec![3, size, size], values: pixels };
        let dataset = Dataset { name: "features".into(), inputs, targets: Targets::Values(flags(labels)) };
        Ok(Made { dataset, present: flags(present) })
    }
}
