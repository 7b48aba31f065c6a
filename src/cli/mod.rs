//! Commands, flags and exit codes.

mod bench;
mod claims;
mod compare;
mod describe;
mod doctor;
mod input;
mod list;
mod measures;
mod plan;
mod progress;
mod report;
mod reproduce;
mod run;
mod streamed;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use isogram::Error;
use isogram::gpu::{AdapterChoice, Gpu};

/// Done.
const DONE: u8 = 0;
/// Something failed.
const FAILED: u8 = 1;
/// The command or the settings cannot be used.
const USAGE: u8 = 2;
/// Done, but some claim was not reproduced, or not clearly.
const CLAIM_NOT_REPRODUCED: u8 = 3;
/// Interrupted after a snapshot.
const INTERRUPTED: u8 = 130;

#[derive(Parser)]
#[command(name = "isogram", version, about, long_about = None, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Threads that the processor works with [default: as many as there are cores]; they change no bit
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    threads: Option<u32>,
}

#[derive(Subcommand)]
enum Command {
    /// Train a sweep and compare what its networks represent
    Run(RunArgs),
    /// List the built-in experiments
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the keys of an experiment file, with defaults; of a paper its parts, and the numbers that --set changes
    Keys {
        /// A paper that is built in
        paper: Option<String>,
    },
    /// Show the adapters of this machine, what each gets, and test every kernel on them
    Doctor {
        /// Only this adapter: a number from the list, or part of a name
        #[arg(long)]
        adapter: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show an experiment's plan: dispatches, memory and, with --time, the time it takes
    Plan(PlanArgs),
    /// Measure what an adapter does with this kind of work
    Bench(BenchArgs),
    /// Compare representations from files, by any measures
    Compare(CompareArgs),
    /// Statistics of single representations from files
    Describe(DescribeArgs),
    /// The catalogue of measures and statistics
    Measures(MeasuresArgs),
    /// Reproduce a paper: train its networks, draw its figures, try its claims
    Reproduce(ReproduceArgs),
    /// Try what is claimed of a run, on its files: nothing is trained
    Claims {
        /// Folder of the run
        run: PathBuf,
        /// A file of claims (default: those that the run was begun with)
        #[arg(long, value_name = "FILE")]
        claims: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Rebuild report.html from a run's files
    Report {
        /// Folder of the run
        run: PathBuf,
    },
}

/// What the commands share that take an experiment.
#[derive(Args)]
struct ExperimentArgs {
    /// A built-in experiment (see `isogram list`) or a TOML file
    experiment: String,
    /// Seeds: a number of them, or a list such as 3,1,2
    #[arg(long, value_name = "N")]
    seeds: Option<String>,
    /// Optimiser steps
    #[arg(long, value_name = "N")]
    steps: Option<u32>,
    /// Change any key, such as optimiser.lr=0.01; can be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Adapter: a number from `isogram doctor`, part of a name, or `cpu` for the processor
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Replicas trained at once at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    slice: Option<u32>,
    /// How training steps are lowered: auto, layered (a dispatch per operation) or resident (many steps per dispatch)
    #[arg(long, value_name = "FORM", default_value = "auto")]
    lowering: isogram::graph::Lowering,
    /// Whether products of 16-bit factors use cooperative matrices (tensor cores): yes, no, or auto (what is faster)
    #[arg(long, value_name = "CHOICE", default_value = "auto")]
    matrices: isogram::train::Matrices,
}

#[derive(Args)]
struct RunArgs {
    #[command(flatten)]
    experiment: ExperimentArgs,
    /// Folder for the run's files (default: a fresh one under runs/)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Claims to try on the run when it is done (TOML); the exit code is 3 if some are not reproduced
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
    /// Continue the run in --out, or the latest unfinished run of this experiment
    #[arg(long)]
    resume: bool,
    /// Print nothing but errors
    #[arg(long)]
    quiet: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct PlanArgs {
    #[command(flatten)]
    experiment: ExperimentArgs,
    /// Train for a moment too, for the time of a step and of each dispatch
    #[arg(long)]
    time: bool,
    /// Print the layers of the network alone, as TOML: what a preset or a list of widths stands for
    #[arg(long)]
    model: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct BenchArgs {
    /// Few sizes and short repeats
    #[arg(long)]
    quick: bool,
    /// Only these suites, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    suite: Vec<String>,
    /// List the suites
    #[arg(long)]
    list: bool,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Show ratios to results of an earlier run or another machine
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Write the roofline as an SVG
    #[arg(long, value_name = "FILE")]
    figure: Option<PathBuf>,
    /// Adapter: a number from `isogram doctor`, or part of a name
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Print the table alone
    #[arg(long)]
    quiet: bool,
}

#[derive(Args)]
struct ReproduceArgs {
    /// The paper (see --list), or a file that declares one (.toml)
    paper: Option<String>,
    /// List the papers and their parts
    #[arg(long)]
    list: bool,
    /// How large: tiny (a few minutes on two CPU cores), small (some ten minutes), notes (the sizes of the settings that known
    /// values were measured with, where a paper has such; an hour), or paper (the paper's own sizes)
    #[arg(long, value_name = "SCALE", default_value = "small")]
    scale: isogram::papers::Scale,
    /// Only these parts, separated by commas
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    only: Vec<String>,
    /// Only these settings of the paper's table (and its default), separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    settings: Vec<String>,
    /// Change a number of a paper that has such (`[setting]` of its file), such as alpha=0.6; can be repeated
    #[arg(long = "set", value_name = "NAME=NUMBER", value_parser = number)]
    set: Vec<(String, f64)>,
    /// Seeds of each setting, in place of the scale's own number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: Option<u32>,
    /// Folder for report, claims and figures (default: a fresh one under runs/)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Continue in --out: sweeps that were finished there are not trained again
    #[arg(long)]
    resume: bool,
    /// Folder of data that does not come with the program, such as MNIST's IDX files
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Adapter: a number from `isogram doctor`, part of a name, or `cpu` for the processor
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Print the claims alone
    #[arg(long)]
    quiet: bool,
    /// Print the claims as JSON
    #[arg(long)]
    json: bool,
}

/// How arrays of files become representations.
#[derive(Args)]
struct InputArgs {
    /// What becomes of positions (pixels, tokens): units, mean, max, positions, first or last
    #[arg(long, value_name = "HOW", default_value = "units")]
    flatten: isogram::data::Flatten,
    /// Which axis of an example holds the units of a position: by-rank, channels-first or channels-last
    #[arg(long, value_name = "AXIS", default_value = "by-rank")]
    channels: isogram::data::Channels,
    /// The first column of a table (text, Parquet) is an index, and left out, whatever is in it
    #[arg(long, conflicts_with = "no_index")]
    index: bool,
    /// No column of a table is an index: none is left out
    #[arg(long)]
    no_index: bool,
    /// Refuse a file of several arrays in which one cannot be read, rather than leave that one out with a warning
    #[arg(long)]
    strict: bool,
}

impl InputArgs {
    fn options(&self) -> isogram::data::ReadOptions {
        let index = if self.index || self.no_index { Some(self.index) } else { None };
        isogram::data::ReadOptions { index, strict: self.strict }
    }
}

/// Where comparisons and statistics are computed.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum On {
    /// On a GPU where there is one and the work is worth it
    Auto,
    /// On the CPU, in f64
    Cpu,
    /// On a GPU or software adapter, in f32, what has such a form; the rest on the CPU
    Gpu,
}

#[derive(Args)]
struct CompareArgs {
    /// Files of arrays whose rows are examples: .npy, .npz, .safetensors, .parquet, tables of text, IDX; FILE:ARRAY takes one
    /// array of a file
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Measures or families of them, separated by commas, such as cka,procrustes,rsa:pearson, or kernels,subspaces, or all
    /// (see `isogram measures`)
    #[arg(long, visible_alias = "measure", value_name = "NAMES", value_delimiter = ',')]
    measures: Vec<String>,
    #[command(flatten)]
    input: InputArgs,
    /// Draw all pairs as a matrix with its dendrogram, an SVG for each measure
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
    /// Write all values to .csv (a file for each measure), .parquet, .npz or .json (with p-values and intervals); can be
    /// repeated
    #[arg(long, value_name = "FILE")]
    out: Vec<PathBuf>,
    #[command(flatten)]
    device: DeviceArgs,
    /// Test each pair against examples shuffled so many times: p-value and mean of the shuffled values
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    permutations: u32,
    /// 95 % interval of each pair over examples, from so many random halves of them
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    interval: u32,
    /// The same by the bootstrap, with replacement: repeated examples raise most measures
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    bootstrap: u32,
    /// The measure between random halves of the units of each representation, over so many splits: what it gives where
    /// nothing but the choice of units differs
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    halves: u32,
    /// Read files so many rows at a time, for data larger than memory: CKA (linear), Procrustes, linear regression
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    batch: usize,
    /// Seed of permutations and samples
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u32,
    /// Print the results alone: no progress, no names of files written
    #[arg(long)]
    quiet: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct DeviceArgs {
    /// Where it is computed
    #[arg(long, value_name = "WHERE", default_value = "auto")]
    on: On,
    /// Adapter: a number from `isogram doctor`, part of a name, or `cpu` for the processor; one that is named is used
    /// whatever the work
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Memory that the program may take, such as 4GB (default: what is free); what does not fit is refused by itself
    #[arg(long, value_name = "BYTES", value_parser = input::bytes)]
    memory: Option<isogram::measure::memory::Memory>,
}

impl DeviceArgs {
    fn memory(&self) -> isogram::measure::memory::Memory {
        self.memory.unwrap_or_default()
    }

    /// A device where one is asked for, or where there is a GPU and the work is worth it.
    fn open(&self, worth: bool) -> isogram::Result<Option<Arc<Gpu>>> {
        let named = adapter(self.adapter.as_deref());
        let choice = named.clone().or_environment();
        match self.on {
            _ if named == AdapterChoice::Cpu && self.on != On::Gpu => Ok(None),
            On::Cpu if named != AdapterChoice::Automatic => {
                Err(Error::config("--adapter names a device and --on cpu wants none: leave one of them out"))
            }
            On::Auto if named != AdapterChoice::Automatic => Gpu::open(&choice).map(Some),
            On::Cpu => Ok(None),
            On::Gpu => Gpu::open(&choice).map(Some),
            On::Auto if worth => Ok(Gpu::open(&choice).ok().filter(|gpu| !gpu.profile().software)),
            On::Auto => Ok(None),
        }
    }
}

#[derive(Args)]
struct DescribeArgs {
    /// Files of arrays whose rows are examples: .npy, .npz, .safetensors, .parquet, tables of text, IDX; FILE:ARRAY takes one
    /// array of a file
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A class for each example, whole numbers or words: .npy, a table of text, .parquet or IDX
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Column of --labels, where it has more than one: first, last or its name
    #[arg(long, value_name = "NAME", requires = "labels", default_value = "none", hide_default_value = true)]
    label_column: String,
    /// Statistics or families of them, separated by commas, or all (see `isogram measures`)
    #[arg(long, visible_alias = "statistic", value_name = "NAMES", value_delimiter = ',')]
    statistics: Vec<String>,
    #[command(flatten)]
    input: InputArgs,
    /// Write the values as a long table, .csv or .parquet; can be repeated
    #[arg(long, value_name = "FILE")]
    out: Vec<PathBuf>,
    #[command(flatten)]
    device: DeviceArgs,
    /// Print JSON, with where each value was computed
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct MeasuresArgs {
    /// Say all about this one
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl ExperimentArgs {
    fn adapter(&self) -> AdapterChoice {
        adapter(self.adapter.as_deref())
    }

    fn overrides(&self) -> Result<Vec<(String, String)>, Error> {
        let mut overrides = Vec::new();
        for text in &self.set {
            let Some((key, value)) = text.split_once('=') else {
                return Err(Error::config(format!("--set {text}: expected KEY=VALUE, such as optimiser.lr=0.01")));
            };
            overrides.push((key.trim().to_owned(), value.trim().to_owned()));
        }
        if let Some(seeds) = &self.seeds {
            let value = if seeds.contains(',') { format!("[{seeds}]") } else { seeds.clone() };
            overrides.push(("seeds".to_owned(), value));
        }
        if let Some(steps) = self.steps {
            overrides.push(("steps".to_owned(), steps.to_string()));
        }
        Ok(overrides)
    }
}

/// Reads the command line. A negative number is taken for the value of the option before it, which says what it expects:
/// taken for an option of its own it would be answered with advice that does not help.
fn parse() -> Cli {
    fn negative(command: clap::Command) -> clap::Command {
        let command = command.mut_args(|arg| {
            let takes = arg.get_action().takes_values() && !arg.is_positional();
            if takes { arg.allow_negative_numbers(true) } else { arg }
        });
        command.mut_subcommands(negative)
    }
    let matches = negative(Cli::command()).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

fn dispatch(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::List { json } => list::list(json),
        Command::Keys { paper: None } => list::keys(),
        Command::Keys { paper: Some(name) } => reproduce::keys(&name),
        Command::Doctor { adapter, json } => doctor::doctor(adapter.as_deref(), json),
        Command::Plan(args) => plan::plan(&args),
        Command::Bench(args) => bench::bench(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Describe(args) => describe::describe(&args),
        Command::Measures(args) => measures::list(&args),
        Command::Reproduce(args) => reproduce::reproduce(&args),
        Command::Claims { run, claims, json } => claims::claims(&run, claims.as_deref(), json),
        Command::Report { run } => report::report(&run),
    }
}

/// A number by its name, `alpha=0.6`.
fn number(text: &str) -> Result<(String, f64), String> {
    let parts = text.split_once('=').and_then(|(name, value)| Some((name.trim(), value.trim().parse::<f64>().ok()?)));
    match parts {
        Some((name, value)) if value.is_finite() => Ok((name.to_owned(), value)),
        _ => Err("expected a name, = and a number, such as alpha=0.6".into()),
    }
}

/// The adapter that a flag names.
fn adapter(named: Option<&str>) -> AdapterChoice {
    if named == Some("reference") {
        eprintln!("isogram: `--adapter reference` is now `--adapter cpu`: the processor, as fast as it allows");
    }
    named.map_or(AdapterChoice::Automatic, AdapterChoice::parse)
}

/// Makes the threads that the processor works with: as many as there are cores, or as asked.
fn make_threads(asked: Option<u32>) -> isogram::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = asked.map_or(cores, |n| n as usize);
    if threads > cores {
        eprintln!("isogram: {threads} threads on {cores} cores take turns: no faster than --threads {cores}");
    }
    let made = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    made.map_err(|e| Error::Device(format!("{threads} threads cannot be made: {e}; ask for fewer (--threads)")))
}

/// Runs the command line and gives the exit code.
pub fn main() -> ExitCode {
    let cli = parse();
    #[cfg(unix)]
    survive_limits();
    let outcome = match make_threads(cli.threads) {
        Err(error) => Err(error.into()),
        Ok(()) => dispatch(cli.command),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let code = match error.downcast_ref::<Error>() {
                Some(Error::Interrupted { .. }) => INTERRUPTED,
                Some(Error::Config(_)) => USAGE,
                _ => FAILED,
            };
            if pipe_closed(&error) {
                return ExitCode::from(DONE);
            }
            eprintln!("isogram: {error}");
            ExitCode::from(code)
        }
    }
}

/// A file that grows beyond `ulimit -f` is an error of the write, as a full disk is, and not the end of the process.
#[cfg(unix)]
fn survive_limits() {
    // Nobody looks at the flag: it is enough that the signal is heard. Where it cannot be, the system's way stays.
    signal_hook::flag::register(signal_hook::consts::signal::SIGXFSZ, Arc::default()).ok();
}

/// `isogram list | head` is no failure.
fn pipe_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Prints to standard output; an error if it is closed.
fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}
