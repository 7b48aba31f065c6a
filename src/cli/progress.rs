//! Progress on a terminal, in a log, or not at all.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use isogram::train::{Progress, Stage};

/// Seconds between lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows steps, rates, time left and the current loss.
pub struct Bar {
    bar: ProgressBar,
    plain: bool,
    replicas: usize,
    stage: Option<Stage>,
    trained: (u32, Duration),
    since: Instant,
    last: Option<u32>,
    line: Instant,
}

impl Bar {
    /// For a run of so many steps and replicas.
    pub fn new(steps: u32, replicas: usize) -> Self {
        let plain = !std::io::stderr().is_terminal();
        let target = if plain { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(u64::from(steps)), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} steps  {msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            plain,
            replicas,
            stage: None,
            trained: (0, Duration::ZERO),
            since: Instant::now(),
            last: None,
            line: Instant::now(),
        }
    }

    /// For sweeps whose lengths are not known yet.
    pub fn open() -> Self {
        Self::new(0, 0)
    }

    fn rates(&mut self, done: u32, of: u32) -> String {
        let now = Instant::now();
        if let Some(last) = self.last {
            self.trained.0 += done.saturating_sub(last);
            self.trained.1 += now - self.since;
        }
        (self.last, self.since) = (Some(done), now);
        let seconds = self.trained.1.as_secs_f64();
        if self.trained.0 == 0 || seconds == 0.0 {
            return String::new();
        }
        let rate = f64::from(self.trained.0) / seconds;
        let left = f64::from(of.saturating_sub(done)) / rate;
        let replicas = match self.replicas {
            0 => String::new(),
            replicas => format!("  {:.0} replica-steps/s", rate * replicas as f64),
        };
        format!("{rate:.0} steps/s{replicas}  {left:.0} s left")
    }
}

impl Progress for Bar {
    fn stage(&mut self, stage: Stage) {
        if self.stage == Some(stage) {
            return;
        }
        self.stage = Some(stage);
        let what = match stage {
            Stage::Building => "compiling kernels",
            Stage::Training => "",
            Stage::Observing => "observing",
            Stage::Comparing => "comparing checkpoints with the last",
            Stage::Writing => "writing",
        };
        if !what.is_empty() {
            self.bar.set_message(what);
        }
    }

    fn note(&mut self, text: &str) {
        if self.plain {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }

    fn steps(&mut self, done: u32, of: u32, loss: Option<f64>) {
        if self.stage == Some(Stage::Comparing) {
            self.bar.set_message(format!("comparing checkpoints with the last: {done}/{of}"));
            return;
        }
        if self.last.is_some_and(|last| last > done) {
            // Another sweep.
            (self.last, self.trained) = (None, (0, Duration::ZERO));
        }
        self.bar.set_length(u64::from(of));
        let rates = self.rates(done, of);
        let loss = loss.map_or_else(String::new, |l| format!("  loss {l:.4}"));
        if self.plain {
            if self.line.elapsed() >= LINE_EVERY {
                self.line = Instant::now();
                eprintln!("step {done}/{of}  {rates}{loss}");
            }
            return;
        }
        self.bar.set_position(u64::from(done));
        self.bar.set_message(format!("{rates}{loss}"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
