//! The ladder of matrix products on a software adapter: bodies written by hand, one idea more on each rung, and the
//! engine's own body in the same run. Every rung is checked before it is timed.
//!
//! Run it with `cargo bench --bench matmul`, or with sizes: `cargo bench --bench matmul -- 512 512 512 1` (rows, columns,
//! length of the inner products, replicas). The sizes must be multiples of 64.

use std::fmt::Write;
use std::time::Instant;

use isogram::gpu::{AdapterChoice, Gpu};
use isogram::graph::executor::{Clock, GpuMachine};
use isogram::graph::{Effect, Function, Graph, VariableKind, lower};
use isogram::kernels::program::DType;
use wgpu::util::DeviceExt;

const REPEATS: usize = 11;

/// A body: what it adds to the one below it, and its text for `rows` x `columns` results per lane.
struct Rung {
    what: &'static str,
    rows: usize,
    columns: usize,
    lanes: usize,
    body: fn(usize, usize) -> String,
}

const RUNGS: [Rung; 7] = [
    Rung { what: "one result per lane", rows: 1, columns: 1, lanes: 64, body: naive },
    Rung { what: "4 rows x one vec4", rows: 4, columns: 4, lanes: 8, body: own_rows },
    Rung { what: "8 x 16 in vec4", rows: 8, columns: 16, lanes: 8, body: own_rows },
    Rung { what: "8 x 16, A by broadcast", rows: 8, columns: 16, lanes: 8, body: shared_rows },
    Rung { what: "16 x 8, A by broadcast", rows: 16, columns: 8, lanes: 8, body: shared_rows },
    Rung { what: "32 x 4, A by broadcast", rows: 32, columns: 4, lanes: 8, body: shared_rows },
    Rung { what: "32 x 8, A by broadcast", rows: 32, columns: 8, lanes: 8, body: shared_rows },
];

const HEAD: &str = "
@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<storage, read_write> b4: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> c4: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> sizes: array<u32>;
";

/// Each lane sums one result; neighbours stand along the columns.
fn naive(_: usize, _: usize) -> String {
    format!(
        "{HEAD}
@compute @workgroup_size(64) fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {{
    let m = sizes[0]; let n = sizes[1]; let depth = sizes[2];
    let row = group.y; let column = group.x * 64u + lane;
    var sum = 0.0;
    for (var k = 0u; k < depth; k++) {{
        sum += a[group.z * m * depth + row * depth + k] * b[group.z * depth * n + k * n + column];
    }}
    c[group.z * m * n + row * n + column] = sum;
}}"
    )
}

/// A register tile per lane; every lane loads its rows of A itself.
fn own_rows(rows: usize, columns: usize) -> String {
    let loads =
        (0..rows).map(|i| format!("        let a{i} = a[a_base + (row0 + {i}u) * depth + k];\n")).collect::<String>();
    tiled(rows, columns, &loads)
}

/// The eight lanes need the same values of A: each loads another row, and the rest get it by broadcast.
fn shared_rows(rows: usize, columns: usize) -> String {
    let mut loads = String::new();
    for g in 0..rows / 8 {
        let _ = writeln!(loads, "        let g{g} = a[a_base + (row0 + {}u + lane) * depth + k];", 8 * g);
    }
    for i in 0..rows {
        let _ = writeln!(loads, "        let a{i} = subgroupBroadcast(g{}, {}u);", i / 8, i % 8);
    }
    tiled(rows, columns, &loads)
}

