//! What remote hosts were asked, and how they do: adapters count, and the daemon tells.
//!
//! Nothing here grows with what hosts say: operations and results are the code's own words, and
//! hosts beyond [`MOST_HOSTS`] are counted as [`OTHER`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// So many hosts are told apart.
pub const MOST_HOSTS: usize = 100;
/// Stands for all further ones.
pub const OTHER: &str = "other";
/// The longest error that is kept, in characters.
const LONGEST_ERROR: usize = 500;
/// So many alarms are told apart.
const MOST_ALARMS: usize = 1000;

/// Counts since it was made. Cheap beside a request.
#[derive(Default)]
pub struct Tally {
    /// None: nobody asks when.
    clock: Option<Arc<dyn Fn() -> Timestamp + Send + Sync>>,
    kept: Mutex<Kept>,
}

/// What is counted, by who is asked.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    pub registries: Arc<Tally>,
    pub git: Arc<Tally>,
    pub forges: Arc<Tally>,
    /// Who sends webhooks.
    pub senders: Arc<Tally>,
}

/// What a [`Tally`] has counted.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    pub hosts: BTreeMap<String, HostTally>,
    /// Events that concern security, by level: 1 to 5, the gravest last.
    pub alarms: [u64; 5],
    told: BTreeSet<String>,
}

/// One host.
#[derive(Clone, Debug, Default)]
pub struct HostTally {
    /// By operation and result.
    pub requests: BTreeMap<(&'static str, &'static str), u64>,
    pub durations: Durations,
    pub last_success: Option<Timestamp>,
    pub last_failure: Option<Timestamp>,
    /// Of the last failure, without secrets.
    pub last_error: Option<String>,
    /// It failed too often and is left alone until then; one request finds out afterwards whether
    /// it is back.
    pub rests_until: Option<Timestamp>,
    /// It asked to be left alone until then.
    pub paused_until: Option<Timestamp>,
    /// What its last answer with such a number said.
    pub allowance: Option<Allowance>,
}

/// How often a host may still be asked, as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub left: u64,
    pub limit: Option<u64>,
    /// When all of the limit is left again.
    pub resets: Option<Timestamp>,
}

impl Allowance {
    /// From the headers of an answer, by their lower-case names: `RateLimit-…` as registries and
    /// GitLab write them (`76;w=21600`), `X-RateLimit-…` as GitHub does. A reset is a second since
    /// 1970; one that counts from now is left out.
    pub fn read<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Option<Self> {
        /// No forge resets in the year 2001.
        const EARLIEST: i64 = 1_000_000_000;
        let number = |name: &str| {
            let named = ["x-ratelimit-", "ratelimit-"].into_iter();
            let mut values = named.filter_map(|family| header(&format!("{family}{name}")));
            let value = values.next()?;
            let value = value.split([';', ',']).next().unwrap_or_default();
            value.trim().parse::<u64>().ok()
        };
        let second = number("reset").and_then(|second| i64::try_from(second).ok());
        let second = second.filter(|second| *second >= EARLIEST);
        Some(Self {
            left: number("remaining")?,
            limit: number("limit"),
            resets: second.and_then(|second| Timestamp::from_second(second).ok()),
        })
    }
}

/// How long something took, in classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durations {
    /// How many took no longer than the bound of the same place, and longer than the one before;
    /// the last: longer than all.
    classes: [u64; Durations::BOUNDS.len() + 1],
    /// Seconds.
    sum: f64,
}

impl Durations {
    /// Seconds: from an answer on the same machine to a pass over a large repository.
    pub const BOUNDS: [f64; 8] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];

    pub fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        self.sum += seconds;
        let place = Self::BOUNDS.iter().position(|bound| seconds <= *bound);
        let place = place.unwrap_or(Self::BOUNDS.len());
        if let Some(count) = self.classes.get_mut(place) {
            *count += 1;
        }
    }

    /// Seconds in all.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    pub fn count(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Each bound in seconds, infinity last, with how many are in its class and in no lower one.
    pub fn classes(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let bounds = Self::BOUNDS.into_iter().chain([f64::INFINITY]);
        bounds.zip(self.classes)
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tally").field(&*self.kept()).finish()
    }
}

