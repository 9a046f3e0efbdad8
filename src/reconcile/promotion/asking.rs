use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::image::{Digest, PublicKey, Reference, Repository};
use crate::lookup::{Answer, Lookup, Question, Resolution, SignedBy, SignedQuestion, Wanted};
use crate::plan::gates::Unsigned;
use crate::plan::pull_request::ForgeView;
use crate::policy::OperatorPolicy;
use crate::pull_request::Checks;
use crate::reconcile::hosting::Hosting;
use crate::revision::{BranchName, CommitId};
use crate::stream::ImageStream;

/// Answers questions, in their order.
type Ask<'a> = dyn FnMut(&[Question]) -> Vec<Answer> + 'a;

/// What gates ask registries and the forge.
pub struct Asking<'a> {
    pub hosting: Option<&'a Hosting<'a>>,
    pub view: &'a mut Option<ForgeView>,
    pub ask: &'a mut Ask<'a>,
    pub operator: &'a OperatorPolicy,
    /// What was asked, with the answers.
    pub asked: Vec<(Question, Answer)>,
}

/// An image that a gate looks at.
#[derive(Clone, Debug)]
pub struct Image {
    /// As people know it: the stream tag that it would be of.
    pub name: String,
    pub reference: Reference,
    pub digest: Digest,
    pub insecure: bool,
    /// Whose pull secrets are used.
    pub namespace: String,
    /// Where a copy is kept, with what was attached to the image by then: asked where the source
    /// does not answer.
    pub copy: Option<Repository>,
}

impl Image {
    /// The image that a stream tag of `streams` goes to.
    pub fn of(
        streams: &[ImageStream],
        moved: &crate::stream::StreamTagName,
        image: &Reference,
    ) -> Option<Self> {
        let stream = streams.iter().find(|stream| stream.name == moved.stream);
        let is_insecure = stream.is_some_and(|stream| {
            let tag = stream.tag(&moved.tag);
            stream.metadata.is_insecure() || tag.is_some_and(|tag| tag.settings.insecure)
        });
        let copy = stream.and_then(|stream| stream.copies_of(&moved.tag));
        Some(Self {
            name: moved.to_string(),
            digest: image.digest.clone()?,
            reference: image.clone(),
            insecure: is_insecure,
            namespace: moved.stream.namespace.clone(),
            copy,
        })
    }
}

/// Where an image is asked for.
struct Place<'a> {
    repository: &'a Repository,
    insecure: bool,
    secrets_of: Option<String>,
}

