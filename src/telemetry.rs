//! Log lines on stderr: one line an event, as text for people or as JSON for machines.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::plain::plain;

/// The value of `--log-format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// How much is said; `RUST_LOG` counts only where no flag decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    Quiet,
    Normal,
    Verbose,
    Debug,
}

impl Verbosity {
    /// For a process that nobody asks anything: changes of state are said, unless it is to be quiet.
    pub fn at_least_info(self) -> Self {
        match self {
            Self::Normal => Self::Verbose,
            other => other,
        }
    }
}

/// Starts logging for the whole process; a second call does nothing.
pub fn start(format: LogFormat, verbosity: Verbosity) {
    let directives = std::env::var("RUST_LOG").ok();
    let targets = targets(verbosity, directives.as_deref());
    let lines = Lines {
        format,
        write: |line: &str| {
            // Nobody is left to tell.
            let _ = io::stderr().lock().write_all(line.as_bytes());
        },
    };
    let layer = lines.with_filter(targets.and(filter_fn(may_be_shown)));
    let subscriber = tracing_subscriber::registry().with(layer);
    let _ = tracing::subscriber::set_global_default(subscriber);
}

fn targets(verbosity: Verbosity, directives: Option<&str>) -> Targets {
    let own = |level| {
        Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target("headwater", level)
    };
    match verbosity {
        Verbosity::Quiet => Targets::new().with_default(LevelFilter::ERROR),
        Verbosity::Normal => directives
            .and_then(|text| Targets::from_str(text).ok())
            .unwrap_or_else(|| own(LevelFilter::WARN)),
        Verbosity::Verbose => own(LevelFilter::INFO),
        Verbosity::Debug => own(LevelFilter::DEBUG),
    }
}

/// HTTP libraries show headers, and so credentials, when they speak in detail: never, whatever
/// `RUST_LOG` says.
fn may_be_shown(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("headwater") || *metadata.level() <= Level::INFO
}

/// Turns each event, with the fields of the spans around it, into one line.
struct Lines<W> {
    format: LogFormat,
    write: W,
}

/// A span's or an event's fields, in their order.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&str) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                for (name, value) in &outer.0 {
                    fields
                        .0
                        .entry(name.clone())
                        .or_insert_with(|| value.clone());
                }
            }
        }
        event.record(&mut fields);
        let line = match self.format {
            LogFormat::Text => text_line(*event.metadata().level(), fields),
            LogFormat::Json => json_line(Timestamp::now(), event.metadata(), fields),
        };
        (self.write)(&line);
    }
}

fn text_line(level: Level, mut fields: Fields) -> String {
    let level = match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    };
    let message = fields.take_message();
    let mut line = format!("{level}: {message}");
    for (name, value) in &fields.0 {
        match value {
            // Programs find each field in its place; to people an empty one says nothing.
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => line.push_str(&format!(" {name}={text}")),
            other => line.push_str(&format!(" {name}={other}")),
        }
    }
    let mut line = plain(&line).into_owned();
    line.push('\n');
    line
}

/// JSON escapes control characters by itself.
fn json_line(now: Timestamp, metadata: &Metadata<'_>, mut fields: Fields) -> String {
    let mut line = Map::new();
    let level = metadata.level().as_str().to_ascii_lowercase();
    line.insert("ts".to_owned(), format!("{now:.3}").into());
    line.insert("level".to_owned(), level.into());
    line.insert("target".to_owned(), metadata.target().into());
    line.insert("msg".to_owned(), fields.take_message().into());
    for (name, value) in fields.0 {
        line.entry(name).or_insert(value);
    }
    format!("{}\n", Value::Object(line))
}

impl Fields {
    fn take_message(&mut self) -> String {
        match self.0.shift_remove("message") {
            Some(Value::String(message)) => message,
            _ => String::new(),
        }
    }

    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn lines_of(format: LogFormat, say: impl FnOnce()) -> String {
        let written = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&written);
        let lines = Lines {
            format,
            write: move |line: &str| sink.lock().unwrap().push_str(line),
        };
        let subscriber = tracing_subscriber::registry().with(lines);
        tracing::subscriber::with_default(subscriber, say);
        let text = written.lock().unwrap();
        text.clone()
    }

    fn say() {
        let span = tracing::info_span!("pass", repo = "infra", stream = "outer");
        let _guard = span.enter();
        tracing::warn!(
            stream = "dev/web",
            attempt = 2,
            url = "",
            "slow \x1b[2J answer\nforged"
        );
    }

    #[test]
    fn text_lines_hold_one_event_and_no_control_characters() {
        assert_eq!(
            lines_of(LogFormat::Text, say),
            "warning: slow [2J answer forged repo=infra stream=dev/web attempt=2\n"
        );
    }

    #[test]
    fn json_lines_hold_time_level_message_and_fields() {
        let text = lines_of(LogFormat::Json, say);
        assert_eq!(text.matches('\n').count(), 1);
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "warn");
        assert_eq!(line["msg"], "slow \x1b[2J answer\nforged");
        assert_eq!(line["stream"], "dev/web");
        assert_eq!(line["repo"], "infra");
        assert_eq!(line["url"], "");
        assert_eq!(line["attempt"], 2);
        assert!(line["ts"].as_str().unwrap().parse::<Timestamp>().is_ok());
    }

    #[test]
    fn flags_decide_before_the_environment() {
        let shows = |verbosity, directives, target: &str, level| {
            targets(verbosity, directives).would_enable(target, &level)
        };
        let own = "headwater::registry";
        assert!(shows(Verbosity::Normal, None, own, Level::WARN));
        assert!(!shows(Verbosity::Normal, None, own, Level::INFO));
        assert!(shows(
            Verbosity::Normal,
            Some("headwater=debug"),
            own,
            Level::DEBUG
        ));
        assert!(!shows(Verbosity::Quiet, Some("debug"), own, Level::WARN));
        assert!(shows(Verbosity::Verbose, None, own, Level::INFO));
        assert!(!shows(Verbosity::Debug, None, "hyper", Level::INFO));
    }
}
