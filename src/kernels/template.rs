//! Filling the WGSL templates of `shaders/`.
//!
//! A template holds `{{name}}` where generated text goes. Every text starts with the prelude, which declares the
//! arenas, so that all kernels share one bind-group layout.

const PRELUDE: &str = include_str!("../../shaders/prelude.wgsl");
const RANDOM: &str = include_str!("../../shaders/random.wgsl");
const MATH: &str = include_str!("../../shaders/math.wgsl");

/// Fills `template` and puts the prelude, and the libraries that it calls, before it.
pub fn assemble(template: &str, values: &[(&str, &str)]) -> String {
    let mut body = template.to_owned();
    for (name, value) in values {
        body = body.replace(&format!("{{{{{name}}}}}"), value);
    }
    debug_assert!(!body.contains("{{"), "unfilled placeholder in a kernel template:\n{body}");
    let mut text = PRELUDE.to_owned();
    if ["threefry", "uniform_of", "normal_of", "truncated_of", "permuted"].iter().any(|name| body.contains(name)) {
        text.push_str(RANDOM);
    }
    if MATH_NAMES.iter().any(|name| body.contains(name)) {
        text.push_str(MATH);
    }
    text.push_str(&body);
    text
}

const MATH_NAMES: [&str; 7] = ["tanh_of", "sigmoid_of", "softplus_of", "erf_of", "is_finite", "log1p_of", "elu_of"];

/// A finite `f32` as a WGSL literal that reads back to the same bits.
pub fn literal(value: f32) -> String {
    if value.is_finite() { format!("{value:?}f") } else { format!("bitcast<f32>({:#x}u)", value.to_bits()) }
}
