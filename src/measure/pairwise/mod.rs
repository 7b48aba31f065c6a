//! Tables of pairs of examples: Gram matrices and dissimilarities, their ranks, and what noise makes of them.

pub mod gram;
pub mod noise;
pub mod noise_ceiling;
pub mod rank;
pub mod rdm;
