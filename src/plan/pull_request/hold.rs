//! The pull request that writes a hold.

use crate::environment::EnvironmentName;
use crate::image::Digest;
use crate::plan::pull_request::body::{MAX_BODY, PullRequestText};
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::markdown::{Document, Inline, Mark};
use crate::plan::pull_request::reading::RebuildBox;
use crate::plan::pull_request::title::harmless;
use crate::revision::BranchName;
use crate::stream::StreamTagName;

/// What is held, and against what.
#[derive(Clone, Copy, Debug)]
pub struct HoldInputs<'a> {
    pub tag: &'a StreamTagName,
    pub environment: &'a EnvironmentName,
    /// The branch that the pull request goes to.
    pub base: &'a BranchName,
    /// None where nothing was pinned yet.
    pub current: Option<&'a Digest>,
    /// The digest that is kept out.
    pub rejected: &'a Digest,
}

pub fn hold_text(inputs: &HoldInputs<'_>) -> PullRequestText {
    let tag = Inline::of_code(Foreign::name(&inputs.tag.to_string()));
    let mut intro = Inline::of("This pull request holds ").then(tag.clone());
    if let Some(current) = inputs.current {
        intro = intro.words(" at ").digest(current);
    }
    let intro = intro
        .words(" for ")
        .bold(Inline::new().environment(inputs.environment))
        .words(" on ")
        .code(Foreign::name(inputs.base.as_str()))
        .words(", and keeps ")
        .digest(inputs.rejected)
        .words(" out.");
    let mut document = Document::new();
    document.paragraph(intro);
    let digest = |digest: Option<&Digest>| match digest {
        Some(digest) => Inline::of_code(Foreign::cut(digest.as_str(), 150)),
        None => Inline::of("none"),
    };
    document.table(
        vec![Inline::new(), Inline::of("digest")],
        vec![
            vec![Inline::of("stays"), digest(inputs.current)],
            vec![Inline::of("kept out"), digest(Some(inputs.rejected))],
        ],
    );
    document.list(vec![
        Inline::of("**Cause:** the box that holds this tag was ticked."),
        Inline::of("**Changes:** the annotation `headwater.dev/hold` on the stream; no image moves."),
        Inline::of("**Undo:** revert the merge, or take the annotation out; the tag is then followed again."),
    ]);
    document.rule();
    let rebuild = Inline::of(
        "Rebuild this pull request on the current base (discards other commits on this branch)",
    );
    document.tasks(vec![(rebuild, &RebuildBox as &dyn Mark)]);
    let start = inputs.current.map_or_else(String::new, |digest| {
        format!(" at {}", digest.encoded().get(..7).unwrap_or_default())
    });
    let ending = format!("{start} in {}", inputs.environment);
    let room = 72_usize.saturating_sub(ending.chars().count() + "hold ".len());
    let name = harmless(&inputs.tag.to_string());
    let name = crate::plan::pull_request::title::end_of(&name, room);
    PullRequestText {
        title: format!("hold {name}{ending}").chars().take(72).collect(),
        body: document.markdown(MAX_BODY),
        labels: [
            "image-pin".to_owned(),
            "hold".to_owned(),
            format!("env/{}", inputs.environment),
        ]
        .into(),
    }
}
