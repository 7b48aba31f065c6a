//! The values of a swept key: a list, or a formula that stands for one.

use super::tree::{Complaint, Node, Place, Value};

/// Most replicas of one experiment.
pub const MOST_REPLICAS: u64 = 1_000_000;

/// The formulas.
pub(super) const FORMS: [&str; 3] = ["log", "linear", "range"];

/// The values of a key, each with its place.
pub(super) fn read(key: &str, node: &Node) -> Result<Vec<Node>, Complaint> {
    let refuse = |place: Place, message: String| Err(Complaint::at(place, format!("sweep.{key}: {message}")));
    match &node.value {
        Value::List(items) if items.is_empty() => {
            refuse(node.place, "expected at least one value, got an empty list".into())
        }
        Value::List(items) => Ok(items.clone()),
        Value::Table(entries) => {
            let [entry] = entries.as_slice() else {
                return refuse(node.place, "expected only one of log, linear and range".into());
            };
            let three: Option<[f64; 3]> = match &entry.node.value {
                Value::List(items) => {
                    let numbers: Option<Vec<f64>> = items.iter().map(finite).collect();
                    numbers.and_then(|numbers| numbers.try_into().ok())
                }
                _ => None,
            };
            let Some(three) = three else {
                let expected = if entry.key == "range" { "[start, stop, step]" } else { "[start, end, count]" };
                let got = entry.node.describe();
                return refuse(entry.node.place, format!("expected {} = {expected} in numbers, got {got}", entry.key));
            };
            match expand(&entry.key, three) {
                Ok(numbers) => {
                    let place = entry.node.place;
                    Ok(numbers.into_iter().map(|x| Node { value: Value::Number(x), place }).collect())
                }
                Err(message) => refuse(entry.node.place, message),
            }
        }
        _ => refuse(
            node.place,
            format!(
                "expected a list of values, or log, linear or range of three numbers, got {}; to fix one value, set `{key}` itself",
                node.describe()
            ),
        ),
    }
}

fn finite(node: &Node) -> Option<f64> {
    let number = match node.value {
        Value::Whole(whole) => whole as f64,
        Value::Number(number) => number,
        _ => return None,
    };
    // What 32 bits cannot hold is refused later anyway; here it could overflow.
    (number.abs() <= f64::from(f32::MAX)).then_some(number)
}

/// The numbers of a formula.
fn expand(form: &str, [start, end, last]: [f64; 3]) -> Result<Vec<f64>, String> {
    let most = MOST_REPLICAS as f64;
    if form == "range" {
        let step = last;
        if step == 0.0 || (end - start) * step <= 0.0 {
            return Err(format!(
                "range = [{start}, {end}, {step}] holds no values; the step must lead from start to stop"
            ));
        }
        // A whole number of steps, up to rounding, ends before `stop`.
        let count = ((end - start) / step - 1e-9).ceil();
        if count > most {
            return Err(format!("expected at most {MOST_REPLICAS} values, got {count}"));
        }
        return Ok((0..count as u64).map(|i| tidy(start + i as f64 * step)).collect());
    }
    if last.fract() != 0.0 || !(2.0..=most).contains(&last) {
        return Err(format!("expected a count from 2 to {MOST_REPLICAS} as the third number of {form}, got {last}"));
    }
    if form == "log" && (start <= 0.0 || end <= 0.0) {
        return Err(format!("expected log to start and end above 0, got {start} and {end}"));
    }
    let at = |i: u64| {
        let part = i as f64 / (last - 1.0);
        if form == "log" { (start.ln() * (1.0 - part) + end.ln() * part).exp() } else { start + (end - start) * part }
    };
    // The ends are as written, not as rounded.
    let final_index = last as u64 - 1;
    Ok((0..=final_index)
        .map(|i| {
            if i == 0 {
                start
            } else if i == final_index {
                end
            } else {
                tidy(at(i))
            }
        })
        .collect())
}

/// Twelve significant digits: 0.001 rather than 0.0010000000000000002, in tables and legends.
fn tidy(number: f64) -> f64 {
    if number.fract() == 0.0 { number } else { format!("{number:.11e}").parse().unwrap_or(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas() {
        assert_eq!(expand("log", [1e-4, 1e-1, 4.0]).unwrap(), [1e-4, 1e-3, 1e-2, 1e-1]);
        assert_eq!(expand("log", [8.0, 64.0, 4.0]).unwrap(), [8.0, 16.0, 32.0, 64.0]);
        assert_eq!(expand("linear", [0.0, 1.0, 5.0]).unwrap(), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(expand("range", [0.0, 0.3, 0.1]).unwrap(), [0.0, 0.1, 0.2]);
        assert_eq!(expand("range", [3.0, 0.0, -1.0]).unwrap(), [3.0, 2.0, 1.0]);
        assert_eq!(expand("range", [0.0, 0.35, 0.1]).unwrap(), [0.0, 0.1, 0.2, 0.3]);
    }

    #[test]
    fn formulas_that_make_no_sense() {
        for (form, three) in [
            ("range", [0.0, 1.0, 0.0]),
            ("range", [0.0, 1.0, -1.0]),
            ("range", [0.0, 1e30, 1e-30]),
            ("linear", [0.0, 1.0, 1.0]),
            ("linear", [0.0, 1.0, 2.5]),
            ("linear", [0.0, 1.0, 1e12]),
            ("log", [0.0, 1.0, 3.0]),
            ("log", [-1.0, 1.0, 3.0]),
        ] {
            assert!(expand(form, three).is_err(), "{form} {three:?}");
        }
    }
}
