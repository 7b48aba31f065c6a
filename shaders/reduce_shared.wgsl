// A reduction with one workgroup per result: every lane takes each {{lanes}}th element, they meet at one barrier, and
// the first lane adds the parts in order. One barrier, because barriers are what a software adapter pays most for.
fn {{entry}}(at: Place, lane: u32, within: u32) {
    let job = job_of(at, {{job_words}}u);
    let count = table[job + 1u];
    let length = table[job + 2u];
    let columns_in = table[job + 4u];
    let columns_out = table[job + 5u];
    let before = job + 6u;
    let after = before + {{before_words}}u;
    let replica = at.replica;
{{bases}}
    let output = at.block - table[job];
    var total = {{start}};
    for (var l = lane; l < length; l += {{lanes}}u) {
        let element = output * length + l;
{{before}}
        let part = {{value}};
        total = {{combine}};
    }
    pad[lane] = total;
    workgroupBarrier();
    if (lane == 0u) {
        for (var l = 1u; l < {{lanes}}u; l++) {
            let part = pad[l];
            total = {{combine}};
        }
{{after}}
{{outputs}}
    }
}
