//! The figures of matrices at the end of training: layers against layers, and networks against networks.

use super::Shown;
use super::curves::{left_out, over, pairs, some_layers};
use super::figure::palette::Hue;
use super::figure::{Axis, Cells, Colours, Facet, Figure, Frame, Mark, Size, shortened};
use super::numbers::{counted, fraction, grouped};
use super::paired::{Compared, Matrix, Paired};
use super::run::Run;
use crate::measure::Estimator;

/// Settings up to which every pair of them gets its own matrix.
const ALL_PAIRS: usize = 3;
/// Matrices that a figure shows at most.
const MOST: usize = 8;

/// Every layer against every other, at the end.
pub fn layers(run: &Run) -> Shown {
    Shown { name: "cka_layers", title: "Which layers correspond?", figure: layers_figure(run) }
}

fn layers_figure(run: &Run) -> Result<Figure, String> {
    let paired = pairs(run)?;
    if run.layers.len() < 2 {
        return Err("it takes two hidden layers, and there are fewer.".to_owned());
    }
    let names = some_layers(&run.layers);
    let compared: Vec<Compared> = candidates(run).into_iter().filter(|&compared| paired.has_layers(compared)).collect();
    if compared.is_empty() {
        let step = paired.last.map_or(String::new(), |step| format!(" at step {}", grouped(step)));
        return Err(format!("different layers were not compared with each other{step} (they are when a run ends)."));
    }
    let matrices: Vec<Facet> =
        compared.into_iter().take(MOST).map(|compared| matrix(run, paired, compared, &names)).collect();
    let debiased = matrices
        .iter()
        .flat_map(|m| &m.marks)
        .any(|m| matches!(m, Mark::Cells(c) if c.texts.iter().any(|t| t.contains('('))));
    let mut caption = format!(
        "Mean {} between each layer of one network and each layer of another{}, {}.",
        paired.main_name(),
        paired.last.map_or(String::new(), |step| format!(", after {} steps", grouped(step))),
        over(run)
    );
    if debiased {
        caption.push_str(" In brackets: debiased.");
    }
    if run.settings.len() > ALL_PAIRS {
        caption.push_str(" Both networks of a pair are of one setting.");
    }
    if run.settings.len() > MOST {
        caption.push_str(&format!(" {} of {} settings are shown.", matrices.len(), run.settings.len()));
    }
    caption.push_str(&left_out(&names, run));
    // Three matrices of few layers fit beside each other; many layers need room for their numbers.
    let columns = if names.len() > 4 { 2 } else { 3 }.min(balanced(matrices.len()));
    Ok(Figure {
        label: "Linear CKA between layers at the end of training".to_owned(),
        caption,
        size: Size::Cells(72.0, (136.0, if names.len() > 4 { 300.0 } else { 224.0 })),
        colours: Some(similarities()),
        rows: Figure::wrapped(matrices, columns),
        ..Figure::default()
    })
}

/// The colours of similarities.
fn similarities() -> Colours {
    Colours::of(&Axis::linear("linear CKA").within(0.0, 1.0), std::iter::empty(), Hue::Heat)
}

/// The matrices worth showing, most telling first.
fn candidates(run: &Run) -> Vec<Compared> {
    let count = run.settings.len();
    if count > MOST {
        return (0..MOST).map(|i| i * (count - 1) / (MOST - 1)).map(|i| Compared::Between(i, i)).collect();
    }
    let within = (0..count).map(|i| Compared::Between(i, i));
    if count > ALL_PAIRS {
        return within.collect();
    }
    let across = (0..count).flat_map(|a| (a + 1..count).map(move |b| Compared::Between(a, b)));
    within.chain(across).chain((0..count).map(Compared::Itself)).collect()
}

