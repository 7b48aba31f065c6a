//! Papers, reproduced: for each, its settings, its claims and its figures.
//!
//! A paper is a list of *parts*, each of which trains what it needs and gives claims and sections of a report. Claims carry
//! their tolerances in the program, so that these are older than any run; a claim that the networks do not bear out is
//! reported as not reproduced. Parts are declared in TOML ([`claims`]), or are Rust where what they do is no sweep with quantities.

mod alleman_2024;
mod claim;
pub mod claims;
mod doshi_2023;
mod lab;
mod lampinen_2024;
mod reproduction;
mod roberts_2022;
mod trained;
mod van_rossem_saxe_2024;

pub use claim::{Claim, Kind, Measured, Numbers, Spread, Verdict, number};
pub use lab::{Lab, Request, Scale};
pub use reproduction::{Reproduction, reproduce, reproduce_file};
pub use trained::{Curve, Trained};

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
    pub settings: fn() -> serde_json::Value,
    /// Whether some of its settings can be asked for ([`Request::settings`]).
    pub settings_by_name: bool,
    /// Whether numbers of it can be set ([`Request::set`]).
    pub settable: bool,
    /// Whether any part of it can use the user's data ([`Request::data`]).
    pub takes_data: bool,
    /// Its parts, in the order of the report.
    pub parts: &'static [Part],
    /// Runs some parts, by name.
    run: fn(&mut Lab<'_>, &[&'static Part]) -> Result<Vec<PartOutcome>>,
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

/// The papers, the oldest first.
pub const PAPERS: &[&Paper] = &[
    &roberts_2022::PAPER,
    &doshi_2023::PAPER,
    &van_rossem_saxe_2024::PAPER,
    &lampinen_2024::PAPER,
    &alleman_2024::PAPER,
];

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
