//! Memory that machines share which never run at once: scratch, which no function leaves anything in for another; a staging
//! buffer; and, where not all states fit, one place on the device for the states of several machines, of which one is there at
//! a time and the others wait on the host.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::graph::plan::Plan;
use crate::kernels::Arena;

/// Largest staging buffer, bytes: more is read in parts.
const MOST_STAGING: u64 = 64 << 20;

/// How much of each, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoomSize {
    /// The largest scratch arena.
    pub scratch: u64,
    /// The staging buffer.
    pub staging: u64,
    /// State and results of the largest guest; nothing if there is none.
    pub guest: [u64; 2],
}

impl RoomSize {
    /// Makes it large enough for a plan, as a guest or with a state of its own.
    pub fn hold(&mut self, plan: &Plan, guest: bool) {
        let [_, state, scratch, out] = plan.bytes();
        self.scratch = self.scratch.max(scratch);
        let longest = state.max(out).max(scratch.min(1 << 20));
        self.staging = self.staging.max(longest.clamp(256, MOST_STAGING).next_multiple_of(16));
        if guest {
            self.guest = [self.guest[0].max(state), self.guest[1].max(out)];
        }
    }
}

/// The shared memory itself.
#[derive(Debug)]
pub struct Room {
    device: Option<OnDevice>,
    /// Scratch of machines on the CPU.
    host: Mutex<Vec<f32>>,
}

#[derive(Debug)]
struct OnDevice {
    scratch: wgpu::Buffer,
    staging: wgpu::Buffer,
    guests: Option<[wgpu::Buffer; 2]>,
    inside: Mutex<Option<Arc<Guest>>>,
    swapping: Mutex<Duration>,
}

/// A machine whose state and results are not always on the device.
#[derive(Debug)]
pub(super) struct Guest {
    elements: [usize; 2],
    /// Its state and results while another is inside; none before it was ever inside.
    away: Mutex<Option<[Vec<f32>; 2]>>,
}

impl Guest {
    pub(super) fn new(plan: &Plan) -> Arc<Self> {
        let elements = [Arena::State, Arena::Out].map(|arena| plan.elements[arena as usize]);
        Arc::new(Self { elements, away: Mutex::default() })
    }
}

impl Room {
    /// Memory on a device, or on the CPU without one.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if there is not so much.
    pub fn new(gpu: Option<&Arc<Gpu>>, size: RoomSize) -> Result<Arc<Self>> {
        let Some(gpu) = gpu else {
            return Ok(Arc::new(Self { device: None, host: Mutex::new(zeroed((size.scratch / 4) as usize)?) }));
        };
        let guests = if size.guest == [0, 0] {
            None
        } else {
            Some([gpu.buffer("state", size.guest[0])?, gpu.buffer("result", size.guest[1])?])
        };
        let staging = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let device = OnDevice {
            scratch: gpu.buffer("scratch", size.scratch)?,
            staging: gpu.buffer_for("staging", size.staging, staging)?,
            guests,
            inside: Mutex::default(),
            swapping: Mutex::default(),
        };
        Ok(Arc::new(Self { device: Some(device), host: Mutex::default() }))
    }

    /// A room for one machine.
    ///
    /// # Errors
    /// As [`Room::new`].
    pub fn of(gpu: Option<&Arc<Gpu>>, plan: &Plan) -> Result<Arc<Self>> {
        let mut size = RoomSize::default();
        size.hold(plan, false);
        Self::new(gpu, size)
    }

    /// Time spent so far in bringing states to the device and back.
    pub fn swapping(&self) -> Duration {
        self.device.as_ref().map_or(Duration::ZERO, |d| *d.swapping.lock().expect("no panic while held"))
    }

    fn device(&self) -> Result<&OnDevice> {
        self.device.as_ref().ok_or_else(|| Error::Device("this memory is not on a device".into()))
    }

    pub(super) fn scratch(&self) -> Result<&wgpu::Buffer> {
        self.device().map(|device| &device.scratch)
    }

    pub(super) fn staging(&self) -> Result<&wgpu::Buffer> {
        self.device().map(|device| &device.staging)
    }

    /// Scratch on the CPU.
    pub(in crate::graph) fn host(&self) -> &Mutex<Vec<f32>> {
        &self.host
    }

