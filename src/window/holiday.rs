//! Days on which no window is open.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A day, or the days from one to another: `2026-12-24`, `2026-12-24..2027-01-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holiday {
    first: Date,
    last: Date,
}

/// Why a text is no holiday.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HolidayError {
    #[error("`{0}` is no day; write 2026-12-24, or 2026-12-24..2027-01-01")]
    Day(String),
    #[error("`{0}` ends before it begins")]
    Order(String),
    #[error("`{0}` is more than {MAX_DAYS} days; a `freeze` keeps an environment closed for long")]
    Long(String),
}

/// So many days a range has, and all holidays of some windows together.
pub const MAX_DAYS: usize = 366;

impl FromStr for Holiday {
    type Err = HolidayError;

    fn from_str(text: &str) -> Result<Self, HolidayError> {
        let quoted = || text.chars().take(80).collect::<String>();
        // Only the plain form: jiff reads times and week dates too.
        let day = |text: &str| match text.trim() {
            plain if plain.len() == "2026-12-24".len() => plain.parse::<Date>().ok(),
            _ => None,
        };
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let days = day(first).zip(day(last));
        let (first, last) = days.ok_or_else(|| HolidayError::Day(quoted()))?;
        let holiday = Self { first, last };
        if last < first {
            return Err(HolidayError::Order(quoted()));
        }
        match holiday.days().nth(MAX_DAYS) {
            Some(_) => Err(HolidayError::Long(quoted())),
            None => Ok(holiday),
        }
    }
}

impl Holiday {
    fn days(self) -> impl Iterator<Item = Date> {
        let days = std::iter::successors(Some(self.first), |day| day.tomorrow().ok());
        days.take_while(move |day| *day <= self.last)
    }
}

/// The days of several holidays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Holidays(BTreeSet<Date>);

impl Extend<Holiday> for Holidays {
    fn extend<I: IntoIterator<Item = Holiday>>(&mut self, holidays: I) {
        self.0.extend(holidays.into_iter().flat_map(Holiday::days));
    }
}

impl Holidays {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn contains(&self, day: Date) -> bool {
        self.0.contains(&day)
    }

    /// The first one that is not before `day`.
    pub fn from(&self, day: Date) -> Option<Date> {
        self.0.range(day..).next().copied()
    }
}

impl fmt::Display for Holidays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_first = |day: &Date| day.yesterday().is_ok_and(|before| !self.contains(before));
        for (number, first) in self.0.iter().copied().filter(is_first).enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{first}")?;
            let after = std::iter::successors(first.tomorrow().ok(), |day| day.tomorrow().ok());
            if let Some(last) = after.take_while(|day| self.contains(*day)).last() {
                write!(f, "..{last}")?;
            }
        }
        Ok(())
    }
}
