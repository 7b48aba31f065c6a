//! Texts of claims in which quantities and expressions stand in braces.

use super::evaluate::number;
use super::expression::{Expression, parse};
use super::found::shown;
use super::verdict::OverNetworks;
use crate::papers::claim::Measured;

/// A text such as `{easy} / {hard:3}`, or `<{label}: {by_width:2}>` again for each entry of a list.
#[derive(Clone, Debug, Default)]
pub struct Text(Vec<Piece>);

/// The name that stands for what an entry of a list is of.
const LABEL: &str = "label";

/// A part of a text.
#[derive(Clone, Debug)]
enum Piece {
    Plain(String),
    /// What stands in braces: an expression, and how many decimals its numbers have.
    Value(Expression, Option<usize>),
    /// What stands in angle brackets.
    Each(Text),
}

impl Piece {
    fn names(&self) -> Vec<&str> {
        match self {
            Self::Plain(_) => Vec::new(),
            Self::Value(of, _) => of.names().into_iter().filter(|name| *name != LABEL).collect(),
            Self::Each(inner) => inner.names(),
        }
    }
}

impl Text {
    /// Reads a text.
    ///
    /// # Errors
    /// A sentence if a bracket is not closed, or what is in it cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut all, mut rest) = (Vec::new(), text);
        while let Some(open) = rest.find(['{', '<']) {
            let each = rest[open..].starts_with('<');
            let close =
                rest[open..].find(if each { '>' } else { '}' }).ok_or("a bracket is opened and not closed")? + open;
            let inside = &rest[open + 1..close];
            all.push(Piece::Plain(rest[..open].to_owned()));
            all.push(match (each, inside.rsplit_once(':')) {
                (true, _) => Piece::Each(Self::parse(inside)?),
                (false, None) => Piece::Value(parse(inside)?, None),
                (false, Some((of, digits))) => {
                    let wrong = || format!("`{digits}` is no number of decimals");
                    let digits = digits.trim().parse().ok().filter(|d| *d <= 12).ok_or_else(wrong)?;
                    Piece::Value(parse(of)?, Some(digits))
                }
            });
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            all.push(Piece::Plain(rest.to_owned()));
        }
        Ok(Self(all))
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names in it.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().flat_map(Piece::names).collect()
    }

    /// With numbers in the place of expressions.
    ///
    /// # Errors
    /// A sentence if one cannot be evaluated.
    pub fn filled(&self, names: &OverNetworks<'_>) -> Result<Measured, String> {
        let parts = self.0.iter().map(|piece| match piece {
            Piece::Plain(text) => Ok(Measured::new(text.clone(), Vec::new())),
            Piece::Value(Expression::Name(name), digits) if names.book.contains_key(name) => {
                Ok(names.book[name].text(*digits))
            }
            Piece::Value(of, digits) => {
                let shown = number(of, names)?.into_iter().map(|x| shown(x, *digits));
                Ok(kept(of, Measured::joined(shown, " "), names))
            }
            Piece::Each(inner) => {
                let lists = inner.names().into_iter().filter_map(|name| names.book.get(name));
                let labels = lists.max_by_key(|found| found.size()).map_or(&[][..], |found| &found.labels);
                let entries = labels.iter().enumerate().map(|(i, label)| inner.entry(i, label, names));
                Ok(Measured::joined(entries.collect::<Result<Vec<_>, String>>()?, ", "))
            }
        });
        Ok(Measured::joined(parts.collect::<Result<Vec<_>, String>>()?, ""))
    }

    /// The same with one entry of each list.
    fn entry(&self, i: usize, label: &str, names: &OverNetworks<'_>) -> Result<Measured, String> {
        let one = |piece: &Piece| match piece {
            Piece::Value(Expression::Name(name), _) if name == LABEL => Ok(Measured::new(label.to_owned(), Vec::new())),
            Piece::Value(of, digits) => {
                let all = number(of, names)?;
                let own = all.get(i).or(all.first()).copied().unwrap_or(f64::NAN);
                Ok(kept(of, shown(own, *digits), names))
            }
            other => Self(vec![other.clone()]).filled(names),
        };
        Ok(Measured::joined(self.0.iter().map(one).collect::<Result<Vec<_>, String>>()?, ""))
    }
}

/// What was asked for (constants, how many networks) is no measurement: its numbers are not kept.
fn kept(of: &Expression, shown: Measured, names: &OverNetworks<'_>) -> Measured {
    let asked = matches!(of, Expression::Call(f, _) if f.name == "networks");
    let constant = of.names().iter().all(|name| names.constants.contains_key(*name));
    if asked || constant { Measured::new(shown.into(), Vec::new()) } else { shown }
}
