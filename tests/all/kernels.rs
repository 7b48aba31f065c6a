//! Every kernel, with every body, on every adapter present, against its CPU twin; and its text through naga to the
//! languages of the adapters that are not present.

use isogram::gpu::{CooperativeRow, Profile};
use isogram::selftest::{self, kernel_texts};

use crate::support;

/// Profiles that choose differently.
fn profiles() -> Vec<(&'static str, Profile)> {
    let plain = Profile {
        subgroups: true,
        subgroup_min: 32,
        subgroup_max: 32,
        f16: true,
        workgroup_memory: 32 << 10,
        ..Profile::least(false)
    };
    let matrices = |m| vec![CooperativeRow { m, n: m, k: m, factors: "F16".to_owned(), result: "F32".to_owned() }];
    vec![
        ("software", Profile::least(true)),
        ("GPU", plain.clone()),
        ("GPU with cooperative matrices of 16", Profile { cooperative: matrices(16), ..plain.clone() }),
        ("GPU with cooperative matrices of 8", Profile { cooperative: matrices(8), ..plain }),
        ("least GPU", Profile::least(false)),
    ]
}

#[test]
fn kernels_agree_with_their_twins_whatever_the_body() {
    let Some(gpu) = support::gpu() else { return };
    let own = gpu.profile().clone();
    let profiles = [
        Profile { software: true, ..own.clone() },
        Profile { software: false, ..own.clone() },
        Profile { software: true, subgroups: false, subgroup_barriers: false, ..own },
    ];
    for profile in profiles {
        let Profile { software, subgroups, .. } = profile;
        for outcome in selftest::run(&gpu, &profile).expect("the kernels compile and run") {
            let (case, error) = (&outcome.case, outcome.error);
            assert!(
                outcome.passed(),
                "{case} (software bodies: {software}, subgroups: {subgroups}): off by {error:.2e}, kernels {:?}",
                outcome.kernels
            );
        }
    }
}

#[test]
fn kernels_run_within_the_least_limits() {
    let Some(_) = support::gpu() else { return };
    let gpu = isogram::gpu::Gpu::open_with(&isogram::gpu::AdapterChoice::Automatic, true).expect("the least is enough");
    let profile = Profile { software: false, ..gpu.profile().clone() };
    for outcome in selftest::run(&gpu, &profile).expect("the kernels compile and run") {
        assert!(outcome.passed(), "{}: off by {:.2e}", outcome.case, outcome.error);
    }
}

/// Runs this file's first test again in a process whose software adapter has subgroups of 32, as NVIDIA's GPUs have.
#[test]
fn kernels_agree_with_subgroups_of_another_size() {
    if support::gpu().is_none() || std::env::var_os("LP_NATIVE_VECTOR_WIDTH").is_some() {
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().expect("the test knows itself"))
        .args(["--exact", "kernels::kernels_agree_with_their_twins_whatever_the_body"])
        .env("LP_NATIVE_VECTOR_WIDTH", "1024")
        .output()
        .expect("the test runs itself");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn every_variant_is_valid_and_translates_to_metal_direct_x_and_vulkan() {
    use naga::back::{hlsl, msl, spv};
    let (mut seen, mut matrices) = (0, 0);
    for (name, profile) in profiles() {
        for (kernel, text) in kernel_texts(&profile).expect("every case lowers") {
            let module = naga::front::wgsl::parse_str(&text)
                .unwrap_or_else(|e| panic!("{kernel} ({name}): {}", e.emit_to_string(&text)));
            let flags = naga::valid::ValidationFlags::all();
            use naga::valid::Capabilities;
            let capabilities = Capabilities::IMMEDIATES
                | Capabilities::SHADER_FLOAT16
                | Capabilities::SHADER_FLOAT16_IN_FLOAT32
                | Capabilities::COOPERATIVE_MATRIX;
            let cooperative = text.contains("enable wgpu_cooperative_matrix");
            let info = naga::valid::Validator::new(flags, capabilities)
                .validate(&module)
                .unwrap_or_else(|e| panic!("{kernel} ({name}): {}", e.emit_to_string(&text)));
            let resources = msl::EntryPointResources {
                immediates_buffer: Some(8),
                sizes_buffer: Some(9),
                resources: (0..8)
                    .map(|binding| {
                        let target =
                            msl::BindTarget { buffer: Some(binding as u8), mutable: true, ..Default::default() };
                        (naga::ResourceBinding { group: 0, binding }, target)
                    })
                    .collect(),
            };
            let metal = msl::Options {
                lang_version: (2, 4),
                per_entry_point_map: [("main".to_owned(), resources)].into(),
                ..Default::default()
            };
            let (source, _) = msl::write_string(&module, &info, &metal, &msl::PipelineOptions::default())
                .unwrap_or_else(|e| panic!("{kernel} ({name}) as Metal: {e}"));
            assert!(source.contains("kernel void"));
            let words = spv::write_vec(&module, &info, &spv::Options::default(), None)
                .unwrap_or_else(|e| panic!("{kernel} ({name}) as SPIR-V: {e}"));
            assert!(!words.is_empty());
            seen += 1;
            if cooperative {
                // DirectX has none, so no such profile either.
                matrices += 1;
                continue;
            }
            let mut source = String::new();
            let direct_x = hlsl::Options {
                shader_model: hlsl::ShaderModel::V6_0,
                fake_missing_bindings: true,
                immediates_target: Some(hlsl::BindTarget { register: 0, space: 1, ..Default::default() }),
                ..Default::default()
            };
            hlsl::Writer::new(&mut source, &direct_x, &hlsl::PipelineOptions::default())
                .write(&module, &info, None)
                .unwrap_or_else(|e| panic!("{kernel} ({name}) as HLSL: {e}"));
            assert!(source.contains("numthreads"));
        }
    }
    assert!(seen > 60, "{seen} variants");
    assert!(matrices >= 8, "{matrices} variants with cooperative matrices");
}
