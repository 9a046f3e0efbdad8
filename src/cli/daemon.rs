//! What a daemon that runs elsewhere knows: `GET /state.json` of its status listener.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use url::Url;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::server_file;
use crate::config::events::is_loopback;
use crate::git::{Location, RemoteUrl, Repository};
use crate::show::daemon::{DaemonView, RepositoryView};

/// A description is not held up for what is beside it.
const TIMEOUT: Duration = Duration::from_secs(2);
/// A state of thousands of stream tags has a few of them.
const MAX_BODY: usize = 16 * 1024 * 1024;
const MAX_TOKEN_BYTES: u64 = 4096;

/// Which daemon is asked, to be flattened into a command's arguments.
#[derive(Debug, clap::Args)]
pub struct DaemonArgs {
    /// The status page of a daemon that is asked too; without it, `serve.status` of the server
    /// file
    #[arg(
        long = "daemon",
        value_name = "URL",
        env = "HEADWATER_DAEMON",
        hide_env_values = true
    )]
    url: Option<String>,
}

/// Where a daemon is, and what it asks of readers.
struct Address {
    url: Url,
    token_file: Option<PathBuf>,
    /// Whether the token goes no further than this machine, or is not readable on the way.
    is_private: bool,
}

/// What the daemon knows, where one is named; that it cannot be asked is a note.
pub fn ask(args: &DaemonArgs, context: &Context) -> Result<Option<DaemonView>, CliError> {
    let Some(address) = address(args, context)? else {
        return Ok(None);
    };
    let shown = address.url.origin().ascii_serialization();
    match get(&address) {
        Ok(view) => Ok(Some(view)),
        Err(reason) => {
            context.note(&format!("the daemon at {shown} cannot be asked: {reason}"));
            Ok(None)
        }
    }
}

/// The daemon's repository that this folder is, or is a clone of.
pub fn repository<'v>(view: &'v DaemonView, context: &Context) -> Option<&'v RepositoryView> {
    let local = Repository::open_local(&context.folder).ok();
    let tree = local.as_ref().and_then(Repository::work_tree);
    let origin = local.and_then(|local| local.remote_location("origin").ok());
    let here = [Some(context.folder.clone()), tree];
    let here = here.into_iter().flatten().map(Location::Local);
    let known: Vec<Location> = here.chain(origin).collect();
    view.repositories.iter().find(|repository| {
        let location = repository.location.parse::<Location>();
        location.is_ok_and(|location| known.iter().any(|known| is_same(known, &location)))
    })
}

fn is_same(known: &Location, location: &Location) -> bool {
    match (known, location) {
        (Location::Local(a), Location::Local(b)) => {
            let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
            let (a, b) = (real(a), real(b));
            a == b || a.join(".git") == b || a == b.join(".git")
        }
        // People clone by ssh what a daemon reads by https.
        (Location::Remote(a), Location::Remote(b)) => {
            let place = |url: &RemoteUrl| (url.host().to_owned(), url.project().to_owned());
            place(a) == place(b)
        }
        _ => false,
    }
}

fn address(args: &DaemonArgs, context: &Context) -> Result<Option<Address>, CliError> {
    let status = server_file::read(context)?.serve.status.as_ref();
    let token_file = status.and_then(|status| status.token_file.clone());
    if let Some(text) = args.url.as_deref().filter(|text| !text.is_empty()) {
        let url = Url::parse(text).ok().filter(|url| {
            let is_bare = url.username().is_empty() && url.password().is_none();
            is_bare && url.has_host() && matches!(url.scheme(), "https" | "http")
        });
        // It is not repeated: it may hold a secret.
        let Some(mut url) = url else {
            return Err(CliError::usage(
                "--daemon is an http:// or https:// URL without an account",
            )
            .hint("for example http://127.0.0.1:8081"));
        };
        if !url.path().ends_with('/') {
            let folder = format!("{}/", url.path());
            url.set_path(&folder);
        }
        let is_private = url.scheme() == "https" || is_loopback(&url);
        return Ok(Some(Address {
            url,
            token_file,
            is_private,
        }));
    }
    let Some(status) = status else {
        return Ok(None);
    };
    let url = Url::parse(&format!("http://{}/", reachable(status.listen)));
    let url = url.map_err(|error| CliError::usage("serve.status.listen").because(&error))?;
    Ok(Some(Address {
        url,
        token_file,
        // A listener's address is one of this machine's own.
        is_private: true,
    }))
}

/// Who listens on every address is reached on the loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn get(address: &Address) -> Result<DaemonView, String> {
    let url = address
        .url
        .join("state.json")
        .map_err(|error| error.to_string())?;
    let token = match &address.token_file {
        Some(_) if !address.is_private => {
            return Err("its token would be readable on the way; use https://".to_owned());
        }
        Some(file) => Some(header(file)?),
        None => None,
    };
    // An error says that the process has chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let answer = runtime.block_on(async {
        // Names are looked up in here too.
        tokio::time::timeout(TIMEOUT, received(url, token)).await
    });
    runtime.shutdown_background();
    let body = answer.map_err(|_| "it took too long".to_owned())??;
    serde_json::from_slice(&body).map_err(|_| "its answer is no daemon's state".to_owned())
}

async fn received(url: Url, token: Option<HeaderValue>) -> Result<Vec<u8>, String> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("headwater/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy();
    if url.scheme() == "http" {
        // It never speaks TLS: the system's certificates take long to read.
        builder = builder.tls_certs_only([]);
    }
    let client = builder.build().map_err(|error| cause(&error))?;
    let mut request = client.get(url);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, token);
    }
    let mut response = request.send().await.map_err(|error| cause(&error))?;
    match response.status().as_u16() {
        200 => {}
        401 | 403 => return Err("it refuses the token, or asks for one".to_owned()),
        status => return Err(format!("status {status}")),
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| cause(&error))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(format!("its answer is larger than {MAX_BODY} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The innermost cause: the outer ones name the address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn header(file: &Path) -> Result<HeaderValue, String> {
    use std::io::Read as _;
    let fault = |reason: String| {
        let file = file.display();
        format!("the token file {file} cannot be used: {reason}")
    };
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|file| file.take(MAX_TOKEN_BYTES).read_to_string(&mut text))
        .map_err(|error| fault(error.to_string()))?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.is_empty() {
        return Err(fault("it is empty".to_owned()));
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| fault("it holds characters that no token has".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
