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

/// Computes what a table from a device lacks: pairs without a finite value.
pub(super) fn complete(set: &[Named], measure: &Measure, table: &mut Table) {
    let count = set.len();
    let symmetric = measure.entry.symmetric;
    let missing: Vec<(usize, usize)> = (0..count)
        .flat_map(|a| (0..count).map(move |b| (a, b)))
        .filter(|&(a, b)| !(table.values[a * count + b].is_finite() || symmetric && b < a))
        .collect();
    // Most of it, self-comparisons aside: then the CPU does it all, and the table says so.
    let others = missing.iter().filter(|(a, b)| a != b).count();
    if 2 * others > count * (count - 1) / (1 + usize::from(symmetric)) {
        *table = all_pairs(set, measure);
        return;
    }
    let values = in_parallel(missing.len(), |i| {
        let host = &measure.made.host;
        let prepared = |x: usize| {
            let why = |e: Error| Error::Measure(format!("`{}`: {e}", set[x].name));
            host.prepare(set[x].values.as_ref()).map_err(why)
        };
        host.compare(&prepared(missing[i].0)?, &prepared(missing[i].1)?)
    });
    table.undefined.clear();
    for (&(a, b), value) in missing.iter().zip(values) {
        if symmetric && a != b {
            let again = value.as_ref().map(|v| *v).map_err(|error| Error::Measure(error.to_string()));
            table.values[b * count + a] = f64::NAN;
            table.set(count, b, a, again);
        }
        table.values[a * count + b] = f64::NAN;
        table.set(count, a, b, value);
    }
    table.undefined.sort_by_key(|u| (u.a, u.b));
    table.completed = missing;
}

/// The values of some pairs by one measure. Each representation is prepared once, and a value does not depend on which others
/// are asked for.
pub fn some_pairs(set: &[Named], measure: &Measure, pairs: &[(usize, usize)]) -> Vec<Result<f64>> {
    let mut used: Vec<usize> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
    used.sort_unstable();
    used.dedup();
    let prepared = prepare(set, measure, &used);
    in_parallel(pairs.len(), |i| {
        let of = |x: usize| {
            let place = used.binary_search(&x).unwrap_or(0);
            prepared[place].as_ref().map_err(|why| Error::Measure(format!("`{}`: {why}", set[x].name)))
        };
        measure.made.host.compare(of(pairs[i].0)?, of(pairs[i].1)?)
    })
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
