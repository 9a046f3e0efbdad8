//! The pull request that writes a hold.

use crate::environment::EnvironmentName;
use crate::image::Digest;
use crate::plan::proposal::HoldProposal;
use crate::plan::pull_request::body::{MAX_BODY, PullRequestText};
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::markdown::{Document, Inline, Mark};
use crate::plan::pull_request::reading::RebuildBox;
use crate::plan::pull_request::title::{end_of, harmless};
use crate::plan::trailer;
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
    PullRequestText {
        title: hold_title(inputs.tag, inputs.environment, inputs.current),
        body: document.markdown(MAX_BODY),
        labels: [
            "image-pin".to_owned(),
            "hold".to_owned(),
            format!("env/{}", inputs.environment),
        ]
        .into(),
    }
}

/// At most 72 characters; the commit's subject too.
fn hold_title(
    tag: &StreamTagName,
    environment: &EnvironmentName,
    current: Option<&Digest>,
) -> String {
    let start = current.map_or_else(String::new, |digest| {
        format!(" at {}", digest.encoded().get(..7).unwrap_or_default())
    });
    let ending = format!("{start} in {environment}");
    let room = 72_usize.saturating_sub(ending.chars().count() + "hold ".len());
    let name = end_of(&harmless(&tag.to_string()), room);
    format!("hold {name}{ending}").chars().take(72).collect()
}

/// The commit's message, without the plan's own trailer.
pub fn hold_message(hold: &HoldProposal, environment: &EnvironmentName) -> String {
    let tag = Foreign::cut(&hold.tag.to_string(), 300);
    let current = match &hold.current {
        Some(current) => format!("at {current}"),
        None => "without an image".to_owned(),
    };
    format!(
        "{}\n\n{}\n  stays   {current}\n  not     {}\n  asked   {}\n\n\
         To undo this, revert the commit that merges it, or take the annotation out of the\n\
         stream: the tag is then followed again.\n\n{}: {}\n{}: {environment}",
        hold_title(&hold.tag, environment, hold.current.as_ref()),
        tag.bare(),
        hold.rejected,
        Foreign::name(&hold.by).bare(),
        trailer::IMAGE_STREAM,
        tag.as_str().trim(),
        trailer::ENVIRONMENT,
    )
}
