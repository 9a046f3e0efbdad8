use jiff::Timestamp;

/// How long ago an RFC 3339 time was, with `ago`; None where the text is no time.
pub fn ago(time: &str, now: Timestamp) -> Option<String> {
    let time: Timestamp = time.parse().ok()?;
    let seconds = now.as_second().saturating_sub(time.as_second());
    Some(format!("{} ago", human_duration(seconds)))
}

/// How long ago an RFC 3339 time was, `5d ago`; None where the text is no time (apimachinery
/// `util/duration`, `ShortHumanDuration`).
pub fn short_ago(time: &str, now: Timestamp) -> Option<String> {
    let time: Timestamp = time.parse().ok()?;
    let seconds = now.as_second().saturating_sub(time.as_second()).max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    Some(match (minutes, hours) {
        (0, _) => format!("{seconds}s ago"),
        (_, 0) => format!("{minutes}m ago"),
        (_, 1..24) => format!("{hours}h ago"),
        (_, 24..8760) => format!("{}d ago", hours / 24),
        _ => format!("{}y ago", hours / 24 / 365),
    })
}

/// A duration in the words of `oc` (docker/go-units `HumanDuration`).
pub fn human_duration(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    let minutes = seconds / MINUTE;
    // Hours are rounded and years are not, as the original has it.
    let hours = seconds.saturating_add(HOUR / 2) / HOUR;
    if seconds < 1 {
        "Less than a second".to_owned()
    } else if seconds == 1 {
        "1 second".to_owned()
    } else if seconds < MINUTE {
        format!("{seconds} seconds")
    } else if minutes == 1 {
        "About a minute".to_owned()
    } else if minutes < 60 {
        format!("{minutes} minutes")
    } else if hours == 1 {
        "About an hour".to_owned()
    } else if hours < 48 {
        format!("{hours} hours")
    } else if hours < 24 * 7 * 2 {
        format!("{} days", hours / 24)
    } else if hours < 24 * 30 * 2 {
        format!("{} weeks", hours / 24 / 7)
    } else if hours < 24 * 365 * 2 {
        format!("{} months", hours / 24 / 30)
    } else {
        format!("{} years", seconds / HOUR / 24 / 365)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_as_go_units_says_them() {
        const HOUR: i64 = 3600;
        const DAY: i64 = 24 * HOUR;
        for (seconds, expected) in [
            (-5, "Less than a second"),
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"),
            (59 * 60 + 59, "59 minutes"),
            (HOUR, "About an hour"),
            (HOUR + 1799, "About an hour"),
            (HOUR + 1800, "2 hours"),
            (47 * HOUR + 1799, "47 hours"),
            (2 * DAY, "2 days"),
            (14 * DAY - 1801, "13 days"),
            (14 * DAY, "2 weeks"),
            (59 * DAY, "8 weeks"),
            (60 * DAY, "2 months"),
            (2 * 365 * DAY - 1801, "24 months"),
            (2 * 365 * DAY, "2 years"),
        ] {
            assert_eq!(human_duration(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn what_is_no_time_has_no_age() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        assert_eq!(
            ago("2026-11-21T10:00:00Z", now).as_deref(),
            Some("2 hours ago")
        );
        assert_eq!(ago("", now), None);
        assert_eq!(ago("yesterday", now), None);
    }

    #[test]
    fn short_durations_have_one_unit() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        for (time, expected) in [
            ("2026-01-01T00:00:05Z", Some("0s ago")),
            ("2025-12-31T23:59:01Z", Some("59s ago")),
            ("2025-12-31T23:59:00Z", Some("1m ago")),
            ("2025-12-31T22:01:00Z", Some("1h ago")),
            ("2025-12-31T00:00:00Z", Some("1d ago")),
            ("2025-01-02T00:00:00Z", Some("364d ago")),
            ("2025-01-01T00:00:00Z", Some("1y ago")),
            ("1970-01-01T00:00:00Z", Some("56y ago")),
            ("yesterday", None),
        ] {
            assert_eq!(short_ago(time, now).as_deref(), expected, "{time}");
        }
    }
}
