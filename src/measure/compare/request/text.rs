//! What was found, as a table for people.

use std::fmt::{self, Display, Write};

use super::{Compared, Drawn, Summary};
use crate::measure::catalogue::Measure;
use crate::measure::compare::Table;
use crate::measure::compare::inference::Sampling;
use crate::measure::declaration::Direction;
use crate::measure::outcome::Outcome;

impl Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.representations.len() == 2 { self.pair() } else { self.summary() };
        f.write_str(text.trim_end())?;
        let mut lines = self.permuted.iter().map(|drawn| {
            self.line(drawn, |t| {
                let [observed, mean] = [t.observed, t.mean].map(number);
                let p = t.p_value;
                format!("{observed}, p = {p:.4}; {mean} on average where examples have nothing to do with each other")
            })
        });
        section(f, "against examples in other orders", &mut lines)?;
        let mut lines = self.intervals.iter().map(|drawn| {
            self.line(drawn, |i| {
                let [estimate, low, high] = [i.estimate, i.low, i.high].map(number);
                format!("{estimate} ({low} to {high}), {}", sampled(i.sampling))
            })
        });
        section(f, "95 % interval over examples", &mut lines)?;
        let mut lines = self.halves.iter().map(|(i, measure, found)| {
            let said = found.as_ref().map_or_else(without, |h| {
                let [mean, low, high] = [h.floor.mean, h.floor.low, h.floor.high].map(number);
                format!("{mean} ({low} to {high})")
            });
            format!("{}: {measure}: {said}", self.representations[*i].name)
        });
        section(f, "between random halves of the units of one representation", &mut lines)
    }
}

/// Lines below a heading, if there are any.
fn section(f: &mut fmt::Formatter<'_>, heading: &str, lines: &mut dyn Iterator<Item = String>) -> fmt::Result {
    let Some(first) = lines.next() else { return Ok(()) };
    write!(f, "\n\n{heading}\n{first}")?;
    for line in lines {
        write!(f, "\n{line}")?;
    }
    Ok(())
}

impl Compared {
    /// What draws say of a pair.
    fn line<T>(&self, drawn: &Drawn<T>, say: impl Fn(&T) -> String) -> String {
        let Drawn { a, b, measure, value } = drawn;
        let said = value.as_ref().map_or_else(without, say);
        match &self.representations[..] {
            [_, _] => format!("{measure}{}: {said}", if a > b { " (b, a)" } else { "" }),
            all => format!("{}, {}: {measure}: {said}", all[*a].name, all[*b].name),
        }
    }

    /// Two representations: a line for each measure, or two where the way matters.
    fn pair(&self) -> String {
        let mut text = String::new();
        for (letter, x) in ["a", "b"].iter().zip(&self.representations) {
            let units = if x.units == 1 { "1 unit".to_owned() } else { format!("{} units", x.units) };
            let _ = writeln!(text, "{letter}: {} ({} examples, {units})", x.name, x.examples);
        }
        let wide = self.tables.iter().map(|t| t.measure.len()).max().unwrap_or(7).max(7);
        let _ = writeln!(text, "\n{:wide$}  {:>10}  {:>10}  {:<10}  where", "measure", "a, b", "b, a", "larger is");
        for (measure, table) in self.measures.iter().zip(&self.tables) {
            let value = |a: usize, b: usize| number(table.cell(a, b).or_nan());
            let other = if measure.entry.symmetric { String::new() } else { value(1, 0) };
            let _ = writeln!(
                text,
                "{:wide$}  {:>10}  {other:>10}  {:<10}  {}",
                table.measure,
                value(0, 1),
                meaning(measure),
                table.place.name()
            );
        }
        let mut notes = Notes::default();
        for (measure, table) in self.measures.iter().zip(&self.tables) {
            self.refusal(&mut notes, table);
            let forth = table.cell(0, 1);
            if forth.value().is_none() {
                notes.add(&table.measure, without(forth));
            }
            let back = table.cell(1, 0);
            if back.value().is_none() && (back != forth) && !measure.entry.symmetric {
                notes.add(&format!("{} (b, a)", table.measure), without(back));
            }
            self.cautions(&mut notes, measure, table);
        }
        text + &notes.text()
    }

    fn refusal(&self, notes: &mut Notes, table: &Table) {
        if let Some(why) = &table.refused {
            notes.add(&table.measure, format!("on the CPU, because {why}"));
        }
    }

    /// What to be aware of with values that there are.
    fn cautions(&self, notes: &mut Notes, measure: &Measure, table: &Table) {
        if let Some(caution) = table.any().then(|| self.caution(measure)).flatten() {
            notes.add(&table.measure, caution);
        }
    }

