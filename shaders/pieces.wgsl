// The same elements of each replica's state, and scratch memory where they stand side by side: from one to the other.
// `jobs_at` is the first element of the first replica, `jobs` how many of each, `grid_x` from one replica to the next, `blocks`
// how many in all.
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = id.x; i < dispatch.blocks; i += 64u * groups.x) {
        let at = dispatch.jobs_at + i / dispatch.jobs * dispatch.grid_x + i % dispatch.jobs;
        {{copy}}
    }
}
