// A reduction with one workgroup per result: every lane takes each {{lanes}}th element, they meet at one barrier, and
// the first lane adds the parts in order. One barrier, because barriers are what a software adapter pays most for.
var<workgroup> parts: array<f32, {{lanes}}>;

@compute @workgroup_size({{lanes}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let block = group.x + group.z * dispatch.grid_x;
    if (block >= dispatch.blocks) {
        return;
    }
    let job = job_of(block, {{job_words}}u);
    let count = table[job + 1u];
    let length = table[job + 2u];
    let columns_in = table[job + 4u];
    let columns_out = table[job + 5u];
    let before = job + 6u;
    let after = before + {{before_words}}u;
    let replica = group.y;
{{bases}}
    let output = block - table[job];
    var total = {{start}};
    for (var l = lane; l < length; l += {{lanes}}u) {
        let element = output * length + l;
{{before}}
        let part = {{value}};
        total = {{combine}};
    }
    parts[lane] = total;
    workgroupBarrier();
    if (lane == 0u) {
        for (var l = 1u; l < {{lanes}}u; l++) {
            let part = parts[l];
            total = {{combine}};
        }
{{after}}
{{outputs}}
    }
}
