// A step of a sort: runs of `run` keys become runs of twice as many. Each invocation makes a slice of a merged run: where the
// slice begins in either run is found by halving (the merge path of Green, McColl and Bader 2012), then it is merged key by
// key. Of equal keys those of the left run come first.
fn {{entry}}(at: Place, lane: u32, within: u32) {
    let job = job_of(at, 9u);
    let count = table[job + 1u];
    let run = table[job + 2u];
    let each = table[job + 3u];
    let origin = table[job + 4u] + at.replica * table[job + 5u];
    let base = table[job + 6u] + at.replica * table[job + 7u];
    let across = table[job + 8u];
    let begin = (at.block - table[job]) * across;
    let end = min(begin + across, (count + each - 1u) / each);
    for (var slice = begin + lane; slice < end; slice += {{lanes}}u) {
        let outset = slice * each;
        let start = outset / (2u * run) * (2u * run);
        let middle = min(start + run, count);
        let stop = min(start + 2u * run, count);
        // Of the keys before the slice, how many are of the left run.
        let before = outset - start;
        let beyond = stop - middle;
        var low = max(before, beyond) - beyond;
        var high = min(before, middle - start);
        while (low < high) {
            let half = (low + high) / 2u;
            if ({{source}}[origin + start + half] <= {{source}}[origin + middle + before - 1u - half]) {
                low = half + 1u;
            } else {
                high = half;
            }
        }
        var left = start + low;
        var right = middle + before - low;
        var left_key = {{source}}[origin + min(left, middle - 1u)];
        var right_key = {{source}}[origin + min(right, stop - 1u)];
        let until = min(outset + each, stop);
        for (var place = outset; place < until; place++) {
            let of_left = left < middle && (right >= stop || left_key <= right_key);
            let beside = {{source}}[origin + count + select(right, left, of_left)];
            {{target}}[base + place] = select(right_key, left_key, of_left);
            {{target}}[base + count + place] = {{beside}};
            left += select(0u, 1u, of_left);
            right += select(1u, 0u, of_left);
            let next = {{source}}[origin + min(select(right, left, of_left), select(stop, middle, of_left) - 1u)];
            left_key = select(left_key, next, of_left);
            right_key = select(next, right_key, of_left);
        }
    }
}
