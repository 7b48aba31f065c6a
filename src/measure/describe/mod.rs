//! Statistics of many representations at once: on a device in f32 where they have such a form and single precision decides
//! them to 1e-4, on the CPU in f64 where not.
//!
//! What rounding could decide (neighbours at nearly equal distances, a share of variance at its limit, singular values near
//! zero) is decided in f64, on the CPU.

mod classes;
mod distances;
mod form;
pub mod generalisation;
mod gram;
mod intake;
pub mod jacobi;
mod neighbours;
pub mod probes;
mod spectra;
mod tested;
mod voting;

use std::sync::Arc;

use classes::Labels;
pub use form::{Decoder, OfClasses, OfDistances, OfNeighbours, OfSpectrum, OnDevice};
use intake::Standard;

use super::catalogue::scale::near_one;
use super::catalogue::{Scale, Statistic};
use super::compare::{Machine, Named, Place};
use super::outcome::Outcome;
use super::single::input::check;
use crate::error::{Error, Result};
use crate::gpu::Gpu;

/// A value, or why there is none, and where it was computed.
#[derive(Debug)]
pub struct Described {
    /// The value.
    pub value: Outcome,
    /// Where.
    pub place: Place,
}

/// All statistics of all representations, `[representations × statistics]`; those that have a form for a device run on a GPU
/// if there is one, and on the CPU if it fails there. `labels` are a class for each example, or empty. What has no value is
/// an entry with its reason.
pub fn describe<'a>(
    set: &[Named],
    statistics: &[Statistic],
    labels: &[usize],
    on: impl Into<Machine<'a>>,
) -> Vec<Described> {
    let Machine { gpu, memory } = on.into();
    // A device that fails leaves all to the CPU.
    let found = gpu.and_then(|_| on_device(gpu, set, statistics, labels).ok());
    let found = found.unwrap_or_else(|| vec![vec![None; statistics.len()]; set.len()]);
    let found: Vec<Option<f64>> = found.into_iter().flatten().collect();
    let rest: Vec<usize> = (0..found.len()).filter(|&i| found[i].is_none()).collect();
    let of = |i: usize| (&set[i / statistics.len()], &statistics[i % statistics.len()]);
    let needs: Vec<f64> = rest
        .iter()
        .map(|&i| {
            let (x, statistic) = of(i);
            statistic.held(x.values.nrows(), x.values.ncols())
        })
        .collect();
    let computed = memory.each(0.0, &needs, |i| {
        let (x, statistic) = of(rest[i]);
        statistic.of(x.values.as_ref(), labels)
    });
    let mut computed = computed.into_iter().map(Outcome::from);
    let missing = || Outcome::Failed("no value was computed".into());
    found
        .into_iter()
        .map(|value| match value {
            Some(value) => Described { value: Outcome::Value(value), place: Place::Gpu },
            None => Described { value: computed.next().unwrap_or_else(missing), place: Place::Cpu },
        })
        .collect()
}

/// For each representation, for each statistic, its value in f32 on the device (without one: on the processor), or
/// nothing where it has no such form, is not defined, or is not decided by single precision.
///
/// # Errors
/// If the device fails.
pub fn on_device(
    gpu: Option<&Arc<Gpu>>,
    set: &[Named],
    statistics: &[Statistic],
    labels: &[usize],
) -> Result<Vec<Vec<Option<f64>>>> {
    // Values that single precision does not hold are brought near one, where that is all a statistic needs to know.
    let (near, far) = near_one(set);
    let set: &[Named] = &near;
    let free: Vec<bool> = statistics.iter().map(|s| s.scale() == Scale::Free).collect();
    let mut all = vec![vec![None; statistics.len()]; set.len()];
    let sound = |x: &Named| check(x.values.as_ref(), "the representation", 3).is_ok() && varies(x);
    let mut waiting: Vec<usize> = (0..set.len()).filter(|&i| sound(&set[i])).collect();
    // Representations of the same number of examples go together.
    while let Some(&first) = waiting.first() {
        let n = set[first].values.nrows();
        let (group, rest): (Vec<usize>, Vec<usize>) = waiting.iter().partition(|&&i| set[i].values.nrows() == n);
        waiting = rest;
        let members: Vec<&Named> = group.iter().map(|&i| &set[i]).collect();
        let members = Members::new(members, labels);
        for (s, values) in members.values(gpu, statistics)? {
            for (&i, value) in group.iter().zip(values) {
                all[i][s] = value.filter(|v| v.is_finite() && (free[s] || !far[i]));
            }
        }
    }
    Ok(all)
}

fn varies(x: &Named) -> bool {
    x.values.col_iter().any(|c| c.iter().any(|&v| v != c[0]))
}

/// Representations of one number of examples.
struct Members<'a> {
    set: Vec<&'a Named>,
    labels: Option<(Labels, &'a [usize])>,
}

/// A statistic's place in the list, and its value for each member.
type Found = Vec<(usize, Vec<Option<f64>>)>;

impl<'a> Members<'a> {
    fn new(set: Vec<&'a Named>, labels: &'a [usize]) -> Self {
        let n = set.first().map_or(0, |x| x.values.nrows());
        let own = Labels::of(labels, n).map(|own| (own, labels));
        Self { set, labels: own }
    }

