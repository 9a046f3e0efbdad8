//! What a reviewer is told of one move, worked out once for title, body and commit message.

use crate::gate::{Gate, GateFinding};
use crate::image::{Description, Signature};
use crate::plan::due::Move;
use crate::plan::pull_request::cause::{Cause, cause, short};
use crate::plan::pull_request::comparison::{KnownForge, comparison};
use crate::plan::pull_request::contract::{ContractChange, changes};
use crate::plan::pull_request::facts::{Facts, PlatformChange, Told, platforms};
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::markdown::{Inline, Link};
use crate::plan::pull_request::origin::Origin;

/// Platforms of one image that are named.
const MOST_PLATFORMS: usize = 8;

#[derive(Clone, Debug)]
pub struct Finding<'a> {
    pub moved: &'a Move,
    pub told: Told<'a>,
    pub cause: Cause,
    /// The page that shows what changed in the source.
    pub comparison: Option<Link>,
    pub platforms: PlatformChange,
    pub contract: Vec<ContractChange>,
    /// A gate of the environment verified the signature of the image that is proposed.
    pub is_verified: bool,
}

/// A line of the comparison: what the image before was, and what the proposed one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub name: &'static str,
    pub before: Inline,
    pub after: Inline,
    pub link: Option<Link>,
}

impl<'a> Finding<'a> {
    /// None where nothing was asked of the move's images.
    pub fn of(moved: &'a Move, facts: &'a Facts, forges: &[KnownForge]) -> Option<Self> {
        let told = Told::of(moved, facts)?;
        let contract = match told.configurations() {
            Some((before, after)) => changes(before, after),
            None => Vec::new(),
        };
        let link = told.both().and_then(|(before, after)| {
            comparison(&Origin::of(before), &Origin::of(after), forges)
        });
        Some(Self {
            moved,
            cause: cause(moved, &told, &contract),
            comparison: link,
            platforms: told.platforms().unwrap_or_default(),
            contract,
            told,
            is_verified: false,
        })
    }

    /// Of each move, and with what gates say of all.
    pub fn all(
        moves: &'a [Move],
        facts: &'a Facts,
        forges: &[KnownForge],
        gates: &[GateFinding],
    ) -> Vec<Self> {
        let is_verified =
            |finding: &GateFinding| finding.gate == Gate::Signature && finding.is_passed();
        let is_verified = gates.iter().any(is_verified);
        moves
            .iter()
            .filter_map(|moved| Self::of(moved, facts, forges))
            .map(|finding| Self {
                is_verified,
                ..finding
            })
            .collect()
    }

    /// What is known of the signature of the image that is proposed.
    pub fn signature(&self) -> Inline {
        match self.told.after {
            _ if self.is_verified => Inline::of("verified by the gate"),
            Some(facts) => Inline::of(signature_words(facts.signature)),
            None => Inline::of("not known"),
        }
    }

    /// How many parts of the run-time contract differ; labels are none.
    pub fn contract_count(&self) -> usize {
        self.contract
            .iter()
            .filter(|change| !change.is_label())
            .count()
    }

    pub fn lost_platforms(&self) -> Option<Inline> {
        let lost = &self.platforms.lost;
        let codes = lost.iter().map(|platform| code_of(&platform.to_string()));
        (!lost.is_empty()).then(|| Inline::new().list(codes, MOST_PLATFORMS))
    }

    /// What the images say of themselves. Empty where neither is known.
    pub fn rows(&self) -> Vec<Row> {
        let before = self.told.before.map(|facts| &facts.description);
        let after = self.told.after.map(|facts| &facts.description);
        if before.is_none() && after.is_none() {
            return Vec::new();
        }
        let row = |name, cell: fn(&Description) -> Inline| {
            let cell = |description: Option<&Description>| {
                description.map_or_else(|| Inline::of("not known"), cell)
            };
            Row {
                name,
                before: cell(before),
                after: cell(after),
                link: None,
            }
        };
        vec![
            row("created", created),
            self.source_row(row("source", source)),
            row("base image", base),
            self.size_row(row("size", size)),
            self.platform_row(row("platforms", platform_list)),
            Row {
                name: "signature",
                before: Inline::of(match self.told.before {
                    Some(facts) => signature_words(facts.signature),
                    None => "not known",
                }),
                after: self.signature(),
                link: None,
            },
        ]
    }

