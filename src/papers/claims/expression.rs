//! The language of checks: arithmetic over quantities, and what is said of it. One text is evaluated and printed.
//!
//! `easy in 0.33 to 0.52 and easy >= 2 * hard`, `rising(by_layer)`, `scaled[when(hard >= 0.99)] > 1.5 * min(scaled)`.

use std::fmt;

/// What a text says.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A number.
    Number(f64),
    /// A quantity or a constant.
    Name(String),
    /// A function of others.
    Call(&'static Function, Vec<Self>),
    /// Less it.
    Negative(Box<Self>),
    /// One of `+ - * /`.
    Arithmetic(char, Box<Self>, Box<Self>),
    /// An entry of a list, from 0; from its end if negative.
    Item(Box<Self>, Box<Self>),
    /// Entries of a list from one up to, not including, another.
    Slice(Box<Self>, Box<Self>, Box<Self>),
    /// Two numbers, or lists entry by entry.
    Compare(Box<Self>, Order, Box<Self>),
    /// Between two bounds, both allowed.
    In(Box<Self>, Box<Self>, Box<Self>),
    /// So near to another: value, distance, other.
    Within(Box<Self>, Box<Self>, Box<Self>),
    /// All of them.
    And(Vec<Self>),
    /// Any of them.
    Or(Vec<Self>),
}

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

/// A function, with the arguments it takes and how it reads in a sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// The fewest and the most arguments.
    pub arguments: (usize, usize),
    /// A sentence with `$1`, `$2` for them; with a second one for the longer form.
    reads: &'static [&'static str],
}

/// A function of one form.
const fn function(name: &'static str, arguments: usize, reads: &'static [&'static str]) -> Function {
    Function { name, arguments: (arguments, arguments + reads.len() - 1), reads }
}

/// All functions. Of a list, but for the first five, which take it entry by entry.
pub const FUNCTIONS: [Function; 26] = [
    function("abs", 1, &["|$1|"]),
    function("sqrt", 1, &["the root of $1"]),
    function("log", 1, &["the logarithm of $1"]),
    function("exp", 1, &["the exponential of $1"]),
    function("exists", 1, &["there is a value of $1"]),
    function("min", 1, &["the least of $1", "the lesser of $1 and $2"]),
    function("max", 1, &["the greatest of $1", "the greater of $1 and $2"]),
    function("mean", 1, &["the mean of $1"]),
    function("median", 1, &["the median of $1"]),
    function("sum", 1, &["the sum of $1"]),
    function("size", 1, &["the number of $1"]),
    function("first", 1, &["the first of $1"]),
    function("last", 1, &["the last of $1"]),
    function("argmin", 1, &["where $1 is least"]),
    function("argmax", 1, &["where $1 is greatest"]),
    function("pearson", 2, &["Pearson's correlation of $1 and $2"]),
    function("spearman", 2, &["Spearman's correlation of $1 and $2"]),
    function("when", 1, &["where first $1"]),
    function("since", 1, &["from where on $1"]),
    function("any", 1, &["somewhere $1"]),
    function("all", 1, &["everywhere $1"]),
    function("rising", 1, &["$1 rises at each step", "$1 rises at each step by at least $2"]),
    function("falling", 1, &["$1 falls at each step", "$1 falls at each step by at least $2"]),
    // Of a quantity by its name: of the networks behind it.
    function("count", 1, &["the number of networks in $1"]),
    function("networks", 1, &["the number of networks asked for $1"]),
    function("share", 1, &["the part of networks in $1"]),
];

/// Reads a text.
///
/// # Errors
/// A sentence with the place in the text, counted from 1.
pub fn parse(text: &str) -> Result<Expression, String> {
    let mut reader = Reader { tokens: tokens(text)?, next: 0, depth: 0 };
    let found = reader.any()?;
    match reader.peek() {
        None => Ok(found),
        Some(_) => Err(reader.expected("the end, `and`, `or` or an operator")),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Word(String),
    Sign(&'static str),
}

const SIGNS: [&str; 14] = [">=", "<=", "..", ">", "<", "+", "-", "*", "/", "(", ")", "[", "]", ","];

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let span = |holds: &dyn Fn(char) -> bool| rest.find(|c| !holds(c)).unwrap_or(rest.len());
        let (token, length) = if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        } else if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let mut length = span(&|c| c.is_ascii_digit() || c == '.');
            // Two dots make a slice, and end a number.
            length = rest[..length].find("..").unwrap_or(length);
            if let Some(power) = rest[length..].strip_prefix(['e', 'E']) {
                let sign = usize::from(power.starts_with(['-', '+']));
                let digits = power[sign..].find(|c: char| !c.is_ascii_digit()).unwrap_or(power.len() - sign);
                length += if digits > 0 { 1 + sign + digits } else { 0 };
            }
            let number =
                rest[..length].parse().map_err(|_| format!("at {}: `{}` is no number", at + 1, &rest[..length]))?;
            (Token::Number(number), length)
        } else if c.is_alphabetic() || c == '_' {
            let mut length = span(&|c| c.is_alphanumeric() || c == '_');
            // `easy@order.hard_first`: of a sweep, of one of its variants.
            if rest[length..].starts_with('@') {
                let of = rest[length + 1..].find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.');
                length = of.map_or(rest.len(), |of| length + 1 + of);
            }
            (Token::Word(rest[..length].to_owned()), length)
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            (Token::Sign(sign), sign.len())
        } else {
            return Err(format!("at {}: `{c}` means nothing here", at + 1));
        };
        all.push((at + 1, token));
        at += length;
    }
    Ok(all)
}

