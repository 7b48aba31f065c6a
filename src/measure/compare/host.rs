//! All pairs on the CPU: pairs are shared out among threads, and each is computed by one, so that its bits do not depend on
//! how many there are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{Named, Place, Table};
use crate::error::{Error, Result};
use crate::measure::catalogue::{Measure, Prepared};

/// Bytes of prepared representations kept at a time, about.
const KEPT: usize = 2 << 30;

/// Compares all pairs by one measure.
pub(super) fn all_pairs(set: &[Named], measure: &Measure) -> Table {
    let count = set.len();
    let mut table = Table::new(measure, count, Place::Cpu);
    // A prepared representation may be a table of all pairs of its examples.
    let largest = set.iter().map(|x| x.values.nrows() * x.values.nrows().max(x.values.ncols()) * 8).max().unwrap_or(1);
    let block = (KEPT / largest / 2).clamp(1, count.max(1));
    let starts: Vec<usize> = (0..count).step_by(block).collect();
    for &first in &starts {
        let rows: Vec<usize> = (first..(first + block).min(count)).collect();
        let prepared_rows = prepare(set, measure, &rows);
        for &second in &starts {
            if measure.entry.symmetric && second < first {
                continue;
            }
            let columns: Vec<usize> = (second..(second + block).min(count)).collect();
            let prepared_columns = if second == first { None } else { Some(prepare(set, measure, &columns)) };
            let prepared_columns = prepared_columns.as_ref().unwrap_or(&prepared_rows);
            let wanted: Vec<(usize, usize)> = rows
                .iter()
                .flat_map(|&a| columns.iter().map(move |&b| (a, b)))
                .filter(|&(a, b)| !measure.entry.symmetric || a <= b)
                .collect();
            let values = in_parallel(wanted.len(), |i| {
                let (a, b) = wanted[i];
                let (x, y) = (&prepared_rows[a - first], &prepared_columns[b - second]);
                let named = |index: usize, why: &str| Error::Measure(format!("`{}`: {why}", set[index].name));
                match (x, y) {
                    (Ok(x), Ok(y)) => measure.made.host.compare(x, y),
                    (Err(why), _) => Err(named(a, why)),
                    (_, Err(why)) => Err(named(b, why)),
                }
            });
            for (&(a, b), value) in wanted.iter().zip(values) {
                if measure.entry.symmetric && a != b {
                    let again = match &value {
                        Ok(value) => Ok(*value),
                        Err(error) => Err(Error::Measure(error.to_string())),
                    };
                    table.set(count, b, a, again);
                }
                table.set(count, a, b, value);
            }
        }
    }
    table.undefined.sort_by_key(|u| (u.a, u.b));
    table
}

fn prepare(set: &[Named], measure: &Measure, which: &[usize]) -> Vec<Result<Prepared, String>> {
    in_parallel(which.len(), |i| measure.made.host.prepare(set[which[i]].values.as_ref()).map_err(|e| e.to_string()))
}

/// Results of `work` for each number below `count`, in order, computed on all cores. Linear algebra within a piece of work
/// stays on its thread.
pub fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(count.max(1));
    let next = AtomicUsize::new(0);
    let mut all: Vec<(usize, T)> = thread::scope(|scope| {
        let (next, work) = (&next, &work);
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(move || {
                    let mut mine = Vec::new();
                    loop {
                        let i = next.fetch_add(1, Ordering::Relaxed);
                        if i >= count {
                            return mine;
                        }
                        mine.push((i, work(i)));
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, value)| value).collect()
}
