//! `gates` and `freeze` of an environment, and the windows of a schedule.

use std::time::Duration;

use jiff::Timestamp;

use crate::config::field::{Fields, MOST};
use crate::gate::{Freeze, Gates, Soak};
use crate::image::PublicKey;
use crate::problem::Problem;
use crate::window::{Holiday, MAX_DAYS, Window, Windows};
use crate::yaml::{Node, Value};

/// A gate that is asked for longer would be a freeze.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Longer ones do not fit into a pull request's table.
const MAX_TEXT: usize = 200;

const MAX_KEY_BYTES: usize = 16 * 1024;

pub(crate) fn read_gates<'a>(fields: &mut Fields<'a>, environment: &'a Node) -> Gates {
    const KNOWN: &[&str] = &[
        "soak",
        "checks",
        "signature",
        "minimumAge",
        "approvals",
        "windows",
        "holidays",
    ];
    let mut gates = Gates::default();
    let Some(node) = fields.mapping(environment, "gates", KNOWN) else {
        return gates;
    };
    gates.soak = read_soak(fields, node);
    for (node, name) in fields.few_texts(node, "checks") {
        if is_plain(&name) {
            gates.checks.insert(name);
        } else {
            let message = format!("a name in `checks` is a text of 1 to {MAX_TEXT} characters");
            fields.error(node, message);
        }
    }
    gates.signed_by = read_keys(fields, node);
    gates.minimum_age = span(fields, node, "minimumAge").unwrap_or_default();
    if let Some(number) = fields.number(node, "approvals", 1) {
        match u32::try_from(number) {
            Ok(number) if number <= 100 => gates.approvals = number,
            _ => {
                let node = fields.get(node, "approvals").unwrap_or(node);
                fields.error(node, "`approvals` is a whole number from 1 to 100");
            }
        }
    }
    gates.windows = read_windows(fields, node, "windows");
    read_holidays(fields, node, &mut gates.windows);
    gates
}

/// `2h`, or `{since: 2h}`, or `{resident: 2h}`.
fn read_soak<'a>(fields: &mut Fields<'a>, gates: &'a Node) -> Option<Soak> {
    let node = fields.get(gates, "soak")?;
    if !matches!(node.value, Value::Mapping { .. }) {
        return span(fields, gates, "soak").map(Soak::Since);
    }
    fields.check(node, &["since", "resident"]);
    let since = span(fields, node, "since").map(Soak::Since);
    let resident = span(fields, node, "resident").map(Soak::Resident);
    let is_one = fields.get(node, "since").is_some() != fields.get(node, "resident").is_some();
    if !is_one {
        let problem = Problem::error(
            fields.place(node),
            "`soak` has either `since` or `resident`",
        );
        let advice = "`since` counts from when a commit entered, `resident` only the time without another image in between";
        fields.problems.push(problem.advice(advice));
    }
    since.or(resident)
}

/// A time span that is not zero and no longer than a gate may be asked for.
fn span<'a>(fields: &mut Fields<'a>, node: &'a Node, key: &str) -> Option<Duration> {
    let span = fields.duration(node, key)?;
    let member = fields.get(node, key)?;
    if span.is_zero() {
        let problem = Problem::error(fields.place(member), format!("`{key}` is no time at all"));
        let advice = format!("leave `{key}` out");
        fields.problems.push(problem.advice(advice));
        return None;
    }
    if span > LONGEST {
        let message = format!("`{key}` is at most 366 days, 8784h");
        let problem = Problem::error(fields.place(member), message);
        let advice = "`freeze` keeps an environment closed";
        fields.problems.push(problem.advice(advice));
        return None;
    }
    Some(span)
}

