//! argocd-image-updater: its annotations on Applications, and its `ImageUpdater`
//! (argoproj-labs/argocd-image-updater `docs/configuration`, `docs/basics`).

use std::collections::BTreeMap;

use crate::image::{Reference, Tag};
use crate::plan::migrate::argocd_target::{self, Application};
use crate::plan::migrate::rule::{self, Filter, Rule};
use crate::plan::migrate::scan::{self, Object};
use crate::plan::migrate::write::{Work, spec_tag};
use crate::problem::{Place, Problem};
use crate::stream::{SELECT, StreamName, StreamTagName};
use crate::yaml::{Edit, Node};

const PREFIX: &str = "argocd-image-updater.argoproj.io";

/// One image that is kept up to date, in either form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    /// Empty where none is given.
    pub alias: String,
    pub name: String,
    pub constraint: Option<String>,
    pub strategy: Option<String>,
    pub allow: Option<String>,
    pub ignore: Vec<String>,
    pub pull_secret: Option<String>,
    pub platforms: Option<String>,
    pub helm_name: Option<String>,
    pub helm_tag: Option<String>,
    pub helm_spec: Option<String>,
    pub kustomize_name: Option<String>,
}

/// How updates are written back.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteBack {
    pub method: Option<String>,
    pub target: Option<String>,
    pub branch: Option<String>,
    pub repository: Option<String>,
}

pub(crate) fn migrate(work: &mut Work<'_>) {
    let files = scan::parse(work.inputs.files, &[PREFIX, "argoproj.io/"]);
    let objects = scan::objects(&files);
    let applications: Vec<&Object<'_>> = objects
        .iter()
        .filter(|object| object.is("argoproj.io", "Application"))
        .collect();
    for object in &applications {
        if let Some(images) = annotation(object, "image-list") {
            let place = object.place_of(images);
            let images = listed(images.text().unwrap_or_default(), object);
            if application(object, &place, &images, &write_back(object), work) {
                remove_annotations(object, work);
            }
        }
    }
    for object in objects.iter().filter(|it| it.is(PREFIX, "ImageUpdater")) {
        updater(object, &applications, work);
    }
}

fn annotation<'p>(object: &Object<'p>, key: &str) -> Option<&'p Node> {
    object.at(&["metadata", "annotations", &format!("{PREFIX}/{key}")])
}

fn remove_annotations(object: &Object<'_>, work: &mut Work<'_>) {
    if !work.may_remove() {
        return;
    }
    let entries = object
        .at(&["metadata", "annotations"])
        .map_or(&[][..], Node::entries);
    let ours: Vec<&str> = entries
        .iter()
        .filter_map(|(key, _)| key.text())
        .filter(|key| key.starts_with(&format!("{PREFIX}/")))
        .collect();
    let annotations = object.root.clone().key("metadata").key("annotations");
    let fields = if ours.len() == entries.len() {
        vec![annotations]
    } else {
        let ours = ours.into_iter();
        ours.map(|key| annotations.clone().key(key)).collect()
    };
    for field in fields {
        work.edit(
            object.parsed.path,
            Edit::Remove {
                document: object.document.index,
                field,
            },
        );
    }
}

/// `[alias=]image[:constraint], …`, with the settings of each.
fn listed(text: &str, object: &Object<'_>) -> Vec<Image> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let (alias, image) = entry.split_once('=').unwrap_or(("", entry));
            let (name, constraint) = split_constraint(image);
            let own = |key: &str| -> Option<String> {
                let alias = Some(alias.replace('/', "_")).filter(|alias| !alias.is_empty())?;
                let node = annotation(object, &format!("{alias}.{key}"))?;
                node.text().map(str::to_owned)
            };
            // These may also be said once for the whole Application.
            let setting =
                |key: &str| own(key).or_else(|| annotation(object, key)?.text().map(str::to_owned));
            Image {
                alias: alias.to_owned(),
                name: name.to_owned(),
                constraint: constraint.map(str::to_owned),
                strategy: setting("update-strategy"),
                allow: setting("allow-tags"),
                ignore: list(setting("ignore-tags").as_deref()),
                pull_secret: setting("pull-secret"),
                platforms: setting("platforms"),
                helm_name: own("helm.image-name"),
                helm_tag: own("helm.image-tag"),
                helm_spec: own("helm.image-spec"),
                kustomize_name: own("kustomize.image-name"),
            }
        })
        .collect()
}

