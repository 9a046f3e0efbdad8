//! Times of the week at which something may be done, as `headwater.yaml` has them.
//!
//! `[days] [times] [zone]`, such as `Mon-Thu 09:00-16:00 Europe/Berlin`. A window is open while
//! the clock on the wall in its zone is within it. So on a day of daylight saving, what the clock
//! skips is skipped, and what it shows twice is open twice. On a holiday none opens: a day of its
//! own zone, and a window over midnight belongs to the day on which it begins.

mod holiday;
mod text;

use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::window::holiday::Holidays;

pub use holiday::{Holiday, HolidayError, MAX_DAYS};
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
    fn is_open(&self, now: Timestamp, holidays: &Holidays) -> bool {
        let local = self.zone.to_datetime(now);
        let minute = minute_of(local.time());
        let Hours { start, end } = self.hours;
        let is_on = |day: Date| {
            let number = usize::from(day.weekday().to_monday_zero_offset().unsigned_abs());
            let is_day = self.days.get(number).copied().unwrap_or_default();
            is_day && !holidays.contains(day)
        };
        let today = local.date();
        if start < end {
            return is_on(today) && (start..end).contains(&minute);
        }
        let is_of_yesterday = || today.yesterday().is_ok_and(is_on) && minute < end;
        (is_on(today) && minute >= start) || is_of_yesterday()
    }

    /// The times at which it may open or close on [`SEARCHED`] days from `first` on.
    fn changes(&self, first: Date) -> Vec<Timestamp> {
        let dates = std::iter::successors(Some(first), |date| date.tomorrow().ok());
        let dates: Vec<Date> = dates.take(SEARCHED).collect();
        let edges = dates.iter().flat_map(|date| {
            let Hours { start, end } = self.hours;
            [start, end].map(|minute| at_minute(*date, minute))
        });
        let mut changes: Vec<Timestamp> = edges
            .flatten()
            .flat_map(|local| self.instants(local))
            .flatten()
            .collect();
        let begin = changes.iter().min().copied();
        let horizon = changes.iter().max().copied();
        if let Some((begin, horizon)) = begin.zip(horizon) {
            let shifts = self.zone.following(begin).map(|shift| shift.timestamp());
            changes.extend(shifts.take_while(|time| *time <= horizon).take(SEARCHED));
        }
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

/// Three weeks, and what zones and midnight add at both ends: the clock may skip a window once,
/// and hardly twice in a row.
const SEARCHED: usize = 25;

/// Several windows, open while one of them is, and on no holiday; without any, always open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    windows: Vec<Window>,
    holidays: Holidays,
}

impl FromIterator<Window> for Windows {
    fn from_iter<I: IntoIterator<Item = Window>>(windows: I) -> Self {
        Self {
            windows: windows.into_iter().collect(),
            holidays: Holidays::default(),
        }
    }
}

impl Extend<Holiday> for Windows {
    fn extend<I: IntoIterator<Item = Holiday>>(&mut self, holidays: I) {
        self.holidays.extend(holidays);
    }
}

impl Windows {
    /// There is no window that anything has to wait for.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// How many days are holidays.
    pub fn holidays(&self) -> usize {
        self.holidays.len()
    }

    pub fn is_open(&self, now: Timestamp) -> bool {
        let mut windows = self.windows.iter();
        self.windows.is_empty() || windows.any(|window| window.is_open(now, &self.holidays))
    }

    /// The first time from `now` on at which a window is open: `now` itself, where one is.
    pub fn next_opening(&self, now: Timestamp) -> Option<Timestamp> {
        match self.is_open(now) {
            true => Some(now),
            false => self.first_change(now, true),
        }
    }

    /// The first time after `now` at which no window is open any more. None where none is open
    /// now, and where one always is.
    pub fn closes(&self, now: Timestamp) -> Option<Timestamp> {
        match self.is_open(now) {
            true => self.first_change(now, false),
            false => None,
        }
    }

    /// The first time after `now` at which they are open, or closed.
    ///
    /// Each turn looks at days that have a holiday, but for the first one: without a holiday the
    /// weeks are alike.
    fn first_change(&self, now: Timestamp, is_open: bool) -> Option<Timestamp> {
        let days = |days: usize| Span::new().days(i64::try_from(days).unwrap_or_default());
        let today = TimeZone::UTC.to_datetime(now).date();
        let mut first = today.saturating_sub(days(2));
        loop {
            // Only what a window itself does can be what all of them do.
            let mut changes: Vec<Timestamp> = Vec::new();
            for window in &self.windows {
                let own = window.changes(first).into_iter();
                let is_own = |time: &Timestamp| window.is_open(*time, &self.holidays) == is_open;
                changes.extend(own.filter(|time| *time > now).filter(is_own));
            }
            changes.sort_unstable();
            changes.dedup();
            let found = changes.iter().find(|time| self.is_open(**time) == is_open);
            if found.is_some() {
                return found.copied();
            }
            let holiday = self.holidays.from(first)?;
            let next = first.checked_add(days(SEARCHED - 3)).ok()?;
            first = next.max(holiday.saturating_sub(days(1)));
        }
    }
}

impl fmt::Display for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, window) in self.windows.iter().enumerate() {
            let comma = if number == 0 { "" } else { "; " };
            write!(f, "{comma}{window}")?;
        }
        match self.holidays.len() {
            0 => Ok(()),
            _ => write!(f, "; not on {}", self.holidays),
        }
    }
}

#[cfg(test)]
mod holiday_tests;
#[cfg(test)]
mod tests;
