use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

use crate::window::{Holiday, Window, Windows};

fn windows(texts: &[&str]) -> Windows {
    texts
        .iter()
        .map(|text| text.parse::<Window>().unwrap())
        .collect()
}

/// A time in UTC, or with the zone behind it.
fn time(text: &str) -> Timestamp {
    match text.split_once(' ') {
        None => text.parse().unwrap(),
        Some((local, zone)) => {
            let zone = TimeZoneDatabase::bundled().get(zone).unwrap();
            let local: jiff::civil::DateTime = local.parse().unwrap();
            zone.to_timestamp(local).unwrap()
        }
    }
}

#[test]
fn every_form_is_read_and_printed() {
    for (text, printed) in [
        (
            "Mon-Thu 09:00-16:00 Europe/Berlin",
            "Mon-Thu 09:00-16:00 Europe/Berlin",
        ),
        (
            "  mon-thu   09:00-16:00 europe/berlin ",
            "Mon-Thu 09:00-16:00 Europe/Berlin",
        ),
        ("Mon", "Mon UTC"),
        ("*", "* UTC"),
        ("Mon-Sun", "* UTC"),
        ("Tue-Mon", "* UTC"),
        ("Mon-Mon", "Mon UTC"),
        ("* 09:00-16:00", "* 09:00-16:00 UTC"),
        ("09:00-16:00", "* 09:00-16:00 UTC"),
        (
            "09:00-16:00 America/New_York",
            "* 09:00-16:00 America/New_York",
        ),
        ("Fri-Mon Asia/Tokyo", "Fri-Mon Asia/Tokyo"),
        ("Mon,Wed,Fri", "Mon,Wed,Fri UTC"),
        ("Fri,Wed,Mon,Mon", "Mon,Wed,Fri UTC"),
        ("Mon-Wed,Fri", "Mon-Wed,Fri UTC"),
        ("Sun,Mon,Tue,Thu", "Thu,Sun-Tue UTC"),
        ("Sat 22:00-06:00", "Sat 22:00-06:00 UTC"),
        ("Sat 22:00-00:00", "Sat 22:00-24:00 UTC"),
        ("Sat 22:00-24:00", "Sat 22:00-24:00 UTC"),
        ("Sat 00:00-24:00", "Sat UTC"),
        ("Sat Etc/GMT-3", "Sat Etc/GMT-3"),
    ] {
        let window: Window = text.parse().unwrap();
        assert_eq!(window.to_string(), printed, "{text}");
        assert_eq!(printed.parse(), Ok(window), "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    for (text, expected) in [
        (
            "",
            "a window says days or times, such as `Mon-Thu 09:00-16:00 Europe/Berlin`; `*` is always",
        ),
        (
            "Europe/Berlin",
            "a window says days or times, such as `Mon-Thu 09:00-16:00 Europe/Berlin`; `*` is always",
        ),
        (
            "Monday",
            "`Monday` is no day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun",
        ),
        (
            "Mo-Do 09:00-16:00",
            "`Mo-Do` is no day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun",
        ),
        (
            "Mon-Fro",
            "`Fro` is no day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun",
        ),
        (
            "Mon-",
            "`` is no day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun",
        ),
        (
            "Mon, Wed",
            "`Mon,` ends with a comma; write days without spaces, such as Mon,Wed,Fri",
        ),
        (
            "Mon 09:00",
            "`09:00` is no span of time; write HH:MM-HH:MM, such as 09:00-16:00",
        ),
        (
            "Mon 9-17",
            "`9` is no time of day; write HH:MM from 00:00 to 23:59, or 24:00 as an end",
        ),
        (
            "Mon 9:00-17:00",
            "`9:00` is no time of day; write HH:MM from 00:00 to 23:59, or 24:00 as an end",
        ),
        (
            "Mon 09:00-25:00",
            "`25:00` is no time of day; write HH:MM from 00:00 to 23:59, or 24:00 as an end",
        ),
        (
            "Mon 09:60-10:00",
            "`09:60` is no time of day; write HH:MM from 00:00 to 23:59, or 24:00 as an end",
        ),
        (
            "Mon 09:00-24:01",
            "`24:01` is no time of day; write HH:MM from 00:00 to 23:59, or 24:00 as an end",
        ),
        (
            "Mon 24:00-06:00",
            "`24:00` is no time of day; write HH:MM from 00:00 to 23:59, or 24:00 as an end",
        ),
        (
            "Mon 09:00-09:00",
            "`09:00-09:00` ends when it begins; leave the times out where the whole day is meant",
        ),
        (
            "Mon Europe/Berln",
            "`Europe/Berln` is no time zone of the IANA database; did you mean Europe/Berlin?",
        ),
        (
            "Mon Berlin",
            "`Berlin` is no time zone of the IANA database; did you mean Europe/Berlin?",
        ),
        (
            "Mon Etc/Unknown",
            "`Etc/Unknown` is no time zone of the IANA database; write UTC, or a place, such as Europe/Berlin",
        ),
        (
            "Mon local",
            "`local` is no time zone of the IANA database; write UTC, or a place, such as Europe/Berlin",
        ),
        (
            "09:00-16:00 Mon",
            "`Mon` stands in the wrong place; a window is days, times and a zone, in this order",
        ),
        (
            "Mon UTC 09:00-16:00",
            "`09:00-16:00` stands in the wrong place; a window is days, times and a zone, in this order",
        ),
        (
            "Mon 09:00-16:00 UTC please",
            "`please` stands in the wrong place; a window is days, times and a zone, in this order",
        ),
    ] {
        let error = text.parse::<Window>().unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }
}

/// `now`, the next opening, and when that closes again. 2026-08-24 is a Monday.
#[test]
fn windows_open_and_close() {
    for (texts, now, opens, closes) in [
        // Before, at the first instant, at the last one, after.
        (
            &["Mon-Thu 09:00-16:00 Europe/Berlin"][..],
            "2026-08-24T06:59:59Z",
            "2026-08-24T07:00:00Z",
            "2026-08-24T14:00:00Z",
        ),
        (
            &["Mon-Thu 09:00-16:00 Europe/Berlin"],
            "2026-08-24T07:00:00Z",
            "2026-08-24T07:00:00Z",
            "2026-08-24T14:00:00Z",
        ),
        (
            &["Mon-Thu 09:00-16:00 Europe/Berlin"],
            "2026-08-24T13:59:59.999Z",
            "2026-08-24T13:59:59.999Z",
            "2026-08-24T14:00:00Z",
        ),
        (
            &["Mon-Thu 09:00-16:00 Europe/Berlin"],
            "2026-08-24T14:00:00Z",
            "2026-08-25T07:00:00Z",
            "2026-08-25T14:00:00Z",
        ),
        // Over the weekend.
        (
            &["Mon-Thu 09:00-16:00 Europe/Berlin"],
            "2026-08-27T14:00:00Z",
            "2026-08-31T07:00:00Z",
            "2026-08-31T14:00:00Z",
        ),
        // Days that follow one another are one opening.
        (
            &["Fri-Mon"],
            "2026-08-26T00:00:00Z",
            "2026-08-28T00:00:00Z",
            "2026-09-01T00:00:00Z",
        ),
        // Over midnight: Friday's window, and not Saturday's own.
        (
            &["Fri 22:00-06:00"],
            "2026-08-28T12:00:00Z",
            "2026-08-28T22:00:00Z",
            "2026-08-29T06:00:00Z",
        ),
        (
            &["Fri 22:00-06:00"],
            "2026-08-29T05:59:00Z",
            "2026-08-29T05:59:00Z",
            "2026-08-29T06:00:00Z",
        ),
        (
            &["Fri 22:00-06:00"],
            "2026-08-28T03:00:00Z",
            "2026-08-28T22:00:00Z",
            "2026-08-29T06:00:00Z",
        ),
        (
            &["Fri 22:00-24:00"],
            "2026-08-28T22:30:00Z",
            "2026-08-28T22:30:00Z",
            "2026-08-29T00:00:00Z",
        ),
        // Several: the first one, and those that meet or overlap are one opening.
        (
            &["Tue 12:00-13:00", "Mon 12:00-13:00"],
            "2026-08-24T00:00:00Z",
            "2026-08-24T12:00:00Z",
            "2026-08-24T13:00:00Z",
        ),
        (
            &[
                "Mon 12:00-13:00",
                "Mon 13:00-14:00",
                "Mon 15:30-17:00 Europe/Berlin",
            ],
            "2026-08-24T00:00:00Z",
            "2026-08-24T12:00:00Z",
            "2026-08-24T15:00:00Z",
        ),
    ] {
        let windows = windows(texts);
        let opening = windows.next_opening(time(now));
        assert_eq!(opening, Some(time(opens)), "{windows} at {now}");
        assert_eq!(
            windows.is_open(time(now)),
            now == opens,
            "{windows} at {now}"
        );
        assert_eq!(
            windows.closes(time(opens)),
            Some(time(closes)),
            "{windows} at {now}"
        );
        assert!(!windows.is_open(time(closes)), "{windows} at {now}");
        if now != opens {
            assert_eq!(windows.closes(time(now)), None, "{windows} at {now}");
        }
    }
}

/// A day on which the clock is moved: each opening of it, with its closing.
#[test]
fn the_clock_on_the_wall_decides_when_it_is_moved() {
    for (text, from, openings) in [
        // Berlin skips 02:00-03:00 on 2026-03-29.
        (
            "Sun 01:00-04:00 Europe/Berlin",
            "2026-03-28T12:00:00Z",
            &["2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z"][..],
        ),
        (
            "Sun 02:30-04:00 Europe/Berlin",
            "2026-03-28T12:00:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"],
        ),
        (
            "Sun 01:00-02:30 Europe/Berlin",
            "2026-03-28T12:00:00Z",
            &["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"],
        ),
        // Nothing is left of it: the next week's.
        (
            "Sun 02:10-02:50 Europe/Berlin",
            "2026-03-28T12:00:00Z",
            &["2026-04-05T00:10:00Z", "2026-04-05T00:50:00Z"],
        ),
        // Berlin has 02:00-03:00 twice on 2026-10-25.
        (
            "Sun 01:00-04:00 Europe/Berlin",
            "2026-10-24T12:00:00Z",
            &["2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z"],
        ),
        (
            "Sun 02:30-04:00 Europe/Berlin",
            "2026-10-24T12:00:00Z",
            &[
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T01:30:00Z",
                "2026-10-25T03:00:00Z",
            ],
        ),
        (
            "Sun 02:10-02:50 Europe/Berlin",
            "2026-10-24T12:00:00Z",
            &[
                "2026-10-25T00:10:00Z",
                "2026-10-25T00:50:00Z",
                "2026-10-25T01:10:00Z",
                "2026-10-25T01:50:00Z",
            ],
        ),
        // The night before counts 25 hours.
        (
            "Sat 22:00-06:00 Europe/Berlin",
            "2026-10-24T12:00:00Z",
            &["2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"],
        ),
        // Lord Howe moves by half an hour, from 02:00 to 02:30 on 2026-10-04.
        (
            "Sun 02:15-03:00 Australia/Lord_Howe",
            "2026-10-03T12:00:00Z",
            &["2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z"],
        ),
        // São Paulo had no midnight on 2018-11-04.
        (
            "Sun America/Sao_Paulo",
            "2018-11-03T12:00:00Z",
            &["2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"],
        ),
        // Havana has the hour before 01:00 twice on 2026-11-01, so midnight too.
        (
            "Sun America/Havana",
            "2026-10-31T12:00:00Z",
            &["2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"],
        ),
        // Samoa had no 2011-12-30, a Friday.
        (
            "Fri Pacific/Apia",
            "2011-12-29T12:00:00Z",
            &["2012-01-05T10:00:00Z", "2012-01-06T10:00:00Z"],
        ),
    ] {
        let windows = windows(&[text]);
        let mut now = time(from);
        let mut found = Vec::new();
        for _ in 0..openings.len() / 2 {
            let opens = windows.next_opening(now).unwrap();
            now = windows.closes(opens).unwrap();
            found.extend([opens, now]);
        }
        let expected: Vec<Timestamp> = openings.iter().map(|text| time(text)).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn always_is_open_and_never_closes() {
    let now = time("2026-08-24T12:00:00Z");
    for texts in [
        &[][..],
        &["*"],
        &["Mon-Wed", "Thu-Sun"],
        &["00:00-12:00", "12:00-24:00"],
    ] {
        let windows = windows(texts);
        assert_eq!(windows.next_opening(now), Some(now), "{windows}");
        assert_eq!(windows.closes(now), None, "{windows}");
    }
}

#[test]
fn the_ends_of_time_are_no_panic() {
    let windows = windows(&["Mon 12:00-13:00 Pacific/Apia"]);
    for now in [Timestamp::MIN, Timestamp::MAX] {
        let opening = windows.next_opening(now);
        assert_eq!(opening.is_none(), now == Timestamp::MAX, "{opening:?}");
        assert_eq!(windows.closes(now), None);
    }
}

const ZONES: &[&str] = &[
    "UTC",
    "Africa/Casablanca",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
];

fn any_window() -> impl Strategy<Value = String> {
    let time = (0..24u32, 0..60u32).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}"));
    let times = (time.clone(), time).prop_filter("an end", |(start, end)| start != end);
    let day = proptest::sample::select(vec!["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]);
    let days = proptest::collection::vec(day, 1..4).prop_map(|days| days.join("-"));
    let days = days.prop_map(|days| match days.matches('-').count() {
        2 => days.replace('-', ","),
        _ => days,
    });
    let zone = proptest::sample::select(ZONES);
    (days, times, zone)
        .prop_map(|(days, (start, end), zone)| format!("{days} {start}-{end} {zone}"))
}

/// A full minute within two days of a change of the zone's clock, or anywhere.
fn any_time() -> impl Strategy<Value = Timestamp> {
    let anywhere = 0..2_500_000_000i64;
    let near = (
        proptest::sample::select(ZONES),
        anywhere.clone(),
        -172_800..172_800i64,
    );
    let near = near.prop_map(|(zone, start, distance)| {
        let zone = TimeZoneDatabase::bundled().get(zone).unwrap();
        let start = Timestamp::from_second(start).unwrap();
        let shift = zone.following(start).next().map(|shift| shift.timestamp());
        shift.unwrap_or(start).as_second() + distance
    });
    prop_oneof![anywhere, near].prop_map(|second| Timestamp::from_second(second / 60 * 60).unwrap())
}

proptest! {
    /// Every edge is at a full minute in these zones since 1972, so each minute is tried.
    #[test]
    fn the_next_opening_is_the_first_open_time_from_now_on(
        texts in proptest::collection::vec(any_window(), 1..3),
        now in any_time(),
        holidays in proptest::collection::vec((0..60i64, 0..20i64), 0..3),
    ) {
        let mut windows: Windows =
            texts.iter().map(|text| text.parse::<Window>().unwrap()).collect();
        let today = jiff::tz::TimeZone::UTC.to_datetime(now).date();
        windows.extend(holidays.iter().map(|(first, length)| {
            let day = |days: i64| today.saturating_add(jiff::Span::new().days(days));
            format!("{}..{}", day(*first), day(first + length)).parse::<Holiday>().unwrap()
        }));
        let minutes = |from: Timestamp| std::iter::successors(Some(from), |time| {
            Some(*time + jiff::SignedDuration::from_mins(1))
        });
        let opening = windows.next_opening(now).unwrap();
        let tried = minutes(now).find(|time| windows.is_open(*time)).unwrap();
        prop_assert_eq!(opening, tried);
        let beyond_all_holidays = 120 * 24 * 60;
        let closed = minutes(opening).take(beyond_all_holidays).find(|time| !windows.is_open(*time));
        prop_assert_eq!(windows.closes(opening), closed);
    }

    #[test]
    fn what_is_printed_is_read_as_the_same(text in any_window()) {
        let window: Window = text.parse().unwrap();
        prop_assert_eq!(window.to_string().parse(), Ok(window));
    }

    #[test]
    fn no_text_is_a_panic(text in "[A-Za-z0-9:,*/ äÄ-]{0,40}|.{0,40}") {
        let _ = text.parse::<Window>();
    }
}
