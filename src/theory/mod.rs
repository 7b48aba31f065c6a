//! Theory that trained networks are compared with: plain `f64` arithmetic, no device.
//!
//! The effective theory of van Rossem and Saxe, "When Representations Align: Universality in Representation Learning
//! Dynamics" (ICML 2024, arXiv 2402.09142): two data points whose representations are close, an encoder and a decoder so
//! flexible that gradient descent acts on the maps themselves, and two constants, the effective learning rates
//! [`Rates`], in which all of the architecture hides. What is followed is a [`State`] of three numbers: the squared
//! distance of the two hidden representations, that of the two outputs, and how far the outputs are from their targets.
//!
//! - [`TwoPoint`]: the theory at given rates and a given start, with its conserved quantity, its end and its regimes;
//! - [`ClosedForm`]: its solution, exact at any time, for outputs of any dimension;
//! - [`Equations`]: its equations and four altered ones as negative controls, solved by an implicit integrator;
//! - [`fit()`], [`fit_mean_rate`], [`invariant_line`]: the rates from measured curves, and their ratio without a fit;
//! - [`classical_mds`]: points from pairwise distances, to draw representations;
//! - [`statistics`]: how well predictions agree with measurements.
//!
//! And of wide networks at initialisation, [`Wide`]: how the size of pre-activations, its fluctuation and the tangent kernel go from
//! layer to layer (Roberts, Yaida and Hanin 2022).
//!
//! Time is in whatever unit the curves have (in the paper an epoch, which there is one step), and rates are per that
//! unit. Rates follow the authors' released program: `dh/dt = -rate_h dx2 w`. Gradient flow of half the *mean* squared
//! error over the two points has rates twice as large ([`Rates`]); ratios of rates and all final distances are the same.

mod closed_form;
mod error;
mod fit;
mod form;
mod invariant;
mod krylov;
mod mds;
mod mean_rate;
mod nelder_mead;
pub mod statistics;
mod two_point;
mod wide;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod flow;

pub use closed_form::ClosedForm;
pub use error::TheoryError;
pub use fit::{Fit, Objective, fit};
pub use form::Equations;
pub use invariant::{InvariantLine, invariant_line};
pub use mds::{Mds, classical_mds};
pub use mean_rate::{MeanRate, fit_mean_rate};
pub use two_point::{Rates, Regime, State, Task, TwoPoint, final_distance_density};
pub use wide::{Wide, WideLayer, rectified_correlation, vertex_of};
