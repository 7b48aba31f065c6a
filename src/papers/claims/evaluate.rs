//! What an expression comes to: numbers, or conditions each with its margin.

use super::expression::{Expression, Order};

/// A value: a number is a list of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Numbers; NaN is none.
    Numbers(Vec<f64>),
    /// Conditions.
    Truths(Vec<Truth>),
}

/// A condition that holds or not, and by how much: negative where it does not, in the unit of what was compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// Whether it holds. What is not a number bears nothing out.
    pub holds: bool,
    /// How far the value is from the bound.
    pub margin: f64,
}

/// What a name stands for, and functions of a name that are about its networks.
pub trait Names {
    /// The numbers of a name.
    ///
    /// # Errors
    /// A sentence if there is no such name.
    fn numbers(&self, name: &str) -> Result<Vec<f64>, String>;

    /// `count`, `networks` or `share` of a name.
    ///
    /// # Errors
    /// A sentence if there is no such name, or there are no networks here.
    fn about(&self, function: &str, name: &str) -> Result<Vec<f64>, String>;
}

impl Truth {
    fn of(holds: bool, margin: f64) -> Self {
        // What cannot be compared is as far from holding as can be.
        Self { holds, margin: if margin.is_nan() { f64::NEG_INFINITY } else { margin } }
    }

    /// All of them: as near as the nearest.
    pub fn all(truths: &[Self]) -> Self {
        let margin = truths.iter().map(|t| t.margin).fold(f64::INFINITY, f64::min);
        Self::of(
            !truths.is_empty() && truths.iter().all(|t| t.holds),
            if truths.is_empty() { f64::NAN } else { margin },
        )
    }

    fn any(truths: &[Self]) -> Self {
        let margin = truths.iter().map(|t| t.margin).fold(f64::NEG_INFINITY, f64::max);
        Self::of(truths.iter().any(|t| t.holds), margin)
    }
}

/// Evaluates.
///
/// # Errors
/// A sentence: a name that is not there, or a condition where a number belongs.
pub fn evaluate(of: &Expression, names: &dyn Names) -> Result<Value, String> {
    use Expression as E;
    let one = |x: &E| number(x, names);
    let pair = |a: &E, b: &E, f: &dyn Fn(f64, f64) -> f64| Ok(Value::Numbers(zipped(&one(a)?, &one(b)?, f)?));
    match of {
        E::Number(x) => Ok(Value::Numbers(vec![*x])),
        E::Name(name) => names.numbers(name).map(Value::Numbers),
        E::Negative(a) => Ok(Value::Numbers(one(a)?.iter().map(|x| -x).collect())),
        E::Arithmetic('+', a, b) => pair(a, b, &|a, b| a + b),
        E::Arithmetic('-', a, b) => pair(a, b, &|a, b| a - b),
        E::Arithmetic('*', a, b) => pair(a, b, &|a, b| a * b),
        E::Arithmetic(_, a, b) => pair(a, b, &|a, b| a / b),
        E::Item(a, at) => {
            let (list, at) = (one(a)?, single(&one(at)?)?);
            Ok(Value::Numbers(vec![place(at, list.len()).and_then(|i| list.get(i)).copied().unwrap_or(f64::NAN)]))
        }
        E::Slice(a, from, to) => {
            let (list, from, to) = (one(a)?, single(&one(from)?)?, single(&one(to)?)?);
            let ends = place(from, list.len()).zip(place(to, list.len()));
            Ok(Value::Numbers(ends.and_then(|(i, j)| list.get(i..j)).unwrap_or_default().to_vec()))
        }
        E::Compare(a, order, b) => {
            let (a, b) = (one(a)?, one(b)?);
            let truth = |a: f64, b: f64| match order {
                Order::Above => Truth::of(a > b, a - b),
                Order::AtLeast => Truth::of(a >= b, a - b),
                Order::Below => Truth::of(a < b, b - a),
                Order::AtMost => Truth::of(a <= b, b - a),
            };
            Ok(Value::Truths(zipped(&a, &b, &truth)?))
        }
        E::In(a, low, high) => {
            let (a, low, high) = (one(a)?, single(&one(low)?)?, single(&one(high)?)?);
            Ok(Value::Truths(
                a.iter().map(|&x| Truth::of(x >= low && x <= high, (x - low).min(high - x) + 0.0 * x)).collect(),
            ))
        }
        E::Within(a, by, b) => {
            let by = single(&one(by)?)?;
            let near = |a: f64, b: f64| Truth::of((a - b).abs() <= by, by - (a - b).abs());
            Ok(Value::Truths(zipped(&one(a)?, &one(b)?, &near)?))
        }
        E::And(all) => all
            .iter()
            .map(|x| truths(x, names))
            .reduce(|a, b| zipped(&a?, &b?, &|a, b| Truth::all(&[a, b])))
            .unwrap_or(Ok(Vec::new()))
            .map(Value::Truths),
        E::Or(all) => all
            .iter()
            .map(|x| truths(x, names))
            .reduce(|a, b| zipped(&a?, &b?, &|a, b| Truth::any(&[a, b])))
            .unwrap_or(Ok(Vec::new()))
            .map(Value::Truths),
        E::Call(function, all) => call(function.name, all, names),
    }
}

