//! A group of moves and what a registry told of their images, in YAML that is pleasant to read.

use std::collections::BTreeMap;
use std::path::Path;

use headwater::environment::EnvironmentName;
use headwater::gate::GateFinding;
use headwater::image::{
    Configuration, Description, Digest, ImageFacts, Layer, PlatformImage, Reference, Signature,
};
use headwater::plan::promotion::Promotion;
use headwater::plan::pull_request::{
    BodyInputs, Facts, Foreign, HistoryEntry, Inline, KnownForge, MoveFacts, PullRequestText, text,
};
use headwater::plan::{Background, FieldPin, Move, Record, message};
use headwater::problem::Place;
use headwater::stream::{DocumentAddress, Observed, SourceTag, StreamTagName, TagEvent};
use headwater::trigger::{PinForm, Target, Trigger, TriggerKind};
use serde::Deserialize;

use crate::bodies::promotion::{GateCase, PromotionCase};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Case {
    pub environment: String,
    pub base: String,
    #[serde(default)]
    pub path: Vec<String>,
    pub seen: String,
    #[serde(default)]
    pub history: Vec<Entry>,
    #[serde(default)]
    pub notes: Vec<String>,
    #[serde(default)]
    pub promotion: Option<PromotionCase>,
    #[serde(default)]
    pub gates: Vec<GateCase>,
    pub moves: Vec<serde_yaml::Value>,
}

#[derive(Debug, Deserialize)]
pub struct Entry {
    pub time: String,
    pub text: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MoveCase {
    pub tag: String,
    /// Its stream tag in the environment that it is promoted from.
    #[serde(default)]
    pub from: Option<String>,
    pub image: String,
    /// Whatever gives a digest when it is hashed.
    pub digest: String,
    #[serde(default)]
    pub previous: Option<String>,
    /// What was recorded before, newest first, by creation time.
    #[serde(default)]
    pub recorded: Vec<(String, String)>,
    #[serde(default)]
    pub selected: Option<String>,
    /// Repository and tag of the copy that fields name.
    #[serde(default)]
    pub copy: Option<String>,
    pub stream_file: String,
    #[serde(default)]
    pub fields: Vec<(String, String)>,
    #[serde(default)]
    pub before: Option<Told>,
    #[serde(default)]
    pub after: Option<Told>,
    /// Nothing was asked of the images.
    #[serde(default)]
    pub unasked: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Told {
    /// Another digest than the move's, for facts that came too late.
    pub digest: Option<String>,
    pub signature: String,
    pub platforms: Vec<String>,
    /// Whatever gives a digest, and bytes.
    pub layers: Vec<(String, u64)>,
    pub annotations: BTreeMap<String, String>,
    pub index_annotations: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub created: Option<String>,
    pub user: Option<String>,
    pub working_dir: Option<String>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    pub environment: Vec<String>,
    pub ports: Vec<String>,
    pub volumes: Vec<String>,
    pub stop_signal: Option<String>,
    pub healthcheck: Vec<String>,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            digest: None,
            signature: "unknown".to_owned(),
            platforms: vec!["linux/amd64".to_owned()],
            layers: Vec::new(),
            annotations: BTreeMap::new(),
            index_annotations: BTreeMap::new(),
            labels: BTreeMap::new(),
            created: None,
            user: None,
            working_dir: None,
            entrypoint: Vec::new(),
            command: Vec::new(),
            environment: Vec::new(),
            ports: Vec::new(),
            volumes: Vec::new(),
            stop_signal: None,
            healthcheck: Vec::new(),
        }
    }
}

/// All that the writers take.
pub struct World {
    pub moves: Vec<Move>,
    pub facts: Facts,
    pub environment: String,
    pub base: String,
    pub path: Vec<String>,
    pub seen: String,
    pub history: Vec<HistoryEntry>,
    pub notes: Vec<Inline>,
    pub forges: Vec<KnownForge>,
    pub promotion: Option<Promotion>,
    pub gates: Vec<GateFinding>,
}

