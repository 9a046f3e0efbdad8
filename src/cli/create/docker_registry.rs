use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::{output, pull_secrets, server_file};
use crate::pull_secret::DOCKER_CONFIG_JSON;

/// Kubernetes's own limit for a Secret.
const LARGEST_INPUT: u64 = 1024 * 1024;

/// Create a pull secret for the streams of a namespace
///
/// Writes a Secret manifest into the operator's folder (`pullSecrets.folder` of the server file),
/// readable by its owner only. The secret never stands in Git.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater create secret docker-registry quay -n app-dev --docker-server=quay.io --docker-username=robot --docker-password-stdin < token\n  headwater create secret docker-registry quay -n app-dev --from-file=.dockerconfigjson=auth.json"
)]
pub struct Args {
    /// The secret's name
    name: String,

    /// The namespace whose streams use the login
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,

    /// The registry: a host, with `:port` and a path where it has them
    #[arg(
        long,
        value_name = "SERVER",
        default_value = "https://index.docker.io/v1/"
    )]
    docker_server: String,

    /// The user name
    #[arg(long, value_name = "NAME")]
    docker_username: Option<String>,

    /// The password; others on this machine may see it here, so better one of the next two
    #[arg(long, value_name = "PASSWORD", value_parser = secret, allow_hyphen_values = true, group = "password")]
    docker_password: Option<SecretString>,

    /// Read the password from standard input
    #[arg(long, group = "password")]
    docker_password_stdin: bool,

    /// Read the password from a file
    #[arg(long, value_name = "FILE", group = "password")]
    docker_password_file: Option<PathBuf>,

    /// The e-mail address, where a registry wants one
    #[arg(long, value_name = "EMAIL")]
    docker_email: Option<String>,

    /// A file with logins in the form of Docker's config.json, instead of the flags above
    #[arg(
        long,
        value_name = "[.dockerconfigjson=]FILE",
        conflicts_with_all = ["docker_username", "password", "docker_email"]
    )]
    from_file: Option<String>,

    /// Print what would be created, and write nothing
    #[arg(
        long,
        value_enum,
        value_name = "WHERE",
        num_args = 0..=1,
        require_equals = true,
        default_value_t,
        default_missing_value = "client"
    )]
    dry_run: DryRun,

    /// How the secret is printed
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Form>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum DryRun {
    #[default]
    None,
    Client,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Json,
    Yaml,
    Name,
}

/// As kubectl writes it (`kubectl create secret docker-registry -o yaml`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Secret<'a> {
    api_version: &'static str,
    data: Data,
    kind: &'static str,
    metadata: Metadata<'a>,
    r#type: &'static str,
}

#[derive(Serialize)]
struct Data {
    #[serde(rename = ".dockerconfigjson")]
    config: String,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    namespace: &'a str,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    check_name("name", &args.name, 253, true)?;
    check_name("namespace", &args.namespace, 63, false)?;
    // Where it goes is known before anybody types a password.
    let folder = match args.dry_run {
        DryRun::None => Some(folder(context)?),
        DryRun::Client => None,
    };
    let content = content(args, context)?;
    let secret = Secret {
        api_version: "v1",
        data: Data {
            config: STANDARD.encode(content.expose_secret()),
        },
        kind: "Secret",
        metadata: Metadata {
            name: &args.name,
            namespace: &args.namespace,
        },
        r#type: "kubernetes.io/dockerconfigjson",
    };
    let manifest = serde_yaml::to_string(&secret)
        .map_err(|error| CliError::failure("the secret cannot be written").because(&error))?;
    if let Some(folder) = folder {
        pull_secrets::create(&folder, &args.namespace, &args.name, manifest.as_bytes())?;
    }
    output::write(&match (args.output, args.dry_run) {
        (Some(Form::Yaml), _) => manifest,
        (Some(Form::Json), _) => {
            let text = serde_json::to_string_pretty(&secret).map_err(|error| {
                CliError::failure("the secret cannot be written").because(&error)
            })?;
            format!("{text}\n")
        }
        (Some(Form::Name), _) => format!("secret/{}\n", args.name),
        (None, DryRun::None) => format!("secret/{} created\n", args.name),
        (None, DryRun::Client) => format!("secret/{} created (dry run)\n", args.name),
    })?;
    Ok(Exit::Success)
}

fn folder(context: &Context) -> Result<PathBuf, CliError> {
    let config = server_file::read(context)?;
    config.pull_secrets.folder.clone().ok_or_else(|| {
        CliError::usage("there is no folder for pull secrets").hint(
            "put the line `pullSecrets: {folder: /etc/headwater/pull-secrets}` into the server \
             file, and name that by --config or HEADWATER_CONFIG",
        )
    })
}

/// What stands in the secret, in Docker's form.
fn content(args: &Args, context: &Context) -> Result<SecretString, CliError> {
    if let Some(source) = &args.from_file {
        return from_file(source, context);
    }
    let password = password(args, context)?;
    let (Some(username), Some(password)) = (&args.docker_username, password) else {
        return Err(missing_login());
    };
    if username.is_empty() || password.expose_secret().is_empty() || args.docker_server.is_empty() {
        return Err(missing_login());
    }
    let email = args.docker_email.as_deref().filter(|text| !text.is_empty());
    docker_config(&args.docker_server, username, &password, email)
}

