//! A registry in memory: what tags name, how old images are, and who has signed them.

use std::collections::{BTreeMap, BTreeSet};

use headwater::image::Digest;
use headwater::lookup::{
    Answer, Fault, Found, Lookup, Question, Reason, Resolution, SignedBy, Wanted,
};
use jiff::Timestamp;

#[derive(Debug, Default)]
pub struct Images {
    /// By `repository:tag`.
    tags: BTreeMap<(String, String), Vec<Digest>>,
    pub created: BTreeMap<Digest, Option<Timestamp>>,
    pub signed: BTreeSet<Digest>,
    made: usize,
}

impl Images {
    pub fn make(&mut self, created: Option<Timestamp>) -> Digest {
        self.made += 1;
        let digest = Digest::of(format!("image {}", self.made).as_bytes());
        self.created.insert(digest.clone(), created);
        digest
    }

    pub fn push(&mut self, repository: &str, tag: &str, digest: Digest) {
        let key = (repository.to_owned(), tag.to_owned());
        self.tags.entry(key).or_default().push(digest);
    }

    /// What a tag has named, oldest first.
    pub fn history(&self, repository: &str, tag: &str) -> &[Digest] {
        let key = (repository.to_owned(), tag.to_owned());
        self.tags.get(&key).map_or(&[], Vec::as_slice)
    }

    pub fn answer(&self, questions: &[Question]) -> Vec<Answer> {
        questions.iter().map(|one| self.answer_one(one)).collect()
    }

    fn answer_one(&self, question: &Question) -> Answer {
        match question {
            Question::Image(lookup) => Answer::Image(self.resolve(lookup)),
            Question::Created(lookup) => {
                let Resolution::Found(found) = self.resolve(lookup) else {
                    return Answer::Created(Err(missing()));
                };
                let created = self.created.get(&found.digest).copied().flatten();
                Answer::Created(Ok(created.map(|time| time.to_string())))
            }
            Question::Tags(_)
            | Question::Copied(_)
            | Question::Attached(_)
            | Question::Catalog(_) => question.unanswered(missing()),
            Question::Signed(question) => {
                let key = question.keys.first().cloned();
                let is_signed = self.signed.contains(&question.digest);
                Answer::Signed(Ok(match key.filter(|_| is_signed) {
                    Some(key) => SignedBy::Key(key),
                    None => SignedBy::Nobody,
                }))
            }
        }
    }

    fn resolve(&self, lookup: &Lookup) -> Resolution {
        let digest = match &lookup.wanted {
            Wanted::Digest(digest) => self.created.contains_key(digest).then_some(digest),
            Wanted::Tag(tag) => {
                let name = lookup.repository.to_string();
                let name = name.rsplit('/').next().unwrap_or_default();
                self.history(name, tag.as_str()).last()
            }
        };
        match digest {
            Some(digest) => Resolution::Found(Found {
                digest: digest.clone(),
                index: None,
            }),
            None => missing(),
        }
    }
}

fn missing() -> Resolution {
    Resolution::Missing(Fault {
        host: "registry.example".to_owned(),
        message: "there is none".to_owned(),
        advice: None,
        reason: Reason::NotFound,
    })
}
