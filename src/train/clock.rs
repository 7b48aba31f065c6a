//! What a run's time is spent on.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::files::manifest::Throughput;

/// Snapshots are taken at least this often while training, if no interval is set.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(30);

/// Times of a run.
pub(super) struct Clock {
    began: Instant,
    /// Seconds since 1970 at which it began to train.
    pub created: u64,
    training: Duration,
    observing: Duration,
    replica_steps: u64,
    last_snapshot: Instant,
}

impl Clock {
    /// Of a run that `began` to be prepared then, and begins to train now.
    pub fn new(began: Instant) -> Self {
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let (training, observing) = (Duration::ZERO, Duration::ZERO);
        Self { began, created, training, observing, replica_steps: 0, last_snapshot: Instant::now() }
    }

    /// So many steps of one replica took so long.
    pub fn trained(&mut self, replica_steps: u64, took: Duration) {
        self.replica_steps += replica_steps;
        self.training += took;
    }

    /// A checkpoint took so long.
    pub fn observed(&mut self, took: Duration) {
        self.observing += took;
    }

    /// A snapshot is taken now.
    pub fn snapshot(&mut self) {
        self.last_snapshot = Instant::now();
    }

    /// Whether a snapshot is due at a step: each multiple of `every`, or by the time since the last.
    pub fn snapshot_due(&self, step: u32, every: Option<u32>) -> bool {
        every.map_or(self.last_snapshot.elapsed() >= SNAPSHOT_EVERY, |n| step.is_multiple_of(n))
    }

    /// Seconds, by what they were spent on.
    pub fn seconds(&self) -> [(String, f64); 3] {
        [("total", self.began.elapsed()), ("training", self.training), ("observing", self.observing)]
            .map(|(of, time)| (of.to_owned(), time.as_secs_f64()))
    }

    /// How fast it trained.
    pub fn throughput(&self) -> Throughput {
        let seconds = self.training.as_secs_f64().max(1e-9);
        Throughput { replica_steps_per_second: self.replica_steps as f64 / seconds }
    }
}
