// Gram-Schmidt, one workgroup per matrix. Vectors are the columns of a tall matrix, the rows of a wide one. Each new
// vector is freed of the earlier ones twice ("twice is enough", Giraud et al. 2005), then scaled.
fn {{entry}}_place(vector: u32, i: u32, rows: u32, columns: u32) -> u32 {
    return select(vector * columns + i, i * columns + vector, rows >= columns);
}

fn {{entry}}(at: Place, lane: u32, within: u32) {
    let job = job_of(at, 8u);
    let rows = table[job + 1u];
    let columns = table[job + 2u];
    let replica = at.replica;
    let origin = table[job + 4u] + replica * table[job + 5u];
    let base = table[job + 6u] + replica * table[job + 7u];
    let count = min(rows, columns);
    let length = max(rows, columns);
    for (var i = lane; i < rows * columns; i += {{lanes}}u) {
        {{target}}[base + i] = {{source}}[origin + i];
    }
    storageBarrier();
    for (var v = 0u; v < count; v++) {
        for (var pass_ = 0u; pass_ < 2u; pass_++) {
            for (var q = lane; q < v; q += {{lanes}}u) {
                var dot_ = 0.0;
                for (var i = 0u; i < length; i++) {
                    dot_ += {{target}}[base + {{entry}}_place(q, i, rows, columns)] * {{target}}[base + {{entry}}_place(v, i, rows, columns)];
                }
                pad[q] = dot_;
            }
            workgroupBarrier();
            for (var i = lane; i < length; i += {{lanes}}u) {
                let at = base + {{entry}}_place(v, i, rows, columns);
                var x = {{target}}[at];
                for (var q = 0u; q < v; q++) {
                    x -= pad[q] * {{target}}[base + {{entry}}_place(q, i, rows, columns)];
                }
                {{target}}[at] = x;
            }
            storageBarrier();
            workgroupBarrier();
        }
        // Every invocation finds the same norm; none may scale before all have read.
        var square = 0.0;
        for (var i = 0u; i < length; i++) {
            let x = {{target}}[base + {{entry}}_place(v, i, rows, columns)];
            square += x * x;
        }
        workgroupBarrier();
        let scale = 1.0 / sqrt(square);
        for (var i = lane; i < length; i += {{lanes}}u) {
            let at = base + {{entry}}_place(v, i, rows, columns);
            {{target}}[at] = {{target}}[at] * scale;
        }
        storageBarrier();
        workgroupBarrier();
    }
}
