// An elementwise program: 64 invocations, four elements each, neighbours side by side.
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let block = group.x + group.z * dispatch.grid_x;
    if (block >= dispatch.blocks) {
        return;
    }
    let job = job_of(block, {{job_words}}u);
    let count = table[job + 1u];
    let columns = table[job + 2u];
    let words = job + 4u;
    let replica = group.y;
{{bases}}
    let start = (block - table[job]) * 256u + lane;
    for (var i = 0u; i < 256u; i += 64u) {
        let element = start + i;
        if (element < count) {
{{values}}
{{outputs}}
        }
    }
}