    /// Where the states and the results of guests stand while they are inside.
    pub(super) fn places(&self) -> Result<&[wgpu::Buffer; 2]> {
        let places = self.device()?.guests.as_ref();
        places.ok_or_else(|| Error::Device("there is no place for states that come and go".into()))
    }

    /// Brings a guest inside, and the one that was there to the host. Until the next call nobody else comes inside.
    pub(super) fn enter(&self, gpu: &Gpu, guest: &Arc<Guest>) -> Result<()> {
        let device = self.device()?;
        let mut inside = device.inside.lock().expect("no panic while held");
        if inside.as_ref().is_some_and(|there| Arc::ptr_eq(there, guest)) {
            return Ok(());
        }
        let begun = Instant::now();
        let places = self.places()?;
        if let Some(there) = inside.take() {
            let [state, out] = [0, 1].map(|i| fetch(gpu, &places[i], there.elements[i], &device.staging));
            *there.away.lock().expect("no panic while held") = Some([state?, out?]);
        }
        match guest.away.lock().expect("no panic while held").take() {
            Some(values) => {
                for (place, values) in places.iter().zip(&values) {
                    store(gpu, place, values)?;
                }
            }
            None => {
                let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
                places.iter().for_each(|place| encoder.clear_buffer(place, 0, None));
                gpu.queue.submit([encoder.finish()]);
            }
        }
        *inside = Some(guest.clone());
        *device.swapping.lock().expect("no panic while held") += begun.elapsed();
        Ok(())
    }
}

/// Zeros, or an error where there is no memory for them.
pub(in crate::graph) fn zeroed(elements: usize) -> Result<Vec<f32>> {
    let mut values = Vec::new();
    values.try_reserve_exact(elements).map_err(|_| {
        Error::OutOfMemory(format!(
            "there is no memory for {} more MiB: train fewer networks at once (--slice N), or fewer of them (--seeds)",
            (4 * elements as u64) >> 20
        ))
    })?;
    values.resize(elements, 0.0);
    Ok(values)
}

/// Reads a buffer through the staging buffer.
fn fetch(gpu: &Gpu, from: &wgpu::Buffer, elements: usize, staging: &wgpu::Buffer) -> Result<Vec<f32>> {
    let mut values = Vec::new();
    let refused = |_| Error::OutOfMemory(format!("the host has no memory for {} MiB of state", elements >> 18));
    values.try_reserve_exact(elements).map_err(refused)?;
    let room = (staging.size() / 4) as usize;
    while values.len() < elements {
        let count = room.min(elements - values.len());
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(from, 4 * values.len() as u64, staging, 0, 4 * count as u64);
        gpu.queue.submit([encoder.finish()]);
        read_mapped(gpu, staging, 4 * count as u64, &mut values)?;
    }
    Ok(values)
}

/// Waits for all that was submitted, and takes the first bytes of a staging buffer.
pub(super) fn read_mapped(gpu: &Gpu, staging: &wgpu::Buffer, bytes: u64, into: &mut Vec<f32>) -> Result<()> {
    let failed = |e: String| Error::Device(format!("reading back failed: {e}"));
    let (sender, receiver) = std::sync::mpsc::channel();
    staging.map_async(wgpu::MapMode::Read, 0..bytes, move |outcome| {
        // The receiver is gone only if this function already returned with the device's error.
        let _ = sender.send(outcome);
    });
    gpu.wait()?;
    receiver.recv().map_err(|_| failed("the device dropped it".into()))?.map_err(|e| failed(e.to_string()))?;
    {
        let view = staging.get_mapped_range(0..bytes).map_err(|e| failed(e.to_string()))?;
        into.extend_from_slice(bytemuck::cast_slice(&view));
    }
    staging.unmap();
    Ok(())
}

/// Writes a buffer, in parts whose staging memory is given back before the next.
fn store(gpu: &Gpu, to: &wgpu::Buffer, values: &[f32]) -> Result<()> {
    let part = (MOST_STAGING / 4) as usize;
    for (i, values) in values.chunks(part).enumerate() {
        gpu.queue.write_buffer(to, 4 * (i * part) as u64, bytemuck::cast_slice(values));
        gpu.queue.submit([]);
        gpu.wait()?;
    }
    Ok(())
}