impl World {
    pub fn read(folder: &Path) -> Self {
        let text = std::fs::read_to_string(folder.join("case.yaml")).unwrap();
        let case: Case = serde_yaml::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let moves: Vec<MoveCase> = case.moves.iter().flat_map(repeated).collect();
        Self {
            gates: case.gates.iter().map(GateCase::finding).collect(),
            environment: case.environment,
            base: case.base,
            path: case.path,
            seen: case.seen,
            history: case
                .history
                .into_iter()
                .map(|entry| HistoryEntry {
                    time: entry.time,
                    text: entry.text,
                })
                .collect(),
            notes: case
                .notes
                .iter()
                .map(|note| Inline::of("Note: ").code(Foreign::new(note)))
                .collect(),
            ..Self::of(&moves)
        }
        .promoted(case.promotion.as_ref())
    }

    pub fn promoted(mut self, case: Option<&PromotionCase>) -> Self {
        self.promotion = case.map(|case| case.promotion(&self.moves));
        for moved in &mut self.moves {
            moved.promoted_from = match (&self.promotion, moved.promoted_from.take()) {
                (Some(promotion), Some(source)) => Some(SourceTag {
                    environment: promotion.from.clone(),
                    ..source
                }),
                (Some(promotion), None) => Some(SourceTag {
                    environment: promotion.from.clone(),
                    tag: moved.tag.clone(),
                }),
                (None, _) => None,
            };
        }
        self
    }

    pub fn of(moves: &[MoveCase]) -> Self {
        let facts = moves.iter().filter_map(facts).collect();
        Self {
            moves: moves.iter().map(a_move).collect(),
            facts,
            environment: "dev".to_owned(),
            base: "env/dev".to_owned(),
            path: Vec::new(),
            seen: "2026-08-23T07:41:00Z".to_owned(),
            history: Vec::new(),
            notes: Vec::new(),
            forges: Vec::new(),
            promotion: None,
            gates: Vec::new(),
        }
    }

    pub fn text(&self) -> PullRequestText {
        let path = self.way();
        text(&BodyInputs {
            moves: &self.moves,
            environment: &self.environment.parse().unwrap(),
            base: &self.base.parse().unwrap(),
            facts: &self.facts,
            seen: &|_| self.seen.clone(),
            path: &path,
            history: &self.history,
            notes: &self.notes,
            forges: &self.forges,
            promotion: self.promotion.as_ref(),
            gates: &self.gates,
        })
    }

    /// Step by step; environments of one step are written as one, with spaces.
    pub fn way(&self) -> Vec<Vec<EnvironmentName>> {
        let steps = self.path.iter().map(|step| step.split(' '));
        let names = steps.map(|step| step.map(|name| name.parse().unwrap()).collect());
        names.collect()
    }

    pub fn message(&self) -> String {
        let background = Background {
            facts: &self.facts,
            forges: &self.forges,
            promotion: self.promotion.as_ref(),
            gates: &self.gates,
        };
        let environment = self.environment.parse().unwrap();
        message(&self.moves, &environment, background, &|_| {
            self.seen.clone()
        })
    }
}

/// A move with `repeat: N` stands for N moves, `{n}` in it for their numbers.
fn repeated(value: &serde_yaml::Value) -> Vec<MoveCase> {
    let mut value = value.clone();
    let mapping = value.as_mapping_mut().unwrap();
    let count = mapping
        .remove("repeat")
        .map_or(1, |count| count.as_u64().unwrap());
    let text = serde_yaml::to_string(&value).unwrap();
    (1..=count)
        .map(|number| serde_yaml::from_str(&text.replace("{n}", &number.to_string())).unwrap())
        .collect()
}

pub fn digest(seed: &str) -> Digest {
    Digest::of(seed.as_bytes())
}

pub fn tag(text: &str) -> StreamTagName {
    let (namespace, rest) = text.split_once('/').unwrap();
    let (name, tag) = rest.split_once(':').unwrap();
    StreamTagName::new(namespace, name, tag)
}

