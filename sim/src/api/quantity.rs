//! Resource quantities such as `250m`, `1Gi` and `2e3`, after apimachinery's `pkg/api/resource/quantity.go`; integers only.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::value::Value;

/// Nano units in one unit.
const NANO: i128 = 1_000_000_000;

/// The largest amount that Kubernetes keeps: 2⁶³ − 1 units.
const MAX: i128 = (i64::MAX as i128) * NANO;

/// How a quantity likes to be written; it follows the text that it was read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Powers of ten with suffixes: `250m`, `2k`, `1G`.
    #[default]
    DecimalSi,
    /// Powers of 1024 with suffixes: `64Mi`.
    BinarySi,
    /// Powers of ten as exponents: `2e3`.
    DecimalExponent,
}

/// An amount of a resource, in nano units. Comparing ignores the [`Format`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantity {
    nano: i128,
    format: Format,
}

/// Why a text is no quantity; the texts are Kubernetes'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// The text has not the form of a quantity.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// The suffix is made of the right letters, but means nothing.
    #[error("unable to parse quantity's suffix")]
    Suffix,
    /// The number is none.
    #[error("unable to parse numeric part of quantity")]
    Numeric,
}

impl Quantity {
    /// Zero.
    pub const ZERO: Self = Self { nano: 0, format: Format::DecimalSi };

    /// `units` whole units in a format (resource.NewQuantity).
    pub const fn new(units: i64, format: Format) -> Self {
        Self { nano: units as i128 * NANO, format }
    }

    /// `milli` thousandths (resource.NewMilliQuantity).
    pub const fn from_milli(milli: i64) -> Self {
        Self { nano: milli as i128 * (NANO / 1000), format: Format::DecimalSi }
    }

    /// The quantity in a field: a text, or a plain number. Anything else, and what cannot be read, is zero.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Str(text) => text.parse().unwrap_or_default(),
            Value::Int(number) => Self::new(*number, Format::DecimalSi),
            _ => Self::ZERO,
        }
    }

    /// Whole units, rounded up (Quantity.Value).
    pub fn units(self) -> i64 {
        saturate(div_ceil(self.nano, NANO))
    }

    /// Thousandths, rounded up (Quantity.MilliValue).
    pub fn milli(self) -> i64 {
        saturate(div_ceil(self.nano, NANO / 1000))
    }

    /// Whether this is zero.
    pub const fn is_zero(self) -> bool {
        self.nano == 0
    }

    /// Whether this is below zero.
    pub const fn is_negative(self) -> bool {
        self.nano < 0
    }

    /// Whether this is a number of whole units.
    pub const fn is_whole(self) -> bool {
        self.nano % NANO == 0
    }
}

impl std::ops::Add for Quantity {
    type Output = Self;
    /// The sum, in the format of the first that is not zero (Quantity.Add).
    fn add(self, other: Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        Self { nano: (self.nano + other.nano).clamp(-MAX, MAX), format }
    }
}

impl std::ops::AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::ops::Neg for Quantity {
    type Output = Self;
    fn neg(self) -> Self {
        Self { nano: -self.nano, format: self.format }
    }
}

impl std::ops::Sub for Quantity {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nano == other.nano
    }
}
impl Eq for Quantity {}
impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nano.cmp(&other.nano)
    }
}

impl From<Quantity> for Value {
    /// The canonical text.
    fn from(quantity: Quantity) -> Self {
        quantity.to_string().into()
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let bytes = text.as_bytes();
        let (negative, start) = match bytes.first() {
            None => return Err(QuantityError::Format),
            Some(b'-') => (true, 1),
            Some(b'+') => (false, 1),
            _ => (false, 0),
        };
        let run = |from: usize, belongs: fn(u8) -> bool| from + bytes[from..].iter().take_while(|byte| belongs(**byte)).count();
        let digits = |byte: u8| byte.is_ascii_digit();
        let whole_end = run(start, digits);
        let fraction_end = if bytes.get(whole_end) == Some(&b'.') { run(whole_end + 1, digits) } else { whole_end };
        let letters_end = run(fraction_end, |byte| b"eEinumkKMGTP".contains(&byte));
        let sign_end = letters_end + usize::from(matches!(bytes.get(letters_end), Some(b'-' | b'+')));
        if run(sign_end, digits) != bytes.len() {
            return Err(QuantityError::Format);
        }
        let whole = &text[start..whole_end];
        let fraction = text[whole_end..fraction_end].trim_start_matches('.');
        if whole.is_empty() && fraction.is_empty() && fraction_end != bytes.len() {
            return Err(QuantityError::Numeric);
        }
        let (factor, format) = suffix(&text[fraction_end..]).ok_or(QuantityError::Suffix)?;
        let magnitude = scale(whole, fraction, factor);
        // Something between 0 and 1 has no binary form.
        let format = if format == Format::BinarySi && magnitude > 0 && magnitude < NANO { Format::DecimalSi } else { format };
        Ok(Self { nano: if negative { -magnitude } else { magnitude }, format })
    }
}

