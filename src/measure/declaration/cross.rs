//! Measures that are functions of one product for each pair: what each representation becomes is made once, and what is made of
//! the product of two is said once, for the CPU in double precision and for a device in single.
//!
//! Where a measure picks something by the product (a matching, a coupling), what was picked is computed anew in f64; where it would
//! have to tell apart values that single precision does not, nothing is returned and the CPU does the pair.

use std::any::Any;
use std::ops::Deref;
use std::sync::Arc;

use faer::{Mat, MatRef};

use super::host::Host;
use crate::error::{Error, Result};
use crate::measure::numerics::algebra::product;
use crate::measure::numerics::factor::thin_svd;

/// What a representation becomes before its cross-products with others are made.
pub struct Side {
    /// `[examples, a]`, as the first of a pair.
    pub left: Mat<f64>,
    /// `[examples, b]`, as the second of a pair, if it is another matrix then.
    pub right: Option<Mat<f64>>,
    kept: Box<dyn Any + Send + Sync>,
}

impl Side {
    /// Of one form, as the first and as the second.
    pub fn same<K: Send + Sync + 'static>(matrix: Mat<f64>, kept: K) -> Self {
        Self { left: matrix, right: None, kept: Box::new(kept) }
    }

    /// Of two forms.
    pub fn different<K: Send + Sync + 'static>(left: Mat<f64>, right: Mat<f64>, kept: K) -> Self {
        Self { left, right: Some(right), kept: Box::new(kept) }
    }

    /// Its form as the second of a pair.
    pub fn right(&self) -> &Mat<f64> {
        self.right.as_ref().unwrap_or(&self.left)
    }
}

/// A side with what was kept of it.
pub struct Of<'a, K> {
    /// Its forms.
    pub side: &'a Side,
    /// What was kept.
    pub kept: &'a K,
    /// What the representation is larger by than what was prepared: one, but on the CPU for measures of
    /// [`Scale::Common`](super::Scale::Common).
    pub size: f64,
}

/// Two sides with what was kept of them.
fn of<'a, K: 'static>(a: &'a Side, b: &'a Side, sizes: [f64; 2]) -> Result<[Of<'a, K>; 2]> {
    match (a.kept.downcast_ref(), b.kept.downcast_ref()) {
        (Some(first), Some(second)) => {
            Ok([Of { side: a, kept: first, size: sizes[0] }, Of { side: b, kept: second, size: sizes[1] }])
        }
        _ => Err(Error::Measure("a representation was prepared for another measure".into())),
    }
}

/// Of representations as they were prepared.
const AS_PREPARED: [f64; 2] = [1.0, 1.0];

