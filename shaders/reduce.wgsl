// A reduction with one invocation per result: short sums, or sums down the columns of a matrix.
fn {{entry}}(at: Place, lane: u32, within: u32) {
    let job = job_of(at, {{job_words}}u);
    let count = table[job + 1u];
    let length = table[job + 2u];
    let inner = table[job + 3u];
    let columns_in = table[job + 4u];
    let columns_out = table[job + 5u];
    let before = job + 6u;
    let after = before + {{before_words}}u;
    let replica = at.replica;
{{bases}}
    let begin = (at.block - table[job]) * 64u;
    let end = min(begin + 64u, count);
    for (var output = begin + lane; output < end; output += {{lanes}}u) {
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
}
