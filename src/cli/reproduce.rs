//! `isogram reproduce`: a paper's experiments, figures and claims.

use std::path::{Path, PathBuf};

use isogram::Error;
use isogram::files::layout::shown;
use isogram::files::{self, FolderLock, Made};
use isogram::papers::{PAPERS, Paper, Reproduction, Request, Scale, reproduce as run, reproduce_file};
use isogram::train::{Progress, Quiet};

use super::progress::Bar;
use super::{CLAIM_NOT_REPRODUCED, DONE, INTERRUPTED, ReproduceArgs, print};

pub fn reproduce(args: &ReproduceArgs) -> anyhow::Result<u8> {
    if args.list {
        print(&list())?;
        return Ok(DONE);
    }
    let asked = match &args.paper {
        Some(name) if name.ends_with(".toml") => Asked::File(Path::new(name)),
        Some(name) => Asked::BuiltIn(find(name)?),
        None => {
            let message = "name a paper, such as van-rossem-saxe-2024; `isogram reproduce --list` shows all";
            return Err(Error::config(message).into());
        }
    };
    let (dir, _made) = folder(args, &asked.id())?;
    let _lock = FolderLock::take(&dir)?;
    let interrupt = super::run::interrupt_on_signal()?;
    let request = Request {
        adapter: super::adapter(args.adapter.as_deref()),
        scale: args.scale,
        settings: args.settings.clone(),
        set: args.set.clone(),
        seeds: args.seeds,
        keep: Some(dir.join(SWEEPS)),
        data: args.data.clone(),
        interrupt,
    };
    let mut progress: Box<dyn Progress> = if args.quiet { Box::new(Quiet) } else { Box::new(Bar::open()) };
    let outcome = match asked {
        Asked::BuiltIn(paper) => run(paper, &args.only, request, progress.as_mut()),
        Asked::File(path) => reproduce_file(path, &args.only, request, progress.as_mut()),
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(Error::Interrupted { .. }) => {
            eprintln!(
                "isogram: interrupted; the sweeps that were finished are kept: continue with --resume --out {}",
                shown(&dir)
            );
            return Ok(INTERRUPTED);
        }
        Err(error) => return Err(error.into()),
    };
    drop(progress);
    let html = outcome.write(&dir)?;
    if args.json {
        print(&serde_json::to_string_pretty(&outcome.json())?)?;
    } else {
        print(&table(&outcome, &html))?;
    }
    Ok(if super::claims::missed(&outcome.claims) { CLAIM_NOT_REPRODUCED } else { DONE })
}

/// A paper that is built in, or one that is declared in a file.
enum Asked<'a> {
    BuiltIn(&'static Paper),
    File(&'a Path),
}

impl Asked<'_> {
    fn id(&self) -> String {
        match self {
            Self::BuiltIn(paper) => paper.id.to_owned(),
            Self::File(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }
}

/// Where finished sweeps are kept, in the folder of a reproduction.
const SWEEPS: &str = "sweeps";

fn find(name: &str) -> Result<&'static Paper, Error> {
    PAPERS.iter().find(|paper| paper.id == name).ok_or_else(|| {
        let all = PAPERS.iter().map(|paper| paper.id).collect::<Vec<_>>().join(", ");
        Error::config(format!("there is no paper `{name}`; there are: {all}"))
    })
}

fn folder(args: &ReproduceArgs, id: &str) -> Result<(PathBuf, Made), Error> {
    match (&args.out, args.resume) {
        (Some(dir), true) => match dir.join(SWEEPS).is_dir() {
            true => Ok((dir.clone(), Made::default())),
            false => Err(Error::Resume(format!(
                "{} holds no finished sweeps of a reproduction: start it anew, without --resume",
                dir.display()
            ))),
        },
        (None, true) => Err(Error::Resume("--resume needs the folder of the reproduction (--out)".into())),
        (out, false) => files::create_run_dir(out.as_deref(), id, SWEEPS),
    }
}

fn list() -> String {
    PAPERS.iter().map(|paper| format!("{}{}", about(paper), parts(paper))).collect()
}

fn about(paper: &Paper) -> String {
    format!("{}\n  {}\n  {}\n", paper.id, paper.title, paper.source)
}

fn parts(paper: &Paper) -> String {
    let width = paper.parts.iter().map(|part| part.name.len()).max().unwrap_or(0);
    paper.parts.iter().map(|part| format!("    {:<width$}  {}\n", part.name, part.what)).collect()
}

/// `isogram keys PAPER`: its parts, and the numbers that can be set, with what they are at each scale.
pub fn keys(name: &str) -> anyhow::Result<u8> {
    let paper = find(name)?;
    let mut rows = vec![["NAME", "tiny", "small", "notes", "paper", "range", "what"].map(str::to_owned)];
    for setting in paper.numbers()? {
        let at = |scale| setting.at(Some(scale)).map_err(|why| Error::config(format!("{name}: {why}")));
        let [tiny, small, notes, large] = Scale::ALL.map(|scale| at(scale).map(|number| number.to_string()));
        let range = match setting.range {
            [low, high] if low.is_infinite() && high.is_infinite() => "any".to_owned(),
            [low, high] if high.is_infinite() => format!("{low} and more"),
            [low, high] => format!("{low} to {high}"),
        };
        rows.push([setting.name.clone(), tiny?, small?, notes?, large?, range, setting.what.clone()]);
    }
    let widths: Vec<usize> = (0..7).map(|k| rows.iter().map(|row| row[k].chars().count()).max().unwrap_or(0)).collect();
    let mut text = format!("{}\n--only PART\n{}", about(paper), parts(paper));
    match rows.len() {
        1 => text.push_str("\nno number of it can be set\n"),
        _ => text.push_str("\n--set NAME=NUMBER, and what it is at each --scale\n"),
    }
    for row in rows.iter().filter(|_| rows.len() > 1) {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(&format!("    {}\n", cells.join("  ").trim_end()));
    }
    text.push_str("\n--seeds N: seeds of each sweep, in place of the scale's own number\n");
    print(text.trim_end())?;
    Ok(DONE)
}

/// The claims, and what was run.
fn table(outcome: &Reproduction, html: &Path) -> String {
    let mut text = super::claims::table(&outcome.claims);
    text.push_str(&format!("\n{}\n", outcome.summary()));
    for (key, value) in &outcome.facts {
        text.push_str(&format!("{key}: {value}\n"));
    }
    text.push_str(&format!("report: {}\n", html.display()));
    text
}
