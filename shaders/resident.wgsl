// Whole runs of a function in one dispatch: a workgroup owns a replica and takes it through every dispatch of the plan,
// as often as `dispatch.blocks` says. A row of the table gives a dispatch's jobs, how many, and their blocks.
@compute @workgroup_size({{lanes}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32{{subgroup}}) {
    let replica = group.y;
    for (var run = 0u; run < dispatch.blocks; run++) {
{{calls}}
    }
}