fn tiled(rows: usize, columns: usize, loads: &str) -> String {
    let (mut declare, mut multiply, mut store) = (String::new(), String::new(), String::new());
    for q in 0..columns / 4 {
        let _ = writeln!(multiply, "        let b{q} = b4[(b_base + k * n + column0 + {}u) >> 2u];", 4 * q);
    }
    for i in 0..rows {
        for q in 0..columns / 4 {
            let _ = writeln!(declare, "    var t{i}_{q} = vec4<f32>(0.0);");
            let _ = writeln!(multiply, "        t{i}_{q} += a{i} * b{q};");
            let _ = writeln!(store, "    c4[(c_base + (row0 + {i}u) * n + column0 + {}u) >> 2u] = t{i}_{q};", 4 * q);
        }
    }
    format!(
        "{HEAD}
@compute @workgroup_size(8) fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {{
    let m = sizes[0]; let n = sizes[1]; let depth = sizes[2];
    let row0 = group.y * {rows}u; let column0 = (group.x * 8u + lane) * {columns}u;
    let a_base = group.z * m * depth; let b_base = group.z * depth * n; let c_base = group.z * m * n;
    if (column0 >= n) {{ return; }}
{declare}
    for (var k = 0u; k < depth; k++) {{
{loads}{multiply}
    }}
{store}
}}"
    )
}

fn value(i: usize) -> f32 {
    ((i * 7919 + 13) % 1013) as f32 / 1013.0 - 0.5
}

struct Raw {
    device: wgpu::Device,
    queue: wgpu::Queue,
    layout: wgpu::PipelineLayout,
    group: wgpu::BindGroup,
    c: wgpu::Buffer,
}

impl Raw {
    fn new([m, n, k, replicas]: [usize; 4]) -> Option<Self> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let adapter = pollster::block_on(instance.request_adapter(&Default::default())).ok()?;
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            required_features: adapter.features() & wgpu::Features::SUBGROUP,
            required_limits: adapter.limits(),
            ..Default::default()
        }))
        .ok()?;
        let buffer = |values: Vec<u8>| {
            device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: None,
                contents: &values,
                usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
            })
        };
        let floats = |n: usize, of: fn(usize) -> f32| (0..n).flat_map(|i| of(i).to_le_bytes()).collect();
        let a = buffer(floats(m * k * replicas, value));
        let b = buffer(floats(k * n * replicas, |i| value(i + 5)));
        let c = buffer(vec![0; 4 * m * n * replicas]);
        let sizes = buffer([m, n, k].iter().flat_map(|&x| (x as u32).to_le_bytes()).collect());
        let entry = |binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only: false },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        };
        let bind_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: None,
            entries: &(0..6).map(entry).collect::<Vec<_>>(),
        });
        let bound = [&a, &b, &c, &b, &c, &sizes];
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &bind_layout,
            entries: &bound
                .iter()
                .zip(0..)
                .map(|(x, binding)| wgpu::BindGroupEntry { binding, resource: x.as_entire_binding() })
                .collect::<Vec<_>>(),
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&bind_layout)],
            immediate_size: 0,
        });
        Some(Self { device, queue, layout, group, c })
    }

    #[allow(unsafe_code)]
    fn pipeline(&self, text: &str) -> wgpu::ComputePipeline {
        // SAFETY: sizes are multiples of every tile, so no index leaves its buffer; the loops are bounded.
        let module = unsafe {
            self.device.create_shader_module_trusted(
                wgpu::ShaderModuleDescriptor { label: None, source: wgpu::ShaderSource::Wgsl(text.into()) },
                wgpu::ShaderRuntimeChecks::unchecked(),
            )
        };
        self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: Some(&self.layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        })
    }

    fn run(&self, pipeline: &wgpu::ComputePipeline, grid: [u32; 3], runs: usize) -> f64 {
        let begun = Instant::now();
        let mut encoder = self.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &self.group, &[]);
            for _ in 0..runs {
                pass.dispatch_workgroups(grid[0], grid[1], grid[2]);
            }
        }
        self.queue.submit([encoder.finish()]);
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device works");
        begun.elapsed().as_secs_f64() / runs as f64
    }

    fn read(&self) -> Vec<f32> {
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: self.c.size(),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&self.c, 0, &staging, 0, self.c.size());
        self.queue.submit([encoder.finish()]);
        staging.map_async(wgpu::MapMode::Read, .., |outcome| outcome.expect("the buffer can be mapped"));
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device works");
        let view = staging.get_mapped_range(..).expect("it is mapped");
        bytemuck::cast_slice(&view).to_vec()
    }
}