impl Asking<'_> {
    fn secrets_of(&self, image: &Image) -> Option<String> {
        let namespace = &image.namespace;
        let secrets = &self.operator.namespaces_with_secrets;
        secrets.contains(namespace).then(|| namespace.clone())
    }

    /// The answers for each image: of its source, else of its copy.
    fn answers(
        &mut self,
        images: &[Image],
        question: &dyn Fn(&Image, Place<'_>) -> Question,
    ) -> Vec<Option<Answer>> {
        let secrets: Vec<Option<String>> =
            images.iter().map(|image| self.secrets_of(image)).collect();
        let at_source = images.iter().zip(secrets).map(|(image, secrets_of)| {
            let place = Place {
                repository: &image.reference.repository,
                insecure: image.insecure,
                secrets_of,
            };
            question(image, place)
        });
        let mut answers = self.questions(&at_source.collect::<Vec<_>>());
        let mut numbers = Vec::new();
        let mut at_copy = Vec::new();
        for (number, (image, answer)) in images.iter().zip(&answers).enumerate() {
            let is_failure = answer.as_ref().is_none_or(|it| it.resolution().is_some());
            if let (true, Some(repository)) = (is_failure, &image.copy) {
                let place = Place {
                    repository,
                    insecure: false,
                    secrets_of: None,
                };
                numbers.push(number);
                at_copy.push(question(image, place));
            }
        }
        if at_copy.is_empty() {
            return answers;
        }
        for (number, found) in numbers.into_iter().zip(self.questions(&at_copy)) {
            let is_usable = found.as_ref().is_some_and(|it| it.resolution().is_none());
            if let (true, Some(answer)) = (is_usable, answers.get_mut(number)) {
                *answer = found;
            }
        }
        answers
    }

    fn questions(&mut self, questions: &[Question]) -> Vec<Option<Answer>> {
        let answers = (self.ask)(questions);
        let known = questions.iter().cloned().zip(answers.iter().cloned());
        self.asked.extend(known);
        let mut answers = answers.into_iter();
        questions.iter().map(|_| answers.next()).collect()
    }

    /// When each image says that it was made, by name.
    pub fn created(
        &mut self,
        images: &[Image],
    ) -> Vec<(String, Result<Option<Timestamp>, String>)> {
        let lookup = |image: &Image, place: Place<'_>| Lookup {
            repository: place.repository.clone(),
            wanted: Wanted::Digest(image.digest.clone()),
            import_mode: crate::stream::ImportMode::default(),
            platforms: Vec::new(),
            insecure: place.insecure,
            secrets_of: place.secrets_of,
            known: BTreeSet::new(),
            chosen: BTreeMap::new(),
        };
        let answers = self.answers(images, &|image, place| {
            Question::Created(lookup(image, place))
        });
        let found = images.iter().zip(answers).map(|(image, answer)| {
            let created = match answer {
                Some(Answer::Created(Ok(created))) => {
                    Ok(created.and_then(|text| text.parse::<Timestamp>().ok()))
                }
                Some(Answer::Created(Err(fault))) => Err(words(&fault)),
                _ => Err("it could not be asked for".to_owned()),
            };
            (image.name.clone(), created)
        });
        found.collect()
    }

    /// Whether each image is signed by one of `keys`, by name.
    pub fn signed(
        &mut self,
        images: &[Image],
        keys: &[PublicKey],
    ) -> Vec<(String, Result<(), Unsigned>)> {
        let answers = self.answers(images, &|image, place| {
            Question::Signed(SignedQuestion {
                repository: place.repository.clone(),
                digest: image.digest.clone(),
                keys: keys.to_vec(),
                insecure: place.insecure,
                secrets_of: place.secrets_of,
            })
        });
        let found = images.iter().zip(answers).map(|(image, answer)| {
            let signed = match answer {
                Some(Answer::Signed(Ok(SignedBy::Key(_)))) => Ok(()),
                Some(Answer::Signed(Ok(other))) => Err(Unsigned(other.to_string())),
                Some(Answer::Signed(Err(fault))) => Err(Unsigned(words(&fault))),
                _ => Err(Unsigned("it could not be asked for".to_owned())),
            };
            (image.name.clone(), signed)
        });
        found.collect()
    }

    /// The checks of a commit by name, or why they cannot be told.
    pub fn checks(&mut self, commit: CommitId) -> Result<BTreeMap<String, Checks>, String> {
        let (Some(hosting), Some(view)) = (self.hosting, self.view.as_mut()) else {
            return Err("there is no forge to ask".to_owned());
        };
        hosting.learn_checks(view, commit)
    }

    /// When a merged pull request brought the commit into the branch, or why that cannot be told.
    /// Without a forge nothing is known to have.
    pub fn entered(
        &mut self,
        commit: CommitId,
        branch: &BranchName,
    ) -> Result<Option<Timestamp>, String> {
        let (Some(hosting), Some(view)) = (self.hosting, self.view.as_mut()) else {
            return Ok(None);
        };
        hosting.learn_entered(view, commit, branch)
    }

    /// Whether somebody has approved the open pull request of a branch, or may have: an approval
    /// that cannot be asked for must not be lost.
    pub fn may_be_approved(&mut self, branch: &BranchName, base: &BranchName) -> bool {
        let (Some(hosting), Some(view)) = (self.hosting, self.view.as_mut()) else {
            return false;
        };
        if view.outage.is_some() {
            return true;
        }
        hosting.learn_approvals(view, branch, base);
        let open = view.open_of(branch, base).map(|open| open.number);
        match open.map(|number| view.approvals_of(number)) {
            Some(Ok(Some(approvals))) => !approvals.is_empty(),
            Some(Err(_)) => true,
            Some(Ok(None)) | None => false,
        }
    }
}

fn words(fault: &Resolution) -> String {
    match fault.fault() {
        Some(found) => found.message.clone(),
        None => fault.kind().to_owned(),
    }
}
