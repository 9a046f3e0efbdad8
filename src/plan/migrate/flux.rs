//! Flux's image automation (fluxcd/image-reflector-controller and
//! fluxcd/image-automation-controller, `docs/spec`).

use std::collections::BTreeMap;

use crate::image::Reference;
use crate::plan::migrate::rule::{self, Filter, Rule};
use crate::plan::migrate::scan::{self, Object, Parsed};
use crate::plan::migrate::write::{Work, no_counterpart, spec_tag};
use crate::problem::{Place, Problem};
use crate::stream::{INTERVAL, SELECT, StreamName, StreamTagName};
use crate::trigger::MARKER;

const GROUP: &str = "image.toolkit.fluxcd.io";
const POLICY_MARKER: &str = "$imagepolicy";

/// By `namespace` and `name` of an ImagePolicy, the stream tag that it became.
type Policies = BTreeMap<(String, String), StreamTagName>;

pub(crate) fn migrate(work: &mut Work<'_>) {
    let files = scan::parse(work.inputs.files, &[GROUP, POLICY_MARKER]);
    let objects = scan::objects(&files);
    let repositories: Vec<&Object<'_>> = objects
        .iter()
        .filter(|object| object.is(GROUP, "ImageRepository"))
        .collect();
    let mut policies = Policies::new();
    for object in objects.iter().filter(|it| it.is(GROUP, "ImagePolicy")) {
        match policy(object, &repositories, work) {
            Ok(tag) => {
                work.done_with(object);
                policies.insert((namespace(object, work), object.name().to_owned()), tag);
            }
            Err(problem) => work.problems.push(problem),
        }
    }
    for object in repositories {
        // An ImagePolicy that stays needs its repository.
        let is_needed = objects.iter().any(|it| {
            it.is(GROUP, "ImagePolicy")
                && repository_of(it, work) == (namespace(object, work), object.name().to_owned())
                && !policies.contains_key(&(namespace(it, work), it.name().to_owned()))
        });
        repository(object, &policies, work);
        if !is_needed {
            work.done_with(object);
        }
    }
    for object in objects
        .iter()
        .filter(|it| it.is(GROUP, "ImageUpdateAutomation"))
    {
        let branch = object.text(&["spec", "git", "checkout", "ref", "branch"]);
        let advice = match branch {
            Some(branch) => format!(
                "headwater leaves a branch for each change; where `{branch}` is not the default branch, write an environment with `branch: {branch}` into headwater.yaml"
            ),
            None => "headwater leaves a branch for each change; `delivery: commit` in headwater.yaml commits instead".to_owned(),
        };
        work.problems.push(
            Problem::note(
                object.place(),
                format!(
                    "ImageUpdateAutomation {} needs no counterpart, and both must not run at once",
                    object.name()
                ),
            )
            .advice(advice),
        );
    }
    for parsed in &files {
        markers(parsed, &policies, work);
    }
}

fn namespace(object: &Object<'_>, work: &Work<'_>) -> String {
    let own = object.text(&["metadata", "namespace"]);
    own.unwrap_or(work.inputs.namespace).to_owned()
}

/// Namespace and name of the ImageRepository that an ImagePolicy is about.
fn repository_of(policy: &Object<'_>, work: &Work<'_>) -> (String, String) {
    let text = |key| policy.text(&["spec", "imageRepositoryRef", key]);
    let namespace = text("namespace").map_or_else(|| namespace(policy, work), str::to_owned);
    (namespace, text("name").unwrap_or_default().to_owned())
}

