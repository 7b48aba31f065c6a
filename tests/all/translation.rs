//! The text of every kernel, with every body, through naga to the languages of the adapters that are not present.

use isogram::gpu::{CooperativeRow, Profile};
use isogram::selftest::kernel_texts;

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
fn every_variant_is_valid_and_translates_to_metal_direct_x_and_vulkan() {
    use naga::back::{hlsl, msl, spv};
    let (mut seen, mut matrices) = (0, 0);
    let spirv = validator().then(|| tempfile::tempdir().unwrap());
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
                resources: (0..5)
                    .map(|binding| {
                        let mutable = binding >= 2;
                        let target = msl::BindTarget { buffer: Some(binding as u8), mutable, ..Default::default() };
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
            if let Some(folder) = &spirv {
                // Its newest rules are older than cooperative matrices.
                if !cooperative {
                    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                    std::fs::write(folder.path().join(format!("{seen}.spv")), bytes).unwrap();
                }
            }
            one_binding_each(&module, &kernel);
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
    let Some(folder) = spirv else { return };
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let output =
            std::process::Command::new("spirv-val").args(["--target-env", "vulkan1.2"]).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}: {said}", path.display());
    }
}

/// Whether the validator of SPIR-V is installed (Debian: spirv-tools).
fn validator() -> bool {
    let found = std::process::Command::new("spirv-val").arg("--version").output().is_ok_and(|o| o.status.success());
    if !found {
        eprintln!("spirv-val is not installed (Debian: spirv-tools): the SPIR-V of the kernels is NOT validated");
    }
    found
}

/// A compiler may assume that two bindings do not alias, and browsers refuse a buffer that is bound twice and written: so each
/// arena is bound once, and what no kernel writes is read-only.
fn one_binding_each(module: &naga::Module, kernel: &str) {
    use naga::{AddressSpace, StorageAccess};
    let mut found = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        if let (AddressSpace::Storage { access }, Some(binding)) = (variable.space, &variable.binding) {
            let name = variable.name.clone().unwrap_or_default();
            found.push((binding.binding, name, access.contains(StorageAccess::STORE)));
        }
    }
    found.sort();
    let expected =
        [(0, "table", false), (1, "data", false), (2, "state", true), (3, "scratch", true), (4, "result", true)];
    assert_eq!(found, expected.map(|(n, name, written)| (n, name.to_owned(), written)), "{kernel}");
    // What a barrier's control flow may depend on must be uniform: no struct mixes it with an invocation's own place.
    let place = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("Place"));
    if let Some((_, naga::Type { inner: naga::TypeInner::Struct { members, .. }, .. })) = place {
        let names: Vec<_> = members.iter().filter_map(|m| m.name.as_deref()).collect();
        assert_eq!(names, ["jobs_at", "jobs", "block", "replica"], "{kernel}");
    }
}

#[test]
fn no_kernel_holds_a_literal_that_is_no_number_of_32_bits() {
    for (name, profile) in profiles() {
        for (kernel, text) in kernel_texts(&profile).expect("every case lowers") {
            // As decimals the largest number of 32 bits is rounded up by some compilers, and refused.
            assert!(!text.contains("3.4028235e38"), "{kernel} ({name})");
        }
    }
}
