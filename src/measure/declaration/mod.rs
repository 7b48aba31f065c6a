//! What a measure is declared with: what is said of it ([`Entry`]), its options, what scales make of it, and the forms in which it is
//! computed, on the CPU and on a device.

mod cross;
mod device;
mod entry;
mod given;
mod host;
mod made;
pub(crate) mod scale;

pub(in crate::measure) use cross::turned;
pub use cross::{Cross, Crossed, Of, Remainder, Side};
pub use device::{
    Cosine, Device, FromProducts, Neighbourhood, Nuclear, NuclearValue, RankComparison, Ranks, Surroundings, Tables,
};
pub use entry::{Direction, Entry, Extents, Held, Invariance};
pub use given::{Given, Parameter, Takes, Value};
pub(crate) use given::{count, number, word, written};
pub use host::{Host, Prepared};
pub use made::Made;
pub use scale::Scale;
