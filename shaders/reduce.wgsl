// A reduction with one invocation per result: short sums, or sums down the columns of a matrix.
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let block = group.x + group.z * dispatch.grid_x;
    if (block >= dispatch.blocks) {
        return;
    }
    let job = job_of(block, {{job_words}}u);
    let count = table[job + 1u];
    let length = table[job + 2u];
    let inner = table[job + 3u];
    let columns_in = table[job + 4u];
    let columns_out = table[job + 5u];
    let before = job + 6u;
    let after = before + {{before_words}}u;
    let replica = group.y;
{{bases}}
    let output = (block - table[job]) * 64u + lane;
    if (output >= count) {
        return;
    }
    let first = (output / inner) * length * inner + output % inner;
    var total = {{start}};
    for (var l = 0u; l < length; l++) {
        let element = first + l * inner;
{{before}}
        let part = {{value}};
        total = {{combine}};
    }
{{after}}
{{outputs}}
}