/// Deeper than anyone writes, and far from the end of the stack.
const DEEPEST: usize = 64;

struct Reader {
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
}

type Read = Result<Expression, String>;

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn expected(&self, what: &str) -> String {
        match self.tokens.get(self.next) {
            None => format!("at the end: expected {what}"),
            Some((at, Token::Number(x))) => format!("at {at}: expected {what}, got {x}"),
            Some((at, Token::Word(word))) => format!("at {at}: expected {what}, got `{word}`"),
            Some((at, Token::Sign(sign))) => format!("at {at}: expected {what}, got `{sign}`"),
        }
    }

    fn sign(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        let found = signs.iter().find(|sign| self.peek() == Some(&Token::Sign(sign)))?;
        self.next += 1;
        Some(found)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(w)) if w == word);
        self.next += usize::from(found);
        found
    }

    fn must(&mut self, sign: &'static str) -> Result<(), String> {
        self.sign(&[sign]).map(drop).ok_or_else(|| self.expected(&format!("`{sign}`")))
    }

    fn any(&mut self) -> Read {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("is nested more than {DEEPEST} deep"));
        }
        let mut all = vec![self.all()?];
        while self.word("or") {
            all.push(self.all()?);
        }
        self.depth -= 1;
        Ok(if all.len() == 1 { all.remove(0) } else { Expression::Or(all) })
    }

    fn all(&mut self) -> Read {
        let mut all = vec![self.comparison()?];
        while self.word("and") {
            all.push(self.comparison()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expression::And(all) })
    }

    fn comparison(&mut self) -> Read {
        let first = self.sum()?;
        if self.word("in") {
            let low = self.sum()?;
            if !self.word("to") {
                return Err(self.expected("`to`, as in `x in 0.1 to 0.2`"));
            }
            return Ok(Expression::In(first.into(), low.into(), self.sum()?.into()));
        }
        if self.word("within") {
            let by = self.sum()?;
            if !self.word("of") {
                return Err(self.expected("`of`, as in `x within 0.1 of y`"));
            }
            return Ok(Expression::Within(first.into(), by.into(), self.sum()?.into()));
        }
        let Some(sign) = self.sign(&[">=", "<=", ">", "<"]) else { return Ok(first) };
        let order = match sign {
            ">" => Order::Above,
            ">=" => Order::AtLeast,
            "<" => Order::Below,
            _ => Order::AtMost,
        };
        Ok(Expression::Compare(first.into(), order, self.sum()?.into()))
    }

    fn sum(&mut self) -> Read {
        let mut found = self.product()?;
        while let Some(sign) = self.sign(&["+", "-"]) {
            found = arithmetic(sign, found, self.product()?);
        }
        Ok(found)
    }

    fn product(&mut self) -> Read {
        let mut found = self.factor()?;
        while let Some(sign) = self.sign(&["*", "/"]) {
            found = arithmetic(sign, found, self.factor()?);
        }
        Ok(found)
    }

    fn factor(&mut self) -> Read {
        let mut negative = false;
        while self.sign(&["-"]).is_some() {
            negative = !negative;
        }
        let mut found = self.primary()?;
        while self.sign(&["["]).is_some() {
            let from = self.any()?;
            found = match self.sign(&[".."]) {
                Some(_) => Expression::Slice(found.into(), from.into(), self.any()?.into()),
                None => Expression::Item(found.into(), from.into()),
            };
            self.must("]")?;
        }
        Ok(match (negative, found) {
            (false, found) => found,
            (true, Expression::Number(x)) => Expression::Number(-x),
            (true, found) => Expression::Negative(found.into()),
        })
    }

    fn primary(&mut self) -> Read {
        if self.sign(&["("]).is_some() {
            let inner = self.any()?;
            self.must(")")?;
            return Ok(inner);
        }
        match self.peek().cloned() {
            Some(Token::Number(x)) => {
                self.next += 1;
                Ok(Expression::Number(x))
            }
            Some(Token::Word(name)) if !["and", "or", "in", "to", "within", "of"].contains(&name.as_str()) => {
                self.next += 1;
                if self.sign(&["("]).is_none() { Ok(Expression::Name(name)) } else { self.call(&name) }
            }
            _ => Err(self.expected("a number, a quantity or `(`")),
        }
    }

    fn call(&mut self, name: &str) -> Read {
        let known = FUNCTIONS.iter().find(|function| function.name == name).ok_or_else(|| {
            let near = crate::error::nearest(name, FUNCTIONS.iter().map(|f| f.name));
            let advice = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
            let all: Vec<&str> = FUNCTIONS.iter().map(|f| f.name).collect();
            format!("there is no function `{name}`{advice}. There are {}", all.join(", "))
        })?;
        let mut given = vec![self.any()?];
        while self.sign(&[","]).is_some() {
            given.push(self.any()?);
        }
        self.must(")")?;
        let (least, most) = known.arguments;
        if !(least..=most).contains(&given.len()) {
            let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
            return Err(format!("{name} takes {wanted} arguments, got {}", given.len()));
        }
        Ok(Expression::Call(known, given))
    }
}

