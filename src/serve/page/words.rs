//! What templates say in their own way: times, digests, links.

use std::fmt::Write as _;

use jiff::Timestamp;
use minijinja::{Environment, Error, ErrorKind, Output, State, Value, context};

use crate::serve::page::text::{LONGEST, encoded, escape, shown, visible, web_link};

/// The instant that a page is of, among what its template is given: seconds since 1970.
const NOW: &str = "now";
/// What is called longer has no page that a link could lead to.
pub const LONGEST_ADDRESS: usize = 1_500;
/// As many digits of a digest as tables show; of a commit fewer.
pub const DIGEST: usize = 12;
const COMMIT: usize = 8;

pub fn add_words(environment: &mut Environment<'_>) {
    environment.set_formatter(write_value);
    environment.add_filter("time", |state: &State, time: &str| {
        safe(long_time(time, now(state)))
    });
    environment.add_filter("age", |state: &State, time: &str| {
        safe(short_time(time, now(state)))
    });
    environment.add_filter("told", |state: &State, text: &str| {
        safe(told(text, now(state)))
    });
    environment.add_filter("hex", |image: &str| short(image, DIGEST));
    environment.add_filter("commit", |commit: &str| short(commit, COMMIT));
    environment.add_filter("at", |name: &str| {
        Some(encoded(name)).filter(|at| at.len() <= LONGEST_ADDRESS)
    });
    environment.add_filter("web", |link: Option<String>| {
        link.and_then(|link| web_link(&link))
    });
    environment.add_filter("until", |state: &State, time: &str| {
        let time = time.parse::<Timestamp>().ok();
        time.map(|time| relative(time, now(state)))
    });
    environment.add_filter("count", count);
    environment.add_function(
        "matrix",
        |state: &State, rows: Value, columns: Value, id: &str| {
            part(state, "matrix", context! { rows, columns, id })
        },
    );
    environment.add_function("changes", |state: &State, changes: Value, label: &str| {
        part(state, "changes", context! { changes, label })
    });
    environment.add_function("marks", |state: &State, marks: Value| {
        part(state, "marks", context! { marks })
    });
    environment.add_function("pager", |state: &State, paging: Value| {
        part(state, "pager", context! { paging })
    });
    environment.add_function("search", |state: &State, hint: &str, all: &str| {
        part(state, "search", context! { hint, all })
    });
}

/// All that a template writes goes through here: nothing is markup but what was made above.
fn write_value(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    match value.as_str() {
        Some(text) if value.is_safe() => out.write_str(text)?,
        Some(text) => out.write_str(&shown(text, LONGEST))?,
        None if value.is_none() => {}
        None => escape(out, &value.to_string())?,
    }
    Ok(())
}

/// A template within another one, with what all have.
fn part(state: &State, name: &str, values: Value) -> Result<Value, Error> {
    let all = context! {
        root => state.lookup("root"),
        repository => state.lookup("repository"),
        filter => state.lookup("filter"),
        now => state.lookup(NOW),
        ..values
    };
    Ok(safe(state.env().get_template(name)?.render(all)?))
}

fn safe(html: String) -> Value {
    Value::from_safe_string(html)
}

fn now(state: &State) -> Timestamp {
    let seconds = state.lookup(NOW).and_then(|now| i64::try_from(now).ok());
    let time = Timestamp::from_second(seconds.unwrap_or_default());
    time.unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `2 problems`
fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// The beginning of a digest or a commit; a name that is neither stays.
pub fn short(image: &str, digits: usize) -> String {
    let hex = image.rsplit(':').next().unwrap_or(image);
    let is_hex = hex.len() >= 40 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_hex {
        true => hex.chars().take(digits).collect(),
        false => image.to_owned(),
    }
}

/// `5 h`, in the largest unit of which there are two.
pub fn duration(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] = [
        (365 * 86_400, "y"),
        (86_400, "d"),
        (3_600, "h"),
        (60, "min"),
    ];
    let seconds = seconds.max(0);
    let unit = UNITS.into_iter().find(|(unit, _)| seconds >= 2 * unit);
    match unit {
        Some((unit, name)) => format!("{} {name}", seconds / unit),
        None => format!("{seconds} s"),
    }
}

