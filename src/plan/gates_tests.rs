use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::gate::{Freeze, Gate, GateFinding, Soak, Verdict};
use crate::plan::gates::{self, Unsigned};
use crate::pull_request::Checks;
use crate::window::{Window, Windows};

const HOUR: Duration = Duration::from_secs(3600);

fn at(time: &str) -> Timestamp {
    format!("2026-09-01T{time}Z").parse().unwrap()
}

#[track_caller]
fn waits(found: &GateFinding, until: Option<Timestamp>, told: &str) {
    assert_eq!(found.verdict, Verdict::Waits { until }, "{found}");
    assert!(found.told.contains(told), "{found}");
}

#[test]
fn a_freeze_counts_from_its_begin_to_its_end() {
    let freeze = |from: Option<&str>, until: Option<&str>| Freeze {
        from: from.map(at),
        until: until.map(at),
        reason: Some("a fair".to_owned()),
    };
    let until = freeze(Some("08:00:00"), Some("09:00:00"));
    for (now, is_on) in [
        ("07:59:59", false),
        ("08:00:00", true),
        ("08:59:59", true),
        ("09:00:00", false),
    ] {
        let found = gates::freeze(std::slice::from_ref(&until), at(now));
        assert_eq!(found.is_some(), is_on, "{now}");
        if let Some(found) = found {
            waits(
                &found,
                Some(at("09:00:00")),
                "frozen until 2026-09-01T09:00:00Z (a fair)",
            );
        }
    }
    // Of several the last end counts, and none where one has none.
    let longer = freeze(None, Some("10:00:00"));
    let found = gates::freeze(&[until.clone(), longer], at("08:30:00")).unwrap();
    assert_eq!(found.until(), Some(at("10:00:00")));
    let found = gates::freeze(&[freeze(None, None), until], at("08:30:00")).unwrap();
    assert_eq!(found.until(), None);
    assert_eq!(gates::freeze(&[], at("08:30:00")), None);
}

#[test]
fn a_commit_soaks_to_the_second() {
    let dev = "dev".parse().unwrap();
    let soak = |kind, disturbed: Option<&str>, now: &str| {
        gates::soak(kind, &dev, at("08:00:00"), disturbed.map(at), at(now))
    };
    for kind in [Soak::Since(HOUR), Soak::Resident(HOUR)] {
        let found = soak(kind, None, "08:59:59");
        waits(&found, Some(at("09:00:00")), "until 2026-09-01T09:00:00Z");
        assert!(soak(kind, None, "09:00:00").is_passed());
    }
    // Another image in between ends it for good, and after its time it does not.
    for now in ["08:31:00", "12:00:00"] {
        let found = soak(Soak::Resident(HOUR), Some("08:30:00"), now);
        assert_eq!(found.verdict, Verdict::Failed, "{found}");
        assert!(soak(Soak::Resident(HOUR), Some("09:00:00"), "12:00:00").is_passed());
    }
    assert!(soak(Soak::Since(HOUR), Some("08:30:00"), "09:00:00").is_passed());
    let endless = soak(Soak::Since(Duration::MAX), None, "09:00:00");
    waits(&endless, None, "in dev");
}

#[test]
fn all_named_checks_have_to_pass() {
    let required: BTreeSet<String> = ["e2e", "load"].map(str::to_owned).into();
    let commit = "0123456789012345678901234567890123456789".parse().unwrap();
    let found = |states: &[(&str, Checks)]| {
        let found: BTreeMap<String, Checks> = states
            .iter()
            .map(|(name, state)| ((*name).to_owned(), *state))
            .collect();
        gates::checks(&required, commit, Ok(&found))
    };
    let (green, red) = (Checks::Passing, Checks::Failing);
    let passed = found(&[("e2e", green), ("load", green), ("other", red)]);
    assert!(passed.is_passed(), "{passed}");
    waits(&found(&[]), None, "e2e, load on 0123456: not begun");
    waits(
        &found(&[("E2E", green), ("load", green)]),
        None,
        "e2e on 0123456: not begun",
    );
    waits(
        &found(&[("e2e", Checks::None), ("load", green)]),
        None,
        "not begun",
    );
    waits(
        &found(&[("e2e", Checks::Pending), ("load", green)]),
        None,
        "e2e on 0123456: running",
    );
    waits(
        &found(&[("e2e", red), ("load", Checks::Pending)]),
        None,
        "e2e on 0123456: failing",
    );
    let unknown = gates::checks(&required, commit, Err("there is no forge to ask"));
    waits(&unknown, None, "there is no forge to ask");
}

