//! The folded parts of a body, the most important first: where the whole is too long, the last
//! ones are left out.

use std::collections::BTreeSet;

use crate::image::Description;
use crate::plan::due::Move;
use crate::plan::pull_request::body::{BodyInputs, HistoryEntry, MOST_ROWS};
use crate::plan::pull_request::contract::Field;
use crate::plan::pull_request::facts::platforms;
use crate::plan::pull_request::finding::{Finding, signature_words};
use crate::plan::pull_request::first_screen::{push_more, stream_tag};
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::markdown::{Document, Folded, Inline};
use crate::plan::pull_request::promotion;

/// Labels that are told of one image: builders write many.
const MOST_LABELS: usize = 10;

pub fn push(document: &mut Document, inputs: &BodyInputs<'_>, findings: &[Finding<'_>]) {
    let is_one = inputs.moves.len() == 1;
    let parts = [
        contract(findings, is_one),
        platform_change(findings),
        files(inputs.moves),
        signatures(findings),
        digests(inputs.moves),
        history(inputs.history),
        match findings {
            [finding] if is_one => layers(finding),
            _ => sizes(findings),
        },
    ];
    let of_promotion = match inputs.promotion {
        Some(promotion) => promotion::parts(promotion, inputs, findings),
        None => Vec::new(),
    };
    for part in of_promotion.into_iter().chain(parts.into_iter().flatten()) {
        document.folded(part);
    }
}

