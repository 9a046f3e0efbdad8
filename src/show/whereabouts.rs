//! Where an image is on its way through the environments, and what it waits for.

use std::fmt::Write as _;

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::plain::plain;
use crate::show::lines::{hanging, padded};
use crate::show::reasons::Why;
use crate::show::status::Pending;

/// What `where` shows.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Whereabouts {
    pub images: Vec<ImagePlaces>,
}

/// An image in all environments.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImagePlaces {
    pub image: String,
    /// The commit that it was built from, by its own words.
    pub revision: Option<String>,
    pub places: Vec<Spot>,
}

/// An image in one environment's stream tag.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spot {
    pub environment: String,
    /// None: the environment has no such stream tag.
    pub stream_tag: Option<String>,
    pub state: Presence,
    /// What is there in its place.
    pub instead: Option<String>,
    /// RFC 3339: when a commit brought it.
    pub since: Option<String>,
    /// RFC 3339: when a commit took it away.
    pub until: Option<String>,
    /// The commit that brought it, or took it away, and who let that in.
    pub commit: Option<String>,
    pub who: Option<String>,
    /// Its source, from which it has not come yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awaited_from: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proposed: Vec<Pending>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Why>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Presence {
    Runs,
    /// It was there, and is no longer.
    Ran,
    #[default]
    Absent,
}

/// For people, in lines of `width` columns.
pub fn whereabouts_text(found: &Whereabouts, width: Option<usize>) -> String {
    let mut text = String::new();
    for image in &found.images {
        if !text.is_empty() {
            text.push('\n');
        }
        let revision = image.revision.as_deref();
        let built = revision.map(|revision| format!("\n  built from {}", plain(revision)));
        let _ = writeln!(text, "{}{}", image.image, built.unwrap_or_default());
        let names = image.places.iter().map(|spot| spot.environment.width());
        let widest = names.max().unwrap_or_default();
        let first = image.places.first().map(|spot| &spot.environment);
        for (number, spot) in image.places.iter().enumerate() {
            // The next stream tag begins.
            if number > 0 && Some(&spot.environment) == first {
                text.push('\n');
            }
            let head = format!("  {}  ", padded(&spot.environment, widest));
            text.push_str(&hanging(&head, &plain(&said(spot)), head.width(), width));
            for line in details(spot) {
                let head = " ".repeat(widest + 4);
                text.push_str(&hanging(&head, &plain(&line), widest + 6, width));
            }
        }
    }
    text
}

fn said(spot: &Spot) -> String {
    let tag = spot.stream_tag.as_deref().unwrap_or_default();
    let by = match (&spot.who, &spot.commit) {
        (Some(who), Some(commit)) => {
            let commit: String = commit.chars().take(7).collect();
            format!(", by {who} in {commit}")
        }
        _ => String::new(),
    };
    let since = spot.since.as_deref();
    match spot.state {
        Presence::Runs => match since {
            Some(since) => format!("runs in {tag} since {since}{by}"),
            None => format!("runs in {tag}"),
        },
        Presence::Ran => {
            let from = since.map(|since| format!(" from {since}"));
            let until = spot.until.as_deref().map(|until| format!(" until {until}"));
            format!(
                "ran in {tag}{}{}{by}; now {}",
                from.unwrap_or_default(),
                until.unwrap_or_default(),
                instead(spot)
            )
        }
        Presence::Absent if spot.stream_tag.is_none() => "has no such stream tag".to_owned(),
        Presence::Absent => format!("not in {tag}, which has {}", instead(spot)),
    }
}

fn instead(spot: &Spot) -> String {
    let Some(image) = &spot.instead else {
        return "no image".to_owned();
    };
    match image.split_once(':') {
        Some(("sha256" | "sha512", hex)) => hex.chars().take(12).collect(),
        _ => image.clone(),
    }
}

/// What it waits for.
fn details(spot: &Spot) -> Vec<String> {
    let mut lines = Vec::new();
    for pending in &spot.proposed {
        let state = pending.state;
        lines.push(match (pending.number, &pending.url) {
            (Some(number), Some(url)) => format!("{state}: pull request #{number} {url}"),
            _ => format!("{state}: {}", pending.branch),
        });
    }
    let reasons = spot.waiting.iter();
    lines.extend(reasons.map(|why| why.message.clone()));
    if let Some(from) = spot.awaited_from.as_ref().filter(|_| lines.is_empty()) {
        lines.push(format!("not yet promoted from {from}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_environment_says_whether_it_has_the_image_and_what_it_waits_for() {
        let digest = format!("sha256:{}", "c".repeat(64));
        let spot = |environment: &str, state| Spot {
            environment: environment.to_owned(),
            stream_tag: Some("shop/web:1".to_owned()),
            state,
            instead: Some(format!("sha256:{}", "a".repeat(64))),
            ..Spot::default()
        };
        let found = Whereabouts {
            images: vec![ImagePlaces {
                image: digest,
                revision: Some("3cab71fd0f3b5f0f4d1c0d9f1d7e0a4c5b6a7988".to_owned()),
                places: vec![
                    Spot {
                        since: Some("2026-11-21T10:00:00Z".to_owned()),
                        commit: Some("d00d71fd0f3b5f0f4d1c0d9f1d7e0a4c5b6a7988".to_owned()),
                        who: Some("Ada".to_owned()),
                        ..spot("dev", Presence::Runs)
                    },
                    Spot {
                        since: Some("2026-11-20T10:00:00Z".to_owned()),
                        until: Some("2026-11-20T12:00:00Z".to_owned()),
                        ..spot("qa", Presence::Ran)
                    },
                    Spot {
                        waiting: vec![Why {
                            kind: "soak",
                            message: "waits for soak: in dev since 2026-11-21T10:00:00Z, long enough at 2026-11-22T10:00:00Z".to_owned(),
                            field: None,
                            image: None,
                        }],
                        ..spot("staging", Presence::Absent)
                    },
                    Spot {
                        awaited_from: Some("staging".to_owned()),
                        ..spot("prod", Presence::Absent)
                    },
                    Spot {
                        stream_tag: None,
                        ..spot("eu", Presence::Absent)
                    },
                ],
            }],
        };
        assert_eq!(
            whereabouts_text(&found, Some(80)),
            "\
sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
  built from 3cab71fd0f3b5f0f4d1c0d9f1d7e0a4c5b6a7988
  dev      runs in shop/web:1 since 2026-11-21T10:00:00Z, by Ada in d00d71f
  qa       ran in shop/web:1 from 2026-11-20T10:00:00Z until
           2026-11-20T12:00:00Z; now aaaaaaaaaaaa
  staging  not in shop/web:1, which has aaaaaaaaaaaa
           waits for soak: in dev since 2026-11-21T10:00:00Z, long enough at
             2026-11-22T10:00:00Z
  prod     not in shop/web:1, which has aaaaaaaaaaaa
           not yet promoted from staging
  eu       has no such stream tag
"
        );
    }
}
