//! The figures of matrices at the end of training: layers against layers, and networks against networks.

use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{self, Font, Pen, shortened, text_width};
use super::curves::{left_out, over, pairs, some_layers};
use super::figure::{Figure, Shown};
use super::heat::{self, Cells, Layout, Numbers, PLAIN};
use super::numbers::{counted, grouped};
use super::paired::{Compared, Matrix, Paired};
use super::palette::{self, INK};
use super::panel::WIDTH;
use super::png;
use super::run::Run;
use crate::measure::Estimator;

/// Settings up to which every pair of them gets its own matrix.
const ALL_PAIRS: usize = 3;
/// Between matrices of networks, in pixels.
const APART: f64 = 26.0;
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
    let matrices: Vec<Cells<'_>> =
        compared.into_iter().take(MOST).map(|compared| matrix(run, paired, compared, &names)).collect();
    let debiased = Layout::of(&names).has_second()
        && matrices.iter().flat_map(|matrix| &matrix.values).any(|numbers| numbers.second.is_some());
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
    Ok(Figure { svg: drawn(&matrices, &names), caption })
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

fn matrix<'a>(run: &Run, paired: &Paired, compared: Compared, names: &'a [&'a String]) -> Cells<'a> {
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
    let cell = |row: &String, column: &String| Numbers {
        main: paired.layer_mean(paired.main(), compared, row, column),
        second: match paired.main() {
            Estimator::Biased => paired.layer_mean(Estimator::Debiased, compared, row, column),
            _ => None,
        },
    };
    let values = names.iter().flat_map(|row| names.iter().map(move |column| cell(row, column))).collect();
    Cells { title, rows, columns, names, values }
}

fn drawn(matrices: &[Cells<'_>], names: &[&String]) -> String {
    let layout = Layout::of(names);
    let (mut width, height) = layout.size(names.len());
    width = matrices.iter().map(|matrix| text_width(&matrix.title, 14.0) + 20.0).fold(width, f64::max);
    let columns = (((WIDTH - heat::BAR) / width) as usize).clamp(1, balanced(matrices.len()));
    let rows = matrices.len().div_ceil(columns);
    let total = (width * columns as f64 + heat::BAR, height * rows as f64);
    canvas::draw(total.0, total.1, "Linear CKA between layers at the end of training", |pen| {
        for (i, matrix) in matrices.iter().enumerate() {
            let (row, column) = (i / columns, i % columns);
            layout.draw(pen, matrix, (column as f64 * width, row as f64 * height));
        }
        heat::bar(pen, (width * columns as f64 + 8.0, 34.0), 180.0_f64.min(height - 60.0).max(90.0));
    })
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
    let groups = groups(run, &paired.chosen);
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
    Ok(Figure { svg: networks(&matrices, size, &groups), caption })
}

/// Settings and where they lie along the matrix: label, first row, rows.
fn groups(run: &Run, chosen: &[u32]) -> Vec<(String, usize, usize)> {
    let mut groups: Vec<(String, usize, usize)> = Vec::new();
    let mut last = None;
    for (row, &replica) in chosen.iter().enumerate() {
        let setting = run.settings.find(replica);
        if let (Some(group), true) = (groups.last_mut(), setting == last) {
            group.2 += 1;
        } else if let Some(i) = setting {
            groups.push((shortened(&run.settings.list[i].label, 22), row, 1));
        }
        last = setting;
    }
    if groups.len() > 1 { groups } else { Vec::new() }
}

fn networks(matrices: &[&Matrix], size: usize, groups: &[(String, usize, usize)]) -> String {
    let longest = groups.iter().map(|group| text_width(&group.0, PLAIN.size)).fold(0.0, f64::max);
    let left = if groups.is_empty() { 30.0 } else { longest + 18.0 };
    let room = (WIDTH - heat::BAR) / matrices.len().max(1) as f64 - left - APART;
    let side = (size as f64 * 24.0).clamp(140.0, 380.0).min(room);
    let cell = side / size.max(1) as f64;
    // Labels that have no room are left out, evenly.
    let every = (15.0 * groups.len() as f64 / side).ceil().max(1.0) as usize;
    let labelled: Vec<_> = groups.iter().step_by(every).collect();
    // Beneath the columns the labels stand upright unless each is as wide as its group.
    let upright = labelled.iter().any(|(label, _, rows)| text_width(label, PLAIN.size) > *rows as f64 * cell);
    let below = match groups.is_empty() {
        true => 30.0,
        false if upright => longest + 16.0,
        false => 28.0,
    };
    let width = left + side + APART;
    let total = (width * matrices.len() as f64 + heat::BAR, 34.0 + side + below);
    canvas::draw(total.0, total.1, "Linear CKA between networks", |pen| {
        for (i, matrix) in matrices.iter().enumerate() {
            let (x, y) = (i as f64 * width + left, 34.0);
            let title = Font { size: 14.0, bold: true, ..PLAIN };
            let text = match matrix.step {
                0 => "before training".to_owned(),
                step => format!("after {}", counted(step as usize, "step")),
            };
            pen.text(&text, (x, y - 12.0), title, HPos::Left, VPos::Bottom);
            pen.image(x, y, side, side, &image(matrix, size));
            let frame = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)];
            pen.line(&frame, INK, 1.0, None);
            for (_, start, _) in groups.iter().skip(1) {
                border(pen, (x, y), side, *start as f64 * cell);
            }
            for (label, start, rows) in &labelled {
                let middle = (*start as f64 + *rows as f64 / 2.0) * cell;
                pen.text(label, (x - 9.0, y + middle), PLAIN, HPos::Right, VPos::Center);
                let (font, anchor, place) = if upright {
                    (Font { upwards: true, ..PLAIN }, HPos::Right, VPos::Center)
                } else {
                    (PLAIN, HPos::Center, VPos::Top)
                };
                pen.text(label, (x + middle, y + side + 9.0), font, anchor, place);
            }
            if groups.is_empty() {
                let font = Font { upwards: true, ..PLAIN };
                pen.text("network", (x - 12.0, y + side / 2.0), font, HPos::Center, VPos::Center);
                pen.text("network", (x + side / 2.0, y + side + 8.0), PLAIN, HPos::Center, VPos::Top);
            }
        }
        heat::bar(pen, (width * matrices.len() as f64, 34.0), side.min(180.0));
    })
}

/// Ticks outside the matrix where one setting ends and the next begins: inside they would cover cells.
fn border(pen: &mut Pen<'_>, (x, y): (f64, f64), side: f64, at: f64) {
    pen.line(&[(x - 6.0, y + at), (x, y + at)], INK, 1.2, None);
    pen.line(&[(x + at, y + side), (x + at, y + side + 6.0)], INK, 1.2, None);
}

fn image(matrix: &Matrix, size: usize) -> String {
    /// The entry for pairs that were not compared.
    const NONE: u8 = 255;
    let mut colours = [[0_u8; 3]; 256];
    for (i, colour) in colours.iter_mut().enumerate() {
        let plotters::style::RGBColor(r, g, b) = palette::heat(i as f64 / f64::from(NONE - 1));
        *colour = [r, g, b];
    }
    colours[usize::from(NONE)] = [0xAA; 3];
    let pixel = |(i, &value): (usize, &f32)| match value {
        _ if size > 0 && i / size == i % size => NONE - 1,
        value if value.is_nan() => NONE,
        value => (value.clamp(0.0, 1.0) * f32::from(NONE - 1)).round() as u8,
    };
    let pixels: Vec<u8> = matrix.values.iter().enumerate().map(pixel).collect();
    png::data_uri(size, &pixels, &colours)
}
