use std::collections::{BTreeMap, BTreeSet};

use crate::copying::{CopyOrder, CopyState};
use crate::image::{Digest, Platform, Repository};
use crate::lookup::{Answer, Lookup, Question, Resolution, TagListing, Verified, Wanted};
use crate::stream::{ImportMode, StreamName, TagEvent};

/// What is asked over all environments of a pass, each question once, and what was answered.
#[derive(Debug, Default)]
pub struct Inquiry {
    /// Namespaces that have pull secrets of their own.
    secrets: BTreeSet<String>,
    numbers: BTreeMap<Key, usize>,
    entries: Vec<Entry>,
    /// Images that left a stream's status, by stream; none where nobody has looked yet.
    older: BTreeMap<StreamName, Option<Vec<TagEvent>>>,
}

#[derive(Debug)]
struct Entry {
    question: Question,
    /// Digests that every asker has recorded.
    known: BTreeSet<Digest>,
    answer: Option<Answer>,
}

/// What makes two questions one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: Kind,
    endpoint: String,
    /// From where a copy is made.
    from: Option<String>,
    wanted: Option<Wanted>,
    import_mode: ImportMode,
    platforms: Vec<Platform>,
    insecure: bool,
    secrets_of: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Image,
    /// Asked anew by somebody who has not recorded what was found.
    ImageAnew,
    Tags,
    Created,
    Copied,
    Attached,
}

/// An image, and how it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub repository: Repository,
    pub wanted: Wanted,
    pub import_mode: ImportMode,
    pub platforms: Vec<Platform>,
    pub insecure: bool,
    /// The namespace of the stream.
    pub namespace: String,
    /// The digest that the asker has recorded.
    pub known: Option<Digest>,
}

impl Inquiry {
    pub fn new(namespaces_with_secrets: &BTreeSet<String>) -> Self {
        Self {
            secrets: namespaces_with_secrets.clone(),
            ..Self::default()
        }
    }

    /// The image; none where it must be asked first.
    pub(crate) fn image(&mut self, asking: &Asking) -> Option<&Resolution> {
        let key = self.key(Kind::Image, asking);
        let number = self.register(&key, asking);
        let is_new_to_asker = match self.entries.get(number) {
            Some(Entry {
                known,
                answer: Some(Answer::Image(Resolution::Found(found))),
                ..
            }) => {
                let named = found.index.as_ref().unwrap_or(&found.digest);
                let trusted = |digest: &Digest| known.contains(digest);
                (trusted(named) || trusted(&found.digest))
                    && asking.known.as_ref() != Some(&found.digest)
            }
            _ => false,
        };
        // What only another asker has recorded is read and hashed before it is written here.
        let number = if is_new_to_asker {
            let key = Key {
                kind: Kind::ImageAnew,
                ..key
            };
            let anew = Asking {
                known: None,
                ..asking.clone()
            };
            self.register(&key, &anew)
        } else {
            number
        };
        match self.answer_of(number)? {
            Answer::Image(resolution) => Some(resolution),
            _ => None,
        }
    }

    /// All tags of a repository; none where they must be asked first.
    pub(crate) fn tags(
        &mut self,
        repository: &Repository,
        insecure: bool,
        namespace: &str,
    ) -> Option<&Result<Vec<String>, Resolution>> {
        let secrets_of = self.secrets_of(namespace);
        let key = Key {
            kind: Kind::Tags,
            endpoint: repository.endpoint().to_string(),
            from: None,
            wanted: None,
            import_mode: ImportMode::default(),
            platforms: Vec::new(),
            insecure,
            secrets_of: secrets_of.clone(),
        };
        let listing = TagListing {
            repository: repository.clone(),
            insecure,
            secrets_of,
        };
        let number = self.number(key, || Entry {
            question: Question::Tags(listing),
            known: BTreeSet::new(),
            answer: None,
        });
        match self.answer_of(number)? {
            Answer::Tags(tags) => Some(tags),
            _ => None,
        }
    }

    /// When an image was created; none where it must be asked first.
    pub(crate) fn created(
        &mut self,
        asking: &Asking,
    ) -> Option<&Result<Option<String>, Resolution>> {
        let key = self.key(Kind::Created, asking);
        let number = self.register(&key, asking);
        match self.answer_of(number)? {
            Answer::Created(created) => Some(created),
            _ => None,
        }
    }

    /// Whether a copy is there; none where it must be asked first.
    pub(crate) fn copied(&mut self, order: &CopyOrder) -> Option<&Result<CopyState, Resolution>> {
        let number = self.ordered(Kind::Copied, order, || Question::Copied(order.clone()));
        match self.answer_of(number)? {
            Answer::Copied(copied) => Some(copied),
            _ => None,
        }
    }

    /// Has what refers to the image brought to its copy. Nothing depends on the answer.
    pub(crate) fn attach(&mut self, order: &CopyOrder) {
        self.ordered(Kind::Attached, order, || Question::Attached(order.clone()));
    }