    /// A source that is another repository's is named: that is more than a change.
    fn source_row(&self, mut row: Row) -> Row {
        if let Some((before, after)) = self.told.both()
            && let (Some(old), Some(new)) = (Origin::of(before).source, Origin::of(after).source)
            && old.value != new.value
            && self.comparison.is_none()
        {
            row.before = row.before.words(" of ").code(Foreign::name(old.value));
            row.after = row.after.words(" of ").code(Foreign::name(new.value));
        }
        row.link.clone_from(&self.comparison);
        row
    }

    fn size_row(&self, mut row: Row) -> Row {
        if let Some((before, after)) = self.told.both()
            && let (Some(old), Some(new)) = (before.image_size(), after.image_size())
            && let Some(layers) = self.told.layers()
            && (new != old || layers.new > 0)
        {
            let sign = if new < old { "-" } else { "+" };
            row.after = row.after.words(" (").words(sign).size(new.abs_diff(old));
            if layers.new > 0 {
                row.after = row
                    .after
                    .words(", ")
                    .count(layers.new, "layer", "layers")
                    .words(" new");
            }
            row.after = row.after.words(")");
        }
        row
    }

    fn platform_row(&self, mut row: Row) -> Row {
        if let Some(lost) = self.lost_platforms() {
            let lost = Inline::new().then(lost).words(" lost");
            row.after = row.after.words("; ").bold(lost);
        }
        row
    }
}

/// "same" for what is no other, so that what differs is seen.
pub fn or_same(row: &Row) -> Inline {
    let is_told = !["not known", "not named", "not said", "unknown"]
        .iter()
        .any(|unknown| row.before == Inline::of(unknown));
    if row.before == row.after && is_told {
        Inline::of("same")
    } else {
        row.after.clone()
    }
}

pub fn signature_words(signature: Signature) -> &'static str {
    match signature {
        Signature::Found => "found, not verified",
        Signature::NotFound => "none found",
        Signature::Unknown => "unknown",
    }
}

fn code_of(text: &str) -> Inline {
    Inline::of_code(Foreign::name(text))
}

/// Builders that leave out the time write the first moment of 1970, or of 1980 where zip counts
/// from.
fn created(description: &Description) -> Inline {
    match Origin::of(description).created {
        Some(time) if time.starts_with("1970-01-01") || time.starts_with("1980-01-01") => {
            Inline::of("not said")
        }
        Some(time) => Inline::new().time(time),
        None => Inline::of("not said"),
    }
}

fn source(description: &Description) -> Inline {
    let origin = Origin::of(description);
    match (origin.revision, origin.version) {
        (Some(revision), Some(version)) => Inline::of_code(short(revision.value))
            .words(" (")
            .code(Foreign::cut(version, 40))
            .words(")"),
        (Some(revision), None) => Inline::of_code(short(revision.value)),
        (None, Some(version)) => Inline::of("version ").code(Foreign::cut(version, 40)),
        (None, None) => Inline::of("not named"),
    }
}

fn base(description: &Description) -> Inline {
    let origin = Origin::of(description);
    // `sha256:` and the first digits, where it is a digest at all.
    let digest = origin.base_digest.map(|digest| {
        let end = if digest.is_ascii() {
            digest.len().min(19)
        } else {
            digest.len()
        };
        digest.get(..end).unwrap_or(digest)
    });
    match (origin.base_name, digest) {
        (Some(name), Some(digest)) => code_of(&format!("{name}@{digest}")),
        (Some(name), None) => code_of(name),
        (None, Some(digest)) => code_of(digest),
        (None, None) => Inline::of("not named"),
    }
}

fn size(description: &Description) -> Inline {
    match description.image_size() {
        Some(bytes) => Inline::new().size(bytes).words(" / ").count(
            description.layers.len(),
            "layer",
            "layers",
        ),
        None => Inline::of("not known"),
    }
}

fn platform_list(description: &Description) -> Inline {
    let platforms = platforms(description);
    if platforms.is_empty() {
        return Inline::of("not named");
    }
    let codes = platforms
        .iter()
        .map(|platform| code_of(&platform.to_string()));
    Inline::new().list(codes, MOST_PLATFORMS)
}
