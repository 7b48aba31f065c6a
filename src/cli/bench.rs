//! `isogram bench`.

use std::path::Path;

use anyhow::Context;
use isogram::bench::{self, Results, Settings};
use isogram::{Error, report};

use super::{BenchArgs, DONE, print};

pub fn bench(args: &BenchArgs) -> anyhow::Result<u8> {
    if args.list {
        let lines: Vec<_> = bench::SUITES.iter().map(|(name, what)| format!("{name:<14} {what}")).collect();
        print(&lines.join("\n"))?;
        return Ok(DONE);
    }
    // Read first: a wrong file should not cost a benchmark.
    let against = args.against.as_deref().map(read).transpose()?;
    let gpu = super::adapter(args.adapter.as_deref()).open()?;
    let settings = Settings { quick: args.quick, suites: args.suite.clone() };
    let results = bench::run(gpu.as_ref(), &settings, |m| {
        if !args.quiet {
            eprintln!("{:<14} {:<20} {:<34} {:>12.6} s", m.suite, m.name, m.size, m.seconds);
        }
    })?;
    if let Some(path) = &args.json {
        write(path, serde_json::to_string_pretty(&results)?.as_bytes())?;
    }
    if let Some(path) = &args.figure {
        match report::roofline(&results) {
            Some(figure) => write(path, figure.file().as_bytes())?,
            None => eprintln!("isogram: nothing was measured that a roofline shows; {} is not written", path.display()),
        }
    }
    print(&bench::table(&results, against.as_ref()))?;
    Ok(DONE)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    Ok(isogram::files::write_atomic(path, bytes)?)
}

fn read(path: &Path) -> anyhow::Result<Results> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).map_err(|e| {
        Error::config(format!("{}: expected what `isogram bench --json` writes: {e}", path.display())).into()
    })
}
