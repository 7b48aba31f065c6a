// The arenas. `data`, `state` and `scratch` are bound twice, as single values and as four-vectors; no kernel writes
// through one view what it reads through the other in the same dispatch.
@group(0) @binding(0) var<storage, read_write> table: array<u32>;
@group(0) @binding(1) var<storage, read_write> data: array<f32>;
@group(0) @binding(2) var<storage, read_write> state: array<f32>;
@group(0) @binding(3) var<storage, read_write> scratch: array<f32>;
@group(0) @binding(4) var<storage, read_write> result: array<f32>;
@group(0) @binding(5) var<storage, read_write> data4: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> state4: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> scratch4: array<vec4<f32>>;

// Where this dispatch's jobs stand in `table`, how many there are, and how its blocks are folded into the grid.
struct Dispatch {
    jobs_at: u32,
    jobs: u32,
    grid_x: u32,
    blocks: u32,
}
var<immediate> dispatch: Dispatch;

// What a kernel is called with: where its jobs stand and how many there are, which block of them this workgroup has,
// the replica, and the invocation's place in the workgroup and in its subgroup.
struct Place {
    jobs_at: u32,
    jobs: u32,
    block: u32,
    replica: u32,
    lane: u32,
    within: u32,
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

