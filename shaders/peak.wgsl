// The most multiplications and additions that an adapter does: independent chains in registers, nothing else.
@compute @workgroup_size({{lanes}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let slope = 0.5 + f32(dispatch.blocks) * 1e-9;
    let start = f32(lane);
    var a0 = vec4<f32>(start); var a1 = vec4<f32>(start + 1.0); var a2 = vec4<f32>(start + 2.0); var a3 = vec4<f32>(start + 3.0);
    var a4 = vec4<f32>(start + 4.0); var a5 = vec4<f32>(start + 5.0); var a6 = vec4<f32>(start + 6.0); var a7 = vec4<f32>(start + 7.0);
    for (var i = 0u; i < {{turns}}u; i++) {
{{chains}}
    }
    let sum = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7;
    scratch[(group.x * {{lanes}}u + lane) % {{room}}u] = sum.x + sum.y + sum.z + sum.w;
}
