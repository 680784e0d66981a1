//! Reading Kubernetes' quantities for gauges. The simulation has its own exact ones; a gauge needs no more than this.

use orrery_sim::value::Value;

/// Thousandths of the unit: `100m` is 100, `2` is 2,000, `1Ki` is 1,024,000. A text that is no quantity counts as nothing.
pub fn milli(text: &str) -> i64 {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let Ok(number) = number.parse::<f64>() else { return 0 };
    let factor = match suffix {
        "" => 1e3,
        "n" => 1e-6,
        "u" => 1e-3,
        "m" => 1.0,
        "k" => 1e6,
        "M" => 1e9,
        "G" => 1e12,
        "T" => 1e15,
        "Ki" => 1024.0 * 1e3,
        "Mi" => 1024.0 * 1024.0 * 1e3,
        "Gi" => 1024.0 * 1024.0 * 1024.0 * 1e3,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1e3,
        _ => return 0,
    };
    (number * factor).round() as i64
}

/// [`milli`] of a field, which may be written as a number.
pub fn milli_of(value: &Value) -> i64 {
    value.as_int().map_or_else(|| milli(value.str()), |number| number * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes() {
        assert_eq!(milli("100m"), 100);
        assert_eq!(milli("1.5"), 1500);
        assert_eq!(milli("1Ki"), 1_024_000);
        assert_eq!(milli("lots"), 0);
        assert_eq!(milli_of(&Value::Int(110)), 110_000);
    }
}
