// A matrix product through workgroup memory, for GPUs: tiles of {{rows}} x {{depth}} of A and {{depth}} x {{columns}} of B, a 4 x 4
// register tile per invocation. Edges are filled with zeros as they are loaded.
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
    let row_local = (lane / {{column_threads}}u) * 4u;
    let column_local = (lane % {{column_threads}}u) * 4u;
    var t0 = vec4<f32>(0.0);
    var t1 = vec4<f32>(0.0);
    var t2 = vec4<f32>(0.0);
    var t3 = vec4<f32>(0.0);
{{open}}
    for (var k0 = {{first}}; k0 < {{end}}; k0 += {{depth}}u) {
        for (var i = lane; i < {{elements_a}}u; i += {{threads}}u) {
            {{split_a}}
            let row = row0 + local;
            var x = 0.0;
            if (row < m && k0 + kk < depth) {
                {{load_a}}
            }
            {{pad}}[kk * {{pitch_a}}u + local] = {{to}}(x);
        }
        for (var i = lane; i < {{elements_b}}u; i += {{threads}}u) {
            {{split_b}}
            let column = column0 + local;
            var x = 0.0;
            if (column < n && k0 + kk < depth) {
                {{load_b}}
            }
            {{pad}}[{{tile_a}}u + kk * {{pitch_b}}u + local] = {{to}}(x);
        }
        workgroupBarrier();
        for (var kk = 0u; kk < {{depth}}u; kk++) {
            let a_at = kk * {{pitch_a}}u + row_local;
            let b_at = {{tile_a}}u + kk * {{pitch_b}}u + column_local;
            let b = vec4<f32>({{of}}({{pad}}[b_at]), {{of}}({{pad}}[b_at + 1u]), {{of}}({{pad}}[b_at + 2u]), {{of}}({{pad}}[b_at + 3u]));
            let a0 = {{of}}({{pad}}[a_at]);
            let a1 = {{of}}({{pad}}[a_at + 1u]);
            let a2 = {{of}}({{pad}}[a_at + 2u]);
            let a3 = {{of}}({{pad}}[a_at + 3u]);
            t0 += {{term0}};
            t1 += {{term1}};
            t2 += {{term2}};
            t3 += {{term3}};
        }
        workgroupBarrier();
    }
{{close}}
{{bases}}
    var rows4 = array<vec4<f32>, 4>(t0, t1, t2, t3);
    for (var i = 0u; i < 4u; i++) {
        let row = row0 + row_local + i;
        if (row >= m) {
            break;
        }
        for (var j = 0u; j < 4u; j++) {
            let column = column0 + column_local + j;
            if (column < n) {
                let value = rows4[i][j];
{{epilogue}}
            }
        }
    }
}
