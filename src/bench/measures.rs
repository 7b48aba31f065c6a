//! Measures of the catalogue on all pairs of a set, from arrays on the host to values on the host.

use faer::Mat;

use super::analysis::pseudo;
use super::timing::{Bench, Times, Work};
use crate::error::{Error, Result};
use crate::measure::catalogue::Measure;
use crate::measure::compare::{Named, Place, all_pairs};

pub(super) fn measures(bench: &mut Bench) -> Result<()> {
    let (small, large) = (set(16, 1000, 256), set(64, 1024, 256));
    let cases: [(&str, &[Named], bool); 11] = [
        ("cka", &large, true),
        ("cka", &large, false),
        ("cka:biased", &large, false),
        ("rsa", &small, true),
        ("rsa", &small, false),
        ("rsa:pearson", &small, true),
        ("rsa:pearson", &small, false),
        ("procrustes", &small, true),
        ("procrustes", &small, false),
        ("knn", &small, true),
        ("knn", &small, false),
    ];
    // Arrays on the host are compared in double precision where there is no device.
    let here = bench.gpu.is_some();
    for (name, set, on_device) in cases.into_iter().filter(|(_, _, on_device)| here || !on_device) {
        one(bench, name, set, on_device)?;
    }
    if !bench.quick {
        for count in [64, 512] {
            one(bench, "cka", &set(count, 2048, 512), here)?;
        }
    }
    Ok(())
}

fn one(bench: &mut Bench, name: &str, set: &[Named], on_device: bool) -> Result<()> {
    let gpu = bench.gpu.clone();
    let measures = [Measure::parse(name)?];
    let run = || all_pairs(set, &measures, gpu.as_ref().filter(|_| on_device), &mut |_, _| {});
    let begun = std::time::Instant::now();
    let place = run()?.first().map_or(Place::Cpu, |table| table.place);
    if on_device && place == Place::Cpu {
        return Err(Error::Measure(format!("`{name}` was to be timed on the device, which could not do it")));
    }
    // What takes long is not repeated as often.
    let first = begun.elapsed().as_secs_f64();
    let repeats = match first {
        s if s > 20.0 => 0,
        s if s > 2.0 || bench.quick => 3,
        _ => 11,
    };
    let mut seconds = if repeats == 0 { vec![first] } else { Vec::with_capacity(repeats) };
    for _ in 0..repeats {
        let begun = std::time::Instant::now();
        run()?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    let (count, n, p) = (set.len() as f64, set[0].values.nrows() as f64, set[0].values.ncols() as f64);
    bench.keep(
        Work {
            name: measures[0].name(),
            size: format!("{count} x [{n}, {p}]{}", if on_device { "" } else { ", CPU" }),
            flops: 0.0,
            bytes: 0.0,
            count: Some((count * (count - 1.0) / 2.0, "pairs/s")),
            note: format!(
                "wall clock, from arrays on the host; {}",
                if on_device { "device, f32" } else { "CPU, f64" }
            ),
        },
        Times::of(seconds),
    );
    Ok(())
}

/// Representations without structure.
fn set(count: usize, examples: usize, units: usize) -> Vec<Named> {
    (0..count)
        .map(|r| Named {
            name: format!("{r}"),
            values: Mat::from_fn(examples, units, |i, j| f64::from(pseudo((r * examples + i) * units + j))),
        })
        .collect()
}
