// Exact inner products between replicas of whole numbers below 2^23 in magnitude. A number is 4096 h + l, so that a product
// is three products of digits; each strand of elements adds those up in integers, 64 at a time, and folds each sum into two
// words. The host puts the words together. Products are symmetric: those with an earlier replica are left at zero.
fn {{entry}}(at: Place, lane: u32, within: u32) {
    let job = job_of(at, 11u);
    let count = table[job + 1u];
    let replicas = table[job + 2u];
    let strands = table[job + 3u];
    let origin = table[job + 4u];
    let stride = table[job + 5u];
    let base = table[job + 6u];
    let segments = table[job + 8u];
    let length = table[job + 9u];
    let across = table[job + 10u];
    let begin = (at.block - table[job]) * across;
    let end = min(begin + across, replicas * replicas * segments * strands);
    for (var item = begin + lane; item < end; item += {{lanes}}u) {
        let part = item / strands;
        let segment = part % segments;
        let first = part / segments / replicas;
        let second = part / segments % replicas;
        let x_at = origin + first * stride;
        let y_at = origin + second * stride;
        let stop = select(0u, min(count, (segment + 1u) * length), first <= second);
        var upper = vec3<i32>(0);
        var lower = vec3<i32>(0);
        var i = segment * length + item % strands;
        while (i < stop) {
            let until = min(stop, i + 64u * strands);
            var sums = vec3<i32>(0);
            for (; i < until; i += strands) {
                let x = i32({{source}}[x_at + i]);
                let y = i32({{source}}[y_at + i]);
                let xh = x >> 12u;
                let yh = y >> 12u;
                let xl = x & 4095;
                let yl = y & 4095;
                sums += vec3<i32>(xh * yh, xh * yl + xl * yh, xl * yl);
            }
            upper += sums >> vec3<u32>(16u);
            lower += sums & vec3<i32>(65535);
        }
        let to = base + 6u * item;
        {{target}}[to] = bitcast<f32>(upper.x);
        {{target}}[to + 1u] = bitcast<f32>(lower.x);
        {{target}}[to + 2u] = bitcast<f32>(upper.y);
        {{target}}[to + 3u] = bitcast<f32>(lower.y);
        {{target}}[to + 4u] = bitcast<f32>(upper.z);
        {{target}}[to + 5u] = bitcast<f32>(lower.z);
    }
}
