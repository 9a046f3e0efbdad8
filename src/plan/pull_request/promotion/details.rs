//! The folded parts that only a promotion has.

use crate::environment::{Carry, EnvironmentName};
use crate::plan::promotion::Promotion;
use crate::plan::pull_request::body::{BodyInputs, MOST_ROWS};
use crate::plan::pull_request::finding::Finding;
use crate::plan::pull_request::first_screen::{push_comparison, push_more};
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::gates;
use crate::plan::pull_request::markdown::{Document, Folded, Inline};
use crate::plan::pull_request::promotion::amount;
use crate::plan::pull_request::promotion::first_screen::{Screen, push_table};

/// The most important first.
pub fn parts(
    promotion: &Promotion,
    inputs: &BodyInputs<'_>,
    findings: &[Finding<'_>],
) -> Vec<Folded> {
    let parts = [
        images(promotion, inputs, findings),
        configuration(promotion),
        lost(promotion, inputs.environment),
        newer(promotion),
        comparison(inputs, findings),
    ];
    parts.into_iter().flatten().collect()
}

/// All of them, where the first screen has no room.
fn images(
    promotion: &Promotion,
    inputs: &BodyInputs<'_>,
    findings: &[Finding<'_>],
) -> Option<Folded> {
    let count = inputs.moves.len();
    if Screen::of(promotion, findings, inputs).rows >= count {
        return None;
    }
    let mut content = Document::new();
    push_table(&mut content, promotion, findings, inputs, MOST_ROWS);
    push_more(&mut content, count);
    Some(Folded {
        name: "all images",
        summary: Inline::of("All images: ").number(count),
        content,
    })
}

fn configuration(promotion: &Promotion) -> Option<Folded> {
    let configuration = &promotion.configuration;
    let amount = amount(configuration);
    if amount.is_empty() {
        return None;
    }
    let summary = Inline::of(match promotion.carry {
        Carry::Merge => "Configuration that comes along: ",
        Carry::Pins => "Configuration that differs and does not come along: ",
    });
    let mut content = Document::new();
    let commits = configuration.commits.iter().take(MOST_ROWS).map(|commit| {
        vec![
            Inline::new().commit(commit.commit),
            Inline::of_code(Foreign::new(&commit.subject)),
            Inline::of_code(Foreign::name(&commit.author)),
        ]
    });
    let commits: Vec<Vec<Inline>> = commits.collect();
    let told = commits.len();
    if told > 0 {
        let head = ["commit", "subject", "author"].map(Inline::of);
        content.table(head.to_vec(), commits);
    }
    match configuration.commit_count.saturating_sub(told) {
        0 => {}
        more => content.paragraph(
            Inline::of("And ")
                .count(more, "commit", "commits")
                .words(" more."),
        ),
    }
    let paths = configuration.paths.iter().take(MOST_ROWS);
    let paths = paths.map(|path| Inline::of_code(Foreign::name(path.as_str())));
    content.list(paths.collect());
    push_more(&mut content, configuration.paths.len());
    Some(Folded {
        name: "configuration",
        summary: summary.then(amount),
        content,
    })
}

fn lost(promotion: &Promotion, here: &EnvironmentName) -> Option<Folded> {
    if promotion.lost.is_empty() {
        return None;
    }
    let rows = promotion.lost.iter().take(MOST_ROWS).map(|lost| {
        vec![
            Inline::of_code(Foreign::name(lost.path.as_str())),
            Inline::new().commit(lost.commit),
            Inline::of_code(Foreign::name(&lost.author)),
            Inline::new().at(lost.time),
        ]
    });
    let mut content = Document::new();
    let head = ["file", "taken out by", "author", "at"].map(Inline::of);
    content.table(head.to_vec(), rows.collect());
    push_more(&mut content, promotion.lost.len());
    content.paragraph(
        Inline::of("To have it in ")
            .environment(here)
            .words(" again, revert the commit that took it out."),
    );
    Some(Folded {
        name: "taken out before",
        summary: Inline::of("Taken out before, and not coming back: ").count(
            promotion.lost.len(),
            "file",
            "files",
        ),
        content,
    })
}

fn newer(promotion: &Promotion) -> Option<Folded> {
    let newer = promotion.newer.as_ref()?;
    let mut content = Document::new();
    let which = Inline::of_code(Foreign::name(&newer.commit.to_string()));
    if newer.findings.is_empty() {
        content.paragraph(which.words(
            " is newer. This one has an approval or waits for its window, so it is kept; the \
             newer one comes after it.",
        ));
    } else {
        content.paragraph(which.words(" is newer. What its gates say:"));
        content.list(gates::lines(&newer.findings).collect());
    }
    Some(Folded {
        name: "newer commit",
        summary: Inline::of("Newer in ")
            .environment(&promotion.from)
            .words(", and not taken"),
        content,
    })
}

/// Of one image; of several there is a table.
fn comparison(inputs: &BodyInputs<'_>, findings: &[Finding<'_>]) -> Option<Folded> {
    let ([moved], [finding]) = (inputs.moves, findings) else {
        return None;
    };
    let mut content = Document::new();
    push_comparison(&mut content, moved, Some(finding));
    Some(Folded {
        name: "image before and after",
        summary: Inline::of("The image before and after"),
        content,
    })
}
