//! Simulated time: integer microseconds since the simulation began.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// The simulated date at [`Time::ZERO`]: 2026-01-05 09:00:00 UTC, in seconds since 1970.
pub const EPOCH_UNIX_S: u64 = 1_767_603_600;

/// 9999-12-31 23:59:59 UTC.
const LAST_UNIX_S: u64 = 253_402_300_799;

/// A moment: microseconds since the simulation began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

/// A span of time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub u64);

impl Duration {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// `us` microseconds.
    pub const fn us(us: u64) -> Self {
        Self(us)
    }
    /// `ms` milliseconds.
    pub const fn ms(ms: u64) -> Self {
        Self(ms * 1_000)
    }
    /// `s` seconds.
    pub const fn s(s: u64) -> Self {
        Self(s * 1_000_000)
    }
    /// In seconds, for showing.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }
    /// Whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }
}

impl Time {
    /// The beginning of the simulation.
    pub const ZERO: Self = Self(0);

    /// The time since `earlier`; zero when `earlier` is later.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
    /// In seconds, for showing.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
    /// The simulated date in seconds since 1970.
    pub const fn unix_s(self) -> u64 {
        EPOCH_UNIX_S + self.0 / 1_000_000
    }
    /// RFC 3339 with seconds, as `metav1.Time` is written: `2026-01-05T09:00:00Z`.
    pub fn rfc3339(self) -> String {
        let mut text = String::with_capacity(20);
        self.digits().iter().for_each(|byte| text.push(char::from(*byte)));
        text.push('Z');
        text
    }
    /// RFC 3339 with microseconds, as `metav1.MicroTime` is written.
    pub fn rfc3339_micro(self) -> String {
        let mut text = self.rfc3339();
        text.truncate(19);
        text.push_str(&format!(".{:06}Z", self.0 % 1_000_000));
        text
    }
    /// Whether `text` is what [`Time::rfc3339`] writes.
    pub fn is_rfc3339(self, text: &str) -> bool {
        text.as_bytes().strip_suffix(b"Z").is_some_and(|text| *text == self.digits())
    }
    /// `2026-01-05T09:00:00`. By hand, for every object and event carries some.
    fn digits(self) -> [u8; 19] {
        // RFC 3339 has four digits for the year.
        let (year, month, day, hour, minute, second) = civil(self.unix_s().min(LAST_UNIX_S));
        let mut text = *b"0000-00-00T00:00:00";
        for (at, number) in [(0, year / 100), (2, year % 100), (5, month), (8, day), (11, hour), (14, minute), (17, second)] {
            text[at] += (number / 10) as u8;
            text[at + 1] += (number % 10) as u8;
        }
        text
    }
    /// Reads what [`Time::rfc3339`] and [`Time::rfc3339_micro`] write; `None` for other texts and for dates before the simulation.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if !text.ends_with('Z') || !text.is_ascii() || text.len() < 20 {
            return None;
        }
        let digit = |at: usize| bytes[at].is_ascii_digit().then(|| u64::from(bytes[at] - b'0'));
        let two = |at: usize| Some(digit(at)? * 10 + digit(at + 1)?);
        let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
        let seconds = two(11)? * 3600 + two(14)? * 60 + two(17)?;
        let fraction = text[19..text.len() - 1]
            .strip_prefix('.')
            .map_or(Some(0), |digits| format!("{digits:0<6}").get(..6)?.parse::<u64>().ok())?;
        let unix = days_from_civil(year as i64, month as i64, day as i64) * 86_400 + seconds as i64;
        u64::try_from(unix).ok()?.checked_sub(EPOCH_UNIX_S).map(|s| Self(s * 1_000_000 + fraction))
    }
}

/// (year, month, day, hour, minute, second) of a Unix time, after Howard Hinnant's `civil_from_days`.
pub fn civil(unix_s: u64) -> (u64, u64, u64, u64, u64, u64) {
    let (days, rest) = (unix_s / 86_400, unix_s % 86_400);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day, rest / 3600, rest / 60 % 60, rest % 60)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, span: Duration) -> Time {
        Time(self.0 + span.0)
    }
}
impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        self.0 += span.0;
    }
}
impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, span: Duration) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}
impl Add for Duration {
    type Output = Duration;
    fn add(self, other: Duration) -> Duration {
        Duration(self.0 + other.0)
    }
}
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_round_trip() {
        assert_eq!(Time::ZERO.rfc3339(), "2026-01-05T09:00:00Z");
        let late = Time(86_400_000_000 * 60 + 1_234_567);
        assert_eq!(late.rfc3339_micro(), "2026-03-06T09:00:01.234567Z");
        assert_eq!(Time::parse_rfc3339(&late.rfc3339_micro()), Some(late));
        assert!(late.is_rfc3339(&late.rfc3339()) && !late.is_rfc3339(&late.rfc3339_micro()));
        assert_eq!(Time(300_000_000_000_000_000).rfc3339(), "9999-12-31T23:59:59Z");
        assert_eq!(Time::parse_rfc3339("yesterday"), None);
        assert_eq!(Time::parse_rfc3339("2025-01-05T09:00:00Z"), None);
    }
}
