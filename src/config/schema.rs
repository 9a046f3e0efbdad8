//! The JSON Schemas of everything that people write, for editors and `headwater schema`.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::server_schema::ServerFile;
use crate::environment::{Carry, Delivery};
use crate::manifest::schema::{
    HeadwaterVersion, ImageStreamManifest, ImageTriggerManifest, TriggerAnnotation,
};
use crate::policy::{Follow, GroupBy, RebuildWhen};
use crate::pull_request::MergeMethod;
use crate::stream::ImportMode;

/// Where the schemas can be fetched; each one's `$id` is this and its file name.
const BASE: &str = "https://raw.githubusercontent.com/headwater-dev/headwater/main/schemas/";

/// The operator's file.
pub(crate) const SERVER: &str = "server.schema.json";

/// Every schema, by the name of its file under `schemas/`.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        schema::<ImageStreamManifest>("imagestream.schema.json"),
        schema::<ImageTriggerManifest>("imagetrigger.schema.json"),
        schema::<TriggerAnnotation>("triggers.schema.json"),
        schema::<ConfigFile>("headwater.schema.json"),
        schema::<ServerFile>(SERVER),
    ]
}

/// Draft 7, which yaml-language-server knows best.
pub(crate) fn schema<T: JsonSchema>(name: &'static str) -> (&'static str, Value) {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema: Schema = generator.into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), Value::String(format!("{BASE}{name}")));
    (name, schema.to_value())
}

/// The policy of a repository: `headwater.yaml` at the root of its default branch.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "headwater.yaml")]
pub struct ConfigFile {
    pub api_version: HeadwaterVersion,
    pub kind: ConfigKind,
    /// Allowed, and without meaning.
    pub metadata: Option<Value>,
    pub spec: Option<ConfigSpec>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum ConfigKind {
    Config,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigSpec {
    /// Without any: one named `default`, the default branch.
    #[schemars(length(min = 1))]
    pub environments: Option<Vec<EnvironmentFields>>,
    pub pull_requests: Option<PullRequestFields>,
    pub imports: Option<ImportFields>,
    pub pins: Option<PinFields>,
}

/// A branch, or paths and namespaces on one, that runs a set of pins.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentFields {
    /// Lower-case letters, digits and `-`.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// The default branch by default.
    pub branch: Option<String>,
    /// Globs, or folders with all below them; what they reach through kustomizations belongs
    /// to the environment too. Without any: every file.
    pub paths: Option<Vec<String>>,
    /// Without any: every namespace.
    pub namespaces: Option<Vec<String>>,
    /// How a change reaches the branch; `pullRequest` by default.
    pub delivery: Option<Delivery>,
    /// The environment that images come from: what runs there is proposed here, and nothing is
    /// imported. Without it: registries.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub promoted_from: Option<String>,
    /// What a promotion takes along; `merge` between branches and `pins` on one branch by default.
    pub carry: Option<Carry>,
    /// What a change passes before it enters, beside the forge's own demands.
    pub gates: Option<GateFields>,
    /// When nothing enters.
    pub freeze: Option<FreezeForm>,
    /// True: a pull request is merged once its checks and the forge's own demands pass; by the
    /// forge itself where it offers that.
    pub automerge: Option<bool>,
    /// `host[:port]`: which of the operator's integrated registries keeps what its streams have.
    pub integrated_registry: Option<String>,
}

/// Each gate is asked of every change; what is not named is not asked.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GateFields {
    /// How long a commit has been in the environment that images come from.
    pub soak: Option<SoakForm>,
    /// Names of commit statuses that have to pass on that environment's commit.
    #[schemars(length(max = 100))]
    pub checks: Option<Vec<String>>,
    /// Each digest is signed.
    pub signature: Option<SignatureFields>,
    /// How old an image is at least, by its own creation time.
    pub minimum_age: Option<String>,
    /// How many accounts approve the pull request.
    #[schemars(range(min = 1, max = 100))]
    pub approvals: Option<u32>,
    /// When it may be merged, such as `Mon-Thu 09:00-16:00 Europe/Berlin`; at any time by default.
    #[schemars(length(max = 100))]
    pub windows: Option<Vec<String>>,
    /// Days on which no window opens, in the window's own time zone: `2026-12-24` or
    /// `2026-12-24..2027-01-01`.
    #[schemars(
        length(max = 100),
        inner(regex(pattern = r"^\d{4}-\d{2}-\d{2}(\.\.\d{4}-\d{2}-\d{2})?$"))
    )]
    pub holidays: Option<Vec<String>>,
}

