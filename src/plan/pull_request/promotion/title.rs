//! The title of a promotion, which is the subject of its commit.

use crate::environment::{Carry, EnvironmentName};
use crate::plan::due::Move;
use crate::plan::promotion::Promotion;
use crate::plan::pull_request::title::{LEAST_NAME, MOST, end_of, harmless, shorter};

/// Characters of both environments' names.
const LONGEST_ROUTE: usize = 40;

/// At most 72 characters: the image or how many, the files that come along, and the two
/// environments; the digest of one image and the cause, as in ` (source changed)`, where they fit.
pub fn title(
    promotion: &Promotion,
    moves: &[Move],
    environment: &EnvironmentName,
    cause: &str,
) -> String {
    let route = route(&promotion.from, environment);
    let files = match promotion.carry {
        Carry::Merge => promotion.configuration.paths.len(),
        Carry::Pins => 0,
    };
    let counted = match files {
        1 => "1 file".to_owned(),
        _ => format!("{files} files"),
    };
    let along = match files {
        0 => String::new(),
        _ => format!(" + {counted}"),
    };
    let title = match moves {
        [] if files == 0 => format!("promote {route}: no image"),
        [] => format!("promote {route}: {counted}, no image"),
        [moved] => one(moved, &format!("{along} {route}"), cause),
        _ => {
            let start = format!("promote {} images{along} {route}", moves.len());
            let endings = [cause, " (several causes)"];
            let fits = |ending: &&str| start.chars().count() + ending.chars().count() <= MOST;
            let ending = endings.into_iter().find(fits).unwrap_or_default();
            format!("{start}{ending}")
        }
    };
    title.chars().take(MOST).collect()
}

fn one(moved: &Move, rest: &str, cause: &str) -> String {
    let (back, to) = match moved.moves_back_to() {
        Some(_) => (" BACK", " BACK to"),
        None => ("", " at"),
    };
    let digest = match moved.digest() {
        Some(digest) => format!("{to} {}", shorter(digest)),
        None => String::new(),
    };
    let tag = harmless(&moved.tag.to_string());
    let length = tag.chars().count();
    let room = |ending: &str| MOST.saturating_sub("promote ".len() + ending.chars().count());
    let endings = [
        format!("{rest}{digest}{cause}"),
        format!("{rest}{digest}"),
        format!("{rest}{back}"),
    ];
    let is_roomy = |ending: &&String| room(ending) >= length.min(LEAST_NAME);
    let ending = endings.iter().find(is_roomy).or(endings.last());
    let ending = ending.map(String::as_str).unwrap_or_default();
    format!("promote {}{ending}", end_of(&tag, room(ending)))
}

/// `staging -> prod`; the ends of long names say more than their beginnings.
fn route(from: &EnvironmentName, to: &EnvironmentName) -> String {
    let (from, to) = (from.as_str(), to.as_str());
    if from.len() + to.len() <= LONGEST_ROUTE {
        return format!("{from} -> {to}");
    }
    let half = LONGEST_ROUTE / 2;
    // Who needs less leaves more.
    let of_from = LONGEST_ROUTE - to.len().clamp(0, half);
    let of_to = LONGEST_ROUTE - from.len().clamp(0, half);
    format!("{} -> {}", end_of(from, of_from), end_of(to, of_to))
}
