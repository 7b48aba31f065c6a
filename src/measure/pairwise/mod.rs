//! Tables of pairs of examples: Gram matrices and dissimilarities, their ranks, nearest neighbours, and what noise makes of them.

pub mod gram;
pub mod neighbours;
pub mod noise;
pub mod noise_ceiling;
pub mod rank;
pub mod rdm;
