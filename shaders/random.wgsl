// Counter-based random numbers: threefry2x32 with 20 rounds (Salmon et al., "Parallel Random Numbers: As Easy as
// 1, 2, 3", 2011). The key is (seed, purpose), the counter (step, element): a value depends on nothing else.
fn rotate_left(x: u32, by: u32) -> u32 {
    return (x << by) | (x >> (32u - by));
}

fn four_rounds(x: vec2<u32>, r: vec4<u32>) -> vec2<u32> {
    var a = x.x;
    var b = x.y;
    a += b; b = rotate_left(b, r.x) ^ a;
    a += b; b = rotate_left(b, r.y) ^ a;
    a += b; b = rotate_left(b, r.z) ^ a;
    a += b; b = rotate_left(b, r.w) ^ a;
    return vec2<u32>(a, b);
}

fn threefry(key: vec2<u32>, counter: vec2<u32>) -> vec2<u32> {
    let third = key.x ^ key.y ^ 0x1bd11bdau;
    let even = vec4<u32>(13u, 15u, 26u, 6u);
    let odd = vec4<u32>(17u, 29u, 16u, 24u);
    var x = counter + key;
    x = four_rounds(x, even) + vec2<u32>(key.y, third + 1u);
    x = four_rounds(x, odd) + vec2<u32>(third, key.x + 2u);
    x = four_rounds(x, even) + vec2<u32>(key.x, key.y + 3u);
    x = four_rounds(x, odd) + vec2<u32>(key.y, third + 4u);
    x = four_rounds(x, even) + vec2<u32>(third, key.x + 5u);
    return x;
}

// Uniform in [0, 1): 24 bits, every value exact.
fn unit(bits: u32) -> f32 {
    return f32(bits >> 8u) * 5.9604644775390625e-8f;
}

fn uniform_of(seed: u32, purpose: u32, step: u32, element: u32) -> f32 {
    return unit(threefry(vec2<u32>(seed, purpose), vec2<u32>(step, element)).x);
}

// Box and Muller; the first uniform is moved to (0, 1] so that the logarithm is finite. An adapter's logarithm of a number
// next to one may come out above zero, and its cosine need only be good within half a turn.
fn gauss(bits: vec2<u32>) -> f32 {
    let radius = sqrt(max(0.0, -2.0 * log(unit(bits.x) + 5.9604644775390625e-8f)));
    let turn = unit(bits.y);
    return radius * cos(6.283185307179586f * (turn - select(0.0, 1.0, turn > 0.5)));
}

fn normal_of(seed: u32, purpose: u32, step: u32, element: u32) -> f32 {
    return gauss(threefry(vec2<u32>(seed, purpose), vec2<u32>(step, element)));
}

// Standard normal given that it lies within two standard deviations, by rejection. Attempts have counters of their
// own, from the top bits of the step, which no run reaches.
fn truncated_of(seed: u32, purpose: u32, step: u32, element: u32) -> f32 {
    var value = 0.0;
    for (var attempt = 0u; attempt < 64u; attempt++) {
        value = gauss(threefry(vec2<u32>(seed, purpose), vec2<u32>(step ^ (attempt << 26u), element)));
        if (abs(value) <= 2.0) {
            break;
        }
    }
    return value;
}

// A keyed permutation of 0..count: a Feistel network on the next power of four, walked until it lands inside.
fn permuted(seed: u32, purpose: u32, epoch: u32, position: u32, count: u32) -> u32 {
    var half_bits = 1u;
    while ((1u << (2u * half_bits)) < count && half_bits < 15u) {
        half_bits++;
    }
    let mask = (1u << half_bits) - 1u;
    var value = position;
    loop {
        var left = value >> half_bits;
        var right = value & mask;
        for (var round = 0u; round < 6u; round++) {
            let mixed = threefry(vec2<u32>(seed, purpose), vec2<u32>(epoch, (round << 16u) | right)).x & mask;
            let next = left ^ mixed;
            left = right;
            right = next;
        }
        value = (left << half_bits) | right;
        if (value < count) {
            break;
        }
    }
    return value;
}

