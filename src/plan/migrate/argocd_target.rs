//! Where argocd-image-updater writes an image: a kustomization's `images`, or Helm values.

use serde_json::{Value as Json, json};

use crate::plan::migrate::argocd::{Image, WriteBack};
use crate::plan::migrate::scan::{self, Object};
use crate::plan::migrate::write::{Work, is_kustomization};
use crate::problem::{Place, Problem};
use crate::snapshot::FilePath;
use crate::stream::StreamTagName;
use crate::yaml::Node;

/// An Argo CD Application.
#[derive(Debug)]
pub(crate) struct Application<'p> {
    pub name: &'p str,
    /// Where it deploys to.
    pub namespace: String,
    /// The folder of its source; none where it has no path.
    path: Option<&'p str>,
    value_files: Vec<&'p str>,
}

impl<'p> Application<'p> {
    pub fn read(object: &Object<'p>, default: &str) -> Self {
        let sources = object.at(&["spec", "sources"]).map_or(&[][..], Node::items);
        let source = object.at(&["spec", "source"]).or_else(|| {
            let has_path = |it: &&Node| scan::text(it, &["path"]).is_some();
            sources.iter().find(has_path)
        });
        let files = source.and_then(|it| scan::at(it, &["helm", "valueFiles"]));
        Self {
            name: object.name(),
            namespace: object
                .text(&["spec", "destination", "namespace"])
                .unwrap_or(default)
                .to_owned(),
            path: source.and_then(|it| scan::text(it, &["path"])),
            value_files: files
                .map_or(&[][..], Node::items)
                .iter()
                .filter_map(Node::text)
                .collect(),
        }
    }
}

/// What of the write-back has no counterpart, once for an Application.
pub(crate) fn say_write_back(
    application: &Application<'_>,
    place: &Place,
    back: &WriteBack,
    work: &mut Work<'_>,
) {
    let name = application.name;
    let method = back.method.as_deref().unwrap_or("argocd");
    if method == "argocd" {
        work.problems.push(
            Problem::note(
                place.clone(),
                format!("the images of {name} were set in the cluster, and now they stand in Git"),
            )
            .advice(
                "take the image parameters out of the Application in the cluster: they would win",
            ),
        );
    }
    if let Some(branch) = &back.branch {
        let base = branch.split(':').next().unwrap_or_default();
        work.problems.push(
            Problem::note(
                place.clone(),
                format!("`git-branch: {branch}`: headwater names its branches itself"),
            )
            .advice(format!(
                "where `{base}` is not the default branch, write an environment with `branch: {base}` into headwater.yaml"
            )),
        );
    }
    if let Some(repository) = &back.repository {
        work.problems.push(
            Problem::note(
                place.clone(),
                format!("`git-repository: {repository}`: headwater writes to the repository that it reads"),
            )
            .advice("run `headwater migrate` there, where it is another one"),
        );
    }
}

/// Writes the ImageTrigger that keeps one image; whether there is a file that takes it.
pub(crate) fn trigger(
    application: &Application<'_>,
    image: &Image,
    back: &WriteBack,
    from: &StreamTagName,
    place: &Place,
    work: &mut Work<'_>,
) -> bool {
    match targets(application, image, back, work) {
        Ok((file, targets)) => {
            let name = format!("{}-{}", application.name, from.stream.name);
            let path = work.path(&from.stream.namespace, &format!("{name}-trigger"));
            let manifest = json!({
                "apiVersion": "headwater.dev/v1alpha1",
                "kind": "ImageTrigger",
                "metadata": {
                    "name": name,
                    "namespace": from.stream.namespace,
                    "annotations": {"config.kubernetes.io/local-config": "true"},
                },
                "spec": {
                    "from": {
                        "kind": "ImageStreamTag",
                        "name": format!("{}:{}", from.stream.name, from.tag),
                    },
                    "targets": targets,
                },
            });
            let is_new = !work.inputs.files.contains_key(&path);
            work.add_file(&path, &manifest);
            if is_new {
                let was = format!("write-back of {}", image.name);
                work.became(was, place.clone(), format!("trigger on {file}"), path);
            }
            true
        }
        Err(why) => {
            work.problems.push(
            Problem::warning(
                place.clone(),
                format!(
                    "no file takes {} of the Application {}: {why}",
                    image.name, application.name
                ),
            )
            .advice(format!(
                "write the image into a file, and behind it `# {{\"$imagestream\": \"{from}\"}}`"
            )),
        );
            false
        }
    }
}

fn targets(
    application: &Application<'_>,
    image: &Image,
    back: &WriteBack,
    work: &Work<'_>,
) -> Result<(FilePath, Vec<Json>), String> {
    let folder = application.path.ok_or("it has no source with a path")?;
    let target = back.target.as_deref().unwrap_or_default();
    let (kind, path) = target.split_once(':').unwrap_or((target, ""));
    match kind {
        "kustomization" => kustomize(folder, path, image, work),
        "helmvalues" => helm(folder, &[path], image, work),
        // Without one, a file of Argo CD's own is written; here the source itself is.
        _ if application.value_files.is_empty() => {
            kustomize(folder, "", image, work).or_else(|_| helm(folder, &[""], image, work))
        }
        _ => helm(folder, &application.value_files, image, work),
    }
    .map_err(|why| format!("{why} (`path: {folder}`)"))
}

fn kustomize(
    folder: &str,
    path: &str,
    image: &Image,
    work: &Work<'_>,
) -> Result<(FilePath, Vec<Json>), String> {
    let below = |name: &str| {
        let relative = format!("{path}/{name}");
        let relative = if path.is_empty() { name } else { &relative };
        FilePath::resolve(folder, relative).ok()
    };
    let names = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
    let file = names
        .iter()
        .filter_map(|name| below(name))
        .find(|file| is_kustomization(file) && work.inputs.files.contains_key(file))
        .ok_or("there is no kustomization in this Git repository")?;
    let name = image.kustomize_name.as_deref().unwrap_or(&image.name);
    let target = json!({"file": format!("/{file}"), "kustomize": {"image": name}});
    Ok((file, vec![target]))
}

/// The values file that has the fields; `image.name` and `image.tag` where none are given.
fn helm(
    folder: &str,
    paths: &[&str],
    image: &Image,
    work: &Work<'_>,
) -> Result<(FilePath, Vec<Json>), String> {
    let files: Vec<FilePath> = paths
        .iter()
        .map(|path| if path.is_empty() { "values.yaml" } else { path })
        .filter_map(|path| FilePath::resolve(folder, path).ok())
        .filter(|file| work.inputs.files.contains_key(file))
        .collect();
    let first = files
        .first()
        .ok_or("there are no Helm values in this Git repository")?;
    let field = |file: &FilePath, path: &str, value: &str| json!({"file": format!("/{file}"), "field": path, "value": value});
    if let Some(path) = &image.helm_spec {
        return Ok((first.clone(), vec![field(first, path, "image")]));
    }
    let name = image.helm_name.as_deref().unwrap_or("image.name");
    let tag = image.helm_tag.as_deref().unwrap_or("image.tag");
    let holder = |path: &str, end: &str| path.strip_suffix(end).map(str::to_owned);
    let targets = match (holder(name, ".repository"), holder(tag, ".tag")) {
        (Some(a), Some(b)) if a == b => {
            vec![json!({"file": format!("/{first}"), "helm": {"path": a}})]
        }
        _ => vec![field(first, name, "repository"), field(first, tag, "tag")],
    };
    Ok((first.clone(), targets))
}
