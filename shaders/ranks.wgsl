// Ranks from sorted keys and their order. A key's equals are looked for only if it has one beside it; each rank goes to the
// place that the key had before it was sorted.
fn {{entry}}(at: Place, lane: u32, within: u32) {
    let job = job_of(at, 9u);
    let count = table[job + 1u];
    let lowest = table[job + 2u] != 0u;
    let origin = table[job + 4u] + at.replica * table[job + 5u];
    let base = table[job + 6u] + at.replica * table[job + 7u];
    let across = table[job + 8u];
    let begin = (at.block - table[job]) * across;
    let end = min(begin + across, count);
    for (var place = begin + lane; place < end; place += {{lanes}}u) {
        let key = {{source}}[origin + place];
        var first = place;
        if (place > 0u && {{source}}[origin + max(place, 1u) - 1u] == key) {
            var low = 0u;
            first = place - 1u;
            while (low < first) {
                let half = (low + first) / 2u;
                if ({{source}}[origin + half] < key) {
                    low = half + 1u;
                } else {
                    first = half;
                }
            }
        }
        var last = place;
        if (place + 1u < count && {{source}}[origin + min(place + 1u, count - 1u)] == key) {
            var high = count - 1u;
            last = place + 1u;
            while (last < high) {
                let half = (last + high + 1u) / 2u;
                if ({{source}}[origin + half] > key) {
                    high = half - 1u;
                } else {
                    last = half;
                }
            }
        }
        let rank = select(0.5 * f32(first + last) + 1.0, f32(first + 1u), lowest);
        // Keys that are not finite have no order: what they spoil stays in its tensor.
        {{target}}[base + min(bitcast<u32>({{source}}[origin + count + place]), count - 1u)] = rank;
    }
}
