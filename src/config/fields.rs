//! The names of a struct's fields in the order of its declaration, as serde's derive knows them.
//!
//! The schema keeps them sorted by name, unless some other crate in the build turns on an option of `serde_json`;
//! documentation reads better in the order in which the author put them, and must not depend on that.

use serde::{
    Deserialize, Deserializer,
    de::{Visitor, value::Error},
    forward_to_deserialize_any,
};

use crate::data::features::Images;

use super::{
    After, Align, Augment, Batch, Checkpoints, Data, Experiment, Feature, LayerSettings, Loss, Model, Network, Observe,
    Optimiser, Probe, Save, Schedule, Stage,
};

/// The keys of one section.
type Fields = fn() -> &'static [&'static str];

/// The sections, by path, in the order of the documentation. The sweep is not among them: its keys are other keys.
pub(super) const SECTIONS: &[(&str, Fields)] = &[
    ("", of::<Experiment>),
    ("stages", of::<Stage>),
    ("data", of::<Data>),
    ("data.features", of::<Feature>),
    ("data.image", of::<Images>),
    ("data.augment", of::<Augment>),
    ("model", of::<Model>),
    ("model.layers", of::<LayerSettings>),
    ("networks.NAME", of::<Network>),
    ("loss", of::<Loss>),
    ("loss.align", of::<Align>),
    ("optimiser", of::<Optimiser>),
    ("optimiser.schedule", of::<Schedule>),
    ("batch", of::<Batch>),
    ("probe", of::<Probe>),
    ("observe", of::<Observe>),
    ("observe.at", of::<Checkpoints>),
    ("after", of::<After>),
    ("save", of::<Save>),
];

/// The keys of a section; none when there is no such section.
pub(super) fn of_section(path: &str) -> &'static [&'static str] {
    SECTIONS.iter().find(|(section, _)| *section == path).map_or(&[], |(_, fields)| fields())
}

/// The fields of a struct: its derived code tells them to whoever deserialises it.
fn of<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let mut found: &'static [&'static str] = &[];
    // It always fails, having told what was asked.
    let _ = T::deserialize(Listener(&mut found));
    found
}

struct Listener<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Listener<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("only structs have fields"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_in_order() {
        assert_eq!(of::<Batch>(), ["mode", "size"]);
        assert_eq!(of_section("loss"), ["kind", "reduction", "absent", "align"]);
        assert_eq!(of_section("nothing"), [""; 0]);
        assert_eq!(of::<u32>(), [""; 0]);
    }
}
