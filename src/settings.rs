//! Two macros for settings, so that all that is to be said of one is written once: beside what it decides, which may be in `nn`
//! or `data`.

/// Declares a section: its keys, each with documentation, attributes, type and default.
macro_rules! settings {
    ($(#[$outer:meta])* $type:ident { $($(#[$inner:meta])* $key:ident: $of:ty = $default:expr,)+ }) => {
        $(#[$outer])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct $type {
            $($(#[$inner])* pub $key: $of,)+
        }

        impl Default for $type {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }
    };
}

/// Declares an enum, the word of each variant, those that other tools use for it, and the list of all variants.
macro_rules! choices {
    ($(#[$outer:meta])* $type:ident { $($(#[$inner:meta])* $variant:ident = $name:literal $([$($other:literal),+])?,)+ }) => {
        $(#[$outer])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        pub enum $type {
            $(
                $(#[$inner])*
                #[serde(rename = $name)]
                $(#[schemars(extend("synonyms" = [$($other),+]))])?
                $variant,
            )+
        }

        impl $type {
            /// Every choice, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that stands for it in an experiment.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

pub(crate) use {choices, settings};
