//! The one reader of the wall time.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

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

/// The time that the daemon lives by: the wall's, a time that never goes back, and waiting. Limits on
/// input and output are no part of it: they are real always.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    begun: Instant,
    started: Timestamp,
    speed: u32,
}

impl Clock {
    /// The system's.
    pub fn system() -> Self {
        Self::fast(1)
    }

    /// One that runs `speed` times as fast, from now on: a test's, for which a day is short.
    pub fn fast(speed: u32) -> Self {
        Self {
            begun: Instant::now(),
            started: now(),
            speed: speed.max(1),
        }
    }

    pub fn now(&self) -> Timestamp {
        match self.speed {
            // The system's may be set meanwhile.
            1 => now(),
            _ => SignedDuration::try_from(self.elapsed())
                .ok()
                .and_then(|elapsed| self.started.checked_add(elapsed).ok())
                .unwrap_or(Timestamp::MAX),
        }
    }

    /// Since it was made, by a time that never goes back.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed().saturating_mul(self.speed)
    }

    /// [`Self::elapsed`] in milliseconds.
    pub fn millis(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How long `span` of its time lasts.
    pub fn lasts(&self, span: Duration) -> Duration {
        span / self.speed
    }

    /// Waits for `span` of its time.
    pub async fn sleep(&self, span: Duration) {
        tokio::time::sleep(self.lasts(span)).await;
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_whole_seconds() {
        let time: Timestamp = "2026-11-21T07:41:00.987Z".parse().unwrap();
        assert_eq!(rfc3339(time), "2026-11-21T07:41:00Z");
    }

    #[test]
    fn a_fast_clock_is_ahead_of_the_walls_and_waits_less() {
        let clock = Clock::fast(1_000_000);
        while clock.begun.elapsed() < Duration::from_millis(1) {}
        assert!(clock.elapsed() >= Duration::from_secs(1000));
        assert!(clock.now() > now().checked_add(SignedDuration::from_secs(900)).unwrap());
        assert_eq!(
            clock.lasts(Duration::from_secs(1)),
            Duration::from_micros(1)
        );
    }
}
