//! `[[after]]`: what is done to trained networks, to see what becomes of them.

use crate::settings::{choices, settings};

choices! {
    /// What is done to trained networks.
    AfterKind {
        /// Units are removed: those with the least, or the most, of something, in each hidden layer that is looked at.
        #[default]
        Prune = "prune" ["pruning"],
        /// Each unit of each hidden layer that is looked at is removed by itself.
        Ablate = "ablate" ["ablation", "lesion"],
        /// Units of layers between dense ones are merged two by two, in rounds, by the weights into them and out of them (Chen, Zhou
        /// and Yan 2024): in each layer the two of the least squared distance become one, with the sum of the weights into them
        /// and of their biases, and the mean of those out of them, weighted by how many units each was made of. A layer goes on while
        /// that distance is at most a threshold times its largest.
        Merge = "merge" ["merging", "ifm"],
    }
}

choices! {
    /// What units are pruned by.
    Criterion {
        /// The norm of the weights that go into the unit, times that of those that leave it; of dense layers.
        #[default]
        WeightNorm = "weight_norm" ["magnitude"],
        /// As the measure `fourier_ipr` has it of each unit.
        FourierIpr = "fourier_ipr" ["ipr"],
        /// The mean square of its activation on the probe set.
        Activity = "activity",
        /// A number that the replica's seed draws for it.
        Random = "random",
    }
}

choices! {
    /// Which units go first.
    Ends {
        /// Those with the least.
        #[default]
        Lowest = "lowest" ["smallest"],
        /// Those with the most.
        Highest = "highest" ["largest"],
    }
}

choices! {
    /// What of a merged unit is compared with others.
    Copies {
        /// The sum of the weights into it: k copies of a unit, merged in turn, leave as many as k has ones in binary.
        #[default]
        Summed = "summed" ["published"],
        /// Their mean: any number of copies become one.
        Normalised = "normalised" ["mean"],
        /// Their mean, and distances times c_i c_j / (c_i + c_j), c being how many units each is made of: what a merge adds to the sum
        /// of squared distances from the means (Ward 1963).
        Ward = "ward",
    }
}

choices! {
    /// Which largest distance a threshold is of.
    Stop {
        /// That of the round, which grows as units are merged.
        #[default]
        Running = "running" ["published"],
        /// That before the first.
        Fixed = "fixed",
    }
}

choices! {
    /// As what units are compared and merged whose weights could be larger on one side and smaller on the other.
    Scaling {
        /// As they were trained.
        #[default]
        Trained = "trained" ["published", "none"],
        /// As the network of the same function in which the weights into each unit and those out of it have one norm.
        Balanced = "balanced",
    }
}

settings! {
    /// Something that is done to networks once they are trained, to see what becomes of them; the parameters in files stay as they
    /// are. What is removed gives 0 in every example, and nothing is trained anew. `observe.layers` says in which hidden layers.
    /// Metrics at the last step are the loss and accuracy on what is held out (`loss_test`, `accuracy_test`) and, if they are
    /// observed, those of `accuracy_train`, each behind the name of what was done: `prune_weight_norm_lowest_0.4.accuracy_test`,
    /// `ablate_17.loss_test`, `merge_summed_running_0.75.accuracy_test`; of what is merged also how many units are left in each layer, as
    /// `merge_summed_running_within_0.1.units`; with `scale = "balanced"`, `merge_ward_fixed_balanced_0.75.accuracy_test`. Settings of `[[after]]` cannot be swept.
    After {
        /// What is done.
        kind: AfterKind = AfterKind::Prune,
        /// What units are pruned by.
        by: Criterion = Criterion::WeightNorm,
        /// Which units are pruned first.
        order: Ends = Ends::Lowest,
        /// Parts of the units of each layer that are pruned, or merged away, each by itself.
        #[schemars(length(max = 1000))]
        fractions: Vec<f64> = Vec::new(),
        /// Thresholds up to which units are merged, each by itself.
        #[schemars(length(max = 1000), extend("synonyms" = ["beta"]))]
        thresholds: Vec<f64> = Vec::new(),
        /// What of a merged unit is compared.
        copies: Copies = Copies::Summed,
        /// Which largest distance a threshold is of.
        stop: Stop = Stop::Running,
        /// Of units that are merged, which weights: `balanced` needs activations for which a positive factor before them is one after them.
        scale: Scaling = Scaling::Trained,
    }
}

/// A threshold that no distance is beyond.
const NONE: f64 = 1e6;

impl After {
    /// The same with the defaults of keys that its kind does not have.
    pub(super) fn own(&self) -> Self {
        let Self { kind, by, order, copies, stop, scale, .. } = *self;
        let (fractions, thresholds) = (self.fractions.clone(), self.thresholds.clone());
        match kind {
            AfterKind::Prune => Self { by, order, fractions, ..Self::default() },
            AfterKind::Ablate => Self { kind, ..Self::default() },
            AfterKind::Merge => Self { kind, fractions, thresholds, copies, stop, scale, ..Self::default() },
        }
    }

    /// What a pruned part is called.
    pub fn part(&self, fraction: f64) -> String {
        format!("{}_{}_{}_{fraction}", self.kind, self.by, self.order)
    }

    /// Names of how far units are merged, each with its threshold and the part of them that is merged away at most.
    pub fn merged(&self) -> Vec<(String, f64, f64)> {
        let scale = if self.scale == Scaling::Balanced { "_balanced" } else { "" };
        let name = format!("{}_{}_{}{scale}", self.kind, self.copies, self.stop);
        let fractions = self.fractions.iter().map(|&part| (format!("{name}_{part}"), NONE, part));
        let thresholds = self.thresholds.iter().map(|&beta| (format!("{name}_within_{beta}"), beta, 1.0));
        fractions.chain(thresholds).collect()
    }
}
