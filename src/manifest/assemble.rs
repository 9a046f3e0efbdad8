use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::access::{Right, Subject};
use crate::environment::Environment;
use crate::image::Reference;
use crate::manifest::facts::{
    FieldFact, FieldFacts, FileFacts, ImageTriggerFacts, ObjectFacts, TargetFacts, Wanted,
};
use crate::manifest::kustomize::Reach;
use crate::manifest::local_name;
use crate::manifest::values::{image_stream, trigger};
use crate::manifest::{ImageField, Unfit};
use crate::policy::{IntegratedRegistries, IntegratedRegistry};
use crate::problem::{Place, Problem};
use crate::snapshot::FilePath;
use crate::stream::{
    DocumentAddress, ImageStream, StreamName, StreamRepositories, StreamTagName, TagSource,
    followed_image,
};
use crate::trigger::{PinForm, Target, Trigger, TriggerKind};

/// What one environment's files on a branch say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifests {
    pub streams: Vec<ImageStream>,
    /// Also those whose stream does not exist.
    pub triggers: Vec<Trigger>,
    /// Every container's image.
    pub images: Vec<ImageField>,
    /// RoleBindings to roles that may pull or push images.
    pub grants: Vec<Grant>,
    pub tag_hooks: Vec<TagHook>,
    pub problems: Vec<Problem>,
}

impl Manifests {
    /// Those with streams or workloads.
    pub fn namespaces(&self) -> BTreeSet<String> {
        let streams = self.streams.iter();
        let streams = streams.map(|stream| stream.name.namespace.clone());
        let images = self.images.iter().map(|image| image.namespace.clone());
        streams.chain(images).collect()
    }
}

/// Who may use the streams of a namespace, by one RoleBinding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose streams.
    pub namespace: String,
    pub place: Place,
    pub subjects: Vec<Subject>,
    pub right: Right,
}

/// A DeploymentConfig's lifecycle hook that gives a deployed container's image to a stream tag
/// (oc `pkg/cli/deployer/strategy/support/lifecycle.go`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagHook {
    pub place: Place,
    /// As it stands in the container.
    pub image: Option<String>,
    pub to: StreamTagName,
}

/// Puts the facts of a branch's files together for `environment`.
///
/// `fields` answers [`crate::manifest::wanted_fields`]. `environments` are all environments of
/// this branch, this one among them: what two of them reach is refused.
pub fn assemble(
    files: &[(FilePath, Arc<FileFacts>)],
    fields: &BTreeMap<FilePath, FieldFacts>,
    environment: &Environment,
    environments: &[Environment],
) -> Manifests {
    assemble_with(files, fields, environment, environments, None)
}

/// [`assemble`], with the operator's integrated registries.
pub fn assemble_with(
    files: &[(FilePath, Arc<FileFacts>)],
    fields: &BTreeMap<FilePath, FieldFacts>,
    environment: &Environment,
    environments: &[Environment],
    integrated: Option<&IntegratedRegistries>,
) -> Manifests {
    let neighbours = environments
        .iter()
        .filter(|other| other.name != environment.name)
        .map(|other| (other, Reach::new(files, other)))
        .collect();
    let mut reach = Reach::new(files, environment);
    let mut assembly = Assembly {
        manifests: Manifests {
            problems: std::mem::take(&mut reach.problems),
            ..Manifests::default()
        },
        reach,
        neighbours,
        environment,
        shared: BTreeSet::new(),
        groups: 0,
    };
    for (file, facts) in files {
        assembly.add_streams(file, facts);
    }
    assembly.refuse_duplicates();
    if let Some(registries) = integrated {
        assembly.integrate(registries);
    }
    for (file, facts) in files {
        for object in &facts.objects {
            assembly.add_object(file, object);
        }
        for trigger in &facts.image_triggers {
            assembly.add_image_trigger(file, trigger, fields);
        }
        assembly.add_tag_hooks(file, facts);
    }
    // A ClusterRoleBinding is of every namespace that is known by now.
    for (file, facts) in files {
        assembly.add_grants(file, facts);
    }
    assembly.refuse_rivals();
    assembly.add_local_names(integrated);
    let mut manifests = assembly.manifests;
    manifests.problems.sort();
    manifests.problems.dedup();
    manifests
}

