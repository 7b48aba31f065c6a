// The same through views of four-vectors, each arena bound a second time: for adapters that run on a CPU, whose driver loads and
// stores one address at a time, and keeps what one view wrote visible to the other.
@group(0) @binding(5) var<storage, read> data4: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> state4: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> scratch4: array<vec4<f32>>;

fn data_four(q: u32) -> vec4<f32> {
    return data4[q];
}

fn state_four(q: u32) -> vec4<f32> {
    return state4[q];
}

fn scratch_four(q: u32) -> vec4<f32> {
    return scratch4[q];
}

fn put_state_four(q: u32, value: vec4<f32>) {
    state4[q] = value;
}

fn put_scratch_four(q: u32, value: vec4<f32>) {
    scratch4[q] = value;
}

