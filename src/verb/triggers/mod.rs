//! `set triggers` (oc `pkg/cli/set/triggers.go`).
//!
//! Better than the original, on purpose: `--remove --from-image` compares the namespace too;
//! `--manual` pauses a BuildConfig's image trigger instead of removing it, and the table shows a
//! paused one as such; entries that cannot be read stay and are named; all entries of a source
//! get the containers of `-c`, not only the first; an init container gets the selector of one;
//! `-c` may be left out where there is one container, as the flag's help says.

mod annotation;
mod build;
mod deployment;

use serde_json::Value;

use crate::stream::StreamTagName;
use crate::verb::object::{Object, Selection};
use crate::verb::source::Spec;
use crate::verb::{Draft, Refused, Scene};

/// The words of `set triggers`.
#[derive(Clone, Debug, Default)]
pub struct Triggers {
    pub selection: Selection,
    pub from_config: bool,
    pub from_image: Option<String>,
    pub webhooks: Vec<Webhook>,
    pub auto: bool,
    pub manual: bool,
    pub remove: bool,
    pub remove_all: bool,
    /// Comma separated.
    pub containers: Option<String>,
}

/// Who calls a build's webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Webhook {
    Generic,
    GitHub,
    GitLab,
    Bitbucket,
}

impl Webhook {
    /// As `spec.triggers[].type` says it.
    fn kind(self) -> &'static str {
        match self {
            Self::Generic => "Generic",
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Bitbucket => "Bitbucket",
        }
    }

    /// As errors say it.
    fn words(self) -> &'static str {
        match self {
            Self::Generic => "web hooks",
            Self::GitHub => "GitHub web hooks",
            Self::GitLab => "GitLab web hooks",
            Self::Bitbucket => "Bitbucket web hooks",
        }
    }
}

/// An image trigger as the table shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Show {
    pub auto: bool,
    /// `stream:tag`
    pub from: String,
    /// Empty where it is the object's own.
    pub namespace: String,
    pub names: Vec<String>,
}

/// One thing to do to an object's triggers.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Task {
    RemoveAll,
    RemoveConfig,
    RemoveImage(Source),
    RemoveWebhooks(Webhook),
    /// All of them: automatic or not.
    Reset(bool),
    AddConfig,
    AddImage {
        source: Source,
        names: Vec<String>,
        auto: bool,
    },
    AddWebhook(Webhook),
}

/// A stream tag; the namespace is empty where it is the object's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Source {
    name: String,
    namespace: String,
}

impl Source {
    /// Reads a `from`, its namespace left out where it is `own`.
    fn read(from: &Value, own: &str) -> Option<Self> {
        let text = |key: &str| from.get(key).and_then(Value::as_str);
        let namespace = text("namespace").unwrap_or_default();
        Some(Self {
            name: text("name")?.to_owned(),
            namespace: if namespace == own { "" } else { namespace }.to_owned(),
        })
    }

    /// The `from` of a new trigger.
    fn write(&self) -> Value {
        let mut from = serde_json::json!({"kind": "ImageStreamTag", "name": self.name});
        if let (false, Some(from)) = (self.namespace.is_empty(), from.as_object_mut()) {
            from.insert("namespace".to_owned(), self.namespace.clone().into());
        }
        from
    }
}

