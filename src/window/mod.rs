//! Times of the week at which something may be done, as `headwater.yaml` has them.
//!
//! `[days] [times] [zone]`, such as `Mon-Thu 09:00-16:00 Europe/Berlin`. A window is open while
//! the clock on the wall in its zone is within it. So on a day of daylight saving, what the clock
//! skips is skipped, and what it shows twice is open twice.

mod text;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use serde::{Deserialize, Serialize};

pub use text::WindowError;

/// One window of the week, in one zone.
///
/// Days: `Mon`, `Mon-Fri`, `Fri-Mon` (over Sunday), `Mon,Wed,Fri`; none or `*`: every day. Times:
/// `09:00-16:00`, to `24:00` at most; `22:00-06:00` goes over midnight and belongs to the day on
/// which it begins; none: the whole day. Zone: an IANA name; none: UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Window {
    days: Days,
    hours: Hours,
    /// Of the bundled database, so that every machine means the same.
    zone: TimeZone,
}

/// By their number, counted from Monday.
type Days = [bool; 7];

/// Minutes since midnight; the end is after the start, or on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hours {
    start: u16,
    end: u16,
}

const MIDNIGHT: u16 = 24 * 60;
const WHOLE_DAY: Hours = Hours {
    start: 0,
    end: MIDNIGHT,
};

impl Window {
    pub fn is_open(&self, now: Timestamp) -> bool {
        let local = self.zone.to_datetime(now);
        let minute = minute_of(local.time());
        let Hours { start, end } = self.hours;
        let is_on = |day: Weekday| {
            let number = usize::from(day.to_monday_zero_offset().unsigned_abs());
            self.days.get(number).copied().unwrap_or_default()
        };
        let today = local.weekday();
        if start < end {
            return is_on(today) && (start..end).contains(&minute);
        }
        (is_on(today) && minute >= start) || (is_on(today.previous()) && minute < end)
    }

    /// The times after `now` at which it may open or close, of three weeks: the clock may skip a
    /// window once, and hardly twice in a row.
    fn changes(&self, now: Timestamp) -> Vec<Timestamp> {
        const DAYS: usize = 22;
        let Some(yesterday) = self.zone.to_datetime(now).date().yesterday().ok() else {
            return Vec::new();
        };
        let dates = std::iter::successors(Some(yesterday), |date| date.tomorrow().ok());
        let dates: Vec<Date> = dates.take(DAYS).collect();
        let edges = dates.iter().flat_map(|date| {
            let Hours { start, end } = self.hours;
            [start, end].map(|minute| at_minute(*date, minute))
        });
        let mut changes: Vec<Timestamp> = edges
            .flatten()
            .flat_map(|local| self.instants(local))
            .flatten()
            .collect();
        let horizon = changes.iter().max().copied().unwrap_or(now);
        let shifts = self.zone.following(now).map(|shift| shift.timestamp());
        changes.extend(shifts.take_while(|time| *time <= horizon).take(DAYS));
        changes.retain(|time| *time > now);
        changes
    }

    /// When the clock shows `local`: never, once or twice.
    fn instants(&self, local: DateTime) -> [Option<Timestamp>; 2] {
        let at = |offset: Offset| offset.to_timestamp(local).ok();
        match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => [at(offset), None],
            AmbiguousOffset::Gap { .. } => [None, None],
            AmbiguousOffset::Fold { before, after } => [at(before), at(after)],
        }
    }
}

fn minute_of(time: Time) -> u16 {
    u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs())
}

/// The minute of the day; that of 24:00 is the next day's first.
fn at_minute(date: Date, minute: u16) -> Option<DateTime> {
    let (date, minute) = match minute {
        MIDNIGHT => (date.tomorrow().ok()?, 0),
        minute => (date, minute),
    };
    let part = |number: u16| i8::try_from(number).ok();
    let time = Time::new(part(minute / 60)?, part(minute % 60)?, 0, 0).ok()?;
    Some(date.to_datetime(time))
}

/// Several windows, open while one of them is; without any, always open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Windows(Vec<Window>);

impl FromIterator<Window> for Windows {
    fn from_iter<I: IntoIterator<Item = Window>>(windows: I) -> Self {
        Self(windows.into_iter().collect())
    }
}

impl Windows {
    /// There is no window that anything has to wait for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_open(&self, now: Timestamp) -> bool {
        self.0.is_empty() || self.0.iter().any(|window| window.is_open(now))
    }

    /// The first time from `now` on at which a window is open: `now` itself, where one is.
    pub fn next_opening(&self, now: Timestamp) -> Option<Timestamp> {
        if self.is_open(now) {
            return Some(now);
        }
        self.first_change(now, |time| self.is_open(time))
    }

    /// The first time after `now` at which no window is open any more. None where none is open
    /// now, and where one always is.
    pub fn closes(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.is_open(now) {
            return None;
        }
        self.first_change(now, |time| !self.is_open(time))
    }

    fn first_change(
        &self,
        now: Timestamp,
        is_wanted: impl Fn(Timestamp) -> bool,
    ) -> Option<Timestamp> {
        let mut changes: Vec<Timestamp> = self
            .0
            .iter()
            .flat_map(|window| window.changes(now))
            .collect();
        changes.sort_unstable();
        changes.into_iter().find(|time| is_wanted(*time))
    }
}

impl fmt::Display for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, window) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { "; " };
            write!(f, "{comma}{window}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
