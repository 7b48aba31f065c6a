//! A device with its pipelines: one bind-group layout, one pipeline layout, errors as values.
//!
//! Every kernel sees the same five storage bindings (the table of jobs and the four arenas) and the same few words of
//! immediate data; on an adapter that runs on a CPU, three of the arenas are bound a second time as four-vectors. So a whole plan runs with one bind group, and a dispatch costs the host a pipeline, sixteen bytes and
//! a call.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::adapter::{self, AdapterChoice, AdapterSummary};
use super::profile::{CooperativeRow, Profile, SOFTWARE_LOOPS};
use crate::error::{Error, Result};

/// Storage bindings of the one bind-group layout.
pub const BINDINGS: u32 = 5;

/// How many of them, from the first, no kernel writes: the table and the data.
const READ_ONLY: u32 = 2;

/// Bindings on an adapter that runs on a CPU: data, state and scratch a second time.
const WITH_VIEWS: u32 = 8;

/// Bytes of immediate data that each dispatch sets: where its jobs stand in the table, and how many.
pub const IMMEDIATE_BYTES: u32 = 16;

/// A compiled kernel.
pub type Pipeline = Arc<wgpu::ComputePipeline>;

/// A device, its queue, and every pipeline made on it so far.
pub struct Gpu {
    instance: wgpu::Instance,
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) bind_layout: wgpu::BindGroupLayout,
    pipeline_layout: wgpu::PipelineLayout,
    profile: Profile,
    summary: AdapterSummary,
    limits: wgpu::Limits,
    pipelines: Mutex<HashMap<String, Pipeline>>,
    objects: AtomicU64,
    /// What an asynchronous failure said: set by the handlers, read after each submission.
    failure: Arc<Mutex<Option<Failure>>>,
    /// Buffers until one is refused; none is at 0 and below.
    refusal: AtomicI64,
    checked: bool,
    /// What self-tests found out about this device, once each.
    found: [OnceLock<bool>; 2],
}

/// What a self-test asks of a device.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question {
    /// Whether whole steps in one dispatch come out right.
    Resident,
    /// Whether cooperative matrices come out right, and sooner.
    Cooperative,
}

#[derive(Clone, Debug)]
enum Failure {
    Memory(String),
    Lost(String),
    Other(String),
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gpu").field("adapter", &self.summary).finish_non_exhaustive()
    }
}

impl Gpu {
    /// Opens the adapter that `choice` names.
    ///
    /// # Errors
    /// [`Error::Adapter`] if there is none, or it lacks what the kernels need.
    pub fn open(choice: &AdapterChoice) -> Result<Arc<Self>> {
        Self::open_with(choice, false)
    }

    /// Opens an adapter as [`Gpu::open`] does; with `least`, no more limits and features than any supported adapter has.
    ///
    /// # Errors
    /// As [`Gpu::open`].
    pub fn open_with(choice: &AdapterChoice, least: bool) -> Result<Arc<Self>> {
        let instance = adapter::instance();
        let adapter = adapter::choose(adapter::adapters(&instance), &choice.clone().or_environment())?;
        let summary = AdapterSummary::of(&adapter);
        if !adapter.features().contains(wgpu::Features::IMMEDIATES) {
            return Err(Error::Adapter(format!(
                "{summary} offers no immediate data (push constants): choose another adapter"
            )));
        }
        let mut features = wgpu::Features::IMMEDIATES;
        let mut limits = wgpu::Limits { max_immediate_size: IMMEDIATE_BYTES, ..wgpu::Limits::default() };
        if !least {
            let wanted = wgpu::Features::SHADER_F16
                | wgpu::Features::SUBGROUP
                | wgpu::Features::SUBGROUP_BARRIER
                | wgpu::Features::TIMESTAMP_QUERY
                | wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
            features |= adapter.features() & wanted;
            limits = adapter.limits();
        }
        let request = |features| {
            let descriptor = wgpu::DeviceDescriptor {
                label: Some("isogram"),
                required_features: features,
                experimental_features: experimental(features),
                required_limits: limits.clone(),
                ..Default::default()
            };
            pollster::block_on(adapter.request_device(&descriptor))
        };
        let (device, queue) = first_granted(features, request)
            .map_err(|e| Error::Adapter(format!("{summary} gave no device: {e}; choose another with --adapter")))?;
        let failure = Arc::new(Mutex::new(None));
        watch(&device, &failure);
        let profile = if least {
            Profile::least(adapter.get_info().device_type == wgpu::DeviceType::Cpu)
        } else {
            profile(&adapter, &device)
        };
        let (bind_layout, pipeline_layout) = layouts(&device, bindings(&profile));
        Ok(Arc::new(Self {
            instance,
            device,
            queue,
            bind_layout,
            pipeline_layout,
            profile,
            summary,
            limits,
            pipelines: Mutex::default(),
            objects: AtomicU64::new(0),
            refusal: AtomicI64::new(0),
            failure,
            checked: checked(std::env::var("ISOGRAM_CHECKED").ok().as_deref()),
            found: Default::default(),
        }))
    }