    fn ordered(
        &mut self,
        kind: Kind,
        order: &CopyOrder,
        question: impl FnOnce() -> Question,
    ) -> usize {
        let key = Key {
            kind,
            endpoint: order.to.endpoint().to_string(),
            from: Some(order.from.endpoint().to_string()),
            wanted: Some(Wanted::Digest(order.digest.clone())),
            import_mode: ImportMode::default(),
            platforms: Vec::new(),
            insecure: order.insecure,
            secrets_of: order.secrets_of.clone(),
        };
        self.number(key, || Entry {
            question: question(),
            known: BTreeSet::new(),
            answer: None,
        })
    }

    /// Images that were in the stream's status once; none where nobody has looked yet.
    pub(crate) fn older_images(&mut self, stream: &StreamName) -> Option<&[TagEvent]> {
        let older = self.older.entry(stream.clone()).or_default();
        older.as_deref()
    }

    /// The streams whose older images are asked for.
    pub fn wanted_histories(&self) -> Vec<StreamName> {
        let open = self.older.iter().filter(|(_, images)| images.is_none());
        open.map(|(stream, _)| stream.clone()).collect()
    }

    pub fn put_history(&mut self, stream: StreamName, images: Vec<TagEvent>) {
        self.older.insert(stream, Some(images));
    }

    fn key(&self, kind: Kind, asking: &Asking) -> Key {
        Key {
            kind,
            endpoint: asking.repository.endpoint().to_string(),
            from: None,
            wanted: Some(asking.wanted.clone()),
            import_mode: asking.import_mode,
            platforms: asking.platforms.clone(),
            insecure: asking.insecure,
            secrets_of: self.secrets_of(&asking.namespace),
        }
    }

    pub(crate) fn secrets_of(&self, namespace: &str) -> Option<String> {
        self.secrets.get(namespace).cloned()
    }

    fn register(&mut self, key: &Key, asking: &Asking) -> usize {
        let known: BTreeSet<Digest> = asking.known.iter().cloned().collect();
        if let Some(number) = self.numbers.get(key).copied() {
            // What only one asker has recorded is not known to the other.
            if let Some(entry) = self.entries.get_mut(number)
                && entry.answer.is_none()
            {
                entry.known = entry.known.intersection(&known).cloned().collect();
            }
            return number;
        }
        let lookup = Lookup {
            repository: asking.repository.clone(),
            wanted: asking.wanted.clone(),
            import_mode: key.import_mode,
            platforms: key.platforms.clone(),
            insecure: key.insecure,
            secrets_of: key.secrets_of.clone(),
            known: BTreeSet::new(),
            chosen: BTreeMap::new(),
        };
        let question = match key.kind {
            Kind::Created => Question::Created(lookup),
            _ => Question::Image(lookup),
        };
        self.number(key.clone(), || Entry {
            question,
            known,
            answer: None,
        })
    }

    fn number(&mut self, key: Key, entry: impl FnOnce() -> Entry) -> usize {
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = self.entries.len();
        self.numbers.insert(key, number);
        self.entries.push(entry());
        number
    }

    fn answer_of(&self, number: usize) -> Option<&Answer> {
        self.entries.get(number)?.answer.as_ref()
    }

    /// The questions that are not answered yet. `verified` are digests that earlier passes have
    /// read and hashed, by endpoint: they need no second reading.
    pub fn open(&self, verified: &BTreeMap<String, Verified>) -> Vec<Question> {
        let open = self.entries.iter().filter(|entry| entry.answer.is_none());
        open.map(|entry| {
            let mut question = entry.question.clone();
            if let Question::Image(lookup) = &mut question {
                lookup.known = entry.known.clone();
                let endpoint = lookup.repository.endpoint().to_string();
                if let Some(verified) = verified.get(&endpoint) {
                    lookup.known.extend(verified.digests.iter().cloned());
                    let chosen = verified.chosen.iter();
                    lookup.chosen = chosen
                        .filter(|((_, platforms), _)| *platforms == lookup.platforms)
                        .map(|((index, _), image)| (index.clone(), image.clone()))
                        .collect();
                }
            }
            question
        })
        .collect()
    }

    /// Takes the answers to the questions of [`Inquiry::open`], in their order. What is left
    /// unanswered stays open.
    pub fn put_answers(&mut self, answers: Vec<Answer>) {
        let open = self
            .entries
            .iter_mut()
            .filter(|entry| entry.answer.is_none());
        for (entry, answer) in open.zip(answers) {
            entry.answer = Some(answer);
        }
    }

    /// Everything that was asked and answered.
    pub fn into_answered(self) -> (Vec<Question>, Vec<Answer>) {
        self.entries
            .into_iter()
            .filter_map(|entry| Some((entry.question, entry.answer?)))
            .unzip()
    }
}
