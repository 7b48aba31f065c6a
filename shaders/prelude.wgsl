// The arenas, each bound once: a shader compiler may assume that bindings do not alias, and browsers refuse those that do
// where one is written. What no kernel writes is read-only, so that what is read of it counts as uniform.
@group(0) @binding(0) var<storage, read> table: array<u32>;
@group(0) @binding(1) var<storage, read> data: array<f32>;
@group(0) @binding(2) var<storage, read_write> state: array<f32>;
@group(0) @binding(3) var<storage, read_write> scratch: array<f32>;
@group(0) @binding(4) var<storage, read_write> result: array<f32>;

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

