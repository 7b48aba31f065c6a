//! Memory is planned before it is used: what is free is asked of the system, what a piece of work takes is known from the
//! shapes, and work that has no room is refused by itself, with both numbers, while the rest goes on. An allocation that
//! fails midway would end the program, and the values found so far with it.

use std::fs::read_to_string;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::parallel::in_parallel_on;
use crate::error::{Error, Result};

/// What a thread takes of a limited address space before it does anything: its stack, and the region that the C library
/// sets aside for its allocations.
const THREAD: f64 = 80e6;

/// What everything else takes meanwhile: buffers of products, strings, files.
const REST: f64 = 48e6;

/// How much memory work may take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    most: Option<f64>,
}

/// What is free at a moment, in bytes.
#[derive(Clone, Copy, Debug)]
struct Free {
    bytes: f64,
    /// What each thread takes of it.
    thread: f64,
}

impl Memory {
    /// As much as the system has and the process may take, but not more than `bytes` for the whole program.
    pub fn at_most(bytes: u64) -> Self {
        Self { most: Some(bytes as f64) }
    }

    /// Bytes that are free now; infinite where the system does not say. Of what is available on Linux, of the limits of
    /// the control groups and of the process (`ulimit -v`, `-d`), and of the own limit, the least.
    pub fn free(self) -> f64 {
        self.look().bytes
    }

    fn look(self) -> Free {
        let status = read_to_string("/proc/self/status").unwrap_or_default();
        let used = |key: &str| field(&status, key).unwrap_or(0.0) * 1024.0;
        let limits = read_to_string("/proc/self/limits").unwrap_or_default();
        let limit = |name: &str| -> Option<f64> {
            limits.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
        };
        let address = limit("Max address space").map(|most| most - used("VmSize:"));
        let data = limit("Max data size").map(|most| most - used("VmData:"));
        let machine = read_to_string("/proc/meminfo").ok().and_then(|text| field(&text, "MemAvailable:"));
        let resident = [machine.map(|kib| kib * 1024.0), groups(), self.most.map(|most| most - used("VmRSS:"))];
        let reserved = [address, data].into_iter().flatten().fold(f64::INFINITY, f64::min);
        let bytes = resident.into_iter().flatten().fold(reserved, f64::min);
        Free { bytes: (bytes - REST).max(0.0), thread: if reserved.is_finite() { THREAD } else { 0.0 } }
    }

    /// Refuses work that takes so many bytes if they are not free.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] with what is needed and what is there.
    pub fn room(self, bytes: f64) -> Result<()> {
        let free = self.free();
        if bytes <= free { Ok(()) } else { Err(short(bytes, free)) }
    }

    /// Results of `work` for each number below the length of `needs`, the bytes that each takes beside what it gives: on
    /// as many cores as there is room for. `gives` is what all results take together. Work that has no room even alone is
    /// not begun, and a fault of one piece of work is the error of that piece.
    ///
    /// # Errors
    /// For each, [`Error::OutOfMemory`], or the work's own.
    pub fn each<T: Send>(self, gives: f64, needs: &[f64], work: impl Fn(usize) -> Result<T> + Sync) -> Vec<Result<T>> {
        let free = self.look();
        let room = free.bytes - gives;
        let cores = rayon::current_num_threads().min(needs.len().max(1));
        let threads = |need: f64| match (1..=cores).rev().find(|&t| t as f64 * (need + free.thread) <= room) {
            // One piece of work needs no thread of its own.
            None if need <= room => 1,
            found => found.unwrap_or(0),
        };
        let guarded = |i: usize| {
            catch_unwind(AssertUnwindSafe(|| work(i))).unwrap_or_else(|_| {
                Err(Error::Numerics("stopped by a fault of the program, printed above; please report it".into()))
            })
        };
        let threads: Vec<usize> = needs.iter().map(|&need| threads(need)).collect();
        let mut all: Vec<Option<Result<T>>> = needs.iter().map(|_| None).collect();
        for count in (1..=cores).rev() {
            let these: Vec<usize> = (0..needs.len()).filter(|&i| threads[i] == count).collect();
            for (&i, result) in these.iter().zip(in_parallel_on(count, these.len(), |k| guarded(these[k]))) {
                all[i] = Some(result);
            }
        }
        all.into_iter()
            .zip(needs)
            .map(|(found, need)| found.unwrap_or_else(|| Err(short(need + gives, free.bytes))))
            .collect()
    }
}

/// The error for work without room.
fn short(bytes: f64, free: f64) -> Error {
    Error::OutOfMemory(format!(
        "it takes {} of memory at once, and {} are free; take fewer examples, or a machine with more",
        in_words(bytes),
        in_words(free)
    ))
}

/// A number of bytes, to two digits or more.
pub fn in_words(bytes: f64) -> String {
    let units = [(1e18, "EB"), (1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match units.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) if bytes < 100.0 * size => format!("{:.1} {unit}", bytes / size),
        Some((size, unit)) => format!("{:.0} {unit}", bytes / size),
        None => format!("{bytes:.0} bytes"),
    }
}

/// The number behind a key at the start of a line.
fn field(text: &str, key: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok())
}

/// What the control groups of this process leave it, of either version: each group is also held by those above it.
fn groups() -> Option<f64> {
    let own = read_to_string("/proc/self/cgroup").ok()?;
    let mut least: Option<f64> = None;
    for line in own.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, most, used) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max", "memory.current"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
            _ => continue,
        };
        let folder = Path::new(root).join(path.trim_start_matches('/'));
        for group in folder.ancestors().take_while(|group| group.starts_with(root)) {
            let number = |name: &str| read_to_string(group.join(name)).ok()?.trim().parse::<f64>().ok();
            let (Some(most), Some(used)) = (number(most), number(used)) else { continue };
            // Pages of files that are no longer read are given back when memory is asked for.
            let stat = read_to_string(group.join("memory.stat")).unwrap_or_default();
            let files = field(&stat, "inactive_file ").or_else(|| field(&stat, "total_inactive_file ")).unwrap_or(0.0);
            let left = most - used + files;
            least = Some(least.map_or(left, |l| l.min(left)));
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_without_room_is_refused_alone() {
        let memory = Memory { most: None };
        let free = memory.free();
        assert!(free > 1e6);
        let found = memory.each(0.0, &[1e3, 1e30, 2e3], Ok);
        assert_eq!(found[0].as_ref().ok(), Some(&0));
        assert_eq!(found[2].as_ref().ok(), Some(&2));
        let said = found[1].as_ref().unwrap_err().to_string();
        assert!(matches!(found[1], Err(Error::OutOfMemory(_))) && said.contains("EB"), "{said}");
    }

    #[test]
    fn a_fault_in_one_piece_of_work_is_its_own() {
        let found = Memory::default().each(0.0, &[1.0; 3], |i| if i == 1 { panic!("on purpose") } else { Ok(i) });
        assert!(found[0].is_ok() && found[2].is_ok());
        assert!(matches!(found[1], Err(Error::Numerics(_))));
    }

    #[test]
    fn the_own_limit_counts_what_is_in_use() {
        assert!(Memory::at_most(1).room(1.0).is_err());
        assert!(Memory::at_most(u64::MAX).free() <= Memory::default().free() * 1.5);
    }

    #[test]
    fn bytes_are_said_in_words() {
        assert_eq!([999.0, 6.4e9, 3.2e11, 1.2345e18].map(in_words), ["999 bytes", "6.4 GB", "320 GB", "1.2 EB"]);
    }
}