type Prepare = Arc<dyn Fn(MatRef<'_, f64>) -> Result<Side> + Send + Sync>;
type Finish = Arc<dyn Fn(&Side, &Side, [f64; 2], &Crossed) -> Result<Option<f64>> + Send + Sync>;
type Closing = Arc<dyn Fn(&Side, &Side, [f64; 2], &Remainder) -> Result<f64> + Send + Sync>;

/// What is left of two forms `A` and `B` once the first is turned onto the second: for pairs so close that a difference of
/// numbers near one would keep few digits.
#[derive(Clone, Debug)]
pub enum Remainder {
    /// As a device sums it.
    Sums {
        /// `|A Q - B|²` for the best `Q`.
        distance: f64,
        /// `|A A' - B B'|²`.
        products: f64,
    },
    /// On the CPU.
    Parts {
        /// `D = A Q - B`.
        difference: Mat<f64>,
        /// `S = A Q + B`.
        sum: Mat<f64>,
    },
}

impl Remainder {
    /// In double precision, from the forms and their product.
    ///
    /// # Errors
    /// If a singular value decomposition does not converge.
    pub fn exact(first: &Mat<f64>, second: &Mat<f64>, cross: &Mat<f64>) -> Result<Self> {
        let (x, y) = turned(first, second, cross)?;
        Ok(Self::Parts { difference: &x - &y, sum: &x + &y })
    }

    /// `|A Q - B|²` for the best `Q`.
    pub fn distance(&self) -> f64 {
        match self {
            Self::Sums { distance, .. } => *distance,
            Self::Parts { difference, .. } => difference.squared_norm_l2(),
        }
    }

    /// `|A A' - B B'|²`, which is `(tr(S'S D'D) + tr(D'S D'S)) / 2`: `A A' - B B'` is `(S D' + D S') / 2`.
    pub fn products(&self) -> f64 {
        let (difference, sum) = match self {
            Self::Sums { products, .. } => return *products,
            Self::Parts { difference, sum } => (difference, sum),
        };
        let of = |a: &Mat<f64>, b: &Mat<f64>| product(a.transpose(), b.as_ref());
        let (own, all, mixed) = (of(difference, difference), of(sum, sum), of(difference, sum));
        let entry = |j: usize, i: usize| own[(i, j)] * all[(i, j)] + mixed[(i, j)] * mixed[(j, i)];
        let width = own.ncols();
        0.5 * (0..width).flat_map(|j| (0..width).map(move |i| entry(j, i))).sum::<f64>()
    }
}

/// The narrower of two forms turned onto the other, and the other: `cross` is their product.
///
/// # Errors
/// If a singular value decomposition does not converge.
pub(in crate::measure) fn turned(
    first: &Mat<f64>,
    second: &Mat<f64>,
    cross: &Mat<f64>,
) -> Result<(Mat<f64>, Mat<f64>)> {
    let svd = thin_svd(cross.as_ref())?;
    let turn = product(svd.u.as_ref(), svd.v.transpose());
    Ok(if first.ncols() <= second.ncols() {
        (product(first.as_ref(), turn.as_ref()), second.clone())
    } else {
        (product(second.as_ref(), turn.transpose()), first.clone())
    })
}

/// The product of a form of the first, transposed, and a form of the second.
pub struct Crossed {
    /// The product.
    pub product: Mat<f64>,
    /// It was made in single precision: what that does not tell apart must not decide.
    pub single: bool,
}

impl Deref for Crossed {
    type Target = Mat<f64>;

    fn deref(&self) -> &Self::Target {
        &self.product
    }
}

impl Crossed {
    /// In double precision.
    pub fn exact(a: &Side, b: &Side) -> Self {
        Self { product: product(a.left.transpose(), b.right().as_ref()), single: false }
    }

    /// The product of the pair the other way about, where both have one form.
    #[must_use]
    pub fn turned(&self) -> Self {
        Self { product: self.product.transpose().to_owned(), single: self.single }
    }
}

/// A measure that is a function of the product of a form of the first, transposed, and a form of the second: on a device in
/// single precision, on the CPU in double.
#[derive(Clone)]
pub struct Cross {
    /// Measures of one key have the same forms: their products are made once.
    pub key: String,
    prepare: Prepare,
    finish: Finish,
    closing: Option<Closing>,
}

impl Cross {
    /// From what a representation becomes, and what is made of the product: nothing, where its precision does not do.
    pub fn new<K: Send + Sync + 'static>(
        key: impl Into<String>,
        prepare: impl Fn(MatRef<'_, f64>) -> Result<Side> + Send + Sync + 'static,
        finish: impl Fn(Of<'_, K>, Of<'_, K>, &Crossed) -> Result<Option<f64>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            key: key.into(),
            prepare: Arc::new(prepare),
            finish: Arc::new(move |a, b, sizes, cross| {
                let [a, b] = of(a, b, sizes)?;
                finish(a, b, cross)
            }),
            closing: None,
        }
    }

    /// With what is made of the remainder of a pair that the product does not do for because it is too close.
    #[must_use]
    pub fn closing<K: Send + Sync + 'static>(
        self,
        closing: impl Fn(Of<'_, K>, Of<'_, K>, &Remainder) -> f64 + Send + Sync + 'static,
    ) -> Self {
        let closing = move |a: &Side, b: &Side, sizes, remainder: &Remainder| {
            let [a, b] = of(a, b, sizes)?;
            Ok(closing(a, b, remainder))
        };
        Self { closing: Some(Arc::new(closing)), ..self }
    }

    /// Whether a pair that the product does not do for can be told by its remainder.
    pub fn closes(&self) -> bool {
        self.closing.is_some()
    }

    /// The value of a close pair, if the measure has a form for such.
    ///
    /// # Errors
    /// If the sides were prepared for another measure.
    pub fn close(&self, a: &Side, b: &Side, remainder: &Remainder) -> Result<Option<f64>> {
        self.closing.as_ref().map(|closing| closing(a, b, AS_PREPARED, remainder)).transpose()
    }

    /// What `x` `[examples, units]` becomes.
    ///
    /// # Errors
    /// If the measure is not defined on it.
    pub fn prepare(&self, x: MatRef<'_, f64>) -> Result<Side> {
        (self.prepare)(x)
    }

    /// The value from the product `a.left' b.right`; nothing where its precision does not do.
    ///
    /// # Errors
    /// If the measure is not defined on the pair.
    pub fn finish(&self, a: &Side, b: &Side, cross: &Crossed) -> Result<Option<f64>> {
        (self.finish)(a, b, AS_PREPARED, cross)
    }

    /// The value in double precision, of representations that are these times what was prepared.
    fn value(&self, a: &Side, b: &Side, sizes: [f64; 2]) -> Result<f64> {
        let cross = Crossed::exact(a, b);
        match ((self.finish)(a, b, sizes, &cross)?, &self.closing) {
            (Some(value), _) => Ok(value),
            (None, Some(closing)) => closing(a, b, sizes, &Remainder::exact(&a.left, b.right(), &cross)?),
            (None, None) => Err(Error::Measure("the product of the two does not decide this measure".into())),
        }
    }
}

impl From<Cross> for Host {
    /// Each representation brought into its form once, and one product for each pair.
    fn from(cross: Cross) -> Self {
        let of_pair = cross.clone();
        Self::sized(move |x| cross.prepare(x), move |a: &Side, b: &Side, sizes| of_pair.value(a, b, sizes))
    }
}
