// Four neighbours, from a multiple of four on: `q` counts fours, so that a compiler sees the alignment.
fn data_four(q: u32) -> vec4<f32> {
    let i = 4u * q;
    return vec4<f32>(data[i], data[i + 1u], data[i + 2u], data[i + 3u]);
}

fn state_four(q: u32) -> vec4<f32> {
    let i = 4u * q;
    return vec4<f32>(state[i], state[i + 1u], state[i + 2u], state[i + 3u]);
}

fn scratch_four(q: u32) -> vec4<f32> {
    let i = 4u * q;
    return vec4<f32>(scratch[i], scratch[i + 1u], scratch[i + 2u], scratch[i + 3u]);
}

fn put_state_four(q: u32, value: vec4<f32>) {
    let i = 4u * q;
    state[i] = value.x;
    state[i + 1u] = value.y;
    state[i + 2u] = value.z;
    state[i + 3u] = value.w;
}

fn put_scratch_four(q: u32, value: vec4<f32>) {
    let i = 4u * q;
    scratch[i] = value.x;
    scratch[i + 1u] = value.y;
    scratch[i + 2u] = value.z;
    scratch[i + 3u] = value.w;
}

