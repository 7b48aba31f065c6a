// One kernel per dispatch: a workgroup takes one block of one replica.
@compute @workgroup_size({{lanes}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32{{subgroup}}) {
    let block = group.x + group.z * dispatch.grid_x;
    if (block < dispatch.blocks) {
        kernel(Place(dispatch.jobs_at, dispatch.jobs, block, group.y), lane, {{within}});
    }
}
