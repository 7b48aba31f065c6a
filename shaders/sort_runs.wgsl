// The first step of a sort: runs of a few keys, each key's place found by counting those that go before it. One invocation
// per key; a run's keys stay in the nearest cache. Equal keys keep their order.
fn {{entry}}(at: Place, lane: u32, within: u32) {
    let job = job_of(at, 9u);
    let count = table[job + 1u];
    let run = table[job + 2u];
    let origin = table[job + 4u] + at.replica * table[job + 5u];
    let base = table[job + 6u] + at.replica * table[job + 7u];
    let across = table[job + 8u];
    let begin = (at.block - table[job]) * across;
    let end = min(begin + across, count);
    for (var own = begin + lane; own < end; own += {{lanes}}u) {
        let key = {{source}}[origin + own];
        let first = own / run * run;
        let last = min(first + run, count);
        var place = first;
        var greater = 0u;
        for (var other = first; other < last; other++) {
            let x = {{source}}[origin + other];
            let earlier = other < own;
            place += select(0u, 1u, x < key || (x == key && earlier));
            greater += select(0u, 1u, x > key && earlier);
        }
        {{target}}[base + place] = key;
        {{target}}[base + count + place] = {{beside}};
    }
}