fn list(text: Option<&str>) -> Vec<String> {
    let entries = text.unwrap_or_default().split(',').map(str::trim);
    entries
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A colon before the last slash belongs to a port.
fn split_constraint(image: &str) -> (&str, Option<&str>) {
    match image.rsplit_once(':') {
        Some((name, constraint)) if !constraint.contains('/') => (name, Some(constraint)),
        _ => (image, None),
    }
}

fn write_back(object: &Object<'_>) -> WriteBack {
    let text = |key| {
        annotation(object, key)
            .and_then(Node::text)
            .map(str::to_owned)
    };
    WriteBack {
        method: text("write-back-method"),
        target: text("write-back-target"),
        branch: text("git-branch"),
        repository: text("git-repository"),
    }
}

/// An `ImageUpdater`: applications by a pattern, images with settings of their own.
fn updater(object: &Object<'_>, applications: &[&Object<'_>], work: &mut Work<'_>) {
    let mut is_whole = true;
    let references = object.at(&["spec", "applicationRefs"]);
    for reference in references.map_or(&[][..], Node::items) {
        let pattern = scan::text(reference, &["namePattern"]).unwrap_or("*");
        let place = object.place_of(reference);
        let matcher = globset::Glob::new(pattern).map(|glob| glob.compile_matcher());
        let found: Vec<&&Object<'_>> = applications
            .iter()
            .filter(|it| {
                matcher
                    .as_ref()
                    .is_ok_and(|matcher| matcher.is_match(it.name()))
            })
            .collect();
        if found.is_empty() {
            is_whole = false;
            work.problems.push(
                Problem::warning(
                    place,
                    format!("no Application in this Git repository is called `{pattern}`"),
                )
                .advice("run `headwater migrate` in the repository that holds its sources, with the Application beside them"),
            );
            continue;
        }
        if scan::text(reference, &["useAnnotations"]) == Some("true") {
            continue;
        }
        if scan::at(reference, &["labelSelectors"]).is_some() {
            work.problems.push(
                Problem::warning(place.clone(), "labelSelectors are not looked at")
                    .advice("see that only the right Applications are named below"),
            );
        }
        let images: Vec<Image> = scan::at(reference, &["images"])
            .map_or(&[][..], Node::items)
            .iter()
            .map(|image| updater_image(image, reference, object.node))
            .collect();
        let back = updater_write_back(reference, object.node);
        for application_object in found {
            is_whole &= application(application_object, &place, &images, &back, work);
        }
    }
    if is_whole {
        work.done_with(object);
    }
}

fn updater_image(image: &Node, reference: &Node, updater: &Node) -> Image {
    // The image's own, else the Application's, else the updater's.
    let setting = |key: &str| -> Option<&Node> {
        scan::at(image, &["commonUpdateSettings", key])
            .or_else(|| scan::at(reference, &["commonUpdateSettings", key]))
            .or_else(|| scan::at(updater, &["spec", "commonUpdateSettings", key]))
    };
    let text = |key| setting(key).and_then(Node::text).map(str::to_owned);
    let texts = |key| -> Vec<String> {
        let items = setting(key).map_or(&[][..], Node::items);
        let texts = items.iter().filter_map(Node::text);
        texts.map(str::to_owned).collect()
    };
    let target = |keys: [&str; 2]| {
        let [group, key] = keys;
        scan::text(image, &["manifestTargets", group, key]).map(str::to_owned)
    };
    let (name, constraint) =
        split_constraint(scan::text(image, &["imageName"]).unwrap_or_default());
    Image {
        alias: scan::text(image, &["alias"]).unwrap_or_default().to_owned(),
        name: name.to_owned(),
        constraint: constraint.map(str::to_owned),
        strategy: text("updateStrategy"),
        allow: text("allowTags"),
        ignore: texts("ignoreTags"),
        pull_secret: text("pullSecret"),
        platforms: Some(texts("platforms").join(",")).filter(|it| !it.is_empty()),
        helm_name: target(["helm", "name"]),
        helm_tag: target(["helm", "tag"]),
        helm_spec: target(["helm", "spec"]),
        kustomize_name: target(["kustomize", "name"]),
    }
}

fn updater_write_back(reference: &Node, updater: &Node) -> WriteBack {
    let text = |keys: &[&str]| -> Option<String> {
        let own: Vec<&str> = std::iter::once("writeBackConfig")
            .chain(keys.iter().copied())
            .collect();
        let all: Vec<&str> = std::iter::once("spec").chain(own.iter().copied()).collect();
        let found = scan::text(reference, &own).or_else(|| scan::text(updater, &all));
        found.map(str::to_owned)
    };
    WriteBack {
        method: text(&["method"]),
        target: text(&["gitConfig", "writeBackTarget"]),
        branch: text(&["gitConfig", "branch"]),
        repository: text(&["gitConfig", "repository"]),
    }
}

