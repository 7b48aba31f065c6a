// A matrix product without barriers, for adapters that run on a CPU. Each lane holds {{rows}} x {{columns}} results;
// lanes stand side by side along the columns, so what is read of A is the same for all of them.
fn {{entry}}(at: Place, lane: u32, within: u32) {
    let job = job_of(at, {{job_words}}u);
    let m = table[job + 1u];
    let n = table[job + 2u];
    let depth = table[job + 3u];
    let replica = at.replica;
{{batch}}    let a_base = table[job + 4u] + replica * table[job + 5u]{{batch_a}};
    let lda = table[job + 6u];
    let b_base = table[job + 7u] + replica * table[job + 8u]{{batch_b}};
    let ldb = table[job + 9u];
    let program = job + {{words}}u;
    let across = (n + {{lanes}}u * {{columns}}u - 1u) / ({{lanes}}u * {{columns}}u);
    let tile_index = at.block - table[job]{{batch_tile}};
    let row0 = (tile_index / across) * {{rows}}u;
    let column0 = ((tile_index % across) * {{lanes}}u + lane) * {{columns}}u;
{{declare}}
{{open}}
    for (var k = {{first}}; k < {{end}}; k += {{step}}u) {
{{body}}
    }
{{close}}
{{before}}
    let last = min(row0 + {{rows}}u, m);
    for (var turn = row0; turn < last; turn += {{per}}u) {
{{epilogue}}
    }
}