    /// Whether kernels are compiled with checks of their indices: in builds with debug assertions, or as `ISOGRAM_CHECKED` says
    /// (0 for none).
    pub fn checked(&self) -> bool {
        self.checked
    }

    /// What the adapter can do.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Whether data, state and scratch are bound a second time, as four-vectors.
    pub(crate) fn has_views(&self) -> bool {
        bindings(&self.profile) > BINDINGS
    }

    /// Which adapter this is.
    pub fn summary(&self) -> &AdapterSummary {
        &self.summary
    }

    /// The outcome of a self-test of this device, which is run once.
    pub(crate) fn found(&self, about: Question, test: impl FnOnce() -> bool) -> bool {
        *self.found[about as usize].get_or_init(test)
    }

    /// Largest single buffer that can be bound, bytes.
    pub fn binding_bytes(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size)
    }

    /// Pipelines, buffers and bind groups made so far. Running a plan a second time must not change it.
    pub fn objects_created(&self) -> u64 {
        self.objects.load(Ordering::Relaxed)
    }

    /// Pipelines, buffers, bind groups and queries that are alive, as the graphics library counts them.
    pub fn objects_alive(&self) -> usize {
        self.instance.generate_report().map_or(0, |report| {
            let hub = report.hub_report();
            let kinds = [&hub.buffers, &hub.bind_groups, &hub.compute_pipelines, &hub.shader_modules, &hub.query_sets];
            kinds.iter().map(|kind| kind.num_allocated + kind.num_kept_from_user).sum()
        })
    }

    pub(crate) fn count_object(&self) {
        self.objects.fetch_add(1, Ordering::Relaxed);
    }

    /// The pipeline of a kernel, compiled on first use. Two texts are the same kernel if they are the same text.
    ///
    /// # Errors
    /// [`Error::Kernel`] with the compiler's message and the source line.
    pub fn pipeline(&self, name: &str, wgsl: &str) -> Result<Pipeline> {
        if let Some(found) = self.pipelines.lock().expect("no panic while held").get(wgsl) {
            return Ok(found.clone());
        }
        let fail = |message: String| Error::Kernel { kernel: name.to_owned(), message };
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let module = self.module(name, wgsl);
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(name),
            layout: Some(&self.pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        });
        let errors = [pollster::block_on(internal.pop()), pollster::block_on(scope.pop())];
        if let Some(error) = errors.into_iter().flatten().next() {
            return Err(fail(error.to_string()));
        }
        self.check()?;
        let pipeline = Arc::new(pipeline);
        self.count_object();
        self.pipelines.lock().expect("no panic while held").insert(wgsl.to_owned(), pipeline.clone());
        Ok(pipeline)
    }

    #[allow(unsafe_code)]
    fn module(&self, name: &str, wgsl: &str) -> wgpu::ShaderModule {
        let descriptor =
            wgpu::ShaderModuleDescriptor { label: Some(name), source: wgpu::ShaderSource::Wgsl(wgsl.into()) };
        let checks =
            if self.checked { wgpu::ShaderRuntimeChecks::checked() } else { wgpu::ShaderRuntimeChecks::unchecked() };
        // SAFETY: the kernels are the crate's own. Their indices come from a plan whose extents `graph::lower` has
        // computed, every variant runs with the checks on in the tests, and no loop of theirs is unbounded.
        unsafe { self.device.create_shader_module_trusted(descriptor, checks) }
    }

    /// Refuses the n-th buffer from now, counted from 1, as a device without memory does: what is left then can be tested.
    pub fn refuse_buffer(&self, n: u32) {
        self.refusal.store(i64::from(n), Ordering::Relaxed);
    }

    /// A zeroed storage buffer of at least `bytes` bytes.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] with the advice to run fewer replicas at once.
    pub(crate) fn buffer(&self, label: &str, bytes: u64) -> Result<wgpu::Buffer> {
        let size = bytes.max(256).next_multiple_of(16);
        if size > self.binding_bytes() {
            return Err(Error::OutOfMemory(format!(
                "the {label} arena needs {} MiB, and {} binds at most {} MiB at once: run fewer replicas at once (--slice), \
                 fewer probe examples or smaller layers",
                size >> 20,
                self.summary.name,
                self.binding_bytes() >> 20
            )));
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        self.buffer_for(label, size, usage)
    }

    /// A zeroed buffer for such a use.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] with the advice to run fewer replicas at once.
    pub(crate) fn buffer_for(&self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        let size = bytes.max(256).next_multiple_of(16);
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation: false,
        });
        let errors = [pollster::block_on(validation.pop()), pollster::block_on(scope.pop())];
        let refused = self.refusal.fetch_sub(1, Ordering::Relaxed) == 1;
        if refused || errors.iter().any(Option::is_some) {
            return Err(out_of_memory(&format!("{} MiB of {label} memory", size.div_ceil(1 << 20))));
        }
        self.count_object();
        Ok(buffer)
    }

    /// Waits until everything submitted has run.
    ///
    /// # Errors
    /// [`Error::Device`] or [`Error::OutOfMemory`] if anything failed meanwhile.
    pub fn wait(&self) -> Result<()> {
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        self.check()?;
        polled.map(|_| ()).map_err(|e| Error::Device(format!("waiting for {} failed: {e}", self.summary.name)))
    }

    /// Waits until `submission` has run.
    pub(crate) fn wait_for(&self, submission: wgpu::SubmissionIndex) -> Result<()> {
        let polled = self.device.poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: None });
        self.check()?;
        polled.map(|_| ()).map_err(|e| Error::Device(format!("waiting for {} failed: {e}", self.summary.name)))
    }

    /// Lets finished work call back, without waiting for any.
    pub(crate) fn poll(&self) -> Result<()> {
        let polled = self.device.poll(wgpu::PollType::Poll);
        self.check()?;
        polled.map(|_| ()).map_err(|e| Error::Device(format!("asking {} failed: {e}", self.summary.name)))
    }

    /// Reports a failure that arrived asynchronously.
    pub(crate) fn check(&self) -> Result<()> {
        match self.failure.lock().expect("no panic while held").clone() {
            None => Ok(()),
            Some(Failure::Memory(text)) => Err(out_of_memory(&format!("what it was asked for ({text})"))),
            Some(Failure::Lost(text)) => Err(Error::Device(format!(
                "{} was lost ({text}): the work up to the last snapshot is saved; continue with --resume, or run fewer replicas at once",
                self.summary.name
            ))),
            Some(Failure::Other(text)) => {
                Err(Error::Device(format!("{} refused a command: {text}", self.summary.name)))
            }
        }
    }
}

