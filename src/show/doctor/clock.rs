use jiff::Timestamp;

use crate::show::doctor::{Finding, State};

/// More is said, in seconds.
const WARNING: i64 = 60;
/// More breaks something: GitHub takes an App's token for ten minutes at most, and signatures of
/// requests are commonly good for five.
const FAULT: i64 = 5 * 60;

/// This machine's time against that of a server's answer, taken at the same moment; unknown where
/// it gives none.
pub fn clock(of: &str, ours: Timestamp, theirs: Option<Timestamp>) -> Finding {
    let Some(theirs) = theirs else {
        return Finding::new(State::Unknown, "clock", of, "it gives no time");
    };
    let ahead = ours.as_second() - theirs.as_second();
    let off = ahead.abs();
    let state = match off {
        0..=WARNING => State::Ok,
        _ if off <= FAULT => State::Warning,
        _ => State::Fault,
    };
    let found = match ahead {
        _ if off <= 1 => "the same time".to_owned(),
        1.. => format!("this machine is {off} s ahead"),
        _ => format!("this machine is {off} s behind"),
    };
    let finding = Finding::new(state, "clock", of, found);
    match state {
        State::Ok => finding,
        _ => finding.advice("synchronize the clock of this machine, by NTP for example"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_let_pass_and_five_are_not() {
        let theirs: Timestamp = "2026-08-23T07:40:00Z".parse().unwrap();
        for (ahead, state, found) in [
            (0, State::Ok, "the same time"),
            (-60, State::Ok, "this machine is 60 s behind"),
            (61, State::Warning, "this machine is 61 s ahead"),
            (-300, State::Warning, "this machine is 300 s behind"),
            (301, State::Fault, "this machine is 301 s ahead"),
        ] {
            let ours = theirs + jiff::SignedDuration::from_secs(ahead);
            let finding = clock("git.example", ours, Some(theirs));
            assert_eq!((finding.state, &*finding.found), (state, found));
            assert_eq!(finding.advice.is_some(), state != State::Ok);
        }
    }
}
