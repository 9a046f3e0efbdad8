//! When a followed tag is looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::environment::EnvironmentName;
use crate::image::Digest;
use crate::policy::ImportPolicy;
use crate::stream::{ImageStream, StreamTagName};

/// The budget counts over this time.
const MINUTE: Duration = Duration::from_secs(60);

/// A stream tag of an environment: branches may hold streams of the same name.
pub type Followed = (EnvironmentName, StreamTagName);

/// Which followed tags are looked at in an unattended pass, and which wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    pub due: BTreeSet<Followed>,
    /// By environment, with the time of the next look, RFC 3339.
    pub not_due: BTreeMap<EnvironmentName, BTreeMap<StreamTagName, String>>,
    /// Whether anything here limits how often a tag is looked at: else all are due, always.
    pub is_limited: bool,
}

/// Chooses among the followed tags by their own interval ([`crate::stream::INTERVAL`]) and by the
/// budget of each host (`imports.perMinute`): those that were not looked at for the longest time
/// first, so that none starves. `last` is when each was looked at.
///
/// The interval of a whole Git repository is the daemon's: who starts a pass by hand, or by a
/// timer, has chosen the time.
pub fn scheduled_checks(
    environments: &[(&EnvironmentName, &[ImageStream])],
    policy: &ImportPolicy,
    last: &BTreeMap<Followed, Timestamp>,
    now: Timestamp,
) -> Checks {
    let mut checks = Checks {
        is_limited: policy.per_minute.is_some(),
        ..Checks::default()
    };
    let mut by_host: BTreeMap<String, Vec<(Option<Timestamp>, String, Followed)>> = BTreeMap::new();
    let mut spent: BTreeMap<String, usize> = BTreeMap::new();
    for (environment, streams) in environments {
        for (name, host, interval) in followed(streams, policy) {
            let name = ((*environment).clone(), name);
            let looked = last.get(&name).copied();
            let is_recent = |time: Timestamp| now.duration_since(time).unsigned_abs() < MINUTE;
            if looked.is_some_and(is_recent) {
                *spent.entry(host.clone()).or_default() += 1;
            }
            checks.is_limited |= interval.is_some();
            let next = looked
                .zip(interval)
                .and_then(|(looked, interval)| looked.checked_add(interval).ok());
            match next.filter(|next| *next > now) {
                Some(next) => checks.postpone(name, next),
                None => {
                    let rank = Digest::of(name.1.to_string().as_bytes()).to_string();
                    by_host.entry(host).or_default().push((looked, rank, name));
                }
            }
        }
    }
    for (host, mut candidates) in by_host {
        candidates.sort();
        let spent = spent.get(&host).copied().unwrap_or_default();
        for (number, (_, _, name)) in candidates.into_iter().enumerate() {
            let minutes = policy
                .per_minute
                .map_or(0, |budget| (number + spent) / budget.max(1));
            let wait = MINUTE.saturating_mul(u32::try_from(minutes).unwrap_or(u32::MAX));
            match now.checked_add(wait) {
                Ok(next) if minutes > 0 => checks.postpone(name, next),
                _ => {
                    checks.due.insert(name);
                }
            }
        }
    }
    checks
}

impl Checks {
    fn postpone(&mut self, (environment, tag): Followed, next: Timestamp) {
        let next = next.round(jiff::Unit::Second).unwrap_or(next);
        self.not_due
            .entry(environment)
            .or_default()
            .insert(tag, next.to_string());
    }
}

/// The tags that are looked at again and again, each with its host and its own interval.
fn followed<'s>(
    streams: &'s [ImageStream],
    policy: &'s ImportPolicy,
) -> impl Iterator<Item = (StreamTagName, String, Option<Duration>)> + 's {
    let tags = streams
        .iter()
        .flat_map(|stream| stream.tags.iter().map(move |tag| (stream, tag)));
    tags.filter_map(move |(stream, tag)| {
        let reference = tag.source.image()?;
        let settings = &tag.settings;
        let name = StreamTagName {
            stream: stream.name.clone(),
            tag: tag.name.clone(),
        };
        let host = reference.repository.endpoint().host;
        let interval = settings.interval.map(Duration::from_secs);
        policy.looks_at(tag).then_some((name, host, interval))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::environment::Environment;
    use crate::manifest::{assemble, read_file};

    fn streams(text: &str) -> Vec<ImageStream> {
        let environment = Environment::default();
        let files = [(
            "a.yaml".parse().unwrap(),
            Arc::new(read_file(text.as_bytes())),
        )];
        let own = std::slice::from_ref(&environment);
        assemble(&files, &BTreeMap::new(), &environment, own).streams
    }

    #[test]
    fn who_waits_longest_goes_first_within_the_budget_of_each_host() {
        let tag = |name: &str, host: &str| {
            format!(
                "  - {{name: {name}, from: {{kind: DockerImage, name: {host}/a/b}}, importPolicy: {{scheduled: true}}}}\n"
            )
        };
        let text = format!(
            "kind: ImageStream\napiVersion: v1\nmetadata: {{name: web}}\nspec:\n  tags:\n{}{}{}{}{}",
            tag("young", "quay.io"),
            tag("old", "quay.io"),
            tag("never", "quay.io"),
            tag("just", "quay.io"),
            tag("other", "ghcr.io"),
        );
        let streams = streams(&text);
        let environment = EnvironmentName::default();
        let name = |tag: &str| {
            (
                environment.clone(),
                StreamTagName::new("default", "web", tag),
            )
        };
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let last = BTreeMap::from([
            (name("young"), at("2026-01-01T11:50:00Z")),
            (name("old"), at("2026-01-01T11:00:00Z")),
            // Within the minute: it has spent one of the host's budget.
            (name("just"), at("2026-01-01T11:59:30Z")),
        ]);
        let policy = ImportPolicy {
            per_minute: Some(3),
            ..ImportPolicy::default()
        };
        let own = [(&environment, streams.as_slice())];
        let checks = scheduled_checks(&own, &policy, &last, at("2026-01-01T12:00:00Z"));
        assert_eq!(
            checks.due,
            [name("never"), name("old"), name("other")].into()
        );
        let postponed: Vec<(&str, &str)> = checks.not_due[&environment]
            .iter()
            .map(|(name, time)| (name.tag.as_str(), time.as_str()))
            .collect();
        assert_eq!(
            postponed,
            [
                ("just", "2026-01-01T12:01:00Z"),
                ("young", "2026-01-01T12:01:00Z")
            ]
        );
        assert!(checks.is_limited);
    }

    #[test]
    fn nothing_is_limited_without_a_budget_or_an_interval() {
        let text = "kind: ImageStream\napiVersion: v1\nmetadata: {name: web}\nspec: {tags: [{name: a, from: {kind: DockerImage, name: b}, importPolicy: {scheduled: true}}]}\n";
        let streams = streams(text);
        let environment = EnvironmentName::default();
        let own = [(&environment, streams.as_slice())];
        let now = "2026-01-01T12:00:00Z".parse().unwrap();
        let checks = scheduled_checks(&own, &ImportPolicy::default(), &BTreeMap::new(), now);
        assert!(!checks.is_limited && checks.not_due.is_empty());
        assert_eq!(checks.due.len(), 1);
    }
}