/// The images of one Application become tags, and triggers on its source. Whether all did.
fn application(
    object: &Object<'_>,
    place: &Place,
    images: &[Image],
    back: &WriteBack,
    work: &mut Work<'_>,
) -> bool {
    let mut is_whole = true;
    let application = Application::read(object, work.inputs.namespace);
    argocd_target::say_write_back(&application, place, back, work);
    for image in images {
        let named = format!("{} of the Application {}", image.name, object.name());
        match tag(image, &application, place, &named, work) {
            Ok(name) => {
                is_whole &= argocd_target::trigger(&application, image, back, &name, place, work);
            }
            Err(why) => {
                is_whole = false;
                work.problems.push(
                    Problem::warning(place.clone(), format!("{named} has no counterpart: {why}"))
                        .advice("write the stream tag by hand, with `headwater.dev/select` where a rule chooses"),
                );
            }
        }
    }
    is_whole
}

fn tag(
    image: &Image,
    application: &Application<'_>,
    place: &Place,
    named: &str,
    work: &mut Work<'_>,
) -> Result<StreamTagName, String> {
    let reference: Reference = image.name.parse().map_err(|error| format!("{error}"))?;
    let mut annotations = BTreeMap::new();
    let strategy = image.strategy.as_deref().unwrap_or("semver");
    let (tag, from) = if strategy == "digest" {
        let tag = image.constraint.as_deref().unwrap_or("latest");
        tag.parse::<Tag>().map_err(|error| error.to_string())?;
        (tag.to_owned(), format!("{}:{tag}", image.name))
    } else {
        let chosen = choice(image, strategy)?;
        for differs in &chosen.differs {
            let message = format!("{named} is chosen nearly the same here: {differs}");
            work.problems.push(Problem::note(place.clone(), message));
        }
        annotations.insert(SELECT, chosen.text);
        (application.name.to_owned(), image.name.clone())
    };
    say_settings(image, place, named, strategy, work);
    let path = reference.repository.path();
    let stream = StreamName {
        namespace: application.namespace.clone(),
        name: if image.alias.is_empty() {
            path.rsplit('/').next().unwrap_or(path).to_owned()
        } else {
            image.alias.to_lowercase()
        },
    };
    let is_new = !work.has_tag(&stream, &tag);
    let spec = spec_tag(&tag, &from, &annotations, false, true);
    let file = work.add_tag(&stream, &tag, spec);
    let name = StreamTagName { stream, tag };
    if is_new {
        work.became(named.to_owned(), place.clone(), format!("tag {name}"), file);
    }
    Ok(name)
}

fn choice(image: &Image, strategy: &str) -> Result<Rule, String> {
    let filter =
        Filter {
            pattern: match image.allow.as_deref() {
                None | Some("any") => None,
                Some(allow) => Some(allow.strip_prefix("regexp:").ok_or_else(|| {
                    format!("`allow-tags: {allow}` is neither `any` nor `regexp:…`")
                })?),
            },
            extract: None,
        };
    match strategy {
        "semver" => rule::lenient_semver(image.constraint.as_deref(), filter),
        "newest-build" | "latest" => rule::newest(filter),
        "alphabetical" | "name" => rule::alphabetical(filter),
        other => Err(format!("the update strategy `{other}` is not known")),
    }
}

fn say_settings(image: &Image, place: &Place, named: &str, strategy: &str, work: &mut Work<'_>) {
    // What is no version is not chosen by a range anyway.
    let is_version = |tag: &String| {
        tag.contains('*') || tag.starts_with(|c: char| c.is_ascii_digit() || c == 'v')
    };
    let ignored: Vec<&String> = match strategy {
        "digest" => Vec::new(),
        "semver" => image.ignore.iter().filter(|tag| is_version(tag)).collect(),
        _ => image.ignore.iter().collect(),
    };
    if !ignored.is_empty() {
        let ignored: Vec<&str> = ignored.into_iter().map(String::as_str).collect();
        work.problems.push(
            Problem::warning(
                place.clone(),
                format!("{named}: `ignore-tags: {}` has no counterpart", ignored.join(", ")),
            )
            .advice("make the `regex` of the tag's `headwater.dev/select` so narrow that it leaves them out"),
        );
    }
    if let Some(secret) = &image.pull_secret {
        work.problems.push(
            Problem::warning(
                place.clone(),
                format!("{named}: the pull secret `{secret}` is not in Git and stays out of it"),
            )
            .advice("`headwater create secret docker-registry` writes it into the operator's folder; `docker login` does for a run by hand"),
        );
    }
    if let Some(platforms) = &image.platforms {
        work.problems.push(
            Problem::note(
                place.clone(),
                format!("{named}: the whole index is pinned, and not only {platforms}"),
            )
            .advice("`importPolicy: {importMode: Legacy}` pins the image of one platform"),
        );
    }
}
