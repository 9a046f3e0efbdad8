//! The pull request that adds what was pushed.

use crate::environment::EnvironmentName;
use crate::plan::creation::{Created, Creation};
use crate::plan::pull_request::body::{MAX_BODY, MOST_ROWS, PullRequestText};
use crate::plan::pull_request::first_screen::push_more;
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::markdown::{Document, Inline, Mark};
use crate::plan::pull_request::reading::RebuildBox;
use crate::plan::pull_request::title::{MOST, end_of, harmless};
use crate::plan::trailer;
use crate::revision::BranchName;

pub fn creation_text(
    creation: &Creation,
    environment: &EnvironmentName,
    base: &BranchName,
) -> PullRequestText {
    let stream = Inline::of_code(Foreign::name(&creation.stream.to_string()));
    let intro = match creation.is_new {
        true => Inline::of("This pull request adds the stream ").then(stream),
        false => Inline::of("This pull request adds tags to the stream ").then(stream),
    };
    let intro = intro
        .words(" for ")
        .bold(Inline::new().environment(environment))
        .words(" on ")
        .code(Foreign::name(base.as_str()))
        .words(": somebody pushed to ")
        .code(Foreign::name(&creation.repository))
        .words(", and no manifest names it.");
    let mut document = Document::new();
    document.paragraph(intro);
    let rows = creation.tags.iter().take(MOST_ROWS).map(|tag| {
        let from = format!("{}:{tag}", creation.repository);
        vec![
            Inline::of_code(Foreign::name(tag)),
            Inline::of_code(Foreign::name(&from)),
        ]
    });
    let head = vec![Inline::of("tag"), Inline::of("is what is pushed to")];
    document.table(head, rows.collect());
    push_more(&mut document, creation.tags.len());
    document.list(vec![
        Inline::of("**Changes:** ")
            .code(Foreign::name(creation.place.file.as_str()))
            .words(". No image is pinned by it; once it is merged, each push is."),
        Inline::of(match creation.is_new {
            true => "**Decline:** close it; the stream is not proposed again.",
            false => "**Decline:** close it; these tags are not proposed again.",
        }),
    ]);
    document.rule();
    let rebuild = Inline::of(
        "Rebuild this pull request on the current base (discards other commits on this branch)",
    );
    document.tasks(vec![(rebuild, &RebuildBox as &dyn Mark)]);
    PullRequestText {
        title: creation_title(creation, environment),
        body: document.markdown(MAX_BODY),
        labels: [
            "image-stream".to_owned(),
            "cause/push".to_owned(),
            format!("env/{environment}"),
        ]
        .into(),
    }
}

/// At most 72 characters; the commit's subject too.
fn creation_title(creation: &Creation, environment: &EnvironmentName) -> String {
    let stream = &creation.stream;
    let (start, name) = match (creation.is_new, creation.tags.as_slice()) {
        (true, _) => ("create ".to_owned(), stream.to_string()),
        (false, [tag]) => ("add ".to_owned(), format!("{stream}:{tag}")),
        (false, tags) => (format!("add {} tags to ", tags.len()), stream.to_string()),
    };
    let ending = format!(" in {environment}");
    let room = MOST.saturating_sub(start.chars().count() + ending.chars().count());
    let name = end_of(&harmless(&name), room);
    format!("{start}{name}{ending}")
        .chars()
        .take(MOST)
        .collect()
}

/// The commit's message, without the plan's own trailer.
pub fn creation_message(creation: &Creation, environment: &EnvironmentName) -> String {
    let mut text = format!(
        "{}\n\nSomebody pushed to {}, and no manifest\nnames it. Each of these tags is what is pushed there:\n\n",
        creation_title(creation, environment),
        Foreign::cut(&creation.repository, 300).bare(),
    );
    for tag in creation.tags.iter().take(MOST_ROWS) {
        text.push_str(&format!("  {}\n", Foreign::name(tag).bare()));
    }
    if creation.tags.len() > MOST_ROWS {
        let more = creation.tags.len() - MOST_ROWS;
        text.push_str(&format!("  and {more} more\n"));
    }
    text.push_str(
        "\nNo image is pinned by it. To undo this, revert the commit that merges it, and\n\
         delete what was pushed.\n\n",
    );
    let created = creation.created();
    format!(
        "{text}{}{}: {environment}",
        Created::trailers(&created),
        trailer::ENVIRONMENT,
    )
}
