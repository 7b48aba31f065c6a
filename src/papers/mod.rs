//! Papers, reproduced: for each, its settings, its claims and its figures.
//!
//! A paper is a list of *parts*, each of which trains what it needs and gives claims and sections of a report. Claims carry
//! their tolerances in the program, so that these are older than any run; a claim that the networks do not bear out is
//! reported as not reproduced. Parts are declared in TOML ([`claims`]), or are Rust where what they do is no sweep with quantities.

mod alleman_2024;
mod chen_2024;
mod claim;
pub mod claims;
mod doshi_2023;
mod lab;
mod lampinen_2024;
mod li_2015;
mod reproduction;
mod trained;
mod van_rossem_saxe_2024;

pub use claim::{Claim, Kind, Measured, Numbers, Spread, Verdict, number};
pub use lab::{Lab, Request, Scale};
pub use reproduction::{Reproduction, reproduce, reproduce_file};
pub use trained::{Curve, Pair, Trained};

use std::sync::LazyLock;

use claims::{Analyses, Analysis, Declared};

use crate::error::Result;
use crate::report::paper::Section;

/// A paper that can be reproduced.
pub struct Paper {
    /// Its name on the command line.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Its authors and where it appeared.
    pub source: &'static str,
    /// What it claims, in one or two sentences.
    pub summary: &'static str,
    /// Its settings, for the report.
    pub settings: Settings,
    /// Whether some of its settings can be asked for ([`Request::settings`]).
    pub settings_by_name: bool,
    /// Whether numbers of it can be set ([`Request::set`]).
    pub settable: bool,
    /// Whether any part of it can use the user's data ([`Request::data`]).
    pub takes_data: bool,
    /// Its parts, in the order of the report.
    pub parts: &'static [Part],
    run: Run,
}

/// A part of a paper: one experiment, or several that share networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it tries, in one line.
    pub what: &'static str,
}

/// What a part came to.
#[derive(Debug, Default)]
pub struct PartOutcome {
    /// Its claims.
    pub claims: Vec<Claim>,
    /// Its sections of the report.
    pub sections: Vec<Section>,
}

/// The papers, the oldest first. One that is declared is a file beside its analyses, and a line here.
pub static PAPERS: LazyLock<Vec<Paper>> = LazyLock::new(|| {
    vec![
        declared("li-2015", include_str!("li_2015.toml"), li_2015::ANALYSES),
        declared("roberts-2022", include_str!("roberts_2022.toml"), &[]),
        declared("doshi-2023", include_str!("doshi_2023.toml"), doshi_2023::ANALYSES),
        van_rossem_saxe_2024::PAPER,
        lampinen_2024::PAPER,
        declared("alleman-2024", include_str!("alleman_2024.toml"), alleman_2024::ANALYSES),
        declared("chen-2024-ifm", include_str!("chen_2024.toml"), chen_2024::ANALYSES),
    ]
});

/// A paper that a file declares. Its own texts are read here, all else when it runs: then mistakes are told.
fn declared(id: &'static str, text: &'static str, analyses: &'static [Analysis]) -> Paper {
    let file: toml::Table = toml::from_str(text).unwrap_or_default();
    let of = |table: &toml::Table, key: &str| -> &'static str {
        table.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned().leak()
    };
    let parts =
        file.get("part").and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_table);
    let parts: Vec<Part> = parts.map(|part| Part { name: of(part, "name"), what: of(part, "what") }).collect();
    Paper {
        id,
        title: of(&file, "title"),
        source: of(&file, "source"),
        summary: of(&file, "summary"),
        settings: Settings::Of(serde_json::to_value(file.get("setting")).unwrap_or_default()),
        settings_by_name: false,
        settable: file.contains_key("setting"),
        takes_data: false,
        parts: parts.leak(),
        run: Run::Declared(text, Analyses { each: analyses, ..Analyses::default() }),
    }
}

/// Settings of a paper.
pub enum Settings {
    /// Made by a function.
    By(fn() -> serde_json::Value),
    /// As they are.
    Of(serde_json::Value),
}

/// What runs parts of a paper, by name.
enum Run {
    /// A function.
    By(fn(&mut Lab<'_>, &[&'static Part]) -> Result<Vec<PartOutcome>>),
    /// What a file declares, and the functions that it names.
    Declared(&'static str, Analyses),
}

impl Paper {
    /// Its settings as JSON.
    pub fn settings(&self) -> serde_json::Value {
        match &self.settings {
            Settings::By(make) => make(),
            Settings::Of(value) => value.clone(),
        }
    }

    /// Its numbers that `--set` changes.
    ///
    /// # Errors
    /// As [`claims::ClaimsFile::parse`].
    pub fn numbers(&self) -> Result<Vec<claims::Setting>> {
        match self.run {
            Run::By(_) => Ok(Vec::new()),
            Run::Declared(text, _) => Ok(claims::ClaimsFile::parse(text, self.id, Some(Scale::Tiny))?.settings),
        }
    }

    fn run(&self, lab: &mut Lab<'_>, parts: &[&'static Part]) -> Result<Vec<PartOutcome>> {
        match self.run {
            Run::By(run) => run(lab, parts),
            Run::Declared(text, analyses) => {
                let set = lab.request().set.clone();
                let mut declared = Declared::parse_with(text, self.id, lab.scale(), &set, analyses)?;
                let mut outcomes = Vec::new();
                for part in parts {
                    lab.note(&format!("{}: {}", part.name, part.what));
                    outcomes.push(declared.run(lab, part.name)?);
                }
                Ok(outcomes)
            }
        }
    }
}

/// Runs a part of a paper, with what its parts share.
type Runner<S> = fn(&mut Lab<'_>, &mut S) -> Result<PartOutcome>;

/// A part, and what runs it.
const fn part<S>(name: &'static str, what: &'static str, run: Runner<S>) -> (Part, Runner<S>) {
    (Part { name, what }, run)
}

/// The parts of a list in which each stands with what runs it.
const fn parts_of<S, const N: usize>(runners: &[(Part, Runner<S>); N]) -> [Part; N] {
    let (mut parts, mut i) = ([Part { name: "", what: "" }; N], 0);
    while i < N {
        parts[i] = runners[i].0;
        i += 1;
    }
    parts
}

/// Runs parts one after the other.
fn run_parts<S>(
    lab: &mut Lab<'_>,
    parts: &[&'static Part],
    shared: &mut S,
    runners: &[(Part, Runner<S>)],
) -> Result<Vec<PartOutcome>> {
    let mut outcomes = Vec::new();
    for part in parts {
        lab.note(&format!("{}: {}", part.name, part.what));
        for (_, run) in runners.iter().filter(|(other, _)| other == *part) {
            outcomes.push(run(lab, shared)?);
        }
    }
    Ok(outcomes)
}

/// A function of each item, on all processors, in order.
pub(crate) fn parallel<T: Sync, R: Send>(items: &[T], of: impl Fn(&T) -> R + Sync) -> Vec<R> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let threads = rayon::current_num_threads().min(items.len().max(1));
    let next = AtomicUsize::new(0);
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let worker = || {
            let mut own = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                match items.get(i) {
                    Some(item) => own.push((i, of(item))),
                    None => return own,
                }
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    results.sort_by_key(|(i, _)| *i);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn work_in_parallel_keeps_its_order() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(super::parallel(&items, |i| i * i), items.iter().map(|i| i * i).collect::<Vec<_>>());
        assert!(super::parallel(&[] as &[usize], |i| *i).is_empty());
    }
}
