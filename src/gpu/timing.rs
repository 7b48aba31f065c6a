//! Time stamps that the device itself takes at the ends of a compute pass.

use super::Gpu;
use crate::error::{Error, Result};

/// Takes the time of one pass at a time.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    readable: wgpu::Buffer,
}

const BYTES: u64 = 16;

impl Stopwatch {
    /// None where the adapter has no time stamps.
    pub fn new(gpu: &Gpu) -> Option<Self> {
        if !gpu.profile().timestamps {
            return None;
        }
        let buffer = |usage| {
            gpu.count_object();
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("time stamps"),
                size: BYTES,
                usage,
                mapped_at_creation: false,
            })
        };
        let queries = gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("time stamps"),
            ty: wgpu::QueryType::Timestamp,
            count: 2,
        });
        Some(Self {
            queries,
            resolved: buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC),
            readable: buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST),
        })
    }

    /// What a pass must be begun with.
    pub fn writes(&self) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        }
    }

    /// To be encoded after the pass.
    pub fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        encoder.resolve_query_set(&self.queries, 0..2, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.readable, 0, BYTES);
    }

    /// Seconds of the pass, once it was submitted.
    ///
    /// # Errors
    /// If the device fails.
    pub fn read(&self, gpu: &Gpu) -> Result<f64> {
        let (sender, receiver) = std::sync::mpsc::channel();
        self.readable.map_async(wgpu::MapMode::Read, .., move |outcome| {
            // The receiver is gone only if this function already returned with the device's error.
            let _ = sender.send(outcome);
        });
        gpu.wait()?;
        let failed = |e: &dyn std::fmt::Display| Error::Device(format!("reading time stamps failed: {e}"));
        receiver.recv().map_err(|e| failed(&e))?.map_err(|e| failed(&e))?;
        let ticks = {
            let view = self.readable.get_mapped_range(..).map_err(|e| failed(&e))?;
            let pair: &[u64] = bytemuck::cast_slice(&view);
            pair[1].saturating_sub(pair[0])
        };
        self.readable.unmap();
        Ok(ticks as f64 * f64::from(gpu.queue.get_timestamp_period()) * 1e-9)
    }
}
