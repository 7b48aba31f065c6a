//! Where a paper's experiments run: one adapter, one scale, a common count of what was done.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::trained::Trained;
use crate::config::{Experiment, Measure};
use crate::error::{Error, Result};
use crate::gpu::{AdapterChoice, AdapterSummary, Gpu};
use crate::train::{Interrupt, Options, Prepared, Progress, Replica, Sweep, Track};

/// How large the networks are, and how long they train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scale {
    /// Narrow networks and few seeds: a few minutes on two CPU cores, for continuous integration.
    Tiny,
    /// Smaller networks than the paper's: minutes on two CPU cores.
    Small,
    /// Where a paper's sizes are reconstructed: a smaller configuration for which values are known. Minutes to hours on two
    /// CPU cores. Papers without such take that of [`Scale::Paper`].
    Notes,
    /// The paper's own sizes: for a GPU, or patience.
    Paper,
}

impl Scale {
    /// All scales, the smallest first.
    pub const ALL: [Self; 4] = [Self::Tiny, Self::Small, Self::Notes, Self::Paper];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::Notes => "notes",
            Self::Paper => "paper",
        }
    }
}

impl std::str::FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|scale| scale.name() == text)
            .ok_or_else(|| format!("expected tiny, small, notes or paper, got {text}"))
    }
}

/// What the user asked of a reproduction.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which adapter.
    pub adapter: AdapterChoice,
    /// How large.
    pub scale: Scale,
    /// Only these settings of the paper's table, and its default; all if there is none.
    pub settings: Vec<String>,
    /// Other values of numbers that its file calls settings.
    pub set: Vec<(String, f64)>,
    /// Seeds of each setting, in place of the scale's own number.
    pub seeds: Option<u32>,
    /// Folder in which finished sweeps are kept, and looked for.
    pub keep: Option<PathBuf>,
    /// Folder of data that does not come with the program.
    pub data: Option<PathBuf>,
    /// Stops the work.
    pub interrupt: Interrupt,
}

/// Where a paper's experiments run.
pub struct Lab<'a> {
    request: Request,
    gpu: Option<Arc<Gpu>>,
    progress: &'a mut dyn Progress,
    replica_steps: u64,
    networks: u64,
    reused: u64,
    training: Duration,
    begun: Instant,
}

impl<'a> Lab<'a> {
    /// Opens the adapter.
    ///
    /// # Errors
    /// If there is none of the name.
    pub fn open(request: Request, progress: &'a mut dyn Progress) -> Result<Self> {
        let gpu = request.adapter.open()?;
        let begun = Instant::now();
        Ok(Self { request, gpu, progress, replica_steps: 0, networks: 0, reused: 0, training: Duration::ZERO, begun })
    }

    /// The scale.
    pub fn scale(&self) -> Scale {
        self.request.scale
    }

    /// What was asked.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Seeds of each setting: the user's number, or the one for the scale.
    pub fn seeds(&self, tiny: u32, small: u32, paper: u32) -> u32 {
        self.request.seeds.unwrap_or(self.at(tiny, small, paper))
    }

    /// One value for each scale.
    pub fn at<T>(&self, tiny: T, small: T, paper: T) -> T {
        match self.request.scale {
            Scale::Tiny => tiny,
            Scale::Small => small,
            Scale::Notes | Scale::Paper => paper,
        }
    }

    /// Tells the user what comes next.
    pub fn note(&mut self, text: &str) {
        self.progress.note(text);
    }

    /// Stops here if the user asked to.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if so.
    pub fn pause(&self) -> Result<()> {
        match self.request.interrupt.asked() {
            true => Err(Error::Interrupted { step: 0 }),
            false => Ok(()),
        }
    }

    /// The adapter.
    pub fn adapter(&self) -> AdapterSummary {
        self.gpu.as_ref().map_or_else(AdapterSummary::cpu, |gpu| gpu.summary().clone())
    }

    /// Networks trained so far.
    pub fn networks(&self) -> u64 {
        self.networks
    }

    /// Steps of replicas so far.
    pub fn replica_steps(&self) -> u64 {
        self.replica_steps
    }

    /// Time spent training so far.
    pub fn training(&self) -> Duration {
        self.training
    }

    /// Time since the adapter was opened.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Trains replicas on a data set, following pairs if asked. What was finished before, with the same settings on the same
    /// adapter by the same version, is read back instead.
    ///
    /// # Errors
    /// If the settings do not fit, the device fails, or the user interrupts.
    pub fn train(
        &mut self,
        experiment: &Experiment,
        data: Prepared,
        replicas: Vec<Replica>,
        track: Option<Track>,
    ) -> Result<Trained> {
        self.pause()?;
        let kept =
            self.request.keep.as_ref().map(|folder| folder.join(self.name_of(experiment, &data, &replicas, &track)));
        if let Some(found) = kept.as_deref().filter(|path| path.exists()).and_then(Trained::read) {
            self.reused += 1;
            return Ok(found);
        }
        let trained = self.trained(experiment, &data, &replicas, track.as_ref())?;
        if let Some(path) = kept {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
            }
            trained.write(&path)?;
        }
        Ok(trained)
    }

    /// Trained all at once, or, where there is no memory for all and none is compared with another, one half after the other: a
    /// network is the same in any company.
    fn trained(
        &mut self,
        experiment: &Experiment,
        data: &Prepared,
        replicas: &[Replica],
        track: Option<&Track>,
    ) -> Result<Trained> {
        let mut sweep = Sweep::of_replicas(experiment.clone(), data.clone(), replicas.to_vec())?;
        if let Some(track) = track {
            sweep = sweep.track(track.clone());
        }
        let options = Options {
            adapter: self.request.adapter.clone(),
            gpu: self.gpu.clone(),
            interrupt: self.request.interrupt.clone(),
            ..Options::default()
        };
        let begun = Instant::now();
        let observe = &experiment.observe;
        let compared = !observe.compare.is_empty() || observe.has(Measure::CkaPairs) || observe.has(Measure::CkaLayers);
        match sweep.run(&options, self.progress) {
            Err(Error::OutOfMemory(_)) if replicas.len() > 1 && !compared => {
                drop(sweep);
                let (first, rest) = replicas.split_at(replicas.len().div_ceil(2));
                let first = self.trained(experiment, data, first, track)?;
                Ok(Trained::joined(&[first, self.trained(experiment, data, rest, track)?]))
            }
            Err(error) => Err(error),
            Ok(summary) => {
                let count = replicas.len() as u64;
                self.training += begun.elapsed();
                self.networks += count;
                self.replica_steps += count * u64::from(summary.steps);
                Ok(Trained::new(summary, replicas.len()))
            }
        }
    }

    /// The file of a sweep: its name changes with its settings, its data, the adapter and the version's number. A program that was
    /// changed under the same number reads what it would no longer train so.
    fn name_of(&self, experiment: &Experiment, data: &Prepared, replicas: &[Replica], track: &Option<Track>) -> String {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        let mut take = |text: &str| {
            text.bytes().for_each(|byte| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        };
        take(env!("CARGO_PKG_VERSION"));
        take(&format!("{:?} {experiment:?} {} {track:?}", self.adapter(), data.fingerprint()));
        for replica in replicas {
            take(&format!("{} {:?} {:?}", replica.seed, replica.experiment, replica.data));
        }
        format!("{hash:016x}.safetensors")
    }

    /// Sweeps that were read back.
    pub fn reused(&self) -> u64 {
        self.reused
    }
}
