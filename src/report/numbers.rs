//! Numbers as people read them.

/// A whole number with its thousands apart: `12,345`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 seed`, `33 seeds`.
pub fn counted(number: usize, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number as u64), if number == 1 { "" } else { "s" })
}

/// A measured value to three digits: `0.0213`, `1.45`, `3.1e-7`.
pub fn measured(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "–".to_owned(),
        0.0 => "0".to_owned(),
        size if !(1e-3..1e6).contains(&size) => format!("{value:.2e}"),
        size => {
            let decimals = (2.0 - size.log10().floor()).clamp(0.0, 6.0) as usize;
            format!("{value:.decimals$}")
        }
    }
}

/// A mean and a standard deviation, to two digits of the latter unless that asks for too many: `0.0195 ± 0.0012`.
pub fn spread(mean: f64, deviation: f64) -> String {
    let decimals = 1.0 - deviation.abs().log10().floor();
    let worth = 3.0 - mean.abs().log10().floor();
    if (0.0..=6.0).contains(&decimals) && decimals <= worth && mean.abs() < 1e6 {
        let decimals = decimals as usize;
        return format!("{mean:.decimals$} ± {deviation:.decimals$}");
    }
    let deviation = if deviation > 0.0 && deviation < 1e-3 { format!("{deviation:.0e}") } else { measured(deviation) };
    format!("{} ± {deviation}", measured(mean))
}

/// A similarity or a fraction to two decimals, without `-0.00`.
pub fn fraction(value: f64) -> String {
    format!("{:.2}", (value * 100.0).round() / 100.0 + 0.0).replace('-', "−")
}

/// Seconds as `0.8 s`, `42 s`, `3 min 20 s`, `2 h 5 min`.
pub fn duration(seconds: f64) -> String {
    if !(0.0..1e12).contains(&seconds) {
        return "–".to_owned();
    }
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..120 => format!("{whole} s"),
        120..7200 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [many @ .., last] => format!("{} and {last}", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([grouped(0), grouped(999), grouped(1_234_567)], ["0", "999", "1,234,567"]);
        assert_eq!([counted(1, "seed"), counted(2, "seed")], ["1 seed", "2 seeds"]);
        let values = [0.0213, 1.454, 3.1e-7, 123_456.0, 0.0, f64::NAN];
        assert_eq!(values.map(measured), ["0.0213", "1.45", "3.10e-7", "123456", "0", "–"]);
        let spreads = [spread(0.01953, 0.00123), spread(2.0, 0.0), spread(0.0195, 1.8e-9), spread(3.1234, 2.0)];
        assert_eq!(spreads, ["0.0195 ± 0.0012", "2.00 ± 0", "0.0195 ± 2e-9", "3.1 ± 2.0"]);
        assert_eq!([0.934, -0.001, -0.017].map(fraction), ["0.93", "0.00", "−0.02"]);
        let times = [0.84, 42.0, 200.0, 7500.0, f64::NAN];
        assert_eq!(times.map(duration), ["0.8 s", "42 s", "3 min 20 s", "2 h 5 min", "–"]);
        assert_eq!(listed(&["a", "b", "c"].map(str::to_owned)), "a, b and c");
    }
}