fn matrix(run: &Run, paired: &Paired, compared: Compared, names: &[&String]) -> Facet {
    let named = |i: usize| shortened(&run.settings.list[i].label, 24);
    let alone = !run.is_sweep();
    let (title, rows, columns) = match compared {
        Compared::Between(..) if alone => {
            ("two networks".to_owned(), "layer of one".to_owned(), "layer of the other".to_owned())
        }
        Compared::Itself(_) if alone => ("one network with itself".to_owned(), "layer".to_owned(), "layer".to_owned()),
        Compared::Between(a, b) if a == b => (format!("two of {}", named(a)), named(a), named(a)),
        Compared::Between(a, b) => (format!("{} and {}", named(a), named(b)), named(a), named(b)),
        Compared::Itself(a) => (format!("{} with itself", named(a)), named(a), named(a)),
    };
    let mean = |estimator, row: &String, column: &String| paired.layer_mean(estimator, compared, row, column);
    let places = || names.iter().flat_map(|row| names.iter().map(move |column| (row, column)));
    let text = |(row, column): (&&String, &&String)| {
        let main = mean(paired.main(), row, column).map(fraction);
        let second = match paired.main() {
            Estimator::Biased if names.len() <= 6 => mean(Estimator::Debiased, row, column),
            _ => None,
        };
        main.into_iter().chain(second.map(|second| format!("({})", fraction(second)))).collect::<Vec<_>>().join("\n")
    };
    let cells = Cells {
        columns: names.len(),
        values: places().map(|(row, column)| mean(paired.main(), row, column).unwrap_or(f64::NAN)).collect(),
        texts: places().map(text).collect(),
        colours: similarities(),
    };
    let axis = |label: String| Axis::named(label, names.iter().map(|name| (*name).clone()).collect());
    Facet {
        title,
        x: axis(columns),
        y: axis(rows),
        frame: Frame::Cells,
        marks: vec![Mark::Cells(cells)],
        ..Facet::default()
    }
}

/// How many matrices stand beside each other when there is room for all: six as two rows of three.
fn balanced(count: usize) -> usize {
    if count > 4 { count.div_ceil(2) } else { count.max(1) }
}

/// Every network against every other, at the first and the last checkpoint.
pub fn replicas(run: &Run) -> Shown {
    Shown { name: "cka_replicas", title: "Which networks resemble which?", figure: replicas_figure(run) }
}

fn replicas_figure(run: &Run) -> Result<Figure, String> {
    let paired = pairs(run)?;
    let layer = run.layers.last().ok_or("there is no hidden layer.")?;
    let [first, last] = paired.replica_matrices();
    let last = last.ok_or_else(|| format!("no networks were compared at {layer}."))?;
    let first = first.filter(|first| first.step < last.step);
    let matrices: Vec<&Matrix> = first.into_iter().chain([last]).collect();
    let size = paired.chosen.len();
    let all: usize = run.settings.list.iter().map(|setting| setting.replicas.len()).sum();
    let caption = format!(
        "{}{} at {layer} between {}{}{}. The diagonal, each network with itself, is 1.",
        paired.main_name()[..1].to_uppercase(),
        &paired.main_name()[1..],
        if size < all { format!("{} of {}", size, counted(all, "network")) } else { counted(size, "network") },
        if run.is_sweep() { ", ordered by setting and within a setting by number" } else { "" },
        match run.settings.diverged() {
            0 => String::new(),
            count => format!(" (without {} that diverged)", counted(count, "network")),
        }
    );
    let names: Vec<String> = paired.chosen.iter().map(|&replica| setting_name(run, replica)).collect();
    let side = (size as f64 * 24.0).clamp(140.0, 380.0);
    Ok(Figure {
        label: "Linear CKA between networks".to_owned(),
        caption,
        size: Size::Cells(24.0, (side, side)),
        colours: Some(similarities()),
        rows: vec![matrices.into_iter().map(|matrix| networks(matrix, &names)).collect()],
        ..Figure::default()
    })
}

/// The setting of a replica, if there are several.
fn setting_name(run: &Run, replica: u32) -> String {
    let setting = run.settings.find(replica).filter(|_| run.is_sweep());
    setting.map_or(String::new(), |i| shortened(&run.settings.list[i].label, 22))
}

/// Networks against networks at one step.
fn networks(matrix: &Matrix, names: &[String]) -> Facet {
    let size = names.len();
    let value = |(i, &value): (usize, &f32)| if i / size == i % size { 1.0 } else { f64::from(value) };
    let cells = Cells {
        columns: size,
        values: matrix.values.iter().enumerate().map(value).collect(),
        texts: Vec::new(),
        colours: similarities(),
    };
    let axis = || Axis::named(if names.iter().all(String::is_empty) { "network" } else { "" }, names.to_vec());
    Facet {
        title: match matrix.step {
            0 => "before training".to_owned(),
            step => format!("after {}", counted(step as usize, "step")),
        },
        x: axis(),
        y: axis(),
        frame: Frame::Cells,
        marks: vec![Mark::Cells(cells)],
        ..Facet::default()
    }
}
