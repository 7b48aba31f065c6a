//! How a measure is computed on a device, in f32, for all pairs at once.
//!
//! What is the same for all pairs of a representation is done once, in f64 on the host or on the device; the work that
//! grows with the pairs, or with the square of the examples, is done on the device; what is left of a pair, a few numbers
//! or a small matrix, is finished on the host in f64. Each form here is one way of dividing the work.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use faer::{Mat, MatRef};

use super::entry::{Host, Made};
use crate::error::{Error, Result};
use crate::measure::embedding::{Between, Embedding};
use crate::measure::neurons::neighbours::{Nearness, Neighbours};
use crate::measure::pairwise::rdm::Rdm;
use crate::measure::ranks::RankComparison;
use crate::measure::subspace::based::Basis;
use crate::measure::subspace::prepare::product;
use crate::measure::subspace::shape::Procrustes;

/// How a measure is computed on a device.
#[derive(Clone, Debug)]
pub enum Device {
    /// From inner products of embeddings.
    Cosine(Cosine),
    /// From the nearest neighbours.
    Neighbours(Neighbourhood),
    /// From the singular values of the cross-product, all on the device.
    Nuclear(Nuclear),
    /// From the cross-product, finished on the host.
    Cross(Cross),
    /// From the ranks of dissimilarities.
    Ranks(Ranks),
    /// From tables of dissimilarities, finished on the host.
    Tables(Tables),
    /// From the softmax of each example's units: the Jensen-Shannon divergence.
    Outputs,
}

impl Device {
    /// What the device does, in a few words.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Cosine(_) => "wholly on the device",
            Self::Neighbours(_) => "neighbours on the device",
            Self::Nuclear(_) => "pairs on the device, a factorisation of each representation on the CPU",
            Self::Cross(_) => "cross-products on the device, the rest on the CPU",
            Self::Ranks(_) => "dissimilarities, sorting and counting on the device",
            Self::Tables(_) => "dissimilarities on the device, their comparison on the CPU",
            Self::Outputs => "wholly on the device",
        }
    }
}

/// A measure that is a function of inner products of embeddings.
#[derive(Clone, Copy, Debug)]
pub struct Cosine {
    /// What each representation becomes.
    pub embedding: Embedding,
    /// What is made of the inner products.
    pub value: FromProducts,
}

/// What is made of inner products of embeddings.
#[derive(Clone, Copy, Debug)]
pub enum FromProducts {
    /// The cosine as it is.
    Cosine,
    /// Its angle; beyond this cosine, either way, single precision does not tell angles apart.
    Angle(f64),
    /// Its root, or zero; below this cosine single precision does not tell roots apart.
    Root(f64),
    /// The product itself, over a number that the examples give.
    Product(fn(f64) -> f64),
}

impl FromProducts {
    /// The value, from a cosine, for forms that need no more.
    pub fn of_cosine(self, cosine: f64) -> f64 {
        match self {
            Self::Cosine | Self::Product(_) => cosine,
            Self::Root(_) => cosine.max(0.0).sqrt(),
            Self::Angle(_) => cosine.clamp(-1.0, 1.0).acos(),
        }
    }

    /// The value, from a cosine and a product that were found in single precision for so many examples: not a number where
    /// that does not do, and the definition in double precision is to be asked.
    pub fn of_single(self, cosine: f64, product: f64, examples: usize) -> f64 {
        match self {
            Self::Product(over) => product / over(examples as f64),
            Self::Angle(most) if cosine.abs() > most => f64::NAN,
            Self::Root(least) if cosine < least => f64::NAN,
            value => value.of_cosine(cosine),
        }
    }
}

/// A measure that is a function of the singular values of the cross-product of two matrices.
#[derive(Clone, Debug)]
pub struct Nuclear {
    /// What each representation becomes, on the CPU in f64.
    pub basis: Basis,
    /// What is made of the singular values.
    pub value: NuclearValue,
    /// The same with singular values found on the host: for adapters that are slower than it at the products that finding
    /// them on the device takes.
    pub cross: Cross,
}

/// What is made of the singular values.
#[derive(Clone, Copy, Debug)]
pub enum NuclearValue {
    /// A distance of the Procrustes family.
    Distance(fn(&Procrustes) -> f64),
    /// Mean canonical correlation.
    Mean,
    /// Mean squared canonical correlation.
    MeanSquared,
}

/// A representation and its neighbours.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// `[examples, units]`
    pub values: MatRef<'a, f64>,
    /// Neighbours of each example.
    pub neighbours: &'a Neighbours,
}

type OfNeighbours = Arc<dyn Fn(Surroundings<'_>, Surroundings<'_>) -> Result<f64> + Send + Sync>;

