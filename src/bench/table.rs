//! Results as a table.

use std::fmt::Write;

use super::Results;

/// A time with three digits and its unit.
fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s if s >= 1e-6 => (s * 1e6, "us"),
        s => (s * 1e9, "ns"),
    };
    let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 2) as usize;
    format!("{value:.digits$} {unit}")
}

fn number(value: f64) -> String {
    let digits = (2 - value.abs().max(1e-9).log10().floor() as i32).clamp(0, 4) as usize;
    format!("{value:.digits$}")
}

/// The table, with ratios to other results if there are any: above one is faster than there.
pub fn table(results: &Results, against: Option<&Results>) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} | isogram {} | times by {} | roofline: {} GFLOP/s, {} GB/s",
        results.adapter,
        results.isogram,
        results.clock,
        number(results.peak_flops / 1e9),
        number(results.copy_bytes / 1e9)
    );
    if let Some(other) = against {
        let _ = writeln!(text, "against: {} | isogram {} | times by {}", other.adapter, other.isogram, other.clock);
    }
    let _ = write!(
        text,
        "{:<14} {:<20} {:<34} {:>9} {:>19} {:>22} {:>9}",
        "suite", "what", "size", "median", "quartiles", "rate", "roofline"
    );
    let _ = writeln!(text, "{}", if against.is_some() { format!(" {:>7}", "ratio") } else { String::new() });
    for m in &results.measurements {
        let share = m.roofline_share.map_or_else(|| "-".to_owned(), |s| format!("{:.0} %", 100.0 * s));
        let _ = write!(
            text,
            "{:<14} {:<20} {:<34} {:>9} {:>19} {:>22} {share:>9}",
            m.suite,
            m.name,
            m.size,
            time(m.seconds),
            format!("{}..{}", time(m.low), time(m.high)),
            format!("{} {}", number(m.rate), m.rate_unit),
        );
        if let Some(other) = against {
            let ratio = results.counterpart(m, other).map(|c| c.seconds / m.seconds);
            let _ = write!(text, " {:>7}", ratio.map_or_else(|| "-".to_owned(), |r| format!("{r:.2} x")));
        }
        let _ = writeln!(text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{number, time};

    #[test]
    fn times_and_rates_have_three_digits() {
        assert_eq!(time(0.0123), "12.3 ms");
        assert_eq!(time(1.5e-7), "150 ns");
        assert_eq!(time(2.0), "2.00 s");
        assert_eq!(number(0.051), "0.0510");
        assert_eq!(number(26.44), "26.4");
        assert_eq!(number(15_900.0), "15900");
    }
}
