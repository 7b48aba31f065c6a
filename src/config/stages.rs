//! `[[stages]]`: what is learned one after the other, and when training is over.

use crate::settings::settings;

settings! {
    /// A part of training, with a loss on some of the outputs alone and a rule for its end. Stages follow each other in the order
    /// of the file, each replica at its own time; a replica whose last stage is over is trained no more, and when all are, the run
    /// ends. Without stages every replica is trained for `steps` steps on all outputs. Settings of stages cannot be swept.
    Stage {
        /// The outputs that have a loss: names of features, or numbers counted from 0; by default all. The loss is the mean over
        /// these. Only with `mse` and `bce`.
        outputs: Vec<String> = Vec::new(),
        /// The stage is over when the accuracy of each of its outputs on the test set is at least this, at a check
        /// (`check_every`).
        #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 1.0))]
        until: Option<f64> = None,
        /// The stage is over after so many steps, rounded up to a check.
        #[schemars(range(min = 1, max = 16000000))]
        steps: Option<u32> = None,
        /// Whether the optimiser starts anew (its moments, not the step of its schedule).
        fresh_optimiser: bool = false,
    }
}

impl Stage {
    /// The numbers of its outputs, of those that have these names or of so many without names.
    ///
    /// # Errors
    /// What is wrong with one of them, in words.
    pub fn outputs_of(&self, names: &[String], count: usize) -> Result<Vec<usize>, String> {
        if self.outputs.is_empty() {
            return Ok((0..count).collect());
        }
        let mut found = Vec::new();
        for output in &self.outputs {
            let number = names.iter().position(|name| name == output).or_else(|| output.parse().ok());
            let Some(number) = number.filter(|n| *n < count) else {
                let known = match names {
                    [] => format!("the numbers 0 to {}", count.saturating_sub(1)),
                    names => names.join(", "),
                };
                return Err(format!("outputs names `{output}`, but the outputs are {known}"));
            };
            if found.contains(&number) {
                return Err(format!("outputs names `{output}` twice"));
            }
            found.push(number);
        }
        Ok(found)
    }
}