/// A measure that compares the nearest neighbours of each example.
#[derive(Clone)]
pub struct Neighbourhood {
    /// How many neighbours.
    pub k: usize,
    /// What makes two examples near.
    pub nearness: Nearness,
    /// What is made of two sets of neighbours.
    pub compare: OfNeighbours,
}

impl fmt::Debug for Neighbourhood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Neighbourhood({}, {:?})", self.k, self.nearness)
    }
}

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
}

/// Two sides with what was kept of them.
fn of<'a, K: 'static>(a: &'a Side, b: &'a Side) -> Result<(Of<'a, K>, Of<'a, K>)> {
    match (a.kept.downcast_ref(), b.kept.downcast_ref()) {
        (Some(first), Some(second)) => Ok((Of { side: a, kept: first }, Of { side: b, kept: second })),
        _ => Err(Error::Measure("a representation was prepared for another measure".into())),
    }
}

type Prepare = Arc<dyn Fn(MatRef<'_, f64>) -> Result<Side> + Send + Sync>;
type Finish = Arc<dyn Fn(&Side, &Side, &Crossed) -> Result<Option<f64>> + Send + Sync>;
type Exact = Arc<dyn Fn(&Side, &Side, &Crossed) -> Result<f64> + Send + Sync>;
type Closing = Arc<dyn Fn(&Side, &Side, Remainder) -> Result<f64> + Send + Sync>;

/// What is left of two forms `A` and `B` once the first is turned onto the second: for pairs so close that a difference of
/// numbers near one would keep few digits.
#[derive(Clone, Copy, Debug)]
pub struct Remainder {
    /// `|A Q - B|²` for the best `Q`.
    pub distance: f64,
    /// `|A A' - B B'|²`.
    pub products: f64,
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
    exact: Option<Exact>,
}

impl fmt::Debug for Cross {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cross({})", self.key)
    }
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
            finish: Arc::new(move |a, b, cross| {
                let (a, b) = of(a, b)?;
                finish(a, b, cross)
            }),
            closing: None,
            exact: None,
        }
    }

    /// With what is made of a pair on the CPU that the product does not do for even in double precision.
    #[must_use]
    pub fn exactly<K: Send + Sync + 'static>(
        self,
        exact: impl Fn(Of<'_, K>, Of<'_, K>, &Crossed) -> f64 + Send + Sync + 'static,
    ) -> Self {
        let exact = move |a: &Side, b: &Side, cross: &Crossed| {
            let (a, b) = of(a, b)?;
            Ok(exact(a, b, cross))
        };
        Self { exact: Some(Arc::new(exact)), ..self }
    }

    /// With what is made of the remainder of a pair that the product does not do for because it is too close.
    #[must_use]
    pub fn closing<K: Send + Sync + 'static>(
        self,
        closing: impl Fn(Of<'_, K>, Of<'_, K>, Remainder) -> f64 + Send + Sync + 'static,
    ) -> Self {
        let closing = move |a: &Side, b: &Side, remainder: Remainder| {
            let (a, b) = of(a, b)?;
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
    pub fn close(&self, a: &Side, b: &Side, remainder: Remainder) -> Result<Option<f64>> {
        self.closing.as_ref().map(|closing| closing(a, b, remainder)).transpose()
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
        (self.finish)(a, b, cross)
    }

    /// The value in double precision.
    fn value(&self, a: &Side, b: &Side) -> Result<f64> {
        let cross = Crossed::exact(a, b);
        match (self.finish(a, b, &cross)?, &self.exact) {
            (Some(value), _) => Ok(value),
            (None, Some(exact)) => exact(a, b, &cross),
            (None, None) => Err(Error::Measure("the product of the two does not decide this measure".into())),
        }
    }
}

impl From<Cross> for Host {
    /// Each representation brought into its form once, and one product for each pair.
    fn from(cross: Cross) -> Self {
        let of_pair = cross.clone();
        Self::new(move |x| cross.prepare(x), move |a: &Side, b: &Side| of_pair.value(a, b))
    }
}

impl From<Cross> for Made {
    fn from(cross: Cross) -> Self {
        Self { host: cross.clone().into(), device: Some(Device::Cross(cross)) }
    }
}

/// A measure that compares the ranks of two tables of dissimilarities.
#[derive(Clone, Debug)]
pub struct Ranks {
    /// How.
    pub comparison: RankComparison,
    /// The tables, and their comparison on the host where sorting on the device does not pay.
    pub tables: Tables,
}

type OfTables = Arc<dyn Fn(&Rdm, &Rdm) -> Result<f64> + Send + Sync>;

/// A measure that is a function of two tables of dissimilarities.
#[derive(Clone)]
pub struct Tables {
    /// What the tables hold.
    pub between: Between,
    /// Whether dissimilarities are divided by the number of units.
    pub per_unit: bool,
    /// What is made of two tables.
    pub compare: OfTables,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tables({:?})", self.between)
    }
}
