//! A sweep with its place in memory: what it takes, how long its steps take, and the groups of tools that drive training
//! themselves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::comparisons::Comparisons;
use super::group::{Group, Planned};
use super::memory::{self, Arrangement, Needs};
use super::options::Options;
use super::sweep::Sweep;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::graph::Plan;

/// Smallest slice that is taken for want of memory.
const LEAST_SLICE: usize = 16;

/// A sweep that has its place in memory, and has not taken it yet.
pub(super) struct Arranged {
    /// What distinguishes each group, for people.
    pub names: Vec<String>,
    pub planned: Vec<Planned>,
    pub compared: Comparisons,
    pub arrangement: Arrangement,
}

/// A sweep's plans, without a device's memory.
#[derive(Debug)]
pub struct Outline {
    /// Each group: what distinguishes it, replicas per slice, the plan of its largest slice.
    pub groups: Vec<(String, Vec<usize>, Arc<Plan>)>,
    /// What the run takes, as far as it is planned.
    pub needs: Needs,
    /// Why it would be refused, if it would.
    pub refusal: Option<Error>,
}

/// How long a sweep's steps take, from a short trial.
#[derive(Debug, Default)]
pub struct Trial {
    /// Training time of one step of all groups.
    pub step_time: Duration,
    /// Host time per dispatch, encoding and submission included; not where steps are too long to queue many.
    pub host_per_dispatch: Option<Duration>,
    /// Time of each dispatch of the training step of each group; empty where a step is resident.
    pub dispatch_times: Vec<Vec<Duration>>,
}

impl Sweep {
    /// Everything planned and arranged in the memory that is there: in smaller slices, where larger ones do not fit, unless their
    /// size is asked for, or given for each group.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if it does not fit.
    pub(super) fn arranged(&self, gpu: Option<&Arc<Gpu>>, options: &Options, slices: &[usize]) -> Result<Arranged> {
        let mut slice = options.slice;
        loop {
            let (names, planned) = self.planned(gpu, options, slice, slices)?;
            let compared = Comparisons::plan(self, gpu, &planned)?;
            let fits = memory::arrange(&planned, compared.bytes(), compared.rows, options.memory)
                .and_then(|a| memory::check_host(&a.needs, gpu).map(|()| a));
            let largest = planned.iter().map(|g| g.slices[0].1.len()).max().unwrap_or(0);
            match fits {
                Ok(arrangement) => return Ok(Arranged { names, planned, compared, arrangement }),
                Err(_) if options.slice.is_none() && slices.is_empty() && largest > LEAST_SLICE => {
                    slice = Some((largest / 4).max(LEAST_SLICE));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes planned groups, initialised and ready to step.
    fn made(&self, gpu: Option<&Arc<Gpu>>, options: &Options, planned: &[Planned]) -> Result<Vec<Group>> {
        let arrangement = memory::arrange(planned, 0, memory::Rows::default(), options.memory)?;
        memory::check_host(&arrangement.needs, gpu)?;
        let (mut groups, ..) = memory::build(gpu, planned, arrangement)?;
        groups.iter_mut().try_for_each(|group| group.initialise(&self.replicas))?;
        Ok(groups)
    }

    /// The groups of the sweep on a device, initialised and ready to step: for tools that drive training themselves.
    ///
    /// # Errors
    /// If something does not fit, or the device fails.
    pub fn groups(&self, gpu: Option<&Arc<Gpu>>, options: &Options) -> Result<Vec<Group>> {
        let (_, planned) = self.planned(gpu, options, options.slice, &[])?;
        self.made(gpu, options, &planned)
    }

    /// The plans of the sweep with these options and what they take of memory. Nothing is allocated for them.
    ///
    /// # Errors
    /// If something does not fit an adapter's limits.
    pub fn outline(&self, options: &Options) -> Result<Outline> {
        let gpu = open(options)?;
        let (names, planned, needs, refusal) = match self.arranged(gpu.as_ref(), options, &[]) {
            Ok(Arranged { names, planned, arrangement, .. }) => (names, planned, arrangement.needs, None),
            Err(refusal @ Error::OutOfMemory(_)) => {
                let (names, planned) = self.planned(gpu.as_ref(), options, options.slice, &[])?;
                let (bytes, rows) = Comparisons::plan(self, gpu.as_ref(), &planned)
                    .map_or((0, memory::Rows::default()), |compared| (compared.bytes(), compared.rows));
                let needs = memory::arrange(&planned, bytes, rows, None)?.needs;
                (names, planned, needs, Some(refusal))
            }
            Err(error) => return Err(error),
        };
        let sizes = |group: &Planned| group.slices.iter().map(|(_, members)| members.len()).collect();
        let groups = names.into_iter().zip(&planned).map(|(name, g)| (name, sizes(g), g.slices[0].0.clone()));
        Ok(Outline { groups: groups.collect(), needs, refusal })
    }

    /// How long a step takes, from a short trial of the first slice of each group; nothing without an adapter.
    ///
    /// # Errors
    /// If something does not fit, or the device fails.
    pub fn trial(&self, options: &Options) -> Result<Trial> {
        let gpu = open(options)?;
        let Arranged { mut planned, .. } = self.arranged(gpu.as_ref(), options, &[])?;
        let mut trial = Trial::default();
        for group in &mut planned {
            let all: usize = group.slices.iter().map(|(_, members)| members.len()).sum();
            group.slices.truncate(1);
            let share = all as f64 / group.slices[0].1.len() as f64;
            let mut made = self.made(gpu.as_ref(), options, std::slice::from_ref(group))?;
            let group = &mut made[0];
            group.step(3)?;
            group.wait()?;
            // As many steps at a time as keep the trial short, whatever the networks.
            let (begun, mut steps, mut at_once) = (Instant::now(), 0, 1);
            while begun.elapsed() < Duration::from_millis(500) {
                group.step(at_once)?;
                group.wait()?;
                steps += at_once;
                at_once = (2 * at_once).min(16);
            }
            let step_time = begun.elapsed() / steps;
            trial.step_time += step_time.mul_f64(share);
            let machine = &mut group.slices[0].0;
            trial.dispatch_times.push(machine.dispatch_times("step")?);
            // What a submission costs by itself is shared by its dispatches: steps too long to queue many would show it alone.
            let runs = (Duration::from_millis(250).as_secs_f64() / step_time.as_secs_f64()).min(64.0) as u32;
            if runs >= 16 && trial.host_per_dispatch.is_none() {
                trial.host_per_dispatch = machine.host_cost("step", runs)?;
            }
        }
        Ok(trial)
    }
}

pub(super) fn open(options: &Options) -> Result<Option<Arc<Gpu>>> {
    if let Some(gpu) = &options.gpu {
        return Ok(Some(gpu.clone()));
    }
    options.adapter.open()
}
