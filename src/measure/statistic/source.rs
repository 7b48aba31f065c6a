//! What statistics are computed from, and how one is made of it: a source is given in f64 of one representation, or in f32 of
//! many on a device, and the same function of it is the statistic.
//!
//! What rounding could decide (neighbours at nearly equal distances, a share of variance at its limit, singular values near
//! zero) single precision does not give: the source, or the function of it, then has nothing, and f64 is taken.

use std::any::{Any, type_name};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;

use faer::MatRef;

use super::input::{Classes, fail};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::measure::compare::Named;

/// What statistics are computed from.
pub(crate) trait Source: Debug + Send + Sync + 'static {
    /// What there is of one representation.
    type Of: 'static;

    /// In f64 of `x` `[examples, units]`; `labels` are a class for each example, or empty.
    fn host(&self, x: MatRef<'_, f64>, labels: &[usize]) -> Result<Self::Of>;

    /// In f32 of each representation of a batch, or nothing where single precision does not decide it.
    fn device(&self, batch: &Batch<'_>) -> Result<Vec<Option<Self::Of>>>;
}

/// Representations of one number of examples that are on their way to a device, and what has been made of them there.
pub struct Batch<'a> {
    /// Without one: the processor.
    pub(super) gpu: Option<&'a Arc<Gpu>>,
    pub(super) set: Vec<&'a Named>,
    pub(super) labels: &'a [usize],
    made: RefCell<HashMap<String, Rc<dyn Any>>>,
}

impl<'a> Batch<'a> {
    /// Nothing has been made of them yet; `labels` are a class for each example, or empty.
    pub fn new(gpu: Option<&'a Arc<Gpu>>, set: Vec<&'a Named>, labels: &'a [usize]) -> Self {
        Self { gpu, set, labels, made: RefCell::default() }
    }

    /// Examples of each representation.
    pub(super) fn examples(&self) -> usize {
        self.set.first().map_or(0, |x| x.values.nrows())
    }

    /// Two classes or more, one of them of two examples.
    pub(super) fn classes(&self) -> Result<Classes> {
        let classes = Classes::of(self.labels, self.examples(), 2)?;
        if classes.number() == self.examples() { fail("every example is a class of its own") } else { Ok(classes) }
    }

    /// Nothing of any.
    pub(super) fn none<T>(&self) -> Vec<Option<T>> {
        self.set.iter().map(|_| None).collect()
    }

    /// A source of all of them, made once.
    pub(super) fn get<S: Source>(&self, source: &S) -> Result<Rc<Vec<Option<S::Of>>>> {
        self.once(format!("{} {source:?}", type_name::<S>()), || source.device(self))
    }

    /// What is known by a key, made once.
    pub(super) fn once<T: 'static>(
        &self,
        key: String,
        make: impl FnOnce() -> Result<Vec<Option<T>>>,
    ) -> Result<Rc<Vec<Option<T>>>> {
        let known = self.made.borrow().get(&key).cloned();
        if let Some(Ok(known)) = known.map(Rc::downcast) {
            return Ok(known);
        }
        let made = Rc::new(match make() {
            // What the device has no memory for, or too short loops, is left to the CPU.
            Err(Error::OutOfMemory(_) | Error::Shape(_) | Error::Measure(_)) => self.none(),
            other => other?,
        });
        self.made.borrow_mut().insert(key, made.clone());
        Ok(made)
    }
}

/// How a statistic is computed in f64, of a representation `[examples, units]` and, where it needs them, labels.
pub type Compute = Box<dyn Fn(MatRef<'_, f64>, &[usize]) -> Result<f64> + Send + Sync>;

/// How it is computed in f32, of many representations; nothing where single precision does not decide it.
pub type OnDevice = Box<dyn Fn(&Batch<'_>) -> Result<Vec<Option<f64>>> + Send + Sync>;

/// A statistic with its options, ready to be computed.
pub struct Computation {
    /// In f64 on the CPU.
    pub compute: Compute,
    /// In f32 on a device, if it has such a form.
    pub device: Option<OnDevice>,
}

impl Computation {
    /// Of a representation alone, on the CPU.
    pub(super) fn of(compute: impl Fn(MatRef<'_, f64>) -> Result<f64> + Send + Sync + 'static) -> Self {
        Self { compute: Box::new(move |x, _| compute(x)), device: None }
    }

    /// Of a representation and its labels, on the CPU.
    pub(super) fn labelled(compute: impl Fn(MatRef<'_, f64>, &[usize]) -> Result<f64> + Send + Sync + 'static) -> Self {
        Self { compute: Box::new(compute), device: None }
    }

    /// A function of a source, which rounding of the source does not decide.
    pub(super) fn from<S: Source>(source: S, finish: impl Fn(&S::Of) -> Result<f64> + Send + Sync + 'static) -> Self {
        Self::decided(source, move |of, _| finish(of).map(Some))
    }

    /// A function of a source and whether it is in single precision, in which case there may be nothing.
    pub(super) fn decided<S: Source>(
        source: S,
        finish: impl Fn(&S::Of, bool) -> Result<Option<f64>> + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new((source, finish));
        let (host, device) = (shared.clone(), shared);
        let compute = move |x: MatRef<'_, f64>, labels: &[usize]| match (host.1)(&host.0.host(x, labels)?, false)? {
            Some(value) => Ok(value),
            None => fail("double precision does not decide the value"),
        };
        let of = move |batch: &Batch<'_>| {
            let made = batch.get(&device.0)?;
            Ok(made.iter().map(|of| (device.1)(of.as_ref()?, true).ok().flatten()).collect())
        };
        Self { compute: Box::new(compute), device: Some(Box::new(of)) }
    }
}
