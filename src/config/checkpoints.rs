//! `[observe.at]`: the steps at which something is observed.

use crate::settings::{choices, settings};

/// How many checkpoints a log or linear spacing has when nothing is said.
const DEFAULT_COUNT: u32 = 20;

choices! {
    /// How checkpoints are spaced.
    Spacing {
        /// `count` steps, dense at the start where networks change most.
        #[default]
        Log = "log",
        /// One every `every` steps, or `count` evenly spaced ones.
        Linear = "linear",
        /// The steps in `steps`.
        List = "list",
    }
}

settings! {
    /// The steps at which something is observed. Step 0, before the first update, and the last step are always among them.
    Checkpoints {
        /// How checkpoints are spaced.
        kind: Spacing = Spacing::default(),
        /// Number of checkpoints of `log` and `linear`, with step 0 and the last; by default 20. There are fewer when the
        /// run has fewer steps.
        #[schemars(range(min = 2, max = 100000))]
        count: Option<u32> = None,
        /// Steps from one checkpoint to the next, for `linear`.
        #[schemars(range(min = 1), extend("synonyms" = ["checkpoint_every"]))]
        every: Option<u32> = None,
        /// The steps of `list`.
        #[schemars(length(max = 100000))]
        steps: Vec<u32> = Vec::new(),
    }
}

impl Checkpoints {
    /// The checkpoints of a run of `steps` steps: sorted, without repetition, with 0 and `steps`.
    pub fn checkpoints(&self, steps: u32) -> Vec<u32> {
        let count = self.count.unwrap_or(DEFAULT_COUNT).max(2);
        let mut at: Vec<u32> = match (self.kind, self.every) {
            (Spacing::Log, _) => log_spaced(steps, count),
            (Spacing::Linear, Some(every)) => (0..=steps).step_by(every.max(1) as usize).collect(),
            (Spacing::Linear, None) => {
                let gaps = u64::from(count - 1);
                (0..=gaps).map(|i| ((u64::from(steps) * i + gaps / 2) / gaps) as u32).collect()
            }
            (Spacing::List, _) => self.steps.iter().copied().filter(|&step| step <= steps).collect(),
        };
        at.extend([0, steps]);
        at.sort_unstable();
        at.dedup();
        at
    }
}

/// `count` steps from 0 and 1 to `steps`, each a constant factor after the one before. Where the factor would repeat a
/// step, the next step is taken and the factor computed anew for the rest, so that none is lost to rounding.
fn log_spaced(steps: u32, count: u32) -> Vec<u32> {
    let mut at = vec![0];
    // With two there is room for the ends alone.
    if count < 3 {
        return at;
    }
    let mut current = 1;
    for left in (0..count - 1).rev() {
        if current > steps {
            break;
        }
        at.push(current);
        if left == 0 {
            break;
        }
        let factor = (f64::from(steps) / f64::from(current)).powf(1.0 / f64::from(left));
        let next = (f64::from(current) * factor).round() as u32;
        current = next.max(current.saturating_add(1));
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_spacing_gives_the_count_asked_for() {
        for (steps, count) in [(1500, 20), (100, 20), (16_000_000, 50), (1_000_000, 2), (10, 11)] {
            let at = Checkpoints { count: Some(count), ..Checkpoints::default() }.checkpoints(steps);
            assert_eq!((at[0], at[at.len() - 1]), (0, steps));
            assert!(at.is_sorted_by(|a, b| a < b));
            assert_eq!(at.len(), count as usize, "{steps} {at:?}");
        }
        assert_eq!(Checkpoints { count: Some(5), ..Checkpoints::default() }.checkpoints(1000), [0, 1, 10, 100, 1000]);
        assert_eq!(Checkpoints::default().checkpoints(3), [0, 1, 2, 3]);
        assert_eq!(Checkpoints::default().checkpoints(0), [0]);
        assert_eq!(Checkpoints::default().checkpoints(1), [0, 1]);
    }

    #[test]
    fn linear_and_list() {
        let every = Checkpoints { kind: Spacing::Linear, every: Some(40), ..Checkpoints::default() };
        assert_eq!(every.checkpoints(100), [0, 40, 80, 100]);
        let count = Checkpoints { kind: Spacing::Linear, count: Some(3), ..Checkpoints::default() };
        assert_eq!(count.checkpoints(100), [0, 50, 100]);
        assert_eq!(count.checkpoints(1), [0, 1]);
        let list = Checkpoints { kind: Spacing::List, steps: vec![7, 3, 7, 900], ..Checkpoints::default() };
        assert_eq!(list.checkpoints(10), [0, 3, 7, 10]);
    }
}
