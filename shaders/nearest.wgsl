// The nearest rows of each query, one invocation per query: distances stand in columns, so that neighbouring invocations
// read neighbouring addresses. Each pass finds what follows the last in the order of (distance, index), so nothing need be
// kept, and equal distances come in the order of their indices.
fn {{entry}}(at: Place, lane: u32, within: u32) {
    let job = job_of(at, 10u);
    let rows = table[job + 1u];
    let queries = table[job + 2u];
    let wanted = table[job + 3u];
    let replica = at.replica;
    let origin = table[job + 4u] + replica * table[job + 5u];
    let base = table[job + 6u] + replica * table[job + 7u];
    // The row that a query is, in which it is not its own neighbour, and the queries before it.
    let first = table[job + 8u];
    let across = table[job + 9u];
    let begin = (at.block - table[job]) * across;
    let end = min(begin + across, queries);
    for (var query = begin + lane; query < end; query += {{lanes}}u) {
        let own = first + query;
        var last = bitcast<f32>(0xff7fffffu);
        var last_row = 0u;
        for (var found = 0u; found < wanted; found++) {
            var best = bitcast<f32>(0x7f7fffffu);
            var best_row = rows;
            for (var row = 0u; row < rows; row++) {
                let x = {{source}}[origin + row * queries + query];
                let follows = x > last || (x == last && (row > last_row || found == 0u));
                if (row != own && follows && (x < best || best_row == rows)) {
                    best = x;
                    best_row = row;
                }
            }
            // Distances that are not numbers have no order: what they spoil is a row that exists.
            {{target}}[base + found * queries + query] = bitcast<f32>(min(best_row, rows - 1u));
            last = best;
            last_row = best_row;
        }
    }
}
