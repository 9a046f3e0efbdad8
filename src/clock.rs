//! The one reader of the wall time.

use jiff::Timestamp;

/// Now.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// RFC 3339, UTC, whole seconds: the form of all times that are written.
pub fn rfc3339(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_whole_seconds() {
        let time: Timestamp = "2026-11-21T07:41:00.987Z".parse().unwrap();
        assert_eq!(rfc3339(time), "2026-11-21T07:41:00Z");
    }
}
