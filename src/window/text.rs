//! A window as a text.

use std::fmt;
use std::str::FromStr;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::window::{Days, Hours, MIDNIGHT, WHOLE_DAY, Window};

const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Why a text is no window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    #[error(
        "a window says days or times, such as `Mon-Thu 09:00-16:00 Europe/Berlin`; `*` is always"
    )]
    Empty,
    #[error("`{0}` is no day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun")]
    Day(String),
    #[error("`{0}` ends with a comma; write days without spaces, such as Mon,Wed,Fri")]
    Comma(String),
    #[error("`{0}` is no span of time; write HH:MM-HH:MM, such as 09:00-16:00")]
    Times(String),
    #[error("`{0}` is no time of day; write HH:MM from 00:00 to 23:59, or 24:00 as an end")]
    Time(String),
    #[error("`{0}` ends when it begins; leave the times out where the whole day is meant")]
    NoTime(String),
    #[error("`{name}` is no time zone of the IANA database; {advice}")]
    Zone { name: String, advice: String },
    #[error("`{0}` stands in the wrong place; a window is days, times and a zone, in this order")]
    Place(String),
}

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let mut words = text.split_whitespace().peekable();
        let days = words.next_if(|word| is_days(word));
        let times = words.next_if(|word| is_times(word));
        if days.is_none() && times.is_none() {
            return Err(match words.next() {
                // A day in another language, or a zone alone.
                Some(word) if zone(word).is_err() => WindowError::Day(quoted(word)),
                _ => WindowError::Empty,
            });
        }
        let window = Self {
            days: days.map_or(Ok([true; 7]), read_days)?,
            hours: times.map_or(Ok(WHOLE_DAY), read_hours)?,
            zone: match words.next_if(|word| !is_days(word) && !is_times(word)) {
                Some(word) => zone(word)?,
                None => TimeZone::UTC,
            },
        };
        match words.next() {
            Some(word) => Err(WindowError::Place(quoted(word))),
            None => Ok(window),
        }
    }
}

/// Enough of a text that may be anything.
fn quoted(text: &str) -> String {
    text.chars().take(80).collect()
}

fn day_number(name: &str) -> Option<usize> {
    NAMES
        .iter()
        .position(|known| known.eq_ignore_ascii_case(name))
}

/// Whether the word means days, if only wrong ones: no zone and no time begins so.
fn is_days(word: &str) -> bool {
    let first = word.split([',', '-']).next().unwrap_or_default();
    word == "*" || word.contains(',') || NAMES.iter().any(|name| begins_with(first, name))
}

fn is_times(word: &str) -> bool {
    word.contains(':') || word.starts_with(|first: char| first.is_ascii_digit())
}

fn begins_with(word: &str, name: &str) -> bool {
    word.get(..name.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(name))
}

fn read_days(word: &str) -> Result<Days, WindowError> {
    if word == "*" {
        return Ok([true; 7]);
    }
    if word.ends_with(',') {
        return Err(WindowError::Comma(quoted(word)));
    }
    let number = |name: &str| day_number(name).ok_or_else(|| WindowError::Day(quoted(name)));
    let mut days = [false; 7];
    for part in word.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        let length = (last + 7 - first) % 7;
        for (day, is_open) in days.iter_mut().enumerate() {
            *is_open |= (day + 7 - first) % 7 <= length;
        }
    }
    Ok(days)
}

fn read_hours(word: &str) -> Result<Hours, WindowError> {
    let (start, end) = word
        .split_once('-')
        .ok_or_else(|| WindowError::Times(quoted(word)))?;
    let (start, end) = (read_minutes(start)?, read_minutes(end)?);
    if start == MIDNIGHT {
        return Err(WindowError::Time("24:00".to_owned()));
    }
    if start == end {
        return Err(WindowError::NoTime(quoted(word)));
    }
    // The end of a day is the beginning of the next one.
    let end = if end == 0 { MIDNIGHT } else { end };
    Ok(Hours { start, end })
}

fn read_minutes(text: &str) -> Result<u16, WindowError> {
    let fault = || WindowError::Time(quoted(text));
    let two = |part: &str| {
        let is_two = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        is_two.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = text.split_once(':').ok_or_else(fault)?;
    let (hours, minutes) = two(hours).zip(two(minutes)).ok_or_else(fault)?;
    match hours * 60 + minutes {
        _ if minutes > 59 => Err(fault()),
        time if time > MIDNIGHT => Err(fault()),
        time => Ok(time),
    }
}

fn zone(name: &str) -> Result<TimeZone, WindowError> {
    let database = TimeZoneDatabase::bundled();
    let found = database.get(name).ok().filter(|zone| !zone.is_unknown());
    found.ok_or_else(|| WindowError::Zone {
        name: quoted(name),
        advice: match nearest(&database, name) {
            Some(other) => format!("did you mean {other}?"),
            None => "write UTC, or a place, such as Europe/Berlin".to_owned(),
        },
    })
}

fn nearest(database: &TimeZoneDatabase, name: &str) -> Option<String> {
    const NEAR: f64 = 0.85;
    let name = quoted(name);
    let likeness = |other: &str| {
        let city = other.rsplit('/').next().unwrap_or(other);
        strsim::jaro(&name, other).max(strsim::jaro(&name, city))
    };
    database
        .available()
        .map(|other| (likeness(other.as_str()), other))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, other)| other.as_str().to_owned())
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_days(f, &self.days)?;
        if self.hours != WHOLE_DAY {
            let Hours { start, end } = self.hours;
            let parts = [start / 60, start % 60, end / 60, end % 60];
            let [hour, minute, end_hour, end_minute] = parts;
            write!(f, " {hour:02}:{minute:02}-{end_hour:02}:{end_minute:02}")?;
        }
        write!(f, " {}", self.zone.iana_name().unwrap_or("UTC"))
    }
}

/// Days that follow one another as `Mon-Thu`, over Sunday too.
fn write_days(f: &mut fmt::Formatter<'_>, days: &Days) -> fmt::Result {
    let is_open = |day: usize| days.get(day % 7).copied().unwrap_or_default();
    if days.iter().all(|day| *day) {
        return f.write_str("*");
    }
    let name = |day: usize| NAMES.get(day % 7).copied().unwrap_or_default();
    let firsts = (0..7).filter(|day| is_open(*day) && !is_open(day + 6));
    for (number, first) in firsts.enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let after = (1..7).take_while(|more| is_open(first + more)).count();
        write!(f, "{comma}{}", name(first))?;
        match after {
            0 => {}
            _ => write!(f, "-{}", name(first + after))?,
        }
    }
    Ok(())
}

impl TryFrom<String> for Window {
    type Error = WindowError;

    fn try_from(text: String) -> Result<Self, WindowError> {
        text.parse()
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.to_string()
    }
}
