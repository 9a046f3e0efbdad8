use crate::environment::EnvironmentName;
use crate::git::{Error, Repository};
use crate::reconcile::timeline::{MAX_HISTORY, older_images, timeline};
use crate::revision::CommitId;
use crate::stream::ImageStream;
use crate::verb::{Memory, Moved};

/// What a stream tag was along the first parents of `head`, for going back to it; with `at`, what
/// counted at that commit. None where `at` is not one of those first parents.
pub fn memory(
    repository: &Repository,
    head: CommitId,
    environment: &EnvironmentName,
    stream: &ImageStream,
    tag: &str,
    at: Option<CommitId>,
) -> Result<Option<Memory>, Error> {
    let events = timeline(repository, head, environment, stream, tag)?;
    let moves: Vec<Moved> = events
        .into_iter()
        .map(|event| Moved {
            commit: event.entry.commit,
            time: event.entry.time.parse().ok(),
            image: event.image,
            selected: event.selected,
        })
        .collect();
    let recorded = older_images(repository, head, stream)?;
    let of_tag = |image: &str| moves.iter().any(|it| it.image.as_deref() == Some(image));
    let mut memory = Memory {
        // Other tags of the stream have other images.
        items: recorded
            .into_iter()
            .filter(|item| of_tag(&item.image))
            .collect(),
        moves,
        at: None,
    };
    if let Some(at) = at {
        let line = repository.first_parents(head, MAX_HISTORY, |_| false)?;
        let line = line.iter().map(|commit| commit.id);
        let mut older = line.skip_while(|commit| *commit != at).peekable();
        if older.peek().is_none() {
            return Ok(None);
        }
        memory.at = older.find_map(|commit| {
            let mut moves = memory.moves.iter();
            moves.position(|moved| moved.commit == commit)
        });
    }
    Ok(Some(memory))
}
