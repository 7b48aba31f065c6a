//! The analyses of representations with known features, against scikit-learn and NumPy (`fixtures/make_features.py`) and
//! against what can be worked out by hand.

mod closed;
mod device;
mod errors;
mod fixture;
mod passes;
mod reference;
