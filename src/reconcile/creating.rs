//! Looks for what is pushed into the integrated registry and no manifest names.

use std::collections::{BTreeMap, BTreeSet};

use crate::environment::{Environment, EnvironmentName};
use crate::git;
use crate::image::{Reference, Repository};
use crate::lookup::{Answer, CatalogQuestion, Question, Resolution, TagListing};
use crate::manifest::Reach;
use crate::plan::creation::{NewStream, Pushed, Pushes};
use crate::policy::IntegratedRegistry;
use crate::problem::Problem;
use crate::reconcile::configuration::Configuration;
use crate::reconcile::environment_pass::GateQuestions;
use crate::reconcile::gather::access;
use crate::reconcile::pass::{Branched, Failure, Pass};
use crate::reconcile::quiet::Asked;
use crate::reconcile::read::Reading;
use crate::reconcile::subject::Subject;
use crate::resolve::pushed::{candidates, unnamed};
use crate::revision::BranchName;
use crate::snapshot::FilePath;
use crate::stream::StreamName;
use crate::verb::{new_stream, stream_files, stream_folder};

/// Paths that are tried for a new file; as many streams of one name are in no folder.
const MOST_PATHS: usize = 20;

/// One environment into which may be pushed.
struct Place<'a> {
    subject: &'a Subject,
    branched: &'a Branched,
    registry: &'a IntegratedRegistry,
    streams: BTreeSet<StreamName>,
    pushes: Pushes,
}

/// What the pass looks with.
pub struct Looking<'a> {
    pub configuration: &'a Configuration,
    /// The branch of environments that name none.
    pub default: &'a BranchName,
    pub asked: &'a mut Asked,
    pub questions: &'a mut GateQuestions,
    pub problems: &'a mut Vec<Problem>,
}

