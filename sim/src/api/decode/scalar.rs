//! What a plain YAML scalar means: YAML 1.1 as go-yaml v2 reads it (`resolve.go`).

/// A resolved plain scalar.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::api) enum Scalar {
    /// `~`, `null`, nothing.
    Null,
    /// `yes`, `on`, `true`, …
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// `<<`
    Merge,
    /// A date; text to Kubernetes, but written in quotes.
    Timestamp,
    /// Anything else is text.
    Str,
}

/// The meaning of a plain scalar.
pub(in crate::api) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        "<<" => return Scalar::Merge,
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return Scalar::Str;
    }
    if is_timestamp(text) {
        return Scalar::Timestamp;
    }
    let plain = text.replace('_', "");
    match int(&plain) {
        Some(Ok(number)) => return Scalar::Int(number),
        Some(Err(number)) => return Scalar::Float(number),
        None => {}
    }
    if is_float(&plain) { plain.parse().map_or(Scalar::Str, Scalar::Float) } else { Scalar::Str }
}

/// A whole number in Go's literals (base prefixes, a leading 0 for octal): as it is, or as a float where 64 bits do not hold it.
fn int(text: &str) -> Option<Result<i64, f64>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).unwrap_or(i128::MAX);
    let number = if negative { -number } else { number };
    Some(i64::try_from(number).map_err(|_| number as f64))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    mantissa_ok && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

/// Whether go-yaml takes the text for a date (`parseTimestamp`): `2026-01-05`, `2026-1-5 9:00:00`, `2026-01-05T09:00:00Z`, ….
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let run = |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if run(0) != 4 || bytes.get(4) != Some(&b'-') {
        return false;
    }
    let month = run(5);
    let day_at = 5 + month + 1;
    let day = run(day_at);
    if !(1..=2).contains(&month) || bytes.get(5 + month) != Some(&b'-') || !(1..=2).contains(&day) {
        return false;
    }
    let number = |from: usize, length: usize| text[from..from + length].parse::<u32>().unwrap_or(0);
    if !(1..=12).contains(&number(5, month)) || !(1..=31).contains(&number(day_at, day)) {
        return false;
    }
    let rest = &text[day_at + day..];
    if rest.is_empty() {
        return month == 2 && day == 2;
    }
    let Some(clock) = rest.strip_prefix(['T', 't', ' ']) else { return false };
    let zone_at = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone_at);
    let mut fields = clock.splitn(3, ':');
    let part = |field: Option<&str>, max: u32| {
        field.is_some_and(|field| (1..=2).contains(&field.len()) && field.parse::<u32>().is_ok_and(|number| number <= max))
    };
    let (hour, minute) = (part(fields.next(), 23), part(fields.next(), 59));
    let seconds = fields.next().unwrap_or("");
    let whole = seconds.split('.').next();
    let zone_ok = match zone.as_bytes() {
        [] => rest.starts_with(' '),
        [b'Z'] => true,
        [b'+' | b'-', offset @ ..] => offset.len() == 5 && offset[2] == b':' && !rest.starts_with(' '),
        _ => false,
    };
    hour && minute && part(whole, 59) && zone_ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_1_1() {
        for (text, want) in [
            ("80", Scalar::Int(80)),
            ("0x1F", Scalar::Int(31)),
            ("017", Scalar::Int(15)),
            ("0o17", Scalar::Int(15)),
            ("1_000", Scalar::Int(1000)),
            ("-5", Scalar::Int(-5)),
            ("08", Scalar::Float(8.0)),
            ("1.5", Scalar::Float(1.5)),
            ("1e3", Scalar::Float(1000.0)),
            ("yes", Scalar::Bool(true)),
            ("Off", Scalar::Bool(false)),
            ("~", Scalar::Null),
            ("100m", Scalar::Str),
            ("1.2.3", Scalar::Str),
            ("10.244.0.0/16", Scalar::Str),
            ("yesterday", Scalar::Str),
            ("2026-01-05", Scalar::Timestamp),
            ("2026-01-05T09:00:00Z", Scalar::Timestamp),
            ("2026-01-05T09:00:00.123456Z", Scalar::Timestamp),
            ("2026-13-05", Scalar::Str),
            ("18446744073709551616", Scalar::Float(18_446_744_073_709_551_616.0)),
        ] {
            assert_eq!(resolve(text), want, "{text}");
        }
    }
}