fn arithmetic(sign: &str, a: Expression, b: Expression) -> Expression {
    Expression::Arithmetic(sign.chars().next().unwrap_or('+'), a.into(), b.into())
}

impl Expression {
    /// The names in it, each once, in the order of the text.
    pub fn names(&self) -> Vec<&str> {
        let mut all = Vec::new();
        self.visit(&mut |part| {
            if let Self::Name(name) = part
                && !all.contains(&name.as_str())
            {
                all.push(name.as_str());
            }
        });
        all
    }

    fn visit<'a>(&'a self, each: &mut dyn FnMut(&'a Self)) {
        each(self);
        match self {
            Self::Number(_) | Self::Name(_) => {}
            Self::Negative(a) => a.visit(each),
            Self::Arithmetic(_, a, b) | Self::Item(a, b) | Self::Compare(a, _, b) => {
                [a, b].into_iter().for_each(|x| x.visit(each))
            }
            Self::Slice(a, b, c) | Self::In(a, b, c) | Self::Within(a, b, c) => {
                [a, b, c].into_iter().for_each(|x| x.visit(each))
            }
            Self::Call(_, all) | Self::And(all) | Self::Or(all) => all.iter().for_each(|x| x.visit(each)),
        }
    }

    /// The same with other names.
    #[must_use]
    pub fn named(mut self, other: &dyn Fn(&str) -> String) -> Self {
        self.rename(other);
        self
    }

