use jiff::Timestamp;

use crate::window::{Holiday, Window, Windows};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn windows_without(texts: &[&str], holidays: &[&str]) -> Windows {
    let windows = texts.iter().map(|text| text.parse::<Window>().unwrap());
    let mut windows: Windows = windows.collect();
    windows.extend(holidays.iter().map(|text| text.parse::<Holiday>().unwrap()));
    windows
}

/// Openings and closings in turn, where no window opens on some days.
#[test]
fn no_window_opens_on_a_holiday() {
    for (texts, holidays, from, openings) in [
        // 2026-12-24 is a Thursday.
        (
            &["Mon-Fri 09:00-17:00 Europe/Berlin"][..],
            &["2026-12-24..2027-01-01", "2027-01-06"][..],
            "2026-12-23T12:00:00Z",
            &[
                "2026-12-23T12:00:00Z",
                "2026-12-23T16:00:00Z",
                "2027-01-04T08:00:00Z",
                "2027-01-04T16:00:00Z",
                "2027-01-05T08:00:00Z",
                "2027-01-05T16:00:00Z",
                "2027-01-07T08:00:00Z",
                "2027-01-07T16:00:00Z",
            ][..],
        ),
        // A window over midnight goes on into the holiday, and the holiday's own does not open.
        (
            &["22:00-06:00"],
            &["2026-12-24"],
            "2026-12-23T12:00:00Z",
            &[
                "2026-12-23T22:00:00Z",
                "2026-12-24T06:00:00Z",
                "2026-12-25T22:00:00Z",
                "2026-12-26T06:00:00Z",
            ],
        ),
        // What is always open closes for the day, in its own zone, however far away that is.
        (
            &["* America/New_York"],
            &["2028-07-04"],
            "2026-01-01T00:00:00Z",
            &[
                "2026-01-01T00:00:00Z",
                "2028-07-04T04:00:00Z",
                "2028-07-05T04:00:00Z",
            ],
        ),
        // Each window has the day of its own zone.
        (
            &["* Asia/Tokyo", "* UTC"],
            &["2026-12-24"],
            "2026-12-20T00:00:00Z",
            &[
                "2026-12-20T00:00:00Z",
                "2026-12-24T00:00:00Z",
                "2026-12-24T15:00:00Z",
            ],
        ),
        // Longer than three weeks, with the clock moved in between.
        (
            &["Mon 12:00-13:00 Europe/Berlin"],
            &["2026-03-01..2026-05-31"],
            "2026-02-23T12:00:00Z",
            &["2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z"],
        ),
        // Just where the days that are searched at once end.
        (
            &["Mon"],
            &[
                "2026-08-24",
                "2026-08-31",
                "2026-09-07",
                "2026-09-14",
                "2027-08-24",
            ],
            "2026-08-20T00:00:00Z",
            &["2026-09-21T00:00:00Z", "2026-09-22T00:00:00Z"],
        ),
    ] {
        let windows = windows_without(texts, holidays);
        let mut now = time(from);
        let mut found = Vec::new();
        while found.len() < openings.len() {
            let is_opening = found.len() % 2 == 0;
            let next = if is_opening {
                windows.next_opening(now)
            } else {
                windows.closes(now)
            };
            now = next.unwrap();
            assert_eq!(windows.is_open(now), is_opening, "{windows} at {now}");
            found.push(now);
        }
        let expected: Vec<Timestamp> = openings.iter().map(|text| time(text)).collect();
        assert_eq!(found, expected, "{windows}");
    }
}

#[test]
fn holidays_are_read_and_printed() {
    let windows = windows_without(
        &["Mon", "Fri 09:00-12:00"],
        &["2026-12-26", "2026-12-24..2026-12-25", " 2027-01-06 "],
    );
    let expected = "Mon UTC; Fri 09:00-12:00 UTC; not on 2026-12-24..2026-12-26, 2027-01-06";
    assert_eq!(windows.to_string(), expected);
    let json = serde_json::to_string(&windows).unwrap();
    assert_eq!(serde_json::from_str::<Windows>(&json).unwrap(), windows);
    for (text, expected) in [
        (
            "24.12.2026",
            "`24.12.2026` is no day; write 2026-12-24, or 2026-12-24..2027-01-01",
        ),
        (
            "2026-02-30",
            "`2026-02-30` is no day; write 2026-12-24, or 2026-12-24..2027-01-01",
        ),
        (
            "2026-W52-4",
            "`2026-W52-4` is no day; write 2026-12-24, or 2026-12-24..2027-01-01",
        ),
        (
            "2026-12-24..",
            "`2026-12-24..` is no day; write 2026-12-24, or 2026-12-24..2027-01-01",
        ),
        (
            "2026-12-24..2026-12-23",
            "`2026-12-24..2026-12-23` ends before it begins",
        ),
        (
            "2026-01-01..2027-01-02",
            "`2026-01-01..2027-01-02` is more than 366 days; a `freeze` keeps an environment closed for long",
        ),
        (
            "0000-01-01..9999-12-31",
            "`0000-01-01..9999-12-31` is more than 366 days; a `freeze` keeps an environment closed for long",
        ),
    ] {
        assert_eq!(text.parse::<Holiday>().unwrap_err().to_string(), expected);
    }
    assert!("2027-01-01..2028-01-01".parse::<Holiday>().is_ok());
}
