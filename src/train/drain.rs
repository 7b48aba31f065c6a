//! What the device recorded at every step, taken out while it goes on.

use super::runner::Runner;
use super::track::{Quantity, Tracked};
use crate::error::Result;
use crate::graph::Reading;

/// Readings under way: of every slice of every group, with the steps that they hold.
pub(super) struct Pending {
    from: u32,
    to: u32,
    readings: Vec<Reading>,
}

impl Runner<'_> {
    /// Begins to read the records of the steps from `from` to `to`, which have been queued.
    pub(super) fn begin_draining(&mut self, from: u32, to: u32) -> Result<()> {
        let machines = self.groups.iter_mut().flat_map(|g| &mut g.slices).map(|(machine, _)| machine);
        let readings = machines.map(|machine| machine.begin_reading_results()).collect::<Result<_>>()?;
        self.pending = Some(Pending { from, to, readings });
        Ok(())
    }

    /// Takes the records whose reading was begun last, if any.
    pub(super) fn finish_draining(&mut self) -> Result<()> {
        let Some(Pending { from, to, readings }) = self.pending.take() else { return Ok(()) };
        let mut readings = readings.into_iter();
        for group in &mut self.groups {
            for (machine, members) in &mut group.slices {
                let Some(reading) = readings.next() else { return Ok(()) };
                let results = machine.finish_reading_results(reading)?;
                for &quantity in &group.compiled.tracked {
                    let values = machine.record(&results, &quantity.record(), from, to)?;
                    for (&m, new) in members.iter().zip(values) {
                        extend(&mut self.tracked[m], quantity, &new);
                    }
                }
            }
        }
        Ok(())
    }
}

fn extend(tracked: &mut Tracked, quantity: Quantity, new: &[f32]) {
    match tracked.series.iter_mut().find(|(q, _)| *q == quantity) {
        Some((_, values)) => values.extend_from_slice(new),
        None => tracked.series.push((quantity, new.to_vec())),
    }
}