/// kubectl's words.
fn missing_login() -> CliError {
    CliError::usage(
        "either --from-file or the combination of --docker-username, --docker-password and \
         --docker-server is required",
    )
    .hint(
        "--docker-password-stdin and --docker-password-file keep the password off the command line",
    )
}

fn from_file(source: &str, context: &Context) -> Result<SecretString, CliError> {
    let path = match source.split_once('=') {
        Some((DOCKER_CONFIG_JSON, path)) => path,
        Some((key, _)) => {
            return Err(CliError::usage(format!(
                "--from-file: a secret for registries has the key {DOCKER_CONFIG_JSON}, not `{key}`"
            )));
        }
        None => source,
    };
    let content = read_file(&context.path(Path::new(path)), "--from-file")?;
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(content.expose_secret());
    if !parsed.is_ok_and(|value| value.get("auths").is_some_and(serde_json::Value::is_object)) {
        return Err(CliError::usage(format!(
            "--from-file {path}: it holds no logins for registries"
        ))
        .hint("a file in the form of Docker's config.json begins with {\"auths\": {"));
    }
    Ok(content)
}

fn password(args: &Args, context: &Context) -> Result<Option<SecretString>, CliError> {
    if let Some(path) = &args.docker_password_file {
        let content = read_file(&context.path(path), "--docker-password-file")?;
        return Ok(Some(first_line(&content)));
    }
    if args.docker_password_stdin {
        let content = read(io::stdin().lock())
            .map_err(|reason| CliError::usage("--docker-password-stdin").why(reason))?;
        return Ok(Some(first_line(&content)));
    }
    Ok(args.docker_password.clone())
}

/// As `docker login --password-stdin`: without the line's end.
fn first_line(content: &SecretString) -> SecretString {
    let text = content.expose_secret();
    text.trim_end_matches(['\r', '\n']).into()
}

fn read_file(path: &Path, flag: &str) -> Result<SecretString, CliError> {
    let unusable = || CliError::usage(format!("{flag} {}", path.display()));
    let file = File::open(path).map_err(|error| unusable().because(&error))?;
    read(file).map_err(|reason| unusable().why(reason))
}

fn read(source: impl Read) -> Result<SecretString, String> {
    let mut text = String::new();
    source
        .take(LARGEST_INPUT + 1)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > LARGEST_INPUT {
        return Err(format!("it has more than {LARGEST_INPUT} bytes"));
    }
    Ok(text.into())
}

/// kubectl's `handleDockerCfgJSONContent`: the same members in the same order.
fn docker_config(
    server: &str,
    username: &str,
    password: &SecretString,
    email: Option<&str>,
) -> Result<SecretString, CliError> {
    #[derive(Serialize)]
    struct Login<'a> {
        username: &'a str,
        password: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        email: Option<&'a str>,
        auth: String,
    }
    let password = password.expose_secret();
    let login = Login {
        username,
        password,
        email,
        auth: STANDARD.encode(format!("{username}:{password}")),
    };
    let auths = std::collections::BTreeMap::from([(server, login)]);
    let config = std::collections::BTreeMap::from([("auths", auths)]);
    serde_json::to_string(&config)
        .map(SecretString::from)
        .map_err(|error| CliError::failure("the secret cannot be written").because(&error))
}

/// RFC 1123: what Kubernetes lets a name be, and what is safe in a path.
fn check_name(what: &str, name: &str, longest: usize, with_dots: bool) -> Result<(), CliError> {
    let is_label = |label: &str| {
        let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty()
            && label.chars().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_good = if with_dots {
        name.split('.').all(is_label)
    } else {
        is_label(name)
    };
    if is_good && name.len() <= longest {
        return Ok(());
    }
    Err(CliError::usage(format!("`{name}` is no {what}")).hint(
        "lower case letters, digits and `-`, with a letter or a digit at both ends, as in \
         Kubernetes",
    ))
}

fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_is_what_kubectl_writes() {
        let password = SecretString::from("pa:ss");
        let config = docker_config("quay.io", "robot", &password, None).unwrap();
        assert_eq!(
            config.expose_secret(),
            r#"{"auths":{"quay.io":{"username":"robot","password":"pa:ss","auth":"cm9ib3Q6cGE6c3M="}}}"#
        );
        let config = docker_config("quay.io", "r", &password, Some("r@acme.example")).unwrap();
        assert!(
            config
                .expose_secret()
                .contains(r#""email":"r@acme.example""#)
        );
    }

    #[test]
    fn names_lead_nowhere_else() {
        for good in ["quay", "a", "a-1", "quay.io-login"] {
            assert!(check_name("name", good, 253, true).is_ok(), "{good}");
        }
        for bad in [
            "", ".", "..", "../x", "a/b", "A", "-a", "a-", "a..b", "a b", "é",
        ] {
            assert!(check_name("name", bad, 253, true).is_err(), "{bad}");
        }
        assert!(check_name("namespace", "a.b", 63, false).is_err());
        assert!(check_name("namespace", &"a".repeat(64), 63, false).is_err());
    }
}