impl Pass<'_> {
    /// By environment. Where nobody lets pushes create streams, nobody is asked.
    pub(crate) fn pushes(
        &mut self,
        subjects: &[Subject],
        places: &[Branched],
        looking: &mut Looking<'_>,
    ) -> Result<BTreeMap<EnvironmentName, Pushes>, Failure> {
        if !looking.configuration.policy.imports.create_streams {
            return Ok(BTreeMap::new());
        }
        let operator = self.operator;
        let mut open: Vec<Place<'_>> = subjects
            .iter()
            .zip(places)
            .filter_map(|(subject, branched)| {
                let registry = operator.registry_of(&subject.environment);
                Some(Place {
                    subject,
                    branched,
                    // What is promoted comes from the environment that it was pushed into.
                    registry: registry.filter(|it| {
                        it.create_streams && subject.environment.promotion.is_none()
                    })?,
                    streams: BTreeSet::new(),
                    pushes: Pushes::default(),
                })
            })
            .collect();
        if open.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.find_repositories(subjects, &mut open, looking);
        self.find_tags(&mut open, looking);
        let mut found = BTreeMap::new();
        for mut place in open {
            self.find_files(&mut place, looking)?;
            found.insert(place.subject.environment.name.clone(), place.pushes);
        }
        Ok(found)
    }

    /// Which repositories are asked.
    fn find_repositories(
        &mut self,
        subjects: &[Subject],
        open: &mut [Place<'_>],
        looking: &mut Looking<'_>,
    ) {
        let hosts: BTreeSet<&str> = open.iter().map(|it| it.registry.host.as_str()).collect();
        let questions: Vec<(String, Question)> = hosts
            .into_iter()
            .filter_map(|host| {
                let repository = repository(&format!("{host}/catalog"))?;
                Some((
                    host.to_owned(),
                    Question::Catalog(CatalogQuestion { repository }),
                ))
            })
            .collect();
        let mut catalogs = BTreeMap::new();
        for (host, answer) in self.answers(questions, looking) {
            match answer {
                Some(Answer::Catalog(Ok(paths))) => {
                    catalogs.insert(host, paths);
                }
                Some(Answer::Catalog(Err(why))) => looking.problems.push(no_catalog(&host, &why)),
                _ => {}
            }
        }
        let access = access(&subjects.iter().collect::<Vec<_>>(), self.operator);
        let none = Vec::new();
        for place in open {
            let catalog = catalogs.get(&place.registry.host);
            place.pushes.is_partial = catalog.is_none();
            let manifests = &place.subject.manifests;
            let found = candidates(manifests, catalog.unwrap_or(&none), &access);
            place.streams = found.streams;
            looking.problems.extend(found.problems);
        }
    }

    /// Which of their tags no manifest names.
    fn find_tags(&mut self, open: &mut [Place<'_>], looking: &mut Looking<'_>) {
        let limit = looking.configuration.policy.imports.bulk_per_repository;
        let secrets = &self.operator.namespaces_with_secrets;
        let mut questions = Vec::new();
        for (number, place) in open.iter().enumerate() {
            for stream in &place.streams {
                let own = &place.subject.manifests.streams;
                let own = own.iter().find(|own| own.name == *stream);
                let Some(repository) = repository(&format!("{}/{stream}", place.registry.host))
                else {
                    continue;
                };
                let listing = TagListing {
                    repository,
                    insecure: own.is_some_and(|own| own.metadata.is_insecure()),
                    secrets_of: secrets.get(&stream.namespace).cloned(),
                };
                questions.push(((number, stream.clone()), Question::Tags(listing)));
            }
        }
        for ((number, stream), answer) in self.answers(questions, looking) {
            let Some(place) = open.get_mut(number) else {
                continue;
            };
            let tags = match answer {
                Some(Answer::Tags(Ok(tags))) => tags,
                // It is there no more.
                Some(Answer::Tags(Err(Resolution::Missing(_)))) => Vec::new(),
                _ => {
                    place.pushes.unanswered.insert(stream);
                    continue;
                }
            };
            let own = &place.subject.manifests.streams;
            let own = own.iter().find(|own| own.name == stream);
            let (tags, rest) = unnamed(own, &tags, limit);
            if rest > 0 {
                looking.problems.push(additional(&stream, limit, rest));
            }
            if !tags.is_empty() {
                let triggers = place.subject.manifests.triggers.iter();
                let awaited = triggers.filter(|trigger| {
                    trigger.from.stream == stream && tags.contains(&trigger.from.tag)
                });
                place.pushes.found.push(Pushed {
                    awaited: awaited.map(|trigger| trigger.place.clone()).collect(),
                    repository: format!("{}/{stream}", place.registry.host),
                    stream: stream.clone(),
                    tags,
                    new: None,
                });
            }
            place.pushes.answered.insert(stream);
        }
        for place in open {
            let unanswered = &place.pushes.unanswered;
            looking.problems.extend(unknown(place.registry, unanswered));
        }
    }

    /// Where the manifests of new streams go.
    fn find_files(
        &mut self,
        place: &mut Place<'_>,
        looking: &mut Looking<'_>,
    ) -> Result<(), Failure> {
        let (subject, pushes) = (place.subject, &mut place.pushes);
        let own = &subject.manifests.streams;
        let is_new = |pushed: &Pushed| own.iter().all(|own| own.name != pushed.stream);
        if !pushes.found.iter().any(is_new) {
            return Ok(());
        }
        let tree = place.branched.snapshot.tree;
        let branch = &place.branched.snapshot.branch;
        let reading = self.read(tree)?;
        let others = looking.configuration.environments.iter().filter(|other| {
            let its = other.branch.as_ref().unwrap_or(looking.default);
            its == branch && other.name != subject.environment.name
        });
        let room = Room {
            subject,
            reach: Reach::new(&reading.files, &subject.environment),
            others: others
                .map(|other| (other, Reach::new(&reading.files, other)))
                .collect(),
            reading: &reading,
        };
        let mut found = Vec::new();
        for mut pushed in std::mem::take(&mut pushes.found) {
            if is_new(&pushed) {
                let paths = room.paths(&pushed.stream);
                let taken = self.taken(tree, &paths)?;
                match room.new_stream(&pushed.stream, &paths, &taken) {
                    Ok(new) => pushed.new = Some(new),
                    Err(problem) => {
                        looking.problems.push(*problem);
                        continue;
                    }
                }
            }
            found.push(pushed);
        }
        pushes.found = found;
        Ok(())
    }

    /// The paths at which a file stands.
    fn taken(
        &self,
        tree: crate::revision::TreeId,
        paths: &[FilePath],
    ) -> Result<BTreeSet<FilePath>, git::Error> {
        let is_one = |path: &str| paths.iter().any(|one| one.as_str() == path);
        let (entries, _) = self.repository.entries(tree, is_one)?;
        Ok(entries.into_iter().map(|entry| entry.path).collect())
    }

    /// Each question with its answer, in their order.
    fn answers<K>(
        &mut self,
        questions: Vec<(K, Question)>,
        looking: &mut Looking<'_>,
    ) -> Vec<(K, Option<Answer>)> {
        let (keys, questions): (Vec<K>, Vec<Question>) = questions.into_iter().unzip();
        let answers = looking.asked.ask(&questions, self.ask);
        let known = questions.into_iter().zip(answers.iter().cloned());
        looking.questions.extend(known.collect());
        let mut answers = answers.into_iter();
        let answered = keys.into_iter().map(|key| (key, answers.next()));
        answered.collect()
    }
}

/// Where in the tree of a branch a new manifest fits.
struct Room<'a> {
    subject: &'a Subject,
    reach: Reach,
    /// Of the environments on the same branch.
    others: Vec<(&'a Environment, Reach)>,
    reading: &'a Reading,
}

impl Room<'_> {
    /// Those that are tried, by `create imagestream`'s rule.
    fn paths(&self, name: &StreamName) -> Vec<FilePath> {
        let folder = stream_folder(&self.subject.manifests.streams, &name.namespace);
        let paths = stream_files(&folder, &name.name).take(MOST_PATHS);
        paths.filter_map(Result::ok).collect()
    }

    fn new_stream(
        &self,
        name: &StreamName,
        paths: &[FilePath],
        taken: &BTreeSet<FilePath>,
    ) -> Result<NewStream, Box<Problem>> {
        let refuse = |why: String, advice: &str| {
            let message = format!("{name} is pushed and is not created: {why}");
            Box::new(Problem::warning(None, message).advice(advice))
        };
        if let Some(file) = self.file_of(name) {
            return Err(refuse(
                format!("{file} has a stream of that name"),
                "correct what is said of that file, or delete what was pushed",
            ));
        }
        let Some(path) = paths.iter().find(|path| !taken.contains(*path)) else {
            return Err(refuse(
                "no file name is free for it".to_owned(),
                "headwater create imagestream",
            ));
        };
        let mut object = new_stream(&self.subject.environment, name);
        if self.shares(path, None).is_some() {
            // Only the namespace tells whose it is.
            let any = Environment {
                namespaces: Vec::new(),
                ..self.subject.environment.clone()
            };
            object = new_stream(&any, name);
        }
        let own = object.pointer("/metadata/namespace");
        let own = own.and_then(serde_json::Value::as_str);
        if self.reach.namespaces(path, own) != [name.namespace.as_str()] {
            let environment = &self.subject.environment.name;
            return Err(refuse(
                format!("the new file {path} would not belong to the environment {environment}"),
                "add its folder to the environment's `paths` in headwater.yaml",
            ));
        }
        if let Some(other) = self.shares(path, own) {
            let why = format!("the new file {path} would belong to the environment {other} too");
            return Err(refuse(why, "tell them apart by `paths` or `namespaces`"));
        }
        Ok(NewStream {
            path: path.clone(),
            object,
        })
    }

    /// Another environment that an object of the namespace `own` would belong to.
    fn shares(&self, path: &FilePath, own: Option<&str>) -> Option<&EnvironmentName> {
        let mut others = self.others.iter();
        let found = others.find(|(_, reach)| !reach.namespaces(path, own).is_empty());
        found.map(|(other, _)| &other.name)
    }

    /// A file with such a stream, which is refused for some reason or is not this environment's.
    fn file_of(&self, name: &StreamName) -> Option<&FilePath> {
        let mut files = self.reading.files.iter();
        let found = files.find(|(path, facts)| {
            facts.streams.iter().any(|stream| {
                let namespaces = self.reach.namespaces(path, stream.namespace.as_deref());
                stream.name == name.name && namespaces.contains(&name.namespace)
            })
        });
        found.map(|(path, _)| path)
    }
}

fn repository(text: &str) -> Option<Repository> {
    let reference: Reference = text.parse().ok()?;
    Some(reference.repository)
}

fn no_catalog(host: &str, why: &Resolution) -> Problem {
    let why = why.fault().map(ToString::to_string).unwrap_or_default();
    let message = format!("new streams that are pushed into {host} are not found: {why}");
    Problem::warning(None, message).advice(
        "those that a trigger or a container's image names are, and new tags of streams that are there; add others by hand: headwater create imagestream NAME",
    )
}

fn unknown(registry: &IntegratedRegistry, streams: &BTreeSet<StreamName>) -> Option<Problem> {
    let first = streams.first()?;
    let more = match streams.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let message = format!(
        "nobody knows what is pushed into {}/{first}{more}: its tags could not be listed",
        registry.host
    );
    Some(Problem::note(None, message).advice("they are asked for in the next pass"))
}

fn additional(stream: &StreamName, limit: usize, rest: usize) -> Problem {
    let message = format!(
        "{stream} has {rest} additional tags beyond the first {limit} that were pushed and no manifest names"
    );
    Problem::note(None, message)
        .advice("merge those first, name the ones you need, or raise imports.bulkPerRepository")
}
