// Softmax cross-entropy, one invocation per row. The label's row of the result is never a NaN in hiding: some drivers
// give inf - inf = 0 and max(NaN, x) = x, so a row that is not finite gets a loss whose bits say so.
fn {{entry}}(at: Place, lane: u32, within: u32) {
    let job = job_of(at, {{job_words}}u);
    let rows = table[job + 1u];
    let classes = table[job + 2u];
    let words = job + 4u;
    let program = words + {{gradient_at}}u;
    let replica = at.replica;
    let logits_at = table[words] + replica * table[words + 1u];
    let labels_at = table[words + 2u] + replica * table[words + 3u];
{{bases}}
    let begin = (at.block - table[job]) * 64u;
    let end = min(begin + 64u, rows);
    for (var row = begin + lane; row < end; row += {{lanes}}u) {
        let logits = logits_at + row * classes;
        let label = bitcast<u32>({{labels}}[labels_at + row]);
        var largest = {{logits}}[logits];
        var best = 0u;
        for (var c = 1u; c < classes; c++) {
            let z = {{logits}}[logits + c];
            if (z > largest) {
                largest = z;
                best = c;
            }
        }
        // What the others add to the 1 of the largest: by itself, so that a loss far below a rounding of 1 keeps its digits.
        var rest = 0.0;
        for (var c = 0u; c < classes; c++) {
            rest += select(exp({{logits}}[logits + c] - largest), 0.0, c == best);
        }
        let sum = 1.0 + rest;
        let scale = 1.0 / sum;
        let whole = select(log(sum), log1p_of(rest), rest <= 1.0);
        let loss = whole - ({{logits}}[logits + min(label, classes - 1u)] - largest);
        let broken = bitcast<f32>(0x7fc00000u | (classes & 0u));
{{store_loss}}
{{store_correct}}
{{gradient}}
    }
}
