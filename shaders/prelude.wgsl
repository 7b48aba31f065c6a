// The arenas, each bound once: a shader compiler may assume that bindings do not alias, and browsers refuse those that do
// where one is written. What no kernel writes is read-only, so that what is read of it counts as uniform.
@group(0) @binding(0) var<storage, read> table: array<u32>;
@group(0) @binding(1) var<storage, read> data: array<f32>;
@group(0) @binding(2) var<storage, read_write> state: array<f32>;
@group(0) @binding(3) var<storage, read_write> scratch: array<f32>;
@group(0) @binding(4) var<storage, read_write> result: array<f32>;

// Four neighbours, from a multiple of four on: `q` counts fours, so that a compiler sees the alignment.
fn data_four(q: u32) -> vec4<f32> {
    let i = 4u * q;
    return vec4<f32>(data[i], data[i + 1u], data[i + 2u], data[i + 3u]);
}

fn state_four(q: u32) -> vec4<f32> {
    let i = 4u * q;
    return vec4<f32>(state[i], state[i + 1u], state[i + 2u], state[i + 3u]);
}

fn scratch_four(q: u32) -> vec4<f32> {
    let i = 4u * q;
    return vec4<f32>(scratch[i], scratch[i + 1u], scratch[i + 2u], scratch[i + 3u]);
}

fn put_state_four(q: u32, value: vec4<f32>) {
    let i = 4u * q;
    state[i] = value.x;
    state[i + 1u] = value.y;
    state[i + 2u] = value.z;
    state[i + 3u] = value.w;
}

fn put_scratch_four(q: u32, value: vec4<f32>) {
    let i = 4u * q;
    scratch[i] = value.x;
    scratch[i + 1u] = value.y;
    scratch[i + 2u] = value.z;
    scratch[i + 3u] = value.w;
}

// Where this dispatch's jobs stand in `table`, how many there are, and how its blocks are folded into the grid.
struct Dispatch {
    jobs_at: u32,
    jobs: u32,
    grid_x: u32,
    blocks: u32,
}
var<immediate> dispatch: Dispatch;

// What a kernel is called with: where its jobs stand and how many there are, which block of them this workgroup has, and
// the replica. All of it is the same for a whole workgroup: the invocation's place in the workgroup (`lane`) and in its
// subgroup (`within`) are parameters of their own, since a struct is uniform as a whole or not at all.
struct Place {
    jobs_at: u32,
    jobs: u32,
    block: u32,
    replica: u32,
}

// The job that owns a block: the last whose first block is not beyond it.
fn job_of(at: Place, words: u32) -> u32 {
    var job = at.jobs_at;
    for (var j = 1u; j < at.jobs; j++) {
        let next = at.jobs_at + j * words;
        if (table[next] <= at.block) {
            job = next;
        }
    }
    return job;
}