impl Tallies {
    pub fn with_clock(clock: impl Fn() -> Timestamp + Send + Sync + Clone + 'static) -> Self {
        let tally = || Arc::new(Tally::with_clock(clock.clone()));
        Self {
            registries: tally(),
            git: tally(),
            forges: tally(),
            senders: tally(),
        }
    }
}

impl Tally {
    /// Keeps the times of answers too.
    pub fn with_clock(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            clock: Some(Arc::new(clock)),
            kept: Mutex::default(),
        }
    }

    /// One request to `host`, or a try of one, was over after `took`.
    pub fn request(&self, host: &str, op: &'static str, result: &'static str, took: Duration) {
        let mut kept = self.kept();
        let host = kept.host(host);
        *host.requests.entry((op, result)).or_default() += 1;
        host.durations.add(took);
    }

    /// The host gave what it was asked for, or said that there is none.
    pub fn succeeded(&self, host: &str) {
        let now = self.now();
        self.kept().host(host).last_success = now;
    }

    /// The host gave nothing usable. `why` holds no secret.
    pub fn failed(&self, host: &str, why: &str) {
        let now = self.now();
        let mut kept = self.kept();
        let host = kept.host(host);
        host.last_failure = now;
        host.last_error = Some(why.chars().take(LONGEST_ERROR).collect());
    }

    /// The host failed too often and is left alone for `rest`.
    pub fn left_alone(&self, host: &str, rest: Duration) {
        let until = self.after(rest);
        self.kept().host(host).rests_until = until;
    }

    /// The host asked to be left alone for `wait`.
    pub fn paused(&self, host: &str, wait: Duration) {
        let until = self.after(wait);
        let mut kept = self.kept();
        let host = kept.host(host);
        host.paused_until = host.paused_until.max(until);
    }

    /// The host answered, whatever it said. What was under way when it was left alone does not
    /// end that.
    pub fn answered(&self, host: &str, allowance: Option<Allowance>) {
        let now = self.now();
        let mut kept = self.kept();
        if let Some(known) = kept.hosts.get_mut(host) {
            known.rests_until = known.rests_until.filter(|until| Some(*until) > now);
        }
        if allowance.is_some() {
            kept.host(host).allowance = allowance;
        }
    }

    /// Who asks has forgotten whom it left alone.
    pub fn begun_anew(&self) {
        for host in self.kept().hosts.values_mut() {
            (host.rests_until, host.paused_until) = (None, None);
        }
    }

    /// Something that concerns security, 1 to 5, the gravest last. Gives whether `subject` is new,
    /// and so worth a line in the log.
    pub fn alarm(&self, level: u8, subject: &str) -> bool {
        let mut kept = self.kept();
        let place = usize::from(level.clamp(1, 5)) - 1;
        if let Some(count) = kept.alarms.get_mut(place) {
            *count += 1;
        }
        kept.told.len() < MOST_ALARMS && kept.told.insert(subject.to_owned())
    }

    /// All that was counted.
    pub fn read(&self) -> Kept {
        self.kept().clone()
    }

    fn now(&self) -> Option<Timestamp> {
        self.clock.as_ref().map(|clock| clock())
    }

    fn after(&self, wait: Duration) -> Option<Timestamp> {
        self.now()?.checked_add(wait).ok()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A poisoned lock holds nothing half-written here.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn host(&mut self, host: &str) -> &mut HostTally {
        let is_known = self.hosts.contains_key(host) || self.hosts.len() < MOST_HOSTS;
        let name = if is_known { host } else { OTHER };
        self.hosts.entry(name.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_beyond_the_limit_are_one() {
        let tally = Tally::default();
        for number in 0..10_000 {
            let host = format!("r{number}.example");
            tally.request(&host, "manifest", "2xx", Duration::ZERO);
            tally.failed(&host, &"x".repeat(10_000));
        }
        let kept = tally.read();
        assert_eq!(kept.hosts.len(), MOST_HOSTS + 1);
        assert_eq!(kept.hosts[OTHER].requests[&("manifest", "2xx")], 9_900);
        let error = kept.hosts[OTHER].last_error.as_ref().unwrap();
        assert_eq!(error.len(), LONGEST_ERROR);
    }

    #[test]
    fn durations_fall_into_their_classes() {
        let mut durations = Durations::default();
        for millis in [10, 11, 50, 5_000, 500_000] {
            durations.add(Duration::from_millis(millis));
        }
        let counts: Vec<u64> = durations.classes().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 2, 0, 0, 0, 1, 0, 0, 1]);
        assert_eq!(durations.count(), 5);
        assert!((durations.sum() - 505.071).abs() < 1e-9);
    }

    #[test]
    fn a_host_is_left_alone_until_it_answers_afterwards() {
        fn clock() -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
        let tally = Tally::with_clock(clock);
        let rests = |tally: &Tally| tally.read().hosts["r.example"].rests_until;
        tally.left_alone("r.example", Duration::from_secs(60));
        let until = Timestamp::from_second(60).ok();
        assert_eq!(rests(&tally), until);
        // It was asked before.
        tally.answered("r.example", None);
        assert_eq!(rests(&tally), until);
        tally.left_alone("r.example", Duration::ZERO);
        tally.answered("r.example", None);
        assert_eq!(rests(&tally), None);
        for seconds in [60, 30] {
            tally.paused("r.example", Duration::from_secs(seconds));
        }
        assert_eq!(tally.read().hosts["r.example"].paused_until, until);
        tally.begun_anew();
        assert_eq!(tally.read().hosts["r.example"].paused_until, None);
        // An answer alone makes no host known: it may be a token server.
        tally.answered("auth.example", None);
        assert_eq!(tally.read().hosts.len(), 1);
    }

    #[test]
    fn an_allowance_is_read_from_what_registries_and_forges_say() {
        let read = |headers: &[(&str, &'static str)]| {
            let find = |name: &str| {
                let found = headers.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| *value)
            };
            Allowance::read(find)
        };
        assert_eq!(
            read(&[
                ("ratelimit-limit", "100;w=21600"),
                ("ratelimit-remaining", "76;w=21600")
            ]),
            Some(Allowance {
                left: 76,
                limit: Some(100),
                resets: None
            })
        );
        assert_eq!(
            read(&[
                ("x-ratelimit-limit", "5000"),
                ("x-ratelimit-remaining", "4987"),
                ("x-ratelimit-reset", "1795262400")
            ]),
            Some(Allowance {
                left: 4987,
                limit: Some(5000),
                resets: Timestamp::from_second(1_795_262_400).ok()
            })
        );
        let from_now = read(&[("ratelimit-remaining", "1"), ("ratelimit-reset", "30")]);
        assert_eq!(from_now.unwrap().resets, None);
        for value in ["", "-1", "many", "99999999999999999999"] {
            assert_eq!(read(&[("ratelimit-remaining", value)]), None, "{value}");
        }
        assert_eq!(read(&[("ratelimit-limit", "100")]), None);
    }

    #[test]
    fn an_alarm_counts_each_time_and_is_told_once() {
        let tally = Tally::default();
        assert!(tally.alarm(5, "a"));
        assert!(!tally.alarm(5, "a"));
        assert!(tally.alarm(0, "b"));
        assert_eq!(tally.read().alarms, [1, 0, 0, 0, 2]);
        for number in 0..5_000 {
            tally.alarm(9, &number.to_string());
        }
        assert_eq!(tally.read().told.len(), MOST_ALARMS);
    }
}
