// An elementwise program: 256 elements per workgroup, neighbours side by side.
fn {{entry}}(at: Place, lane: u32, within: u32) {
    let job = job_of(at, {{job_words}}u);
    let count = table[job + 1u];
    let columns = table[job + 2u];
    let words = job + 4u;
    let replica = at.replica;
{{bases}}
{{uniform}}
    let start = (at.block - table[job]) * 256u + lane * {{each}}u;
    for (var i = 0u; i < 256u; i += {{stride}}u) {
        let element = start + i;
        if (element < count) {
{{values}}
{{outputs}}
        }
    }
}
