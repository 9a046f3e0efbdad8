//! What each gate says of a change: pure rules over what was gathered.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::environment::EnvironmentName;
use crate::gate::{Freeze, Gate, GateFinding, Soak};
use crate::pull_request::Checks;
use crate::revision::CommitId;
use crate::window::Windows;

/// The freeze that is on, if one is.
pub fn freeze(freezes: &[Freeze], now: Timestamp) -> Option<GateFinding> {
    let on = freezes.iter().find(|freeze| freeze.is_on(now))?;
    let until = freezes
        .iter()
        .filter(|freeze| freeze.is_on(now))
        .map(|freeze| freeze.until)
        .max_by_key(|until| until.map_or(i64::MAX, Timestamp::as_second))
        .flatten();
    Some(GateFinding::waits(Gate::Freeze, until, on.to_string()))
}

/// Whether a commit that entered `source` at `entered` has been there for long enough.
///
/// `disturbed` is when one of the images that would move was another there, after `entered`.
pub fn soak(
    soak: Soak,
    source: &EnvironmentName,
    entered: Timestamp,
    disturbed: Option<Timestamp>,
    now: Timestamp,
) -> GateFinding {
    let (length, stayed) = match soak {
        Soak::Since(length) => (length, ""),
        Soak::Resident(length) => (length, " undisturbed"),
    };
    let told = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
    let text = format!("{told:#} in {source}{stayed}");
    let Ok(over) = entered.checked_add(told) else {
        return GateFinding::waits(Gate::Soak, None, text);
    };
    if let (Soak::Resident(_), Some(at)) = (soak, disturbed)
        && at < over
    {
        let told = format!("{text}; it was there from {entered} to {at} only");
        return GateFinding::failed(Gate::Soak, told);
    }
    if over <= now {
        GateFinding::passed(Gate::Soak, format!("{text}, there since {entered}"))
    } else {
        let told = format!("{text}, until {over}; there since {entered}");
        GateFinding::waits(Gate::Soak, Some(over), told)
    }
}

/// Whether all `required` checks pass on the source's commit. `found` is what the forge says, or
/// why it cannot be asked.
pub fn checks(
    required: &BTreeSet<String>,
    commit: CommitId,
    found: Result<&BTreeMap<String, Checks>, &str>,
) -> GateFinding {
    let on = |names: &[&str]| format!("{} on {}", names.join(", "), commit.short());
    let found = match found {
        Ok(found) => found,
        Err(why) => {
            let names: Vec<&str> = required.iter().map(String::as_str).collect();
            return GateFinding::waits(Gate::Checks, None, format!("{}: {why}", on(&names)));
        }
    };
    let of = |wanted: fn(Checks) -> bool| -> Vec<&str> {
        let state = |name: &&String| found.get(*name).copied().unwrap_or(Checks::None);
        let names = required.iter().filter(|name| wanted(state(name)));
        names.map(String::as_str).collect()
    };
    let failing = of(|state| state == Checks::Failing);
    let absent = of(|state| state == Checks::None);
    let running = of(|state| state == Checks::Pending);
    if !failing.is_empty() {
        // Run again, a check may pass still.
        return GateFinding::waits(Gate::Checks, None, format!("{}: failing", on(&failing)));
    }
    if !absent.is_empty() {
        return GateFinding::waits(Gate::Checks, None, format!("{}: not begun", on(&absent)));
    }
    if !running.is_empty() {
        return GateFinding::waits(Gate::Checks, None, format!("{}: running", on(&running)));
    }
    let names: Vec<&str> = required.iter().map(String::as_str).collect();
    GateFinding::passed(Gate::Checks, on(&names))
}

/// Whether the images are old enough. Each comes with its name and the time that it says it was
/// made at; none: it does not say, and is never old enough.
pub fn minimum_age(
    age: std::time::Duration,
    images: &[(String, Result<Option<Timestamp>, String>)],
    now: Timestamp,
) -> GateFinding {
    let length = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
    let mut last: Option<(&str, Timestamp)> = None;
    for (name, created) in images {
        match created {
            Err(why) => {
                return GateFinding::waits(Gate::MinimumAge, None, format!("{name}: {why}"));
            }
            // What reproducible builds write says nothing of its age.
            Ok(None) => {
                let told = format!("{name} does not say when it was made");
                return GateFinding::failed(Gate::MinimumAge, told);
            }
            Ok(Some(created)) => {
                let Ok(over) = created.checked_add(length) else {
                    return GateFinding::waits(
                        Gate::MinimumAge,
                        None,
                        format!("{length:#} of {name}"),
                    );
                };
                if last.is_none_or(|(_, until)| until < over) {
                    last = Some((name, over));
                }
            }
        }
    }
    match last {
        Some((name, over)) if over > now => GateFinding::waits(
            Gate::MinimumAge,
            Some(over),
            format!("{name} is {length:#} old at {over}"),
        ),
        _ => GateFinding::passed(Gate::MinimumAge, format!("{length:#}")),
    }
}

/// Whether each image is signed; each comes with its name, and why it does not count as signed.
pub fn signature(images: &[(String, Result<(), Unsigned>)]) -> GateFinding {
    let mut unsigned = images
        .iter()
        .filter_map(|(name, found)| Some((name, found.as_ref().err()?)));
    match unsigned.next() {
        None => {
            let count = images.len();
            GateFinding::passed(Gate::Signature, format!("{count} of {count} images"))
        }
        // A signature may come later than its image.
        Some((name, Unsigned(why))) => {
            GateFinding::waits(Gate::Signature, None, format!("{name}: {why}"))
        }
    }
}

/// Why an image does not count as signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned(pub String);

/// Whether enough accounts approve. `found` is what the forge says, or why it cannot be asked;
/// none: there is no pull request yet.
pub fn approvals(required: u32, found: Result<Option<&BTreeSet<String>>, &str>) -> GateFinding {
    let found = match found {
        Ok(found) => found,
        Err(why) => {
            let told = format!("{required} approvals: {why}");
            return GateFinding::waits(Gate::Approvals, None, told);
        }
    };
    let names: Vec<&str> = found.into_iter().flatten().map(String::as_str).collect();
    let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
    let by = match names.is_empty() {
        true => String::new(),
        false => format!(" by {}", names.join(", ")),
    };
    let told = format!("{count} of {required}{by}");
    if count >= required {
        GateFinding::passed(Gate::Approvals, told)
    } else {
        GateFinding::waits(Gate::Approvals, None, told)
    }
}

/// Whether a window is open.
pub fn windows(windows: &Windows, now: Timestamp) -> GateFinding {
    if windows.is_open(now) {
        let until = windows.closes(now);
        let told = match until {
            Some(until) => format!("open until {until}"),
            None => "open".to_owned(),
        };
        return GateFinding::passed(Gate::Windows, told);
    }
    match windows.next_opening(now) {
        Some(until) => GateFinding::waits(
            Gate::Windows,
            Some(until),
            format!("the next one of {windows} opens at {until}"),
        ),
        None => GateFinding::waits(Gate::Windows, None, format!("none of {windows} opens")),
    }
}
