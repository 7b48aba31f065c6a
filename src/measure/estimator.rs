//! Estimators of the Hilbert-Schmidt independence criterion (HSIC), by which all measures of its family are told apart:
//! CKA, its angle, distance correlation. One word each, and the same everywhere: in names, in files, in the library.

/// An estimator of HSIC, and with it of CKA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Estimator {
    /// tr(KHLH)/(n − 1)², the plug-in estimator of Gretton et al. 2005. Biased upwards: CKA of independent data tends
    /// to one as units outnumber examples. CKA in [0, 1]. Needs 2 examples.
    Biased,
    /// The unbiased estimator of Song et al. 2012, eq. 5. Its CKA ("debiased CKA") is in [−1, 1] and may be negative.
    /// Needs 4 examples.
    Debiased,
    /// Centred first, then without the diagonal, over n(n − 3) (Lange et al. 2023). Not unbiased. CKA in [−1, 1].
    /// Needs 4 examples.
    Lange,
}

impl Estimator {
    /// Every estimator; the first is meant where a user names none.
    pub const ALL: [Self; 3] = [Self::Debiased, Self::Biased, Self::Lange];

    /// The word for it in names: `cka:debiased`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Biased => "biased",
            Self::Debiased => "debiased",
            Self::Lange => "lange",
        }
    }

    /// The estimator of a word; the default for a word that is none's.
    pub fn of_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|e| e.word() == word).unwrap_or(Self::ALL[0])
    }

    /// The name of a measure by this estimator, as it is written in files: `cka` becomes `cka:debiased`.
    pub fn named(self, measure: &str) -> String {
        format!("{measure}:{}", self.word())
    }
}