/// One ImagePolicy becomes a tag of its repository's stream.
fn policy(
    object: &Object<'_>,
    repositories: &[&Object<'_>],
    work: &mut Work<'_>,
) -> Result<StreamTagName, Problem> {
    let own = namespace(object, work);
    let (of, wanted) = repository_of(object, work);
    let repository = repositories
        .iter()
        .find(|it| it.name() == wanted && namespace(it, work) == of)
        .ok_or_else(|| {
            no_counterpart(
                object,
                &["spec", "imageRepositoryRef"],
                format!("the ImageRepository {of}/{wanted} is not in this Git repository"),
                "write the ImageStream by hand",
            )
        })?;
    let image = repository.text(&["spec", "image"]).unwrap_or_default();
    if let Err(error) = image.parse::<Reference>() {
        let message = format!("`{image}` is no image reference: {error}");
        let advice = "write the ImageStream by hand";
        return Err(no_counterpart(
            repository,
            &["spec", "image"],
            message,
            advice,
        ));
    }
    let chosen = choice(object)?;
    for differs in &chosen.differs {
        let message = format!(
            "ImagePolicy {own}/{} chooses nearly the same here: {differs}",
            object.name()
        );
        work.problems.push(Problem::note(object.place(), message));
    }
    let mut annotations = BTreeMap::from([(SELECT, chosen.text)]);
    if let Some(interval) = interval(object, repository) {
        annotations.insert(INTERVAL, interval);
    }
    let is_suspended = object.flag(&["spec", "suspend"]) || repository.flag(&["spec", "suspend"]);
    if is_suspended {
        let message = format!(
            "ImagePolicy {own}/{} or its repository is suspended",
            object.name()
        );
        work.problems
            .push(Problem::warning(object.place(), message).advice(
                "its tag is not scheduled: it is imported once; add `scheduled: true` to follow",
            ));
    }
    let stream = StreamName {
        namespace: of,
        name: repository.name().to_owned(),
    };
    let tag = tag_name(object, &own, &stream);
    let spec = spec_tag(
        &tag,
        image,
        &annotations,
        repository.flag(&["spec", "insecure"]),
        !is_suspended,
    );
    let is_new = !work.has_tag(&stream, &tag);
    let file = work.add_tag(&stream, &tag, spec);
    let name = StreamTagName { stream, tag };
    if is_new {
        let was = format!("ImagePolicy {own}/{}", object.name());
        work.became(was, object.place(), format!("tag {name}"), file);
    }
    Ok(name)
}

/// The policy's own name; with its namespace where that is not the stream's.
fn tag_name(object: &Object<'_>, own: &str, stream: &StreamName) -> String {
    if own == stream.namespace {
        object.name().to_owned()
    } else {
        format!("{own}-{}", object.name())
    }
}

fn choice(object: &Object<'_>) -> Result<Rule, Problem> {
    let filter = Filter {
        pattern: object.text(&["spec", "filterTags", "pattern"]),
        extract: object.text(&["spec", "filterTags", "extract"]),
    };
    let order = |kind| object.text(&["spec", "policy", kind, "order"]);
    let is_there = |kind| object.at(&["spec", "policy", kind]).is_some();
    let chosen = if let Some(range) = object.text(&["spec", "policy", "semver", "range"]) {
        rule::semver(range, filter)
    } else if is_there("alphabetical") {
        match order("alphabetical") {
            Some("desc") => {
                Err("headwater takes the last tag of an order and never the first".to_owned())
            }
            _ => rule::alphabetical(filter),
        }
    } else if is_there("numerical") {
        match order("numerical") {
            Some("desc") => {
                Err("headwater takes the greatest number and never the smallest".to_owned())
            }
            _ => rule::numerical(filter),
        }
    } else {
        Err("it has none of semver, alphabetical and numerical".to_owned())
    };
    chosen.map_err(|why| {
        no_counterpart(
            object,
            &["spec", "policy"],
            format!("the policy of {} has no counterpart: {why}", object.name()),
            "write a tag with `headwater.dev/select` by hand: `semver: ~1.2`, `regex: …`, `newest`",
        )
    })
}

/// The shorter one of the scan's and the digest's.
fn interval(policy: &Object<'_>, repository: &Object<'_>) -> Option<String> {
    let all = [policy, repository].map(|object| object.text(&["spec", "interval"]));
    let spans = all.into_iter().flatten().filter_map(|text| {
        let span: jiff::SignedDuration = text.parse().ok()?;
        (span.as_secs() > 0).then(|| (span.as_secs(), text.to_owned()))
    });
    spans.min().map(|(_, text)| text)
}

/// What of an ImageRepository is not in its stream's tags.
fn repository(object: &Object<'_>, policies: &Policies, work: &mut Work<'_>) {
    let own = namespace(object, work);
    let name = object.name();
    let is_followed = policies
        .values()
        .any(|tag| tag.stream.namespace == own && tag.stream.name == name);
    if !is_followed {
        let message = format!("no ImagePolicy follows the ImageRepository {own}/{name}");
        work.problems.push(
            Problem::note(object.place(), message)
                .advice("a stream needs a tag to follow; this repository becomes none"),
        );
        return;
    }
    let stream = StreamName {
        namespace: own.clone(),
        name: name.to_owned(),
    };
    let file = work.path(&own, name);
    if work.inputs.streams.iter().all(|it| it.name != stream) {
        let was = format!("ImageRepository {own}/{name}");
        work.became(was, object.place(), format!("stream {stream}"), file);
    }
    let mut problems = Vec::new();
    let mut say = |keys: &[&str], message: String, advice: &str| {
        if scan::at(object.node, keys).is_some() {
            problems.push(no_counterpart(object, keys, message, advice));
        }
    };
    let secret = object
        .text(&["spec", "secretRef", "name"])
        .unwrap_or_default();
    say(
        &["spec", "secretRef"],
        format!("the pull secret `{secret}` is not in Git and stays out of it"),
        &format!(
            "`headwater create secret docker-registry {secret} -n {own}` writes it into the operator's folder; `docker login` does for a run by hand"
        ),
    );
    say(
        &["spec", "certSecretRef"],
        "the certificates of `certSecretRef` are the operator's".to_owned(),
        "name the authority's file in the server file, `registries.hosts[].caFile`; client certificates are not used",
    );
    say(
        &["spec", "serviceAccountName"],
        "a service account's pull secrets are not read".to_owned(),
        "put the secret into the operator's folder for the namespace",
    );
    if object
        .text(&["spec", "provider"])
        .is_some_and(|it| it != "generic")
    {
        say(
            &["spec", "provider"],
            "a cloud's own login is made by a credential helper here".to_owned(),
            "install its docker-credential helper and name it in config.json",
        );
    }
    say(
        &["spec", "exclusionList"],
        "tags are not excluded by a list".to_owned(),
        "make the tag's `regex` narrow enough; signatures (`.sig`) never match a version",
    );
    say(
        &["spec", "accessFrom"],
        "access from other namespaces is a RoleBinding here".to_owned(),
        &format!(
            "`headwater policy add-role-to-group system:image-puller system:serviceaccounts:NAMESPACE -n {own}`"
        ),
    );
    say(
        &["spec", "proxySecretRef"],
        "registries are not asked through a proxy".to_owned(),
        "let the machine reach the registry itself",
    );
    work.problems.extend(problems);
}

/// Setter markers, `# {"$imagepolicy": "namespace:name[:tag|:name|:digest]"}`.
fn markers(parsed: &Parsed<'_>, policies: &Policies, work: &mut Work<'_>) {
    let text = parsed.source.text();
    let comments: Vec<std::ops::Range<usize>> = if parsed.source.faults.is_empty() {
        let documents = parsed.source.documents.iter();
        documents
            .flat_map(|document| &document.comments)
            .map(|comment| comment.span.clone())
            .collect()
    } else {
        // A template: what looks like a comment is one.
        lines(text)
    };
    for span in comments {
        let Some(comment) = text.get(span.clone()) else {
            continue;
        };
        let Some((inside, name)) = marker(comment) else {
            continue;
        };
        let place = scan::place(parsed, span.start);
        match stream_marker(name, policies) {
            Some(new) => {
                let was = format!("marker {name}");
                let span = span.start + inside.start..span.start + inside.end;
                work.became(was, place, format!("marker {new}"), parsed.path.clone());
                let new = serde_json::json!({MARKER: new})
                    .to_string()
                    .replacen(':', ": ", 1);
                work.comment(parsed.path, span, new);
            }
            None => work.problems.push(unknown(name, place)),
        }
    }
}

fn unknown(name: &str, place: Place) -> Problem {
    Problem::warning(place, format!("the marker's ImagePolicy `{name}` became no stream tag"))
        .advice("write the stream tag by hand, and the marker as {\"$imagestream\": \"namespace/stream:tag\"}")
}

/// From the last `#` to the end, for each line that has a marker.
fn lines(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut spans = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let marked = line.find(POLICY_MARKER);
        if let Some(at) = marked.and_then(|at| line.get(..at)?.rfind('#')) {
            spans.push(start + at..start + line.trim_end().len());
        }
        start += line.len();
    }
    spans
}

/// The JSON object in a comment, and the policy that it names.
fn marker(comment: &str) -> Option<(std::ops::Range<usize>, &str)> {
    let key = comment.find(POLICY_MARKER)?;
    let start = comment.get(..key)?.rfind('{')?;
    let remark = comment.get(..start)?.trim_start_matches('#');
    if !remark.trim().is_empty() {
        return None;
    }
    let end = key + comment.get(key..)?.find('}')? + 1;
    let object = comment.get(start..end)?;
    let value: serde_json::Value = serde_json::from_str(object).ok()?;
    let name = value.get(POLICY_MARKER)?.as_str()?;
    // The same text, but of the comment.
    let at = object.find(name)?;
    Some((start..end, object.get(at..at + name.len())?))
}

fn stream_marker(name: &str, policies: &Policies) -> Option<String> {
    let mut parts = name.splitn(3, ':');
    let (namespace, policy, part) = (parts.next()?, parts.next()?, parts.next());
    let tag = policies.get(&(namespace.to_owned(), policy.to_owned()))?;
    match part {
        None => Some(tag.to_string()),
        Some(part @ ("tag" | "name" | "digest")) => Some(format!("{tag}:{part}")),
        Some(_) => None,
    }
}
