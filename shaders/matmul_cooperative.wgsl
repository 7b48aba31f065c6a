// A matrix product by cooperative matrices (tensor cores), for GPUs: tiles of {{rows}} x {{depth}} of A and {{depth}} x
// {{columns}} of B as 16-bit floats in workgroup memory, 32 x 32 results of 32 bits per subgroup. Edges are filled with
// zeros as they are loaded.
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
    let across = (n + {{columns}}u - 1u) / {{columns}}u;
    let tile_index = at.block - table[job]{{batch_tile}};
    let row0 = (tile_index / across) * {{rows}}u;
    let column0 = (tile_index % across) * {{columns}}u;
    // Which 32 x 32 of the tile this subgroup has.
    let part = lane / {{subgroup}}u;
    let row_local = (part / {{across}}u) * 32u;
    let column_local = (part % {{across}}u) * 32u;
{{declare}}
    for (var k0 = 0u; k0 < depth; k0 += {{depth}}u) {
        for (var i = lane; i < {{elements_a}}u; i += {{threads}}u) {
            {{split_a}}
            let row = row0 + local;
            var x = 0.0;
            if (row < m && k0 + kk < depth) {
                {{load_a}}
            }
            half[local * {{pitch_a}}u + kk] = f16(x);
        }
        for (var i = lane; i < {{elements_b}}u; i += {{threads}}u) {
            {{split_b}}
            let column = column0 + local;
            var x = 0.0;
            if (column < n && k0 + kk < depth) {
                {{load_b}}
            }
            half[{{tile_a}}u + kk * {{pitch_b}}u + local] = f16(x);
        }
        workgroupBarrier();
{{multiply}}
        workgroupBarrier();
    }
{{store}}
    workgroupBarrier();
{{bases}}
    for (var i = lane; i < {{results}}u; i += {{threads}}u) {
        let row = row0 + i / {{columns}}u;
        let column = column0 + i % {{columns}}u;
        if (row < m && column < n) {
            let value = pad[i];
{{epilogue}}
        }
    }
}