/// `5 h ago` or `in 5 h`.
pub fn relative(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(time.as_second());
    match seconds {
        0.. => format!("{} ago", duration(seconds)),
        _ => format!("in {}", duration(seconds.saturating_neg())),
    }
}

fn absolute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Both, side by side.
fn long_time(text: &str, now: Timestamp) -> String {
    element(text, |time| {
        format!("{} ({})", absolute(time), relative(time, now))
    })
}

/// The age alone; the rest is in the title, and on paper.
fn short_time(text: &str, now: Timestamp) -> String {
    let Ok(time) = text.parse::<Timestamp>() else {
        return shown(text, 40);
    };
    let seconds = now.as_second().saturating_sub(time.as_second());
    let absolute = absolute(time);
    let age = duration(seconds);
    format!("<time datetime=\"{time:.0}\" title=\"{absolute}\">{age}</time>")
}

fn element(text: &str, say: impl Fn(Timestamp) -> String) -> String {
    match text.parse::<Timestamp>() {
        Ok(time) => format!("<time datetime=\"{time:.0}\">{}</time>", say(time)),
        Err(_) => shown(text, 40),
    }
}

/// A message, with each time in it as one.
fn told(text: &str, now: Timestamp) -> String {
    let text = visible(text, LONGEST);
    let mut out = String::new();
    for (number, word) in text.split(' ').enumerate() {
        if number > 0 {
            out.push(' ');
        }
        let is_edge = |c: char| matches!(c, ',' | ';' | '.' | '(' | ')' | ':');
        let inner = word.trim_matches(is_edge);
        let is_time = inner.len() == 20 && inner.ends_with('Z') && inner.is_ascii();
        match inner.parse::<Timestamp>().ok().filter(|_| is_time) {
            Some(time) => {
                let before = word.len() - word.trim_start_matches(is_edge).len();
                let (before, after) = word.split_at(before);
                let after = after.strip_prefix(inner).unwrap_or_default();
                let absolute = absolute(time);
                let relative = relative(time, now);
                let _ = escape(&mut out, before);
                let _ = write!(
                    out,
                    "<time datetime=\"{time:.0}\">{absolute} ({relative})</time>"
                );
                let _ = escape(&mut out, after);
            }
            None => {
                let _ = escape(&mut out, word);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_absolute_and_relative() {
        let now = at("2026-11-21T12:00:00Z");
        assert_eq!(
            long_time("2026-11-21T11:59:48Z", now),
            "<time datetime=\"2026-11-21T11:59:48Z\">2026-11-21 11:59:48 UTC (12 s ago)</time>"
        );
        assert_eq!(
            short_time("2026-11-19T11:00:00.123Z", now),
            "<time datetime=\"2026-11-19T11:00:00Z\" title=\"2026-11-19 11:00:00 UTC\">2 d</time>"
        );
        assert_eq!(relative(at("2026-11-21T15:00:00Z"), now), "in 3 h");
        assert_eq!(long_time("<b>", now), "&lt;b&gt;");
        assert_eq!(short_time("<b>", now), "&lt;b&gt;");
    }

    #[test]
    fn messages_have_their_times_marked_and_nothing_else() {
        let now = at("2026-11-21T12:00:00Z");
        assert_eq!(
            told(
                "waits (until 2026-11-22T12:00:00Z), for <b> & 2026-99-99T00:00:00Z",
                now
            ),
            "waits (until <time datetime=\"2026-11-22T12:00:00Z\">2026-11-22 12:00:00 UTC (in 24 h)\
             </time>), for &lt;b&gt; &amp; 2026-99-99T00:00:00Z"
        );
        assert_eq!(told("", now), "");
    }

    #[test]
    fn durations_and_names_are_short() {
        for (seconds, expected) in [
            (-5, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (3 * 86_400, "3 d"),
            (800 * 86_400, "2 y"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
        assert_eq!(short(&format!("sha256:{}", "ab".repeat(32)), 4), "abab");
        assert_eq!(short("quay.io/acme/api:2", 4), "quay.io/acme/api:2");
    }
}