fn call(name: &str, given: &[Expression], names: &dyn Names) -> Result<Value, String> {
    let list = |i: usize| number(&given[i], names);
    let each = |f: fn(f64) -> f64| Ok(Value::Numbers(list(0)?.into_iter().map(f).collect()));
    let whole = |f: &dyn Fn(&[f64]) -> f64| Ok(Value::Numbers(vec![f(&list(0)?)]));
    let fold = |f: fn(f64, f64) -> f64| match given.len() {
        1 => Ok(Value::Numbers(vec![list(0)?.into_iter().reduce(|a, b| with_none(f, a, b)).unwrap_or(f64::NAN)])),
        _ => Ok(Value::Numbers(zipped(&list(0)?, &list(1)?, &|a, b| with_none(f, a, b))?)),
    };
    let steps = |sign: f64| -> Result<Value, String> {
        let (all, by) = (list(0)?, if given.len() > 1 { Some(single(&list(1)?)?) } else { None });
        let step = |w: &[f64]| {
            let rise = sign * (w[1] - w[0]);
            by.map_or_else(|| Truth::of(rise > 0.0, rise), |by| Truth::of(rise >= by, rise - by))
        };
        Ok(Value::Truths(vec![Truth::all(&all.windows(2).map(step).collect::<Vec<_>>())]))
    };
    match name {
        "abs" => each(f64::abs),
        "sqrt" => each(f64::sqrt),
        "log" => each(f64::ln),
        "exp" => each(f64::exp),
        "exists" => Ok(Value::Truths(
            list(0)?.iter().map(|x| Truth::of(x.is_finite(), if x.is_finite() { 1.0 } else { -1.0 })).collect(),
        )),
        "min" => fold(f64::min),
        "max" => fold(f64::max),
        "mean" => whole(&mean),
        "median" => whole(&median),
        "sum" => Ok(Value::Numbers(vec![match evaluate(&given[0], names)? {
            Value::Numbers(all) => all.iter().sum(),
            Value::Truths(all) => all.iter().filter(|truth| truth.holds).count() as f64,
        }])),
        "size" => whole(&|x| x.len() as f64),
        "first" => whole(&|x| x.first().copied().unwrap_or(f64::NAN)),
        "last" => whole(&|x| x.iter().rev().copied().find(|x| !x.is_nan()).unwrap_or(f64::NAN)),
        "argmin" => whole(&|x| least(x, 1.0)),
        "argmax" => whole(&|x| least(x, -1.0)),
        "pearson" | "spearman" => {
            let (a, b) = (list(0)?, list(1)?);
            zipped(&a, &b, &|_, _| ())?;
            let of = if name == "pearson" { pearson(&a, &b) } else { pearson(&ranks(&a), &ranks(&b)) };
            Ok(Value::Numbers(vec![of]))
        }
        "when" => {
            let found = truths(&given[0], names)?.iter().position(|t| t.holds);
            Ok(Value::Numbers(vec![found.map_or(f64::NAN, |i| i as f64)]))
        }
        "since" => {
            let last = truths(&given[0], names)?.iter().rposition(|t| !t.holds);
            Ok(Value::Numbers(vec![last.map_or(0.0, |i| i as f64 + 1.0)]))
        }
        "any" => Ok(Value::Truths(vec![Truth::any(&truths(&given[0], names)?)])),
        "all" => Ok(Value::Truths(vec![Truth::all(&truths(&given[0], names)?)])),
        "rising" => steps(1.0),
        "falling" => steps(-1.0),
        about => match &given[0] {
            Expression::Name(quantity) => names.about(about, quantity).map(Value::Numbers),
            _ => Err(format!("{about} is of a quantity by its name")),
        },
    }
}

/// An expression that must be numbers.
///
/// # Errors
/// As [`evaluate`].
pub fn number(of: &Expression, names: &dyn Names) -> Result<Vec<f64>, String> {
    match evaluate(of, names)? {
        Value::Numbers(numbers) => Ok(numbers),
        Value::Truths(_) => Err(format!("`{}` is a condition where a number belongs", of.sentence(&str::to_owned))),
    }
}

/// An expression that must be conditions.
///
/// # Errors
/// As [`evaluate`].
pub fn truths(of: &Expression, names: &dyn Names) -> Result<Vec<Truth>, String> {
    match evaluate(of, names)? {
        Value::Truths(truths) => Ok(truths),
        Value::Numbers(_) => {
            Err(format!("`{}` is a number where a condition belongs, such as x > 0", of.sentence(&str::to_owned)))
        }
    }
}