fn contract(findings: &[Finding<'_>], is_one: bool) -> Option<Folded> {
    let compared: Vec<&Finding<'_>> = findings
        .iter()
        .filter(|finding| finding.told.configurations().is_some())
        .collect();
    if compared.is_empty() {
        return None;
    }
    let changes: usize = compared
        .iter()
        .map(|finding| finding.contract_count())
        .sum();
    let labels: usize = compared
        .iter()
        .map(|finding| finding.contract.len() - finding.contract_count())
        .sum();
    let mut rows = Vec::new();
    for finding in &compared {
        let mut told_labels = 0;
        for change in &finding.contract {
            told_labels += usize::from(change.is_label());
            if told_labels > MOST_LABELS {
                break;
            }
            let mut row = vec![change.title(), change.before.clone(), change.after.clone()];
            if !is_one {
                row.insert(0, stream_tag(finding.moved));
            }
            rows.push(row);
        }
    }
    let told = rows.len().min(MOST_ROWS);
    rows.truncate(MOST_ROWS);
    let mut content = Document::new();
    if !rows.is_empty() {
        let mut head: Vec<Inline> = ["field", "before", "after"].map(Inline::of).to_vec();
        if !is_one {
            head.insert(0, Inline::of("image"));
        }
        content.table(head, rows);
    }
    let all = changes + labels;
    if all > told {
        content.paragraph(
            Inline::of("And ")
                .number(all - told)
                .words(" more, most of them labels."),
        );
    }
    if let ([finding], true) = (compared.as_slice(), is_one) {
        content.paragraph(unchanged(finding));
    }
    let mut summary = Inline::of("Run-time contract: ");
    summary = match changes {
        0 => summary.words("no change"),
        count => summary.count(count, "change", "changes"),
    };
    if labels > 0 {
        summary = summary.words(", and ").count(labels, "label", "labels");
    }
    Some(Folded {
        name: "run-time contract",
        summary,
        content,
    })
}

fn unchanged(finding: &Finding<'_>) -> Inline {
    let changed: BTreeSet<Field> = finding.contract.iter().map(|change| change.field).collect();
    let same = Field::ALL
        .iter()
        .filter(|field| **field != Field::Label && !changed.contains(field));
    let same: Vec<Inline> = same.map(|field| Inline::of(field.words())).collect();
    if same.is_empty() {
        return Inline::of("Every part of it changed.");
    }
    Inline::of("No change: ").list(same, usize::MAX).words(".")
}

fn platform_change(findings: &[Finding<'_>]) -> Option<Folded> {
    let (mut added, mut lost) = (0, 0);
    let mut rows = Vec::new();
    for finding in findings {
        let change = &finding.platforms;
        added += change.added.len();
        lost += change.lost.len();
        let parts = [("lost", &change.lost), ("added", &change.added)];
        for (word, platforms) in parts {
            for platform in platforms {
                rows.push(vec![
                    stream_tag(finding.moved),
                    Inline::of_code(Foreign::name(&platform.to_string())),
                    Inline::of(word),
                ]);
            }
        }
    }
    if rows.is_empty() {
        return None;
    }
    let count = rows.len();
    rows.truncate(MOST_ROWS);
    let mut content = Document::new();
    content.table(["image", "platform", ""].map(Inline::of).to_vec(), rows);
    push_more(&mut content, count);
    Some(Folded {
        name: "platforms",
        summary: Inline::of("Platforms: ")
            .number(lost)
            .words(" lost, ")
            .number(added)
            .words(" added"),
        content,
    })
}

fn files(moves: &[Move]) -> Option<Folded> {
    let mut lines = Vec::new();
    for moved in moves {
        for field in &moved.fields {
            let file = field.trigger.target.document.file.as_str();
            lines.push(
                Inline::of_code(Foreign::name(file))
                    .words(" → ")
                    .code(Foreign::name(&field.trigger.field_name())),
            );
        }
    }
    for moved in moves.iter().filter(|moved| moved.record.is_some()) {
        lines.push(
            Inline::of_code(Foreign::name(moved.place.file.as_str()))
                .words(" → status of ")
                .then(stream_tag(moved)),
        );
    }
    if lines.is_empty() {
        return None;
    }
    let count = lines.len();
    lines.truncate(MOST_ROWS);
    let mut content = Document::new();
    content.list(lines);
    push_more(&mut content, count);
    Some(Folded {
        name: "files changed",
        summary: Inline::of("Files changed: ").count(count, "value", "values"),
        content,
    })
}

/// That one lies there is a fact and no trust; that none does is no alarm.
fn signatures(findings: &[Finding<'_>]) -> Option<Folded> {
    let known: Vec<&Finding<'_>> = findings
        .iter()
        .filter(|finding| finding.told.after.is_some())
        .collect();
    if known.is_empty() {
        return None;
    }
    let rows = known.iter().take(MOST_ROWS).map(|finding| {
        vec![
            stream_tag(finding.moved),
            Inline::of(match finding.told.before {
                Some(facts) => signature_words(facts.signature),
                None => "not known",
            }),
            finding.signature(),
        ]
    });
    let mut content = Document::new();
    content.table(
        ["image", "before", "after"].map(Inline::of).to_vec(),
        rows.collect(),
    );
    push_more(&mut content, known.len());
    let what = Inline::of(
        "Looked for beside each digest: a cosign signature. Found says that one lies there, not \
         who made it.",
    );
    content.paragraph(match known.iter().any(|finding| finding.is_verified) {
        true => what.words(" Verified says that a key of this environment's gate did."),
        false => what,
    });
    Some(Folded {
        name: "signatures",
        summary: Inline::of("Signatures"),
        content,
    })
}

fn digests(moves: &[Move]) -> Option<Folded> {
    if moves.is_empty() {
        return None;
    }
    let mut rows = Vec::new();
    for moved in moves.iter().take(MOST_ROWS) {
        let code = |digest: Option<&crate::image::Digest>| match digest {
            Some(digest) => Inline::of_code(Foreign::cut(digest.as_str(), 150)),
            None => Inline::of("none"),
        };
        rows.push(vec![
            stream_tag(moved),
            code(moved.previous.as_ref()),
            code(moved.digest()),
        ]);
    }
    let mut content = Document::new();
    content.table(["image", "before", "after"].map(Inline::of).to_vec(), rows);
    push_more(&mut content, moves.len());
    Some(Folded {
        name: "all digests",
        summary: Inline::of("All digests in full"),
        content,
    })
}

/// The newest ones stay where there are many.
fn history(entries: &[HistoryEntry]) -> Option<Folded> {
    if entries.is_empty() {
        return None;
    }
    let skipped = entries.len().saturating_sub(MOST_ROWS);
    let lines = entries.iter().skip(skipped).map(|entry| {
        Inline::new()
            .time(&entry.time)
            .words(": ")
            .code(Foreign::new(&entry.text))
    });
    let mut content = Document::new();
    content.list(lines.collect());
    Some(Folded {
        name: "history",
        summary: Inline::of("History of this pull request"),
        content,
    })
}

fn layers(finding: &Finding<'_>) -> Option<Folded> {
    let after = &finding.told.after?.description;
    if after.layers.is_empty() {
        return None;
    }
    let change = finding.told.layers();
    let old: BTreeSet<_> = match (finding.told.before, change) {
        (Some(before), Some(_)) => before
            .description
            .layers
            .iter()
            .map(|layer| &layer.digest)
            .collect(),
        _ => BTreeSet::new(),
    };
    let rows = after.layers.iter().take(MOST_ROWS).map(|layer| {
        let state = match change {
            Some(_) if old.contains(&layer.digest) => "same",
            Some(_) => "new",
            None => "",
        };
        vec![
            Inline::new().digest(&layer.digest),
            Inline::new().size(layer.size),
            Inline::of(state),
        ]
    });
    let mut content = Document::new();
    content.table(
        ["layer", "size", ""].map(Inline::of).to_vec(),
        rows.collect(),
    );
    push_more(&mut content, after.layers.len());
    content.paragraph(of_which(after));
    let count = after.layers.len();
    let summary = Inline::of("Layers: ").number(count);
    let summary = match change {
        Some(change) if change.is_same => summary.words(", all the same"),
        Some(change) => summary
            .words(", ")
            .number(change.new)
            .words(" new, ")
            .number(change.gone)
            .words(" gone"),
        None => summary,
    };
    Some(Folded {
        name: "layers and size",
        summary,
        content,
    })
}

/// Which image the figures are of.
fn of_which(description: &Description) -> Inline {
    let line = Inline::of("From the base up, sizes as they are stored");
    let own = description.configuration.as_ref();
    let own = own.and_then(|configuration| configuration.platform.as_ref());
    match own {
        Some(platform) if platforms(description).len() > 1 => line
            .words("; of the image for ")
            .code(Foreign::name(&platform.to_string()))
            .words("."),
        _ => line.words("."),
    }
}

fn sizes(findings: &[Finding<'_>]) -> Option<Folded> {
    let mut rows = Vec::new();
    for finding in findings {
        if let Some(size) = finding.rows().into_iter().find(|row| row.name == "size") {
            rows.push(vec![stream_tag(finding.moved), size.before, size.after]);
        }
    }
    if rows.is_empty() {
        return None;
    }
    let count = rows.len();
    rows.truncate(MOST_ROWS);
    let mut content = Document::new();
    content.table(["image", "before", "after"].map(Inline::of).to_vec(), rows);
    push_more(&mut content, count);
    Some(Folded {
        name: "layers and size",
        summary: Inline::of("Layers and size"),
        content,
    })
}