fn read_keys<'a>(fields: &mut Fields<'a>, gates: &'a Node) -> Vec<PublicKey> {
    let Some(node) = fields.mapping(gates, "signature", &["keys"]) else {
        return Vec::new();
    };
    let mut keys = Vec::new();
    let texts = fields.few_texts(node, "keys");
    if texts.is_empty() {
        let problem = Problem::error(fields.place(node), "`signature` has at least one of `keys`");
        let advice =
            "write the public key that `cosign generate-key-pair` made, in PEM form, as an item";
        fields.problems.push(problem.advice(advice));
    }
    for (node, text) in texts {
        match text.parse::<PublicKey>() {
            _ if text.len() > MAX_KEY_BYTES => {
                fields.error(node, format!("a key has at most {MAX_KEY_BYTES} bytes"));
            }
            Ok(key) => keys.push(key),
            Err(error) => fields.error(node, error.to_string()),
        }
    }
    keys
}

/// A member that is a list of windows.
pub(crate) fn read_windows<'a>(fields: &mut Fields<'a>, node: &'a Node, key: &str) -> Windows {
    let mut windows = Vec::new();
    for (node, text) in fields.few_texts(node, key) {
        match text.parse::<Window>() {
            Ok(window) => windows.push(window),
            Err(error) => fields.error(node, format!("`{text}` is no window: {error}")),
        }
    }
    windows.into_iter().collect()
}

fn read_holidays<'a>(fields: &mut Fields<'a>, gates: &'a Node, windows: &mut Windows) {
    let Some(member) = fields.get(gates, "holidays") else {
        return;
    };
    for (node, text) in fields.few_texts(gates, "holidays") {
        match text.parse::<Holiday>() {
            Ok(holiday) => windows.extend([holiday]),
            Err(error) => fields.error(node, format!("`holidays`: {error}")),
        }
    }
    if windows.holidays() > MAX_DAYS {
        let message = format!("`holidays` are more than {MAX_DAYS} days");
        let advice = "remove those that are past; `freeze` keeps an environment closed for long";
        let problem = Problem::error(fields.place(member), message);
        fields.problems.push(problem.advice(advice));
    }
    if fields.get(gates, "windows").is_none() {
        let message = "`holidays` are days on which no window opens, and there are no `windows`";
        let problem = Problem::error(fields.place(member), message);
        let advice =
            "write `windows: [\"* Europe/Berlin\"]` beside it for any time of all other days";
        fields.problems.push(problem.advice(advice));
    }
}

/// One freeze, or a list of them.
pub(crate) fn read_freezes<'a>(fields: &mut Fields<'a>, environment: &'a Node) -> Vec<Freeze> {
    let Some(node) = fields.get(environment, "freeze") else {
        return Vec::new();
    };
    let items = match &node.value {
        Value::Sequence { items, .. } => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if items.len() > MOST {
        fields.error(node, format!("`freeze` has more than {MOST} items"));
        return Vec::new();
    }
    items.iter().map(|item| read_freeze(fields, item)).collect()
}

fn read_freeze<'a>(fields: &mut Fields<'a>, node: &'a Node) -> Freeze {
    fields.check(node, &["from", "until", "reason"]);
    let freeze = Freeze {
        from: time(fields, node, "from"),
        until: time(fields, node, "until"),
        reason: fields.text(node, "reason"),
    };
    if let Some((from, until)) = freeze.from.zip(freeze.until)
        && until <= from
        && let Some(node) = node.get("until")
    {
        let message = format!("the freeze ends at {until}, before it begins at {from}");
        fields.error(node, message);
    }
    if let Some(reason) = &freeze.reason
        && !is_plain(reason)
        && let Some(node) = node.get("reason")
    {
        let message = format!("`reason` is one line of 1 to {MAX_TEXT} characters");
        fields.error(node, message);
    }
    freeze
}

fn time<'a>(fields: &mut Fields<'a>, node: &'a Node, key: &str) -> Option<Timestamp> {
    let member = fields.get(node, key)?;
    let text = fields.text(node, key)?;
    let time = text.parse().ok();
    if time.is_none() {
        let shown: String = text.chars().take(80).collect();
        let message = format!("`{key}`: `{shown}` is no time, such as 2026-12-20T18:00:00+01:00");
        fields.error(member, message);
    }
    time
}

fn is_plain(text: &str) -> bool {
    let is_empty = text.trim().is_empty() || text.chars().any(char::is_control);
    !is_empty && text.chars().count() <= MAX_TEXT
}