    fn rename(&mut self, other: &dyn Fn(&str) -> String) {
        match self {
            Self::Number(_) => {}
            Self::Name(name) => *name = other(name),
            Self::Negative(a) => a.rename(other),
            Self::Arithmetic(_, a, b) | Self::Item(a, b) | Self::Compare(a, _, b) => {
                [a, b].into_iter().for_each(|x| x.rename(other))
            }
            Self::Slice(a, b, c) | Self::In(a, b, c) | Self::Within(a, b, c) => {
                [a, b, c].into_iter().for_each(|x| x.rename(other))
            }
            Self::Call(_, all) | Self::And(all) | Self::Or(all) => all.iter_mut().for_each(|x| x.rename(other)),
        }
    }

    /// As a sentence says it, with what a name is called.
    pub fn sentence(&self, called: &dyn Fn(&str) -> String) -> String {
        let of = |x: &Self| x.sentence(called);
        // A sum that is multiplied, or taken from, stands in brackets.
        let factor = |x: &Self| match x {
            Self::Arithmetic('+' | '-', ..) => format!("({})", of(x)),
            _ => of(x),
        };
        match self {
            Self::Number(x) => x.to_string(),
            Self::Name(name) => called(name),
            Self::Negative(a) => format!("-{}", factor(a)),
            Self::Arithmetic(sign, a, b) => match sign {
                '+' => format!("{} + {}", of(a), of(b)),
                '-' => format!("{} less {}", of(a), factor(b)),
                '*' => format!("{} times {}", factor(a), factor(b)),
                _ => format!("{} over {}", factor(a), factor(b)),
            },
            Self::Item(a, at) => format!("{} [{}]", of(a), of(at)),
            Self::Slice(a, from, to) => format!("{} from {} to {}", of(a), of(from), of(to)),
            Self::Compare(a, order, b) => format!("{} {order} {}", of(a), of(b)),
            Self::In(a, low, high) => format!("{} {} to {}", of(a), of(low), of(high)),
            Self::Within(a, by, b) => format!("{} within {} of {}", of(a), of(by), of(b)),
            Self::And(all) => all.iter().map(of).collect::<Vec<_>>().join(", and "),
            Self::Or(all) => all.iter().map(of).collect::<Vec<_>>().join(", or "),
            Self::Call(function, all) => {
                let form = function.reads[(all.len() - function.arguments.0).min(function.reads.len() - 1)];
                all.iter()
                    .enumerate()
                    .fold(form.to_owned(), |text, (i, x)| text.replace(&format!("${}", i + 1), &of(x)))
            }
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Above => "above",
            Self::AtLeast => "at least",
            Self::Below => "below",
            Self::AtMost => "at most",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        parse(text).unwrap().sentence(&|name| if name == "e" { "easy".into() } else { name.to_owned() })
    }

    #[test]
    fn checks_read_as_sentences() {
        for (text, sentence) in [
            ("e in .33 to 0.52 and e >= 2*hard", "easy 0.33 to 0.52, and easy at least 2 times hard"),
            ("rising(e, -.05)", "easy rises at each step by at least -0.05"),
            ("a-(b-c) > 1e-3", "a less (b less c) above 0.001"),
            ("any(e >= .99 and b <= .55)", "somewhere easy at least 0.99, and b at most 0.55"),
            (
                "x[when(b >= 1)..-1] within 0.1 of y or -z < 2",
                "x from where first b at least 1 to -1 within 0.1 of y, or -z below 2",
            ),
        ] {
            assert_eq!(said(text), sentence);
        }
        assert_eq!(parse("b + a * b / c").unwrap().names(), ["b", "a", "c"]);
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, wrong) in [
            ("a >", "at the end: expected a number, a quantity or `(`"),
            ("a in 1 2", "at 8: expected `to`"),
            ("a > 1 b", "at 7: expected the end, `and`, `or` or an operator, got `b`"),
            ("risng(a)", "did you mean rising?"),
            ("pearson(a)", "pearson takes 2 arguments, got 1"),
            ("a $ b", "at 3: `$` means nothing here"),
            ("1.2.3 > a", "`1.2.3` is no number"),
            ("(a", "at the end: expected `)`"),
            ("", "at the end"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(wrong), "{text}: {said}");
        }
        assert!(parse(&"(".repeat(100_000)).unwrap_err().contains("nested"));
        assert!(parse(&"-".repeat(100_000)).is_err());
    }
}
