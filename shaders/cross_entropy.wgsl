// Softmax cross-entropy, one invocation per row. The label's row of the result is never a NaN in hiding: some drivers
// give inf - inf = 0 and max(NaN, x) = x, so a row that is not finite gets a loss whose bits say so.
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let block = group.x + group.z * dispatch.grid_x;
    if (block >= dispatch.blocks) {
        return;
    }
    let job = job_of(block, {{job_words}}u);
    let rows = table[job + 1u];
    let classes = table[job + 2u];
    let words = job + 4u;
    let program = words + {{gradient_at}}u;
    let replica = group.y;
    let row = (block - table[job]) * 64u + lane;
    if (row >= rows) {
        return;
    }
    let logits = table[words] + replica * table[words + 1u] + row * classes;
    let label = bitcast<u32>({{labels}}[table[words + 2u] + replica * table[words + 3u] + row]);
    var largest = {{logits}}[logits];
    var best = 0u;
    for (var c = 1u; c < classes; c++) {
        let z = {{logits}}[logits + c];
        if (z > largest) {
            largest = z;
            best = c;
        }
    }
    var sum = 0.0;
    for (var c = 0u; c < classes; c++) {
        sum += exp({{logits}}[logits + c] - largest);
    }
    let scale = 1.0 / sum;
    let loss = log(sum) - ({{logits}}[logits + min(label, classes - 1u)] - largest);
    let broken = bitcast<f32>(0x7fc00000u | (classes & 0u));
{{store_loss}}
{{store_correct}}
{{gradient}}
}
