//! Data sets of Boolean features: inputs made of blocks of bits, and for each block a label that a named function gives
//! of its first units.
//!
//! After Lampinen, Chan & Hermann, *Learned feature representations are biased by complexity, learning order, position,
//! and more* (2024), in the form of the demo that they released: a block of 16 units per feature, the label of an easy
//! feature is one unit (and three copies of it), that of a hard one a function of four, the rest are random, and the
//! label of a hard feature is exactly balanced.
//!
//! The same declaration gives the same bits on the host ([`Features::make`]) and in a graph ([`Features::tensors`]).
//! Every value is a function of (seed, purpose, slot, example), the purpose being a path such as `data/train/hard/label`:
//! the sets for training, fitting and testing are separate streams, and so are the features.
//!
//! - Labels: example `i` stands at place `p(i)` of a keyed permutation of all examples, and its label is 1 where
//!   `p(i) < round(rate n)`: exact counts, in random order.
//! - Units: given the label, a pattern that has it is chosen from the truth table, each as likely. This is the distribution
//!   of drawing the whole block again until its label is the wanted one, as the demo does, without drawing again.
//! - Agreement: the `k`-th example of a label class of the other feature gets the same label where a permutation of that
//!   class puts `k` before `round(agreement n)`, with `n` the size of the class.
//! - Presence: as the label, by a permutation of its own; in training alone.
//!
//! In place of units an example can be a picture of which each bit decides something ([`Features::make_images`]), or a sequence that is
//! answered feature by feature ([`Features::make_sequences`]): the labels are the same.
//!
//! ```
//! use isogram::data::features::{Feature, Features, Function, Set};
//!
//! # fn main() -> isogram::Result<()> {
//! let hard = Feature::new("hard", "xor_xor_xor".parse()?);
//! let features = Features::new(vec![Feature::new("easy", Function::Linear), hard], 0)?;
//! let train = features.make(Set::Train, 8192, 0)?;
//! assert_eq!((train.dataset.inputs.width(), train.dataset.targets.width()), (32, 2));
//! # Ok(())
//! # }
//! ```

mod declare;
mod function;
mod host;
mod images;
mod picture;
mod resolve;
mod sequence;
mod tensors;

pub use declare::{Absent, Agreement, Balance, Feature, Features, Set};
pub use function::{Function, Gate, MOST_RELEVANT};
pub use host::Made;
pub use images::Images;
pub use picture::{Attribute, Colour, Shape, Texture};
pub use resolve::MOST_EXAMPLES;
pub use sequence::START;
pub use tensors::FeatureTensors;