/// A time span, such as `24h`: the same as `{since: 24h}`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SoakForm {
    Since(String),
    Named(SoakFields),
}

/// One of them.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SoakFields {
    /// Since the commit entered.
    pub since: Option<String>,
    /// Without another image in between that would have moved.
    pub resident: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignatureFields {
    /// Public keys in PEM form, as `cosign generate-key-pair` writes them; one of them is enough.
    #[schemars(length(min = 1, max = 100))]
    pub keys: Vec<String>,
}

/// One, or several.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FreezeForm {
    One(FreezeFields),
    Several(#[schemars(length(max = 100))] Vec<FreezeFields>),
}

/// A time in which an environment takes nothing.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FreezeFields {
    /// RFC 3339, such as `2026-12-20T18:00:00+01:00`; from the beginning by default.
    pub from: Option<String>,
    /// From this time on it is over; until it is taken out by default.
    pub until: Option<String>,
    pub reason: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PullRequestFields {
    /// What one pull request holds; `stream` by default.
    pub group_by: Option<GroupBy>,
    /// How many are open in one environment at a time; 10 by default. The rest wait.
    #[schemars(range(min = 1))]
    pub max_open: Option<usize>,
    /// How many are opened in one environment within an hour; without it, as many as there are.
    #[schemars(range(min = 1))]
    pub max_per_hour: Option<usize>,
    /// Labels of every pull request, beside those that say what it is.
    pub labels: Option<Vec<String>>,
    /// Who is asked for a review: accounts, and on GitHub teams as `organization/team`.
    pub reviewers: Option<Vec<String>>,
    pub assignees: Option<Vec<String>>,
    /// True: pull requests are opened as drafts.
    pub draft: Option<bool>,
    /// When branches are made and moved, such as `Mon-Fri 09:00-17:00 Europe/Berlin`; at any
    /// time by default.
    pub schedule: Option<Vec<String>>,
    /// When an open branch is made anew on the tip although what it writes is the same; `auto`
    /// by default.
    pub rebuild: Option<RebuildWhen>,
    /// How a pull request is merged with `automerge`; `merge` by default.
    pub merge_method: Option<MergeMethod>,
    /// A template for titles; without it, what moves, from where and why.
    pub title: Option<String>,
    /// A template for the bot's commit messages; the trailers come behind it.
    pub commit_message: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportFields {
    /// Which tags are followed; `scheduled` by default.
    pub follow: Option<Follow>,
    /// False: no tag is looked at again by itself; true by default.
    pub scheduled: Option<bool>,
    /// How often a followed tag is looked at: `5m` by default, at least `10s`.
    pub interval: Option<String>,
    /// How many followed tags of one registry are looked at in a minute. Without it an unattended
    /// pass looks at all that are due.
    #[schemars(range(min = 1))]
    pub per_minute: Option<usize>,
    /// How many tags of one repository are imported for a `dockerImageRepository`, or looked at
    /// by a rule that needs their dates; 50 by default.
    #[schemars(range(min = 1))]
    pub bulk_per_repository: Option<usize>,
    /// How an index of several platforms is recorded, where the tag does not say;
    /// `PreserveOriginal` by default.
    pub import_mode: Option<ImportMode>,
    /// How old an image must be, by its own creation time, before it is taken, where the tag does
    /// not say; `0s` by default.
    pub minimum_age: Option<String>,
    /// False: what is pushed into the integrated registry creates no streams and tags here, even
    /// where the operator lets it; true by default.
    pub create_streams: Option<bool>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PinFields {
    /// True, the default: `repository:tag@digest` where people read it. False:
    /// `repository@digest`.
    pub keep_tag: Option<bool>,
    /// How many images of a tag stay in the stream's status; 10 by default. The whole history
    /// is in Git.
    #[schemars(range(min = 2))]
    pub history_limit: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{repository, server};

    /// Each mapping of the server file, by its definition: every key of the schema is known to the
    /// reader, and every key that the reader knows is in the schema.
    #[test]
    fn the_server_file_has_the_keys_of_its_schema() {
        let (_, schema) = schema::<ServerFile>(SERVER);
        let definitions = schema["definitions"].as_object().unwrap();
        let mut seen = 0;
        for (definition, at) in [
            ("", "{}"),
            ("RegistriesFields", "registries: {}"),
            ("RegistryFields", "registries: {hosts: [{}]}"),
            ("GitFields", "git: {}"),
            ("AuthorFields", "git: {author: {}}"),
            ("SigningFields", "git: {signing: {}}"),
            ("CredentialFields", "git: {credentials: [{}]}"),
            ("ForgeFields", "forges: [{}]"),
            ("AppFields", "forges: [{app: {}}]"),
            ("AccessFields", "access: {}"),
            ("IntegratedRegistryFields", "integratedRegistry: {}"),
            (
                "OtherRegistryFields",
                "integratedRegistry: {host: a.example, others: [{}]}",
            ),
            ("PullSecretsFields", "pullSecrets: {}"),
            ("RepositoryFields", "repositories: [{}]"),
            ("ServeFields", "serve: {}"),
            ("ListenFields", "serve: {hooks: {}, metrics: {}}"),
            ("StatusFields", "serve: {status: {}}"),
            ("HookFields", "hooks: [{}]"),
            ("EventFields", "events: [{}]"),
        ] {
            let mapping = definitions.get(definition).unwrap_or(&schema);
            let mut keys: Vec<&str> = mapping["properties"]
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            keys.sort_unstable();
            let fields: Vec<String> = keys.iter().map(|key| format!("{key}: null")).collect();
            let read = |fields: &str| {
                let text = at.replace("{}", &format!("{{{fields}}}"));
                let (_, problems) = server::read(&"c.yaml".parse().unwrap(), text.as_bytes());
                problems
            };
            let problems = read(&fields.join(", "));
            let is_unknown =
                |problem: &crate::problem::Problem| problem.message.contains("unknown");
            assert!(
                !problems.iter().any(is_unknown),
                "{definition}: {problems:?}"
            );
            let problems = read("zzzzzzzzzzzzzzz: null");
            let unknown = problems.iter().find(|problem| is_unknown(problem)).unwrap();
            let known = unknown.advice.as_deref().unwrap();
            let mut known: Vec<&str> = known
                .strip_prefix("known are ")
                .unwrap()
                .split(", ")
                .collect();
            known.sort_unstable();
            assert_eq!(known, keys, "{definition}");
            seen += 1;
        }
        let mappings = definitions
            .values()
            .filter(|it| it.get("properties").is_some());
        assert_eq!(seen, mappings.count() + 1);
    }

    /// The schema and the reader know the same fields.
    #[test]
    fn every_field_of_the_schema_is_read() {
        let (_, schema) = schema::<ConfigFile>("headwater.schema.json");
        let fields = |definition: &str| -> Vec<String> {
            let properties = &schema["definitions"][definition]["properties"];
            let properties = properties.as_object().unwrap();
            properties
                .keys()
                .map(|key| format!("{key}: null"))
                .collect()
        };
        let text = format!(
            "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments: [{{{}}}, {{gates: {{{}}}}}, {{gates: {{soak: {{{}}}, signature: {{{}}}}}, freeze: {{{}}}}}]\n  pullRequests: {{{}}}\n  imports: {{{}}}\n  pins: {{{}}}\n",
            fields("EnvironmentFields").join(", "),
            fields("GateFields").join(", "),
            fields("SoakFields").join(", "),
            fields("SignatureFields").join(", "),
            fields("FreezeFields").join(", "),
            fields("PullRequestFields").join(", "),
            fields("ImportFields").join(", "),
            fields("PinFields").join(", "),
        );
        let (_, problems) = repository::read(text.as_bytes());
        assert!(
            problems
                .iter()
                .all(|problem| !problem.message.contains("unknown")),
            "{problems:?}"
        );
        assert_eq!(fields("ConfigSpec").len(), 4);
    }

    #[test]
    fn schemas_have_ids_titles_and_descriptions() {
        for (name, schema) in schemas() {
            assert!(schema["$id"].as_str().unwrap().ends_with(name));
            assert!(schema["title"].is_string() && schema["description"].is_string());
            assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        }
    }
}