/// What a suffix multiplies by: a power of ten, or a power of two.
#[derive(Clone, Copy)]
enum Factor {
    Ten(i32),
    Two(u32),
}

fn suffix(suffix: &str) -> Option<(Factor, Format)> {
    let decimal = |exponent| Some((Factor::Ten(exponent), Format::DecimalSi));
    let binary = |exponent| Some((Factor::Two(exponent), Format::BinarySi));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?;
            Some((Factor::Ten(exponent), Format::DecimalExponent))
        }
    }
}

/// `whole.fraction × factor` in nano units: rounded up to the next nano unit, capped at [`MAX`].
fn scale(whole: &str, fraction: &str, factor: Factor) -> i128 {
    let whole = whole.trim_start_matches('0');
    // 10^38 is the end of i128; more digits than this are either capped or far below a nano unit.
    if whole.len() > 28 {
        return MAX;
    }
    let fraction = &fraction[..fraction.len().min(18)];
    let mut mantissa = format!("{whole}{fraction}").parse::<i128>().unwrap_or(0);
    if mantissa == 0 {
        return 0;
    }
    let mut exponent = 9 - fraction.len() as i32;
    match factor {
        Factor::Ten(power) => exponent = exponent.saturating_add(power),
        Factor::Two(power) => {
            mantissa = match mantissa.checked_mul(1 << power) {
                Some(product) => product,
                None => return MAX,
            }
        }
    }
    if exponent >= 0 {
        let power = if exponent > 38 { None } else { 10_i128.checked_pow(exponent as u32) };
        power.and_then(|power| mantissa.checked_mul(power)).map_or(MAX, |nano| nano.min(MAX))
    } else {
        let power = if exponent < -38 { None } else { 10_i128.checked_pow(exponent.unsigned_abs()) };
        power.map_or(1, |power| div_ceil(mantissa, power)).min(MAX)
    }
}

fn div_ceil(number: i128, by: i128) -> i128 {
    number.div_euclid(by) + i128::from(number.rem_euclid(by) != 0)
}

fn saturate(number: i128) -> i64 {
    number.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

impl fmt::Display for Quantity {
    /// The canonical form: no fraction, the largest suffix that loses nothing (Quantity.CanonicalizeBytes).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        let binary = self.format == Format::BinarySi && self.nano.abs() >= 1024 * NANO && self.is_whole();
        if binary {
            let (mut number, mut power) = (self.nano / NANO, 0);
            while number % 1024 == 0 && power < 6 {
                number /= 1024;
                power += 1;
            }
            return write!(f, "{number}{}", ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power]);
        }
        let (mut number, mut power) = (self.nano, 0);
        while number % 1000 == 0 && power < 9 {
            number /= 1000;
            power += 1;
        }
        match (self.format, power as i32 * 3 - 9) {
            (Format::DecimalExponent, 0) => write!(f, "{number}"),
            (Format::DecimalExponent, exponent) => write!(f, "{number}e{exponent}"),
            _ => write!(f, "{number}{}", ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][power]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        text.parse::<Quantity>().map_or_else(|error| format!("{error:?}"), |quantity| quantity.to_string())
    }

    #[test]
    fn canonical_forms() {
        for (text, want) in [
            ("0.5", "500m"),
            ("1", "1"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("2000Mi", "2000Mi"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Gi", "512Mi"),
            ("100Ki", "100Ki"),
            ("500Ki", "500Ki"),
            ("0.1Ki", "102400m"),
            ("1000", "1k"),
            ("2e3", "2e3"),
            ("12e4", "120e3"),
            ("1E", "1E"),
            ("-1", "-1"),
            ("+3", "3"),
            (".5", "500m"),
            ("5.", "5"),
            ("0", "0"),
            ("00", "0"),
            ("0Gi", "0"),
            ("1n", "1n"),
            ("0.1n", "1n"),
            ("1e40", "9223372036854775807"),
            ("64Mi", "64Mi"),
            ("123456789", "123456789"),
        ] {
            assert_eq!(canonical(text), want, "{text}");
        }
    }

    #[test]
    fn refusals_of_the_recordings() {
        assert_eq!(canonical("1x"), "Format");
        assert_eq!(canonical("10MB"), "Format");
        assert_eq!(canonical("abc"), "Format");
        assert_eq!(canonical(""), "Format");
        assert_eq!(canonical("1mm"), "Suffix");
        assert_eq!(canonical("1iK"), "Suffix");
    }

    #[test]
    fn arithmetic_keeps_the_first_format() {
        let quantity = |text: &str| text.parse::<Quantity>().unwrap();
        assert_eq!((quantity("600m") + quantity("100m")).to_string(), "700m");
        assert_eq!((Quantity::ZERO + quantity("64Mi")).to_string(), "64Mi");
        assert_eq!((quantity("1Gi") - quantity("1Gi")).to_string(), "0");
        assert!(quantity("1Gi") > quantity("1G"));
        assert_eq!(quantity("1.1").units(), 2);
        assert_eq!(quantity("100u").milli(), 1);
        assert_eq!(Quantity::of(&Value::Int(4)).milli(), 4000);
    }
}
