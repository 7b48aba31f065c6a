//! Filling the WGSL templates of `shaders/`.
//!
//! A template holds `{{name}}` where generated text goes. Every text starts with the prelude, which declares the
//! arenas, so that all kernels share one bind-group layout.

const PRELUDE: &str = include_str!("../../shaders/prelude.wgsl");
const FOUR: &str = include_str!("../../shaders/four.wgsl");
const FOUR_VIEWS: &str = include_str!("../../shaders/four_views.wgsl");
const SINGLE: &str = include_str!("../../shaders/single.wgsl");
const RESIDENT: &str = include_str!("../../shaders/resident.wgsl");
const RANDOM: &str = include_str!("../../shaders/random.wgsl");
const MATH: &str = include_str!("../../shaders/math.wgsl");

/// The declarations that every module starts with.
pub(crate) fn prelude() -> &'static str {
    PRELUDE
}

/// A kernel's text with each arena but the results bound a second time, as four-vectors: for adapters that run on a CPU, where
/// four loads cost four times one load (see `docs/kernels.md`).
pub(crate) fn with_views(text: &str) -> String {
    text.replacen(FOUR, FOUR_VIEWS, 1)
}

/// A kernel as text: a WGSL function `entry(at: Place)`, and what it asks of the module that it stands in.
#[derive(Clone, Debug)]
pub struct Routine {
    /// The function.
    pub text: String,
    /// Invocations per workgroup that it is written for.
    pub lanes: u32,
    /// Values of workgroup memory (`pad`) that it uses. If any, its invocations meet at barriers.
    pub pad: u32,
    /// Values of workgroup memory of 16-bit floats (`half`) that it uses.
    pub half_pad: u32,
    /// It uses cooperative matrices.
    pub cooperative: bool,
    /// It exchanges values within the subgroup.
    pub subgroups: bool,
}

impl Routine {
    /// Fills a template.
    pub fn new(template: &str, lanes: u32, values: &[(&str, &str)]) -> Self {
        Self { text: fill(template, values), lanes, pad: 0, half_pad: 0, cooperative: false, subgroups: false }
    }
}

fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut body = template.to_owned();
    for (name, value) in values {
        body = body.replace(&format!("{{{{{name}}}}}"), value);
    }
    debug_assert!(!body.contains("{{"), "unfilled placeholder in a kernel template:\n{body}");
    body
}

/// A module with one kernel, whose function is named `kernel`.
pub fn single(routine: &Routine) -> String {
    assemble(SINGLE, &[], std::slice::from_ref(routine), false)
}

/// A module that runs several kernels one after the other, the same replica in the same workgroup. `calls` are the
/// statements; with `lockstep`, a workgroup is within one subgroup of an adapter whose subgroups advance together.
pub fn resident(routines: &[Routine], calls: &str, lockstep: bool) -> String {
    assemble(&RESIDENT.replace("{{calls}}", calls), &[], routines, lockstep)
}

/// Puts the prelude, the libraries that are called, and the routines before an entry point.
fn assemble(entry: &str, values: &[(&str, &str)], routines: &[Routine], lockstep: bool) -> String {
    let lanes = routines.iter().map(|r| r.lanes).max().unwrap_or(1).to_string();
    let pad = routines.iter().map(|r| r.pad).max().unwrap_or(0);
    let subgroups = routines.iter().any(|r| r.subgroups);
    let mut values = values.to_vec();
    values.push(("lanes", &lanes));
    values.push(("subgroup", if subgroups { ", @builtin(subgroup_invocation_id) within: u32" } else { "" }));
    values.push(("within", if subgroups { "within" } else { "0u" }));
    let body = routines.iter().map(|r| r.text.as_str()).chain([fill(entry, &values).as_str()]).collect::<String>();
    let half_pad = routines.iter().map(|r| r.half_pad).max().unwrap_or(0);
    let mut text = String::new();
    // Asked for only where used: a device without the feature refuses a module that names it.
    if half_pad > 0 {
        text.push_str("enable f16;\n");
    }
    if routines.iter().any(|r| r.cooperative) {
        text.push_str("enable wgpu_cooperative_matrix;\n");
    }
    text.push_str(PRELUDE);
    if body.contains("_four(") {
        text.push_str(FOUR);
    }
    if ["threefry", "uniform_of", "normal_of", "truncated_of", "permuted"].iter().any(|name| body.contains(name)) {
        text.push_str(RANDOM);
    }
    if MATH_NAMES.iter().any(|name| body.contains(name)) {
        text.push_str(MATH);
    }
    if pad > 0 {
        text.push_str(&format!("var<workgroup> pad: array<f32, {pad}>;\n\n"));
    }
    if half_pad > 0 {
        text.push_str(&format!("var<workgroup> half: array<f16, {half_pad}>;\n\n"));
    }
    text.push_str(&body);
    if lockstep {
        // Nothing to wait for: what remains of a barrier is that reads stay behind writes.
        text = text.replace("storageBarrier();", "").replace("workgroupBarrier();", "subgroupBarrier();");
    }
    text
}

const MATH_NAMES: [&str; 8] =
    ["tanh_of", "sigmoid_of", "softplus_of", "erf_of", "is_finite", "log1p_of", "elu_of", "larger_of"];

/// A finite `f32` as a WGSL literal that reads back to the same bits.
pub fn literal(value: f32) -> String {
    if value.is_finite() { format!("{value:?}f") } else { format!("bitcast<f32>({:#x}u)", value.to_bits()) }
}
