//! Values to a device and from it: elements of an arena, pieces of each replica's state, results, and what one machine takes
//! from another.

use std::sync::Arc;

use super::room::read_mapped;
use super::{Command, GpuMachine};
use crate::error::{Error, Result};
use crate::kernels::{Arena, template};

/// Pieces of the state, one of each replica, that are read or written one by one; more are moved by a kernel.
const FEW_PIECES: usize = 64;

/// Something queued on a device.
#[derive(Debug)]
pub struct Submission(wgpu::SubmissionIndex);

impl GpuMachine {
    /// Reads `count` elements of an arena from `start`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn read(&mut self, arena: Arena, start: usize, count: usize) -> Result<Vec<f32>> {
        let mut values = Vec::with_capacity(count);
        let room = (self.room.staging()?.size() / 4) as usize;
        while values.len() < count {
            let part = (count - values.len()).min(room);
            self.read_part(arena, start + values.len(), part, &mut values)?;
        }
        Ok(values)
    }

    /// Reads the same `count` elements of each replica's state, from `start` of the first replica on.
    ///
    /// # Errors
    /// If the device fails.
    pub fn read_pieces(&mut self, start: usize, count: usize) -> Result<Vec<f32>> {
        let (replicas, stride) = (self.plan.replicas, self.plan.strides[Arena::State as usize]);
        let mut values = Vec::with_capacity(replicas * count);
        if let Some(together) = self.pieces_together(count) {
            for first in (0..replicas).step_by(together) {
                let pieces = together.min(replicas - first);
                self.move_pieces("scratch[i] = state[at];", start + first * stride, count, pieces)?;
                values.extend(self.read(Arena::Scratch, 0, pieces * count)?);
            }
            return Ok(values);
        }
        let starts: Vec<usize> = (0..replicas).map(|r| start + r * stride).collect();
        let together = (self.room.staging()?.size() / 4) as usize / count.max(1);
        if together < 2 {
            for start in starts {
                values.extend(self.read(Arena::State, start, count)?);
            }
            return Ok(values);
        }
        for starts in starts.chunks(together) {
            self.read_copied(Arena::State, starts, count, &mut values)?;
        }
        Ok(values)
    }

    /// Writes the same `count` elements of each replica's state, from `start` of the first replica on.
    ///
    /// # Errors
    /// If the device fails.
    pub fn write_pieces(&mut self, start: usize, count: usize, values: &[f32]) -> Result<()> {
        let stride = self.plan.strides[Arena::State as usize];
        let Some(together) = self.pieces_together(count) else {
            for (replica, piece) in values.chunks(count.max(1)).enumerate() {
                self.write(Arena::State, start + replica * stride, piece)?;
            }
            return Ok(());
        };
        for (n, part) in values.chunks(together * count).enumerate() {
            self.write(Arena::Scratch, 0, part)?;
            let first = start + n * together * stride;
            self.move_pieces("state[at] = scratch[i];", first, count, part.len() / count)?;
        }
        Ok(())
    }

    /// How many pieces of so many elements stand in scratch memory at once, if they are worth a kernel: a queue makes a buffer
    /// and a barrier of each write and copy. Nothing lives in scratch memory between two runs of functions.
    fn pieces_together(&self, count: usize) -> Option<usize> {
        let together = self.plan.elements[Arena::Scratch as usize].checked_div(count)?;
        (self.plan.replicas > FEW_PIECES && together > FEW_PIECES).then_some(together)
    }

    /// Queues a copy between pieces of the state, from `start` on, and scratch memory, where they stand side by side.
    fn move_pieces(&mut self, copy: &str, start: usize, count: usize, pieces: usize) -> Result<()> {
        let text =
            template::prelude().to_owned() + &include_str!("../../../shaders/pieces.wgsl").replace("{{copy}}", copy);
        self.here()?;
        let pipeline = self.gpu.pipeline("pieces", &text)?;
        let stride = self.plan.strides[Arena::State as usize];
        let elements = count * pieces;
        let immediates = [start, count, stride, elements].map(|n| n as u32);
        let groups = elements.div_ceil(64).min(self.plan.grid as usize) as u32;
        self.encode(|pass| {
            Command { pipeline, immediates, grid: [groups, 1, 1] }.encode(pass, elements as u32);
        });
        self.gpu.check()
    }

    fn read_part(&mut self, arena: Arena, start: usize, count: usize, into: &mut Vec<f32>) -> Result<()> {
        self.read_copied(arena, &[start], count, into)
    }

    /// Reads pieces that fit the staging buffer together.
    fn read_copied(&mut self, arena: Arena, starts: &[usize], count: usize, into: &mut Vec<f32>) -> Result<()> {
        let (piece, bytes) = (4 * count as u64, 4 * (count * starts.len()) as u64);
        if bytes == 0 {
            return Ok(());
        }
        self.here()?;
        let staging = self.room.staging()?;
        let mut encoder =
            self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("read") });
        for (i, &start) in starts.iter().enumerate() {
            let source = &self.arenas[arena as usize];
            encoder.copy_buffer_to_buffer(source, 4 * start as u64, staging, i as u64 * piece, piece);
        }
        self.gpu.queue.submit([encoder.finish()]);
        self.in_flight.clear();
        read_mapped(&self.gpu, staging, bytes, into)
    }

    /// Queues a copy of all results to where the host can read them. The copy has a buffer of its own, made when it is
    /// first asked for.
    ///
    /// # Errors
    /// If the device fails.
    pub fn begin_reading(&mut self) -> Result<Submission> {
        self.here()?;
        let bytes = (4 * self.plan.elements[Arena::Out as usize] as u64).max(4);
        if self.results.is_none() {
            let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
            self.results = Some(self.gpu.buffer_for("results", bytes, usage)?);
        }
        let target = self.results.as_ref().expect("made above");
        let mut encoder =
            self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("results") });
        encoder.copy_buffer_to_buffer(&self.arenas[Arena::Out as usize], 0, target, 0, bytes);
        let submission = self.gpu.queue.submit([encoder.finish()]);
        self.gpu.check()?;
        Ok(Submission(submission))
    }

    /// Waits for a copy that [`GpuMachine::begin_reading`] queued, not for what was queued after it, and takes it.
    ///
    /// # Errors
    /// If the device failed meanwhile.
    pub fn finish_reading(&mut self, submission: Submission) -> Result<Vec<f32>> {
        let count = self.plan.elements[Arena::Out as usize];
        let target =
            self.results.as_ref().ok_or_else(|| Error::Device("no reading of results was begun".to_owned()))?;
        self.gpu.wait_for(submission.0)?;
        let (sender, receiver) = std::sync::mpsc::channel();
        target.map_async(wgpu::MapMode::Read, .., move |outcome| {
            // The receiver is gone only if this function already returned with the device's error.
            let _ = sender.send(outcome);
        });
        self.gpu.poll()?;
        let failed = |e: String| Error::Device(format!("reading back failed: {e}"));
        receiver.recv().map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))?;
        let values = {
            let view = target.get_mapped_range(..).map_err(|e| failed(e.to_string()))?;
            bytemuck::cast_slice(&view)[..count].to_vec()
        };
        target.unmap();
        Ok(values)
    }

    /// Writes elements of an arena from `start`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn write(&mut self, arena: Arena, start: usize, values: &[f32]) -> Result<()> {
        self.here()?;
        self.gpu.queue.write_buffer(&self.arenas[arena as usize], 4 * start as u64, bytemuck::cast_slice(values));
        Ok(())
    }

    /// Copies elements from another machine's arena on the same device: (from, to, count) each.
    ///
    /// # Errors
    /// If the machines are on different devices, or both come and go in one place, or the device fails.
    pub fn copy_from(
        &mut self,
        other: &GpuMachine,
        from: Arena,
        to: Arena,
        parts: &[(usize, usize, usize)],
    ) -> Result<()> {
        if !Arc::ptr_eq(&self.gpu, &other.gpu) {
            return Err(Error::Device("tensors cannot be copied between devices".into()));
        }
        if self.guest.is_some() && other.guest.is_some() {
            return Err(Error::Device("tensors cannot be copied between machines that are never there at once".into()));
        }
        self.here()?;
        other.here()?;
        let mut encoder =
            self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("copy") });
        for &(source, target, count) in parts {
            encoder.copy_buffer_to_buffer(
                &other.arenas[from as usize],
                4 * source as u64,
                &self.arenas[to as usize],
                4 * target as u64,
                4 * count as u64,
            );
        }
        self.gpu.queue.submit([encoder.finish()]);
        self.gpu.check()
    }
}