/// Entry by entry; one of them may be a single one.
fn zipped<A: Copy, B>(a: &[A], b: &[A], f: &dyn Fn(A, A) -> B) -> Result<Vec<B>, String> {
    match (a.len(), b.len()) {
        (n, m) if n == m => Ok(a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect()),
        (_, 1) => Ok(a.iter().map(|a| f(*a, b[0])).collect()),
        (1, _) => Ok(b.iter().map(|b| f(a[0], *b)).collect()),
        (n, m) => Err(format!("lists of {n} and of {m} entries cannot be taken entry by entry")),
    }
}

fn single(list: &[f64]) -> Result<f64, String> {
    match list {
        [one] => Ok(*one),
        _ => Err(format!("a list of {} entries stands where one number belongs", list.len())),
    }
}

/// A place in a list of so many: from its end if negative.
fn place(at: f64, size: usize) -> Option<usize> {
    let at = if at < 0.0 { at + size as f64 } else { at };
    (at >= 0.0 && at.fract() == 0.0 && at <= size as f64).then_some(at as usize)
}

fn with_none(f: fn(f64, f64) -> f64, a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { f(a, b) }
}

fn least(list: &[f64], sign: f64) -> f64 {
    let found =
        (0..list.len()).filter(|&i| !list[i].is_nan()).min_by(|&i, &j| (sign * list[i]).total_cmp(&(sign * list[j])));
    found.map_or(f64::NAN, |i| i as f64)
}

/// The mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation of a sample; NaN of fewer than two.
pub fn deviation(values: &[f64]) -> f64 {
    let m = mean(values);
    (values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
}

/// The median: of an even number, the mean of the middle two.
pub fn median(values: &[f64]) -> f64 {
    crate::papers::Spread::of(values.iter().copied()).median
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let (ma, mb) = (mean(a), mean(b));
    let product =
        |x: &[f64], mx: f64, y: &[f64], my: f64| x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>();
    product(a, ma, b, mb) / (product(a, ma, a, ma) * product(b, mb, b, mb)).sqrt()
}

/// Ranks, the mean of those of equal values.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |x: f64| {
        let (below, same) = values
            .iter()
            .fold((0.0, 0.0), |(b, s), y| (b + f64::from(u8::from(*y < x)), s + f64::from(u8::from(*y == x))));
        if x.is_nan() { f64::NAN } else { below + (same + 1.0) / 2.0 }
    };
    values.iter().map(|x| rank(*x)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::expression::parse;
    use super::*;

    struct Some;

    impl Names for Some {
        fn numbers(&self, name: &str) -> Result<Vec<f64>, String> {
            match name {
                "a" => Ok(vec![1.0, 2.0, 4.0]),
                "b" => Ok(vec![3.0, 2.5, 0.5]),
                "none" => Ok(vec![f64::NAN]),
                _ => Err(format!("no quantity {name}")),
            }
        }

        fn about(&self, _: &str, name: &str) -> Result<Vec<f64>, String> {
            self.numbers(name).map(|all| vec![all.len() as f64])
        }
    }

    #[test]
    fn checks_hold_by_their_margin() {
        let truth = |text: &str| Truth::all(&truths(&parse(text).unwrap(), &Some).unwrap());
        for (text, holds, margin) in [
            ("a > 0.5", true, 0.5),
            ("a < 3", false, -1.0),
            ("rising(a)", true, 1.0),
            ("rising(a, 1.5)", false, -0.5),
            ("falling(b) and last(a) in 3 to 6", true, 0.5),
            ("any(a >= 2 and b <= 1)", true, 0.5),
            ("a[when(b < 3)] within 0.1 of 2", true, 0.1),
            ("min(b[0..2]) > 2 or a > 9", true, 0.5),
            ("spearman(a, b) <= -1", true, 0.0),
            ("a[-1] / a[0] >= 4", true, 0.0),
            ("count(a) > 2", true, 1.0),
            ("sum(a >= 2) >= 2", true, 0.0),
            ("since(a >= 2) within 0 of 1", true, 0.0),
            ("exp(log(a)) within 0.1 of a", true, 0.1),
        ] {
            let found = truth(text);
            assert_eq!((found.holds, (found.margin * 1e9).round() / 1e9), (holds, margin), "{text}");
        }
        for text in [
            "none > 0",
            "none < 0",
            "none in 0 to 1",
            "a[7] > 0",
            "a[when(b > 9)] > 0",
            "min(a[2..1]) > 0",
            "rising(a[0..1])",
        ] {
            assert!(!truth(text).holds && truth(text).margin < 0.0, "{text}: nothing bears nothing out");
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let fails = |text: &str| evaluate(&parse(text).unwrap(), &Some).unwrap_err();
        assert!(fails("a + b[0..2]").contains("lists of 3 and of 2 entries"));
        assert!(fails("a + (b > 1)").contains("is a condition where a number belongs"));
        assert!(fails("c > 1").contains("no quantity c"));
        assert!(fails("a and b > 1").contains("is a number where a condition belongs"));
        assert!(fails("a in b to 3").contains("a list of 3 entries stands where one number belongs"));
    }
}
