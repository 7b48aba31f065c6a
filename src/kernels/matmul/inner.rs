//! What a product sums over K.

/// What of two factors is summed over K.
///
/// Distances are sums of differences rather than made from inner products, so that distances that are equal in exact
/// arithmetic stay equal for whole numbers, and small distances between large values keep their digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Inner {
    /// `a b`: the matrix product.
    #[default]
    Product,
    /// `(a - b)^2`: squared Euclidean distances.
    SquaredDifference,
    /// `|a - b|`: city-block distances.
    AbsoluteDifference,
}

impl Inner {
    /// Start of a kernel's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Product => "matmul",
            Self::SquaredDifference => "squared_distance",
            Self::AbsoluteDifference => "absolute_distance",
        }
    }

    /// The term of two factors, in WGSL; `a` is a scalar, `b` a scalar or vector.
    pub(super) fn term(self, a: &str, b: &str) -> String {
        match self {
            Self::Product => format!("{a} * {b}"),
            Self::SquaredDifference => format!("({a} - {b}) * ({a} - {b})"),
            Self::AbsoluteDifference => format!("abs({a} - {b})"),
        }
    }
}
