//! Ages as kubectl and the api-server print them, after apimachinery's `pkg/util/duration/duration.go`.

use crate::core::{Duration, Time};
use crate::value::Value;

/// The time since a timestamp field, such as `5m12s`; `<unknown>` when there is none (translateTimestampSince).
pub fn age(timestamp: &Value, now: Time) -> String {
    match Time::parse_rfc3339(timestamp.str()) {
        Some(time) => human_duration(now.since(time)),
        None => "<unknown>".to_string(),
    }
}

/// A span of time in at most two units (duration.HumanDuration): `45s`, `4m2s`, `15m`, `3h10m`, `2d4h`, `400d`.
pub fn human_duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, years) = (hours / 24, hours / 24 / 365);
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{small_unit}"),
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => two(days, "d", hours % 24, "h"),
        () if years < 2 => format!("{days}d"),
        () if years < 8 => two(years, "y", days % 365, "d"),
        () => format!("{years}y"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (seconds, want) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (599, "9m59s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (25_260, "7h1m"),
            (28_800, "8h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (608_400, "7d1h"),
            (691_200, "8d"),
            (86_400 * 729, "729d"),
            (86_400 * 731, "2y1d"),
            (86_400 * 365 * 8, "8y"),
        ] {
            assert_eq!(human_duration(Duration::s(seconds)), want);
        }
    }

    #[test]
    fn timestamps() {
        assert_eq!(age(&"2026-01-05T09:00:00Z".into(), Time(6_900_000)), "6s");
        assert_eq!(age(&Value::Null, Time(6)), "<unknown>");
    }
}
