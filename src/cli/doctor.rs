//! `isogram doctor`.

use std::fmt::Write;

use isogram::gpu::{AdapterChoice, Gpu, list_adapters};
use isogram::kernels::Body;
use isogram::selftest;
use serde_json::json;

use super::{DONE, FAILED, print};

pub fn doctor(only: Option<&str>, as_json: bool) -> anyhow::Result<u8> {
    let adapters = list_adapters();
    if adapters.is_empty() {
        // The error says what to install.
        Gpu::open(&AdapterChoice::Automatic)?;
    }
    let choices: Vec<AdapterChoice> = match only {
        Some(text) => match AdapterChoice::parse(text) {
            AdapterChoice::Reference => {
                print("the reference executor runs the CPU twins of the kernels, against which adapters are tested")?;
                return Ok(DONE);
            }
            choice => vec![choice],
        },
        None => (0..adapters.len()).map(AdapterChoice::Index).collect(),
    };
    let (mut text, mut entries, mut sound) = (String::new(), Vec::new(), true);
    for choice in choices {
        let gpu = match Gpu::open(&choice) {
            Ok(gpu) => gpu,
            // One adapter that does not open hides no other.
            Err(error) if only.is_none() => {
                sound = false;
                eprintln!("isogram: {error}");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let (summary, profile) = (gpu.summary().clone(), gpu.profile().clone());
        let body = Body::of(&profile);
        let bodies = match body {
            Body::Wide => "wide (barrier-free register tiles, for adapters that run on the CPU)",
            Body::Tiled => "tiled (workgroup memory, for GPUs)",
        };
        let outcomes = selftest::run(&gpu, &profile)?;
        sound &= outcomes.iter().all(selftest::Outcome::passed);
        if as_json {
            let tests: Vec<_> = outcomes
                .iter()
                .map(|o| json!({"case": o.case, "passed": o.passed(), "error": o.error, "tolerance": o.tolerance, "kernels": o.kernels}))
                .collect();
            entries.push(json!({"adapter": summary, "profile": profile, "bodies": format!("{body:?}").to_lowercase(), "selftest": tests}));
            continue;
        }
        let index = adapters.iter().position(|a| *a == summary).unwrap_or(0);
        let yes = |b: bool| if b { "yes" } else { "no" };
        writeln!(text, "{index}: {summary}")?;
        writeln!(
            text,
            "   kind                {}{}",
            summary.device_type,
            if profile.software { " (software)" } else { "" }
        )?;
        writeln!(text, "   bodies              {bodies}")?;
        writeln!(
            text,
            "   subgroups           {} ({}..{})",
            yes(profile.subgroups),
            profile.subgroup_min,
            profile.subgroup_max
        )?;
        writeln!(text, "   16-bit floats       {}", yes(profile.f16))?;
        writeln!(text, "   cooperative matrix  {} configurations", profile.cooperative.len())?;
        writeln!(
            text,
            "   workgroup           {} KiB, {} invocations",
            profile.workgroup_memory >> 10,
            profile.workgroup_invocations
        )?;
        writeln!(
            text,
            "   storage             {} buffers of up to {} MiB",
            profile.storage_buffers,
            profile.binding_bytes >> 20
        )?;
        writeln!(text, "   time stamps         {}", yes(profile.timestamps))?;
        writeln!(text, "   self-test")?;
        for o in &outcomes {
            let verdict = if o.passed() { "ok    " } else { "WRONG " };
            writeln!(text, "     {verdict} {:<42} off by {:.1e} (allowed {:.0e})", o.case, o.error, o.tolerance)?;
        }
    }
    if as_json {
        print(&serde_json::to_string_pretty(&entries)?)?;
    } else {
        print(&text)?;
    }
    if !sound {
        eprintln!("isogram: this adapter computes wrong results: update its driver, or choose another with --adapter");
        return Ok(FAILED);
    }
    Ok(DONE)
}
