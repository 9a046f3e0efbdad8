//! `git http-backend` behind nginx, on the loopback interface.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::support::git::Repo;
use crate::support::git::process::{Process, listening, until, wait_for};

/// Serves one bare repository for reading and writing.
#[derive(Debug)]
pub struct HttpServer {
    scheme: &'static str,
    port: u16,
    _nginx: Process,
    _fcgiwrap: Process,
    markers: AtomicUsize,
    folder: TempDir,
}

/// How a server differs from a plain and open one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup<'a> {
    /// Basic authentication.
    pub login: Option<(&'a str, &'a str)>,
    pub tls: bool,
    /// More of nginx's configuration, inside of `server`; `LOGIN` is the file of the login.
    pub extra: &'a str,
}

impl HttpServer {
    pub fn start(bare: &Repo) -> Self {
        Self::with(bare, Setup::default())
    }

    pub fn with(bare: &Repo, setup: Setup<'_>) -> Self {
        bare.git(&["config", "http.receivepack", "true"]);
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("cgi");
        let fcgiwrap = Process::start(
            Command::new("fcgiwrap")
                .arg("-s")
                .arg(format!("unix:{}", socket.display()))
                .args(["-c", "3"]),
        );
        wait_for(&socket);
        if setup.tls {
            write_certificates(folder.path());
        }
        let (nginx, port) = listening(|port| {
            let configuration = configuration(folder.path(), bare.path(), setup, port);
            let file = folder.path().join("nginx.conf");
            fs::write(&file, configuration).unwrap();
            Process::start(
                Command::new("nginx")
                    .arg("-c")
                    .arg(&file)
                    .arg("-e")
                    .arg("stderr"),
            )
        });
        Self {
            scheme: if setup.tls { "https" } else { "http" },
            port,
            _nginx: nginx,
            _fcgiwrap: fcgiwrap,
            markers: AtomicUsize::new(0),
            folder,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}/acme/shop.git", self.scheme, self.port)
    }

    /// Signed the server's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// One line for each request so far: `GET /acme/… 200`.
    pub fn requests(&self) -> Vec<String> {
        // nginx answers before it writes its log, but one request after the other.
        let marker = format!("/marker/{}", self.markers.fetch_add(1, Ordering::Relaxed));
        self.ask(&marker);
        let mut log = String::new();
        let has_marker = until(|| {
            log = fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default();
            log.contains(&format!("{marker} "))
        });
        assert!(has_marker, "nginx writes no log: {log}");
        let lines = log.lines().filter(|line| !line.contains("/marker/"));
        lines.map(str::to_owned).collect()
    }

    /// nginx logs it, over TLS as the refusal of plain HTTP.
    fn ask(&self, path: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
    }
}

fn configuration(folder: &Path, bare: &Path, setup: Setup<'_>, port: u16) -> String {
    let folder = folder.display();
    let bare = bare.display();
    let user = if is_root() { "user root;" } else { "" };
    let (listen, certificate) = if setup.tls {
        let pair =
            format!("ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;");
        (format!("127.0.0.1:{port} ssl"), pair)
    } else {
        (format!("127.0.0.1:{port}"), String::new())
    };
    let login = setup.login.map(|(user, password)| {
        fs::write(
            format!("{folder}/login"),
            format!("{user}:{{PLAIN}}{password}\n"),
        )
        .unwrap();
        format!("auth_basic git; auth_basic_user_file {folder}/login;")
    });
    let login = login.unwrap_or_default();
    let extra = setup.extra.replace("LOGIN", &format!("{folder}/login"));
    format!(
        r#"{user}
daemon off;
pid {folder}/nginx.pid;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
  log_format short '$request_method $request_uri $status';
  access_log {folder}/access.log short;
  client_body_temp_path {folder}/body;
  fastcgi_temp_path {folder}/fastcgi;
  proxy_temp_path {folder}/proxy;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen {listen};
    {certificate}
    {extra}
    location ~ ^/acme/shop\.git(/.*)$ {{
      {login}
      client_max_body_size 0;
      fastcgi_pass unix:{folder}/cgi;
      fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
      fastcgi_param GIT_PROJECT_ROOT {bare};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param GIT_CONFIG_NOSYSTEM 1;
      fastcgi_param GIT_CONFIG_GLOBAL /dev/null;
      fastcgi_param PATH_INFO $1;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param REMOTE_ADDR $remote_addr;
      fastcgi_param REMOTE_USER $remote_user;
    }}
  }}
}}
"#
    )
}

pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.starts_with(b"0\n")
}

/// `ca.pem`, and `cert.pem` with `key.pem` for 127.0.0.1.
fn write_certificates(folder: &Path) {
    let mut authority = CertificateParams::new([]).unwrap();
    // Without a name of its own the certificate below it would look signed by itself.
    authority
        .distinguished_name
        .push(DnType::CommonName, "test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&key, &authority).unwrap();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    fs::write(folder.join("cert.pem"), server.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}