    /// More than two: for each measure the range over pairs, or the whole matrix if it is small.
    fn summary(&self) -> String {
        let mut text = String::new();
        let (n, count) = (self.representations.first().map_or(0, |x| x.examples), self.representations.len());
        let _ = writeln!(text, "{count} representations of {n} examples\n");
        if count <= if self.tables.len() == 1 { 12 } else { 6 } {
            for table in &self.tables {
                matrix(&mut text, &self.representations, table);
            }
        } else {
            let wide = self.tables.iter().map(|t| t.measure.len()).max().unwrap_or(7).max(7);
            let _ = writeln!(
                text,
                "{:wide$}  {:>10}  {:>10}  {:>10}  {:>11}  {:<10}  where",
                "measure", "least", "median", "most", "no value", "larger is"
            );
            for (measure, table) in self.measures.iter().zip(&self.tables) {
                let pairs: Vec<(usize, usize)> = (0..count)
                    .flat_map(|a| (0..count).filter(move |&b| a != b).map(move |b| (a, b)))
                    .filter(|&(a, b)| !measure.entry.symmetric || a < b)
                    .collect();
                let mut values: Vec<f64> = pairs.iter().filter_map(|&(a, b)| table.cell(a, b).value()).collect();
                values.sort_by(f64::total_cmp);
                let at = |q: usize| values.get(q).map_or_else(|| "-".to_owned(), |&v| number(v));
                let middle = match values.len() {
                    0 => "-".to_owned(),
                    n => number((values[(n - 1) / 2] + values[n / 2]) / 2.0),
                };
                let _ = writeln!(
                    text,
                    "{:wide$}  {:>10}  {:>10}  {:>10}  {:>11}  {:<10}  {}",
                    table.measure,
                    at(0),
                    middle,
                    at(values.len().saturating_sub(1)),
                    pairs.len() - values.len(),
                    meaning(measure),
                    table.place.name()
                );
            }
        }
        let mut notes = Notes::default();
        for (measure, table) in self.measures.iter().zip(&self.tables) {
            self.refusal(&mut notes, table);
            self.gaps(&mut notes, measure, table);
            self.cautions(&mut notes, measure, table);
        }
        text + &notes.text()
    }

    /// Each reason for which pairs have no value, with the first of them.
    fn gaps(&self, notes: &mut Notes, measure: &Measure, table: &Table) {
        let mut reasons: Vec<(&Outcome, (usize, usize), usize)> = Vec::new();
        for gap in table.missing().filter(|gap| gap.a != gap.b && (!measure.entry.symmetric || gap.a < gap.b)) {
            match reasons.iter().position(|(known, ..)| *known == gap.outcome) {
                Some(place) => reasons[place].2 += 1,
                None if reasons.len() < REASONS => reasons.push((gap.outcome, (gap.a, gap.b), 0)),
                None => {}
            }
        }
        for (why, (a, b), more) in reasons {
            let others = match more {
                0 => String::new(),
                1 => ", and another pair".to_owned(),
                more => format!(", and {more} other pairs"),
            };
            let what = without(why);
            let (what, reason) = what.split_once(": ").unwrap_or((what.as_str(), ""));
            let (a, b) = (&self.representations[a].name, &self.representations[b].name);
            notes.add(&table.measure, format!("{what} for {a} and {b}{others}: {reason}"));
        }
    }
}

/// Reasons of one measure or statistic that are shown; JSON and files have all.
pub const REASONS: usize = 5;

/// All pairs of one measure, the first of the pair in the row; columns are numbered.
fn matrix(text: &mut String, set: &[Summary], table: &Table) {
    let count = set.len();
    // Of a long name the end tells more.
    let short = |name: &str| -> String {
        let all: Vec<char> = name.chars().collect();
        if all.len() <= 40 {
            name.to_owned()
        } else {
            format!("…{}", all[all.len() - 39..].iter().collect::<String>())
        }
    };
    let names: Vec<String> = set.iter().enumerate().map(|(i, x)| format!("{} {}", i + 1, short(&x.name))).collect();
    let wide = names.iter().map(|n| n.chars().count()).max().unwrap_or(0).max(table.measure.chars().count());
    let heads: String = (1..=count).map(|i| format!("{i:>10}")).collect();
    let _ = writeln!(text, "{:wide$}{heads}", table.measure);
    for (a, name) in names.iter().enumerate() {
        let line: String = (0..count).map(|b| format!("{:>10}", number(table.cell(a, b).or_nan()))).collect();
        let _ = writeln!(text, "{name:wide$}{line}");
    }
    text.push('\n');
}

pub(super) fn meaning(measure: &Measure) -> &'static str {
    match measure.entry.direction {
        Direction::Similarity => "more alike",
        Direction::Distance => "less alike",
    }
}

/// Five significant digits, and no more than fit a column.
pub fn number(x: f64) -> String {
    if x.is_nan() {
        return "-".into();
    }
    let size = x.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) { format!("{x:.3e}") } else { format!("{x:.5}") }
}

/// Why there is no value, as it is said in tables.
pub fn without(why: &Outcome) -> String {
    let what = if matches!(why, Outcome::Failed(_)) { "not computed" } else { "not defined" };
    format!("{what}: {}", why.reason().unwrap_or_default())
}

/// What there is to say below a table: each sentence once, after the names that it is about.
#[derive(Default)]
pub struct Notes(Vec<(String, Vec<String>)>);

impl Notes {
    /// Something said of `name`.
    pub fn add(&mut self, name: &str, said: String) {
        match self.0.iter_mut().find(|(known, _)| *known == said) {
            Some((_, names)) => names.push(name.to_owned()),
            None => self.0.push((said, vec![name.to_owned()])),
        }
    }

    /// A line for each sentence, each after a line break.
    pub fn text(&self) -> String {
        self.0.iter().map(|(said, names)| format!("\n{}: {said}", names.join(", "))).collect()
    }
}

pub(super) fn sampled(sampling: Sampling) -> &'static str {
    match sampling {
        Sampling::Halves => "from random halves",
        Sampling::Bootstrap => "bootstrap",
    }
}
