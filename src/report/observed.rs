//! The numbers of `metrics.parquet` as the figures need them: by setting, over steps, without diverged replicas.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::band::{Band, bands};
use super::settings::Settings;
use crate::files::{MetricsTable, Words};

/// Steps that a curve has at most; more cannot be told apart on paper.
const MOST_STEPS: usize = 160;

/// The table, with its rows sorted by what was observed where.
#[derive(Debug, Default)]
pub struct Observed {
    table: MetricsTable,
    rows: HashMap<(u32, u32), Vec<u32>>,
}

impl Observed {
    /// Sorts the rows of replicas that have a setting.
    pub fn new(table: MetricsTable, settings: &Settings) -> Self {
        let mut rows: HashMap<(u32, u32), Vec<u32>> = HashMap::new();
        // Four billion rows do not fit in a memory that holds the table.
        for (row, &replica) in (0_u32..).zip(&table.replica) {
            if settings.find(replica).is_some() {
                rows.entry((table.name[row as usize], table.layer[row as usize])).or_default().push(row);
            }
        }
        Self { table, rows }
    }

    fn rows(&self, name: &str, layer: Option<&str>) -> &[u32] {
        let layer = layer.map_or(Some(Words::NONE), |layer| self.table.words.find(layer));
        let older = || self.table.words.find(&super::older::metric(name)?);
        let key = self.table.words.find(name).or_else(older).zip(layer);
        key.and_then(|key| self.rows.get(&key)).map_or(&[], Vec::as_slice)
    }

    /// Whether anything of this name was observed there.
    pub fn has(&self, name: &str, layer: Option<&str>) -> bool {
        !self.rows(name, layer).is_empty()
    }

    /// Layers at which anything was observed, in the order in which they first occur.
    pub fn layers(&self) -> Vec<String> {
        let layers: BTreeSet<u32> = self.rows.keys().map(|&(_, layer)| layer).collect();
        layers.into_iter().filter_map(|layer| self.table.words.get(layer).map(str::to_owned)).collect()
    }

    /// The bands over replicas of each setting.
    pub fn by_setting(&self, name: &str, layer: Option<&str>, settings: &Settings) -> Vec<Vec<Band>> {
        let rows = self.rows(name, layer);
        let all: BTreeSet<u64> = rows.iter().map(|&row| self.table.step[row as usize]).collect();
        let wanted = thinned(&all);
        let mut values: Vec<BTreeMap<u64, Vec<f64>>> = vec![BTreeMap::new(); settings.len()];
        for &row in rows {
            let row = row as usize;
            let step = self.table.step[row];
            if let Some(setting) = settings.find(self.table.replica[row])
                && wanted.contains(&step)
            {
                values[setting].entry(step).or_default().push(self.table.value[row]);
            }
        }
        values.iter().map(bands).collect()
    }

    /// Each replica's last value, and the step at which it was observed.
    pub fn at_end(&self, name: &str, layer: Option<&str>) -> HashMap<u32, (u64, f64)> {
        let mut last: HashMap<u32, (u64, f64)> = HashMap::new();
        for &row in self.rows(name, layer) {
            let row = row as usize;
            let seen = (self.table.step[row], self.table.value[row]);
            let kept = last.entry(self.table.replica[row]).or_insert(seen);
            if seen.0 >= kept.0 {
                *kept = seen;
            }
        }
        last
    }

    /// The last step at which anything was observed.
    pub fn last_step(&self) -> Option<u64> {
        self.rows.values().flatten().map(|&row| self.table.step[row as usize]).max()
    }
}

/// Steps evenly apart on the axis of steps, which is logarithmic, with the first and the last.
fn thinned(steps: &BTreeSet<u64>) -> BTreeSet<u64> {
    let (Some(&first), Some(&last)) = (steps.first(), steps.last()) else { return BTreeSet::new() };
    if steps.len() <= MOST_STEPS {
        return steps.clone();
    }
    let end = ((last - first) as f64).ln_1p();
    let place = |i: usize| first + ((end * i as f64 / MOST_STEPS as f64).exp_m1()).round() as u64;
    let mut kept: BTreeSet<u64> = (0..MOST_STEPS).filter_map(|i| steps.range(place(i)..).next().copied()).collect();
    kept.insert(last);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_ends_and_few_between() {
        let steps: BTreeSet<u64> = (1..100_000).collect();
        let kept = thinned(&steps);
        assert!(kept.len() <= MOST_STEPS + 1 && kept.contains(&1) && kept.contains(&99_999));
        assert!(kept.is_subset(&steps));
        let few: BTreeSet<u64> = [0, 7].into();
        assert_eq!(thinned(&few), few);
        assert!(thinned(&BTreeSet::new()).is_empty());
    }
}