/// Whether kernels are checked, with what the environment says.
fn checked(said: Option<&str>) -> bool {
    said.map_or(cfg!(debug_assertions), |said| said != "0")
}

fn out_of_memory(what: &str) -> Error {
    Error::OutOfMemory(format!(
        "the adapter has no memory for {what}: train fewer networks at once (--slice N) or fewer in one run, smaller layers or \
         fewer probe examples"
    ))
}

/// Errors that no scope catches, and the loss of the device, are kept for [`Gpu::check`] instead of panicking.
fn watch(device: &wgpu::Device, failure: &Arc<Mutex<Option<Failure>>>) {
    let keep = failure.clone();
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        let failure = match &error {
            wgpu::Error::OutOfMemory { .. } => Failure::Memory(error.to_string()),
            _ => Failure::Other(error.to_string()),
        };
        keep.lock().expect("no panic while held").get_or_insert(failure);
    }));
    let keep = failure.clone();
    device.set_device_lost_callback(move |reason, text| {
        if !matches!(reason, wgpu::DeviceLostReason::Destroyed) {
            keep.lock().expect("no panic while held").get_or_insert(Failure::Lost(text));
        }
    });
}

/// What is granted of features that can be done without: all, or less, since drivers refuse a device for one feature that
/// they offer and do not support. The error is that of asking for all.
fn first_granted<T, E>(all: wgpu::Features, mut request: impl FnMut(wgpu::Features) -> Result<T, E>) -> Result<T, E> {
    let without_matrices = all - wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
    let attempts =
        [without_matrices, without_matrices - wgpu::Features::TIMESTAMP_QUERY, wgpu::Features::IMMEDIATES & all];
    request(all).or_else(|error| {
        let mut tried = all;
        for features in attempts {
            if features == tried {
                continue;
            }
            tried = features;
            if let Ok(granted) = request(features) {
                return Ok(granted);
            }
        }
        Err(error)
    })
}