/// Decides what `set triggers` writes; without flags it shows what is there. The objects are
/// those that changed.
pub fn set_triggers(scene: &Scene<'_>, words: &Triggers) -> Result<(Draft, Vec<Object>), Refused> {
    let image = words
        .from_image
        .as_deref()
        .filter(|image| !image.is_empty())
        .map(|image| read_image(image, scene))
        .transpose()?;
    let count =
        usize::from(words.from_config) + usize::from(image.is_some()) + words.webhooks.len();
    check(words, count)?;
    let objects = words.selection.find(scene)?;
    let changes = words.remove || words.remove_all || words.auto || words.manual || count > 0;
    let mut draft = Draft::default();
    if !changes {
        let mut rows = vec![
            ["NAME", "TYPE", "VALUE", "AUTO"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for object in &objects {
            rows.extend(rows_of(object)?);
        }
        draft.said = table(&rows);
        return Ok((draft, Vec::new()));
    }
    let mut changed = Vec::new();
    let is_alone = objects.len() == 1;
    for object in objects {
        let task = task(words, image.as_ref(), &object);
        let mut own = Draft::default();
        match apply(&mut own, &object, &task) {
            Err(refused) if is_alone => {
                let message = match refused.message.contains("does not support triggers") {
                    true => refused.message.clone(),
                    false => format!("{} {}", object.resource_name(), refused.message),
                };
                return Err(Refused { message, ..refused });
            }
            Err(refused) => {
                let name = object.resource_name();
                return Err(Refused::new(format!("{name} {}", refused.message)));
            }
            Ok(()) if own.is_empty() => draft.notes.append(&mut own.notes),
            Ok(()) => {
                draft.say(format!("{} triggers updated", object.full_name()));
                draft.join(own);
                if let (Task::AddImage { .. }, Some(image)) = (&task, &image) {
                    let tag = StreamTagName::parse(&image.name, &image.namespace);
                    draft.touched.extend(tag);
                }
                changed.push(object);
            }
        }
    }
    Ok((draft, changed))
}

/// The stream tag of --from-image; the namespace is empty where none is named.
fn read_image(text: &str, scene: &Scene<'_>) -> Result<Source, Refused> {
    let spec = Spec::parse(text).map_err(|why| {
        Refused::new(format!(
            "the value of --from-image does not appear to be a valid reference to an image: {why}"
        ))
    })?;
    if spec.registry.is_some() || spec.id.is_some() {
        return Err(Refused::new(
            "the value of --from-image must point to an image stream tag on this server",
        ));
    }
    if spec.tag.is_none() {
        return Err(Refused::new(
            "the value of --from-image must include the tag you wish to pull from",
        ));
    }
    Ok(Source {
        name: spec.name_string(),
        namespace: spec.namespace.unwrap_or_else(|| scene.namespace.clone()),
    })
}

fn check(words: &Triggers, count: usize) -> Result<(), Refused> {
    let refuse = |message: &str| Err(Refused::new(message));
    if words.auto && words.manual {
        return refuse("you must specify at most one of --auto or --manual");
    }
    if words.remove && words.remove_all {
        return refuse("you must specify either --remove or --remove-all");
    }
    if words.remove_all && (count != 0 || words.auto || words.manual) {
        return refuse("--remove-all may not be used with any other flag");
    }
    if words.remove && count < 1 {
        return refuse("--remove requires a flag defining a trigger type to be specified");
    }
    if count > 1 {
        return refuse("you may only set one trigger type at a time");
    }
    Ok(())
}

fn task(words: &Triggers, image: Option<&Source>, object: &Object) -> Task {
    let source = image.map(|image| Source {
        name: image.name.clone(),
        namespace: if image.namespace == object.namespace {
            String::new()
        } else {
            image.namespace.clone()
        },
    });
    let webhook = words.webhooks.first().copied();
    match (words.remove_all, words.remove, source, webhook) {
        (true, ..) => Task::RemoveAll,
        (_, true, Some(source), _) => Task::RemoveImage(source),
        (_, true, None, Some(webhook)) => Task::RemoveWebhooks(webhook),
        (_, true, None, None) => Task::RemoveConfig,
        (_, false, Some(source), _) => {
            let names = words.containers.as_deref().unwrap_or_default().split(',');
            Task::AddImage {
                source,
                names: names
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect(),
                auto: !words.manual,
            }
        }
        (_, false, None, Some(webhook)) => Task::AddWebhook(webhook),
        (_, false, None, None) if words.from_config => Task::AddConfig,
        _ => Task::Reset(words.auto),
    }
}

fn apply(draft: &mut Draft, object: &Object, task: &Task) -> Result<(), Refused> {
    match object.kind.kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "CronJob" => {
            annotation::apply(draft, object, task)
        }
        "DeploymentConfig" => deployment::apply(draft, object, task),
        "BuildConfig" => build::apply(draft, object, task),
        _ => Err(unsupported(object)),
    }
}

fn unsupported(object: &Object) -> Refused {
    let name = object.resource_name();
    Refused::new(format!("{name} does not support triggers"))
}

fn rows_of(object: &Object) -> Result<Vec<Vec<String>>, Refused> {
    let name = object.resource_name();
    let row =
        |kind: &str, value: String, auto: String| vec![name.clone(), kind.to_owned(), value, auto];
    let (config, images, webhooks) = match object.kind.kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "CronJob" => match annotation::read(object) {
            Ok(read) => {
                let config = !annotation::is_paused(object);
                let shown = read.iter().filter_map(|entry| entry.show.clone()).collect();
                (config, shown, Vec::new())
            }
            Err(_) => return Ok(vec![row("<error>", String::new(), "false".to_owned())]),
        },
        "DeploymentConfig" => (
            deployment::has_config(object),
            deployment::images(object),
            Vec::new(),
        ),
        "BuildConfig" => (
            build::has_config(object),
            build::images(object),
            build::webhooks(object),
        ),
        _ => return Err(unsupported(object)),
    };
    let mut rows = vec![row("config", String::new(), config.to_string())];
    let images: Vec<Show> = images;
    for image in images {
        let mut value = match image.namespace.as_str() {
            "" => image.from,
            namespace => format!("{namespace}/{}", image.from),
        };
        if !image.names.is_empty() {
            value.push_str(&format!(" ({})", image.names.join(", ")));
        }
        rows.push(row("image", value, image.auto.to_string()));
    }
    rows.extend(
        webhooks
            .into_iter()
            .map(|(kind, value)| row(kind, value, String::new())),
    );
    Ok(rows)
}

/// Go's `tabwriter(0, 2, 2, ' ')`: columns two blanks apart, nothing behind the last.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < row.len() {
                let blanks = width(column) + 2 - cell.chars().count();
                text.extend(std::iter::repeat_n(' ', blanks));
            }
        }
        text.push('\n');
    }
    text
}

/// The containers that a trigger is for, which must all exist.
fn check_names(
    names: &[String],
    all: &std::collections::BTreeMap<String, bool>,
) -> Result<Vec<String>, Refused> {
    if names.is_empty() {
        return match all.keys().collect::<Vec<_>>().as_slice() {
            [only] => Ok(vec![(*only).clone()]),
            _ => Err(Refused::new(
                "you must specify --containers when setting --from-image",
            )),
        };
    }
    let mut missing: Vec<&str> = names
        .iter()
        .filter(|name| !all.contains_key(*name))
        .map(String::as_str)
        .collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return Ok(names.to_vec());
    }
    let accepted: Vec<&str> = all.keys().map(String::as_str).collect();
    Err(Refused::new(format!(
        "not all container names exist: {} (accepts: {})",
        missing.join(", "),
        accepted.join(", ")
    )))
}
