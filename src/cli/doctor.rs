//! `isogram doctor`.

use std::fmt::Write;

use isogram::cpu::{self, Isa};
use isogram::gpu::{AdapterChoice, AdapterSummary, Gpu, Profile, list_adapters};
use isogram::kernels::Body;
use isogram::selftest;
use serde_json::json;

use super::{DONE, FAILED, print};

pub fn doctor(only: Option<&str>, as_json: bool) -> anyhow::Result<u8> {
    let named = only.map(|text| super::adapter(Some(text)));
    let adapters = list_adapters();
    let choices: Vec<AdapterChoice> = match &named {
        Some(choice) => vec![choice.clone()],
        None => std::iter::once(AdapterChoice::Cpu).chain((0..adapters.len()).map(AdapterChoice::Index)).collect(),
    };
    let (mut text, mut entries, mut sound) = (String::new(), Vec::new(), true);
    for choice in choices {
        if choice == AdapterChoice::Cpu {
            let (isa, threads, profile) = (Isa::chosen()?, rayon::current_num_threads(), Profile::processor());
            let outcomes = selftest::run(None, &profile)?;
            sound &= outcomes.iter().all(selftest::CaseOutcome::passed);
            if as_json {
                entries.push(
                    json!({"adapter": AdapterSummary::cpu(), "processor": cpu::processor(), "instructions": isa.name(),
                    "threads": threads, "profile": profile, "bodies": "native", "selftest": tests(&outcomes)}),
                );
                continue;
            }
            let gpu = adapters.iter().any(|a| a.device_type != "Cpu");
            writeln!(text, "cpu: {}", AdapterSummary::cpu())?;
            writeln!(text, "   processor           {}", cpu::processor())?;
            writeln!(text, "   instructions        {isa} ({} floats at once), {threads} threads", isa.lanes())?;
            writeln!(
                text,
                "   used                {}",
                if gpu { "when asked for (--adapter cpu)" } else { "yes: there is no GPU" }
            )?;
            write_tests(&mut text, &outcomes)?;
            continue;
        }
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
        let outcomes = selftest::run(Some(&gpu), &profile)?;
        sound &= outcomes.iter().all(selftest::CaseOutcome::passed);
        if as_json {
            entries.push(json!({"adapter": summary, "profile": profile, "bodies": format!("{body:?}").to_lowercase(), "selftest": tests(&outcomes)}));
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
        write_tests(&mut text, &outcomes)?;
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

fn tests(outcomes: &[selftest::CaseOutcome]) -> serde_json::Value {
    let of = |o: &selftest::CaseOutcome| json!({"case": o.case, "passed": o.passed(), "error": o.error, "tolerance": o.tolerance, "kernels": o.kernels});
    outcomes.iter().map(of).collect()
}

fn write_tests(text: &mut String, outcomes: &[selftest::CaseOutcome]) -> std::fmt::Result {
    writeln!(text, "   self-test")?;
    for o in outcomes {
        let verdict = if o.passed() { "ok    " } else { "WRONG " };
        writeln!(text, "     {verdict} {:<42} off by {:.1e} (allowed {:.0e})", o.case, o.error, o.tolerance)?;
    }
    Ok(())
}