fn engine(gpu: &std::sync::Arc<Gpu>, [m, n, k, replicas]: [usize; 4]) -> (GpuMachine, String) {
    let mut g = Graph::new();
    let mut matrix =
        |name: &str, shape: [usize; 2]| g.variable(name, &shape, DType::F32, VariableKind::State).expect("a name");
    let (a, b, c) = (matrix("a", [m, k]), matrix("b", [k, n]), matrix("c", [m, n]));
    let product = g.matmul(a, b).expect("the shapes fit");
    let effect = Effect::Assign(g.variable_of(c).expect("a variable"), product);
    let plan = lower(&g, &[Function::new("run", vec![effect])], replicas, gpu.profile()).expect("it lowers");
    let name = plan.functions[0].dispatches[0].kernel.name();
    (GpuMachine::new(gpu.clone(), plan).expect("it fits"), name)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let given: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let shapes = match given[..] {
        [m, n, k, replicas] => vec![[m, n, k, replicas]],
        _ => vec![[512, 512, 512, 1], [32, 64, 64, 128]],
    };
    for shape in shapes {
        ladder(shape);
    }
}

fn ladder(shape: [usize; 4]) {
    let [m, n, k, replicas] = shape;
    let (Some(raw), Ok(gpu)) = (Raw::new(shape), Gpu::open(&AdapterChoice::Automatic)) else {
        println!("no adapter: nothing to time");
        return;
    };
    println!("{} | {replicas} x {m}x{n}x{k}", gpu.summary());
    let flops = 2.0 * (m * n * k * replicas) as f64;
    let expected: Vec<f64> =
        (0..n).map(|j| (0..k).map(|t| f64::from(value(k + t)) * f64::from(value(t * n + j + 5))).sum()).collect();
    let mut bodies = Vec::new();
    for rung in &RUNGS {
        if m % rung.rows != 0 || (rung.what.contains("broadcast") && !gpu.profile().subgroups) {
            continue;
        }
        let grid = [n.div_ceil(rung.lanes * rung.columns) as u32, (m / rung.rows) as u32, replicas as u32];
        let begun = Instant::now();
        let pipeline = raw.pipeline(&(rung.body)(rung.rows, rung.columns));
        raw.run(&pipeline, grid, 1);
        let compiled = begun.elapsed().as_secs_f64();
        let row = raw.read()[n..2 * n].to_vec();
        for (got, want) in row.iter().zip(&expected) {
            assert!((f64::from(*got) - want).abs() < 1e-3, "{}: {got} is not {want}", rung.what);
        }
        let runs = ((0.1 / raw.run(&pipeline, grid, 1)) as usize).max(1);
        bodies.push((rung.what, pipeline, grid, runs, compiled, Vec::new()));
    }
    let (mut machine, name) = engine(&gpu, shape);
    let clock = Clock::of(Some(&gpu));
    let mut one = |runs: u32| machine.time(0, runs, &clock).expect("the device works") / f64::from(runs);
    one(1);
    let runs = ((0.1 / one(1)) as u32).max(1);
    let mut own = Vec::new();
    // In turn, so that a machine that slows down slows all of them.
    for _ in 0..REPEATS {
        for (_, pipeline, grid, runs, _, times) in &mut bodies {
            times.push(raw.run(pipeline, *grid, *runs));
        }
        own.push(one(runs));
    }
    let mut best: f64 = 0.0;
    for (what, _, _, _, compiled, times) in bodies {
        let rate = flops / median(times) / 1e9;
        best = best.max(rate);
        println!("  {what:<26} {rate:>7.2} GFLOP/s   compiled and first run in {compiled:.2} s");
    }
    let rate = flops / median(own) / 1e9;
    println!("  {name:<26} {rate:>7.2} GFLOP/s   the engine: {:.0} % of the best by hand", 100.0 * rate / best);
}