#[test]
fn the_youngest_image_counts() {
    let image = |name: &str, created| (name.to_owned(), created);
    let age = |images: &[_], now| gates::minimum_age(HOUR, images, at(now));
    let images = [
        image("web", Ok(Some(at("08:00:00")))),
        image("api", Ok(Some(at("08:30:00")))),
    ];
    waits(
        &age(&images, "09:29:59"),
        Some(at("09:30:00")),
        "api is 1h old",
    );
    assert!(age(&images, "09:30:00").is_passed());
    assert!(age(&[], "09:30:00").is_passed());
    // Who does not say its age is never old enough; who cannot be asked may be.
    let unknown = [
        image("web", Ok(Some(at("08:00:00")))),
        image("api", Ok(None)),
    ];
    assert_eq!(age(&unknown, "12:00:00").verdict, Verdict::Failed);
    let unasked = [image("api", Err("no answer".to_owned()))];
    waits(&age(&unasked, "12:00:00"), None, "api: no answer");
}

#[test]
fn each_image_is_signed_or_none_passes() {
    let signed = |name: &str| (name.to_owned(), Ok(()));
    let unsigned = ("api".to_owned(), Err(Unsigned("by nobody".to_owned())));
    assert!(gates::signature(&[signed("web"), signed("api")]).is_passed());
    assert!(gates::signature(&[]).is_passed());
    let found = gates::signature(&[signed("web"), unsigned]);
    waits(&found, None, "api: by nobody");
}

#[test]
fn as_many_approve_as_are_asked_for() {
    let names = |names: &[&str]| -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    };
    let found = |by: &[&str]| gates::approvals(2, Ok(Some(&names(by))));
    waits(&found(&[]), None, "0 of 2");
    waits(&found(&["ada"]), None, "1 of 2 by ada");
    assert!(found(&["ada", "ben"]).is_passed());
    assert!(found(&["ada", "ben", "eve"]).is_passed());
    waits(&gates::approvals(2, Ok(None)), None, "0 of 2");
    waits(
        &gates::approvals(2, Err("the forge is down")),
        None,
        "the forge is down",
    );
}

#[test]
fn a_window_is_open_or_opens_at_a_time() {
    // 2026-09-01 is a Tuesday.
    let window: Window = "Tue 09:00-16:00".parse().unwrap();
    let windows: Windows = [window].into_iter().collect();
    let found = |now| gates::windows(&windows, at(now));
    waits(
        &found("08:59:59"),
        Some(at("09:00:00")),
        "opens at 2026-09-01T09:00:00Z",
    );
    assert!(found("09:00:00").is_passed());
    assert!(found("15:59:59").is_passed());
    let next = "2026-09-08T09:00:00Z".parse().unwrap();
    waits(
        &found("16:00:00"),
        Some(next),
        "opens at 2026-09-08T09:00:00Z",
    );
}

#[test]
fn only_approvals_and_windows_hold_the_merge() {
    let all = [
        Gate::Freeze,
        Gate::Hold,
        Gate::Source,
        Gate::Soak,
        Gate::Checks,
        Gate::MinimumAge,
        Gate::Signature,
        Gate::Approvals,
        Gate::Windows,
    ];
    let holding: Vec<Gate> = all.into_iter().filter(|gate| gate.holds_merge()).collect();
    assert_eq!(holding, [Gate::Approvals, Gate::Windows]);
}