fn a_move(case: &MoveCase) -> Move {
    let place = |file: &str| Place {
        file: file.parse().unwrap(),
        line: 1,
        column: 1,
    };
    let tag = tag(&case.tag);
    let reference: Reference = case.image.parse().unwrap();
    let image = Reference {
        digest: Some(digest(&case.digest)),
        ..reference
    };
    let before = case.recorded.iter().map(|(seed, created)| TagEvent {
        created: created.clone(),
        reference: case.image.clone(),
        image: digest(seed).to_string(),
        generation: 1,
    });
    let fields = case.fields.iter().map(|(file, field)| FieldPin {
        value: image.to_string(),
        trigger: Trigger {
            from: tag.clone(),
            kind: TriggerKind::Marker,
            place: place(file),
            paused: false,
            target: Target {
                document: DocumentAddress {
                    file: file.parse().unwrap(),
                    document: 0,
                },
                field: field.parse().unwrap(),
                object: headwater::field_path::FieldPath::root(),
                place: place(file),
                namespace: "default".to_owned(),
                current: None,
                form: PinForm::Image,
            },
            all_or_nothing: None,
            has_fired: false,
        },
    });
    Move {
        copy: case.copy.as_ref().map(|copy| copy.parse().unwrap()),
        promoted_from: case.from.as_deref().map(|from| SourceTag {
            environment: EnvironmentName::default(),
            tag: self::tag(from),
        }),
        place: place(&case.stream_file),
        fields: fields.collect(),
        previous: case.previous.as_deref().map(digest),
        record: Some(Record {
            stream: 0,
            before: before.collect(),
            adopted: false,
            observed: Some(Observed {
                from: case.image.clone(),
                selected: case.selected.clone(),
                ..Observed::default()
            }),
            is_other_source: false,
            whole: None,
        }),
        tag,
        image,
    }
}

fn facts(case: &MoveCase) -> Option<(StreamTagName, MoveFacts)> {
    let of = |told: &Option<Told>, seed: &Option<String>| {
        told.as_ref().map(|told| {
            let own = told.digest.as_ref().or(seed.as_ref());
            image_facts(told, digest(own.unwrap()))
        })
    };
    let facts = MoveFacts {
        before: of(&case.before, &case.previous),
        after: of(&case.after, &Some(case.digest.clone())),
    };
    (!case.unasked).then(|| (tag(&case.tag), facts))
}

/// More than one platform makes an index, whose first image the configuration is of.
fn image_facts(told: &Told, digest: Digest) -> ImageFacts {
    let platforms: Vec<_> = told
        .platforms
        .iter()
        .map(|name| name.parse().unwrap())
        .collect();
    let image = |platform: &headwater::image::Platform| PlatformImage {
        digest: Digest::of(format!("{digest} {platform}").as_bytes()),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        size: 500,
        platform: Some(platform.clone()),
    };
    let images = match platforms.as_slice() {
        [] | [_] => Vec::new(),
        many => many.iter().map(image).collect(),
    };
    let layers = told.layers.iter().map(|(seed, size)| Layer {
        digest: Digest::of(seed.as_bytes()),
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        size: *size,
    });
    ImageFacts {
        signature: match told.signature.as_str() {
            "found" => Signature::Found,
            "none" => Signature::NotFound,
            _ => Signature::Unknown,
        },
        description: Description {
            media_type: String::new(),
            size: 1000,
            chosen: images
                .first()
                .map(|image: &PlatformImage| image.digest.clone()),
            images,
            layers: layers.collect(),
            configuration: Some(Configuration {
                digest: Digest::of(format!("{digest} configuration").as_bytes()),
                size: 2000,
                platform: platforms.first().cloned(),
                created: told.created.clone(),
                author: None,
                docker_version: None,
                user: told.user.clone(),
                working_dir: told.working_dir.clone(),
                entrypoint: told.entrypoint.clone(),
                command: told.command.clone(),
                environment: told.environment.clone(),
                exposed_ports: told.ports.clone(),
                volumes: told.volumes.clone(),
                labels: told.labels.clone(),
                stop_signal: told.stop_signal.clone(),
                healthcheck: told.healthcheck.clone(),
            }),
            annotations: told.annotations.clone(),
            index_annotations: told.index_annotations.clone(),
            digest,
        },
    }
}