/// Where the registry keeps the stream, and its tags that are filled by pushes there.
fn integrate(stream: &mut ImageStream, registry: &IntegratedRegistry) {
    let repositories = registry.repositories(&stream.name);
    let repository = repositories.repository.clone().unwrap_or_default();
    for tag in &mut stream.tags {
        if tag.source == TagSource::None
            && let Ok(reference) = format!("{repository}:{}", tag.name).parse()
        {
            tag.source = TagSource::Pushed(reference);
        }
    }
    stream.integrated = Some(repositories);
}

struct Assembly<'a> {
    manifests: Manifests,
    reach: Reach,
    neighbours: Vec<(&'a Environment, Reach)>,
    environment: &'a Environment,
    /// Files that have been refused because another environment reaches them.
    shared: BTreeSet<FilePath>,
    /// How many groups of triggers there are so far.
    groups: usize,
}

impl Assembly<'_> {
    fn problem(&mut self, problem: Problem) {
        self.manifests.problems.push(problem);
    }

    fn add_streams(&mut self, file: &FilePath, facts: &FileFacts) {
        if !self.reach.holds(file) {
            return;
        }
        let findings = facts.findings.iter().map(|finding| finding.in_file(file));
        self.manifests.problems.extend(findings);
        for stream in &facts.streams {
            let place = stream.at.in_file(file);
            let namespaces = self.reach.namespaces(file, stream.namespace.as_deref());
            if namespaces.is_empty() || self.is_shared(file, stream.namespace.as_deref(), &place) {
                continue;
            }
            match namespaces.as_slice() {
                // openshift-apiserver `image/validation/validation.go`
                [namespace] if namespace.len() + stream.name.len() + 1 > 255 => {
                    let message = "'namespace/name' cannot be longer than 255 characters";
                    self.problem(Problem::error(place, message));
                }
                [namespace] => {
                    let stream = image_stream(file, stream, namespace);
                    self.manifests.streams.push(stream);
                }
                several => self.problem(
                    Problem::error(
                        place,
                        format!(
                            "the ImageStream `{}` is reached in several namespaces: {}",
                            stream.name,
                            several.join(", ")
                        ),
                    )
                    .advice("give it a metadata.namespace"),
                ),
            }
        }
    }

    fn add_grants(&mut self, file: &FilePath, facts: &FileFacts) {
        for grant in &facts.grants {
            let own = self.reach.namespaces(file, grant.namespace.as_deref());
            let mut namespaces: BTreeSet<String> = own.into_iter().collect();
            if grant.everywhere && self.reach.holds(file) {
                namespaces = self.manifests.namespaces();
            }
            let grants = namespaces.into_iter().map(|namespace| Grant {
                place: grant.at.in_file(file),
                subjects: subjects(&grant.subjects, &namespace),
                right: grant.right,
                namespace,
            });
            self.manifests.grants.extend(grants);
        }
    }

    fn add_tag_hooks(&mut self, file: &FilePath, facts: &FileFacts) {
        for hook in &facts.tag_hooks {
            let namespaces = self.reach.namespaces(file, hook.namespace.as_deref());
            let Some(namespace) = namespaces.first() else {
                continue;
            };
            let namespace = hook.to.namespace.as_deref().unwrap_or(namespace);
            self.manifests.tag_hooks.push(TagHook {
                place: hook.at.in_file(file),
                image: hook.image.clone(),
                to: StreamTagName::new(namespace, &hook.to.stream, &hook.to.tag),
            });
        }
    }

    /// The other environment that reaches the object too.
    fn neighbour(&self, file: &FilePath, own: Option<&str>) -> Option<&Environment> {
        self.neighbours
            .iter()
            .find(|(_, reach)| !reach.namespaces(file, own).is_empty())
            .map(|(other, _)| *other)
    }

    /// Whether another environment reaches the object too; said once a file.
    fn is_shared(&mut self, file: &FilePath, own: Option<&str>, place: &Place) -> bool {
        let Some(other) = self.neighbour(file, own) else {
            return false;
        };
        let message = format!(
            "the environments `{}` and `{}` both reach this file, so it cannot be pinned for one of them",
            self.environment.name, other.name
        );
        if self.shared.insert(file.clone()) {
            let advice =
                "pin in the `images` of each environment's kustomization, by an ImageTrigger";
            self.problem(Problem::error(place.clone(), message).advice(advice));
        }
        true
    }

    /// A registry that the operator does not name keeps nothing, and what asks for a copy is left
    /// as it is.
    fn integrate(&mut self, registries: &IntegratedRegistries) {
        let registry = registries.of(self.environment);
        if let (None, Some(named)) = (registry, &self.environment.integrated_registry) {
            let (name, host) = (&self.environment.name, &named.host);
            let message = format!(
                "the environment `{name}` names the integrated registry `{host}`, and the server file does not"
            );
            let known: Vec<&str> = registries.all().map(|it| it.host.as_str()).collect();
            let advice = format!(
                "name one of {}, or have it added to `integratedRegistry.others`",
                known.join(", ")
            );
            self.problem(Problem::error(named.place.clone(), message).advice(advice));
        }
        for stream in &mut self.manifests.streams {
            match registry {
                Some(registry) => integrate(stream, registry),
                None => stream.integrated = Some(StreamRepositories::default()),
            }
        }
    }

    fn add_local_names(&mut self, integrated: Option<&IntegratedRegistries>) {
        for (trigger, own) in local_name::triggers(&self.manifests, integrated) {
            let file = trigger.target.document.file.clone();
            if !self.is_shared(&file, own.as_deref(), &trigger.place) {
                self.manifests.triggers.push(trigger);
            }
        }
    }

    /// Streams of one name are refused all: nobody can say which one counts.
    fn refuse_duplicates(&mut self) {
        let mut places: HashMap<StreamName, Vec<Place>> = HashMap::new();
        for stream in &self.manifests.streams {
            let places = places.entry(stream.name.clone()).or_default();
            places.push(stream.place.clone());
        }
        places.retain(|_, places| places.len() > 1);
        self.manifests
            .streams
            .retain(|stream| !places.contains_key(&stream.name));
        for (name, places) in places {
            for (place, other) in with_another(&places) {
                let message = format!("the ImageStream {name} stands at {other} too");
                self.problem(Problem::error(place.clone(), message).advice("remove one of them"));
            }
        }
    }

    fn add_object(&mut self, file: &FilePath, object: &ObjectFacts) {
        let namespaces = self.reach.namespaces(file, object.namespace.as_deref());
        let Some(namespace) = namespaces.first() else {
            return;
        };
        self.add_images(file, object, &namespaces);
        let Some(first) = object.triggers.first() else {
            return;
        };
        if self.is_shared(file, object.namespace.as_deref(), &first.at.in_file(file)) {
            return;
        }
        let group_offset = self.groups;
        for facts in &object.triggers {
            if facts.from.namespace.is_none() && namespaces.len() > 1 {
                self.problem(ambiguous_namespace(facts.at.in_file(file), &namespaces));
                continue;
            }
            let mut trigger = trigger(file, object, facts, namespace);
            // A marker means us, and what it names must be there.
            let is_for_cluster = object.is_template && trigger.kind != TriggerKind::Marker;
            if is_for_cluster && !self.is_declared(&trigger.from) {
                let message = format!(
                    "the Template names {}, which no manifest declares, so its trigger is left to the cluster",
                    trigger.from
                );
                self.problem(Problem::note(trigger.place, message));
                continue;
            }
            trigger.all_or_nothing = facts.group.map(|group| group + group_offset);
            self.groups = self
                .groups
                .max(trigger.all_or_nothing.map_or(0, |group| group + 1));
            self.manifests.triggers.push(trigger);
        }
    }

    /// Whether a stream in the files has the tag.
    fn is_declared(&self, name: &StreamTagName) -> bool {
        let mut streams = self.manifests.streams.iter();
        streams.any(|stream| {
            stream.name == name.stream
                && (stream.tag(&name.tag).is_some()
                    || stream.whole_repository.is_some()
                    || stream.status.iter().any(|status| status.tag == name.tag))
        })
    }

    fn add_images(&mut self, file: &FilePath, object: &ObjectFacts, namespaces: &[String]) {
        let Some(namespace) = namespaces.first() else {
            return;
        };
        let unfit = self.unfit(file, object, namespaces);
        let written = object.containers.iter();
        let written = written.filter(|container| container.filled_in.is_none());
        let images = written.map(|container| ImageField {
            kind: object.kind.clone(),
            name: object.name.clone(),
            namespace: namespace.clone(),
            own_namespace: object.namespace.clone(),
            container: container.name.clone(),
            init: container.init,
            document: DocumentAddress {
                file: file.clone(),
                document: object.document,
            },
            object: object.root.clone(),
            field: container.field.clone(),
            place: container.at.in_file(file),
            image: container.image.clone(),
            pull_policy: container.pull_policy.clone(),
            is_owned: object.is_owned,
            resolve_names: object.resolve_names,
            triggered: object
                .triggers
                .iter()
                .any(|trigger| trigger.field == container.field),
            unfit: unfit.clone().or_else(|| {
                let place = self.reach.replaced(file, container.image.as_deref()?)?;
                Some(Unfit::Replaced(place.clone()))
            }),
        });
        self.manifests.images.extend(images);
    }

    fn unfit(&self, file: &FilePath, object: &ObjectFacts, namespaces: &[String]) -> Option<Unfit> {
        if namespaces.len() > 1 {
            return Some(Unfit::Namespaces(namespaces.to_vec()));
        }
        let other = self.neighbour(file, object.namespace.as_deref())?;
        let names = (self.environment.name.clone(), other.name.clone());
        Some(Unfit::Environments(names.0, names.1))
    }

    fn add_image_trigger(
        &mut self,
        file: &FilePath,
        facts: &ImageTriggerFacts,
        fields: &BTreeMap<FilePath, FieldFacts>,
    ) {
        let namespaces = self.reach.namespaces(file, facts.namespace.as_deref());
        let Some(namespace) = namespaces.first() else {
            return;
        };
        for target in &facts.targets {
            let place = target.at.in_file(file);
            if facts.from.namespace.is_none() && namespaces.len() > 1 {
                self.problem(ambiguous_namespace(place, &namespaces));
                continue;
            }
            if let Err(problem) = self.add_target(file, facts, target, namespace, fields) {
                self.problem(*problem);
            }
        }
    }

    fn add_target(
        &mut self,
        file: &FilePath,
        facts: &ImageTriggerFacts,
        target: &TargetFacts,
        namespace: &str,
        fields: &BTreeMap<FilePath, FieldFacts>,
    ) -> Result<(), Box<Problem>> {
        let place = target.at.in_file(file);
        let fail = |message: String| Box::new(Problem::error(place.clone(), message));
        let path = FilePath::resolve(file.folder(), &target.file)
            .map_err(|error| fail(error.to_string()))?;
        let answers = fields
            .get(&path)
            .ok_or_else(|| fail(format!("the file `{path}` does not exist")))?;
        let (_, answer) = answers
            .answers
            .iter()
            .find(|(wanted, _)| wanted == &target.wanted)
            .ok_or_else(|| fail(format!("the file `{path}` was not read")))?;
        let found = answer
            .as_ref()
            .map_err(|message| fail(format!("{path}: {message}")))?;
        if !self.reach.holds(&path) {
            return Err(fail(format!(
                "the file `{path}` does not belong to the environment `{}`",
                self.environment.name
            )));
        }
        if self.is_shared(&path, Some(namespace), &place) {
            return Ok(());
        }
        let from = StreamTagName::new(
            facts.from.namespace.as_deref().unwrap_or(namespace),
            &facts.from.stream,
            &facts.from.tag,
        );
        let found: Vec<&FieldFact> = found
            .iter()
            .filter(|field| !self.is_needless(&target.wanted.what, field, &from))
            .collect();
        let group = (found.len() > 1).then_some(self.groups);
        self.groups += usize::from(group.is_some());
        for field in found {
            self.manifests.triggers.push(Trigger {
                from: from.clone(),
                kind: TriggerKind::ImageTrigger,
                place: place.clone(),
                paused: facts.paused,
                target: Target {
                    document: DocumentAddress {
                        file: path.clone(),
                        document: field.document,
                    },
                    field: field.field.clone(),
                    object: field.object.clone(),
                    place: field.at.in_file(&path),
                    namespace: field
                        .namespace
                        .clone()
                        .unwrap_or_else(|| namespace.to_owned()),
                    current: field.current.clone(),
                    form: field.form,
                },
                all_or_nothing: group,
                has_fired: false,
            });
        }
        Ok(())
    }

    /// A kustomization's `newName` that is not there is needed only where the stream's
    /// repository is another one than the image that is replaced.
    fn is_needless(&self, wanted: &Wanted, field: &FieldFact, from: &StreamTagName) -> bool {
        let Wanted::Kustomize { image } = wanted else {
            return false;
        };
        if field.form != PinForm::Repository || field.current.is_some() {
            return false;
        }
        let image = image.parse::<Reference>().ok();
        match (image, self.followed(from)) {
            (Some(image), Some(followed)) => image.repository.is_same(&followed.repository),
            _ => true,
        }
    }

    /// The image that a stream tag follows in the end.
    fn followed(&self, from: &StreamTagName) -> Option<&Reference> {
        let streams = &self.manifests.streams;
        followed_image(from, |name| {
            streams.iter().find(|stream| stream.name == *name)
        })
    }

    /// Two triggers on one field are refused both, unless they say the same.
    fn refuse_rivals(&mut self) {
        let mut by_field: BTreeMap<(DocumentAddress, String), Vec<Trigger>> = BTreeMap::new();
        for trigger in std::mem::take(&mut self.manifests.triggers) {
            let field = trigger.target.field.to_string();
            let key = (trigger.target.document.clone(), field);
            by_field.entry(key).or_default().push(trigger);
        }
        for ((_, field), triggers) in by_field {
            let says_the_same = |a: &Trigger, b: &Trigger| {
                a.from == b.from && a.target.form == b.target.form && a.paused == b.paused
            };
            let is_one = triggers
                .iter()
                .zip(triggers.iter().skip(1))
                .all(|(a, b)| says_the_same(a, b));
            if is_one {
                self.manifests.triggers.extend(triggers.into_iter().next());
                continue;
            }
            let places: Vec<Place> = triggers.iter().map(|t| t.place.clone()).collect();
            for (place, other) in with_another(&places) {
                let message = format!("{field} is claimed by the trigger at {other} too");
                self.problem(Problem::error(place.clone(), message).advice("remove one of them"));
            }
        }
    }
}

/// Service accounts without a namespace are those of the binding's.
fn subjects(facts: &[Subject], binding: &str) -> Vec<Subject> {
    let mut subjects = facts.to_vec();
    for subject in &mut subjects {
        if let Subject::ServiceAccount { namespace, .. } = subject
            && namespace.is_empty()
        {
            binding.clone_into(namespace);
        }
    }
    subjects
}

/// Each place, with another one of the list.
fn with_another(places: &[Place]) -> impl Iterator<Item = (&Place, &Place)> {
    places.iter().zip(places.iter().cycle().skip(1))
}

fn ambiguous_namespace(place: Place, namespaces: &[String]) -> Problem {
    Problem::error(
        place,
        format!(
            "the trigger names no namespace, and its object is reached in several: {}",
            namespaces.join(", ")
        ),
    )
    .advice("name the stream's namespace in the trigger")
}