/// Leave to use features that wgpu calls experimental, if one is asked for.
#[allow(unsafe_code)]
fn experimental(features: wgpu::Features) -> wgpu::ExperimentalFeatures {
    if features.contains(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX) {
        // SAFETY: what is asked here is to bear errors in the feature. Cooperative matrices run in kernels of the crate's
        // own, whose addresses stand within their arrays, and only after a self-test of their results.
        unsafe { wgpu::ExperimentalFeatures::enabled() }
    } else {
        wgpu::ExperimentalFeatures::disabled()
    }
}

fn profile(adapter: &wgpu::Adapter, device: &wgpu::Device) -> Profile {
    let info = adapter.get_info();
    let limits = device.limits();
    let features = device.features();
    let offered = features.contains(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX);
    let cooperative = adapter
        .cooperative_matrix_properties()
        .into_iter()
        .filter(|_| offered)
        .map(|row| CooperativeRow {
            m: row.m_size,
            n: row.n_size,
            k: row.k_size,
            factors: format!("{:?}", row.ab_type),
            result: format!("{:?}", row.cr_type),
        })
        .collect();
    Profile {
        native: false,
        software: info.device_type == wgpu::DeviceType::Cpu,
        cpu: info.device_type == wgpu::DeviceType::Cpu,
        subgroup_min: info.subgroup_min_size,
        subgroup_max: info.subgroup_max_size,
        subgroups: features.contains(wgpu::Features::SUBGROUP),
        subgroup_barriers: features.contains(wgpu::Features::SUBGROUP_BARRIER),
        f16: features.contains(wgpu::Features::SHADER_F16),
        cooperative,
        workgroup_memory: limits.max_compute_workgroup_storage_size,
        workgroup_invocations: limits.max_compute_invocations_per_workgroup,
        storage_buffers: limits.max_storage_buffers_per_shader_stage,
        binding_bytes: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
        grid: limits.max_compute_workgroups_per_dimension,
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
        loop_iterations: (info.device_type == wgpu::DeviceType::Cpu).then_some(SOFTWARE_LOOPS),
    }
}

/// Storage bindings of a device of this profile.
fn bindings(profile: &Profile) -> u32 {
    if profile.cpu { WITH_VIEWS } else { BINDINGS }
}

fn layouts(device: &wgpu::Device, bindings: u32) -> (wgpu::BindGroupLayout, wgpu::PipelineLayout) {
    let entries: Vec<_> = (0..bindings)
        .map(|binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only: binding < READ_ONLY || binding == BINDINGS },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        })
        .collect();
    let bind =
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some("arenas"), entries: &entries });
    let pipeline = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("arenas"),
        bind_group_layouts: &[Some(&bind)],
        immediate_size: IMMEDIATE_BYTES,
    });
    (bind, pipeline)
}

#[cfg(test)]
mod tests {
    use wgpu::Features;

    use super::*;

    #[test]
    fn a_device_is_asked_for_less_where_all_is_refused() {
        let all = Features::IMMEDIATES | Features::TIMESTAMP_QUERY | Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
        let granted = |refused: Features| {
            first_granted(all, |asked| if asked.intersects(refused) { Err(asked) } else { Ok(asked) })
        };
        assert_eq!(granted(Features::empty()), Ok(all));
        let matrices = Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
        assert_eq!(granted(matrices), Ok(all - matrices));
        assert_eq!(granted(matrices | Features::TIMESTAMP_QUERY), Ok(Features::IMMEDIATES));
        // The error is the first one, and nothing is asked for twice.
        assert_eq!(granted(Features::IMMEDIATES), Err(all));
        let mut asked = Vec::new();
        let _ = first_granted(Features::IMMEDIATES, |f| -> Result<(), ()> {
            asked.push(f);
            Err(())
        });
        assert_eq!(asked, [Features::IMMEDIATES]);
    }

    #[test]
    fn the_environment_decides_whether_kernels_are_checked() {
        assert_eq!(checked(None), cfg!(debug_assertions));
        assert!(checked(Some("1")) && checked(Some("")) && !checked(Some("0")));
    }
}
