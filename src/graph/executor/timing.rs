//! How long a function, or each of its dispatches, takes on an otherwise idle device.

use std::time::{Duration, Instant};

use super::{Command, GpuMachine};
use crate::error::Result;
use crate::gpu::{Gpu, Stopwatch};

/// What times a pass: the device's own time stamps where it has them, else the host's clock.
#[derive(Debug)]
pub struct Clock(Option<Stopwatch>);

impl Clock {
    /// The best clock of a device, or of the processor without one.
    pub fn of(gpu: Option<&Gpu>) -> Self {
        Self(gpu.and_then(Stopwatch::new))
    }

    /// Its name in tables.
    pub fn name(&self) -> &'static str {
        if self.0.is_some() { "device time stamps" } else { "wall clock" }
    }
}

impl GpuMachine {
    /// Host time per dispatch of encoding a function `runs` times, finishing and submitting it to an idle device: the
    /// median of several tries. It runs the function.
    ///
    /// # Errors
    /// If the device fails.
    pub fn host_cost(&mut self, function: usize, runs: u32) -> Result<Duration> {
        let mut tries = Vec::new();
        for _ in 0..7 {
            self.wait()?;
            self.here()?;
            let begun = Instant::now();
            self.submit(function, runs);
            tries.push(begun.elapsed());
        }
        self.wait()?;
        tries.sort_unstable();
        let loaded = &self.functions[function];
        let dispatches = runs.div_ceil(loaded.most_runs) * loaded.commands.len().max(1) as u32;
        Ok(tries[tries.len() / 2] / dispatches)
    }

    /// Time of each dispatch of a function on an otherwise idle device, waiting included: the median of several tries,
    /// each long enough to measure. It runs the dispatches, so what they compute is of no use afterwards.
    ///
    /// # Errors
    /// If the device fails.
    pub fn dispatch_times(&mut self, function: usize) -> Result<Vec<Duration>> {
        self.wait()?;
        self.here()?;
        let mut times = Vec::new();
        for command in &self.functions[function].commands {
            let once = |repeats: u32| -> Result<Duration> {
                let begun = Instant::now();
                let submission =
                    self.encode(|pass| (0..repeats).for_each(|_| command.encode(pass, command.immediates[3].max(1))));
                self.gpu.wait_for(submission)?;
                Ok(begun.elapsed() / repeats)
            };
            once(1)?;
            let repeats = (5_000_000 / once(1)?.as_nanos().max(1)).clamp(1, 64) as u32;
            let mut tries = (0..5).map(|_| once(repeats)).collect::<Result<Vec<_>>>()?;
            tries.sort_unstable();
            times.push(tries[tries.len() / 2]);
        }
        Ok(times)
    }

    /// Seconds that so many runs of a function take in one submission on an otherwise idle device: by the device's own
    /// time stamps if it has them and a stopwatch is given, else from submission to completion.
    ///
    /// # Errors
    /// If the device fails.
    pub fn time(&mut self, function: usize, runs: u32, clock: &Clock) -> Result<f64> {
        self.in_flight.clear();
        self.gpu.wait()?;
        let loaded = &self.functions[function];
        self.time_pass(clock, |pass| loaded.encode(pass, 0..loaded.commands.len(), runs))
    }

    /// As [`GpuMachine::time`], of a module of its own, run on this machine's arenas.
    ///
    /// # Errors
    /// If it does not compile, or the device fails.
    pub fn time_module(&self, name: &str, wgsl: &str, groups: u32, runs: u32, clock: &Clock) -> Result<f64> {
        let pipeline = self.gpu.pipeline(name, wgsl)?;
        let command = Command { pipeline, immediates: [0, 0, groups, groups], grid: [groups, 1, 1] };
        self.gpu.wait()?;
        self.time_pass(clock, |pass| (0..runs).for_each(|_| command.encode(pass, groups)))
    }

    fn time_pass(&self, clock: &Clock, dispatches: impl FnOnce(&mut wgpu::ComputePass)) -> Result<f64> {
        self.here()?;
        let begun = Instant::now();
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes: clock.0.as_ref().map(Stopwatch::writes),
            });
            pass.set_bind_group(0, &self.bind_group, &[]);
            dispatches(&mut pass);
        }
        if let Some(stopwatch) = &clock.0 {
            stopwatch.resolve(&mut encoder);
        }
        let submission = self.gpu.queue.submit([encoder.finish()]);
        match &clock.0 {
            Some(stopwatch) => stopwatch.read(&self.gpu),
            None => {
                self.gpu.wait_for(submission)?;
                Ok(begun.elapsed().as_secs_f64())
            }
        }
    }
}