    fn values(&self, gpu: Option<&Arc<Gpu>>, statistics: &[Statistic]) -> Result<Found> {
        let forms: Vec<(usize, OnDevice)> =
            statistics.iter().enumerate().filter_map(|(s, statistic)| Some((s, statistic.device?))).collect();
        let mut found = Found::new();
        for part in [Self::spectra, Self::neighbours, Self::distances, Self::classes, Self::probes] {
            match part(self, gpu, &forms) {
                Ok(values) => found.extend(values),
                // What the device has no memory for, or too short loops, is left to the CPU.
                Err(Error::OutOfMemory(_) | Error::Shape(_) | Error::Measure(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    fn spectra(&self, gpu: Option<&Arc<Gpu>>, forms: &[(usize, OnDevice)]) -> Result<Found> {
        let mut found = Found::new();
        let wanted: Vec<(usize, OfSpectrum)> = pick(forms, |form| match form {
            OnDevice::Spectrum(form) => Some(form),
            _ => None,
        });
        if !wanted.is_empty() {
            let spectra = spectra::spectra(gpu, &self.set)?;
            for (s, form) in wanted {
                let of = |(x, spectrum): (&&Named, &Option<_>)| spectra::value(gpu, x, spectrum.as_ref()?, form);
                found.push((s, self.set.iter().zip(&spectra).map(of).collect()));
            }
        }
        let wanted = pick(forms, |form| (form == OnDevice::RankMe).then_some(()));
        if !wanted.is_empty() {
            let values = spectra::rank_me(gpu, &self.set)?;
            found.extend(wanted.into_iter().map(|(s, ())| (s, values.clone())));
        }
        Ok(found)
    }

    fn standard(&self) -> Vec<Standard> {
        self.set.iter().map(|x| Standard::of(x.values.as_ref())).collect()
    }

    fn neighbours(&self, gpu: Option<&Arc<Gpu>>, forms: &[(usize, OnDevice)]) -> Result<Found> {
        let (places, wanted): (Vec<usize>, Vec<OfNeighbours>) = pick(forms, |form| match form {
            OnDevice::Neighbours(form) => Some(form),
            _ => None,
        })
        .into_iter()
        .unzip();
        if wanted.is_empty() {
            return Ok(Found::new());
        }
        let values = neighbours::values(gpu, &self.set, &self.standard(), &wanted)?;
        Ok(places.into_iter().zip(values).collect())
    }

    fn distances(&self, gpu: Option<&Arc<Gpu>>, forms: &[(usize, OnDevice)]) -> Result<Found> {
        let wanted = pick(forms, |form| match form {
            OnDevice::Distances(form) => Some(form),
            _ => None,
        });
        let standard = if wanted.is_empty() { Vec::new() } else { self.standard() };
        let mut found = Found::new();
        for (s, form) in wanted {
            let values = match form {
                OfDistances::Mean => distances::mean(gpu, &standard)?,
                OfDistances::Median => distances::median(gpu, &standard)?,
                OfDistances::Uniformity(t) => {
                    let set: Vec<_> = self.set.iter().map(|x| x.values.as_ref()).collect();
                    distances::uniformity(gpu, &set, t)?
                }
                OfDistances::Silhouette => {
                    let Some((labels, _)) = &self.labels else { continue };
                    let number = labels.classes.number();
                    let sums = distances::by_class(gpu, &standard, &labels.classes.of, number)?;
                    sums.iter().map(|own| Some(silhouette_of(own, &labels.classes))).collect()
                }
            };
            found.push((s, values));
        }
        Ok(found)
    }

    fn classes(&self, gpu: Option<&Arc<Gpu>>, forms: &[(usize, OnDevice)]) -> Result<Found> {
        let (places, wanted): (Vec<usize>, Vec<OfClasses>) = pick(forms, |form| match form {
            OnDevice::Classes(form) => Some(form),
            _ => None,
        })
        .into_iter()
        .unzip();
        let (Some((labels, _)), false) = (&self.labels, wanted.is_empty()) else { return Ok(Found::new()) };
        let values = classes::values(gpu, &self.set, labels, &wanted)?;
        Ok(places.into_iter().zip(values).collect())
    }

    fn probes(&self, gpu: Option<&Arc<Gpu>>, forms: &[(usize, OnDevice)]) -> Result<Found> {
        let wanted = pick(forms, |form| match form {
            OnDevice::Probe { decoder, folds } => Some((decoder, folds)),
            _ => None,
        });
        let (Some((labels, classes)), false) = (&self.labels, wanted.is_empty()) else { return Ok(Found::new()) };
        tested::values(gpu, &self.set, labels, classes, &wanted)
    }
}

fn pick<T>(forms: &[(usize, OnDevice)], of: impl Fn(OnDevice) -> Option<T>) -> Vec<(usize, T)> {
    forms.iter().filter_map(|&(s, form)| Some((s, of(form)?))).collect()
}

/// Mean silhouette from the sums of the distances of each example to each class.
fn silhouette_of(sums: &[f64], classes: &super::single::input::Classes) -> f64 {
    let k = classes.number();
    let of = |(sums, &own): (&[f64], &usize)| {
        let others = (0..k).filter(|c| *c != own);
        let b = others.map(|c| sums[c] / classes.counts[c] as f64).fold(f64::INFINITY, f64::min);
        let a = sums[own] / (classes.counts[own] as f64 - 1.0);
        let largest = a.max(b);
        if classes.counts[own] == 1 || largest == 0.0 { 0.0 } else { (b - a) / largest }
    };
    sums.chunks(k).zip(&classes.of).map(of).sum::<f64>() / classes.of.len() as f64
}
