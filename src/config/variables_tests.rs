use std::ffi::OsString;

use crate::config::server::{ServerConfig, read_with};
use crate::config::variables::{MAX_VALUE_BYTES, Variables};

fn variables(given: &[(&str, &str)]) -> Variables {
    Variables::of(
        given
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    )
}

fn read(file: &str, given: &[(&str, &str)]) -> Result<ServerConfig, Vec<String>> {
    let name = "config.yaml".parse().unwrap();
    let (config, problems) = read_with(&name, file.as_bytes(), &variables(given));
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(problems),
    }
}

#[test]
fn a_variable_wins_over_the_file_and_leaves_its_neighbours() {
    let file = "serve: {interval: 5m, status: {listen: \"127.0.0.1:1\", tokenFile: /t}}\nregistries:\n  hosts:\n  - {host: a.example, insecure: true}\n  - host: b.example\n";
    let config = read(
        file,
        &[
            ("HEADWATER_SERVE__STATUS__LISTEN", "127.0.0.1:8081"),
            ("HEADWATER_SERVE__METRICS__LISTEN", "127.0.0.1:9090"),
            ("HEADWATER_REGISTRIES__HOSTS__0__PERMINUTE", "60"),
            ("HEADWATER_REGISTRIES__HOSTS__0__INSECURE", "false"),
            ("HEADWATER_REGISTRIES__HOSTS__2__HOST", "c.example"),
            ("HEADWATER_PULLSECRETS__FOLDER", "/p"),
        ],
    )
    .unwrap();
    let status = config.serve.status.unwrap();
    assert_eq!(status.listen.port(), 8081);
    assert_eq!(status.token_file, Some("/t".into()));
    assert_eq!(config.serve.interval.as_secs(), 300);
    assert_eq!(config.serve.metrics.unwrap().port(), 9090);
    let hosts = &config.registries.hosts;
    let names: Vec<&str> = hosts.iter().map(|host| host.host.as_str()).collect();
    assert_eq!(names, ["a.example", "b.example", "c.example"]);
    assert_eq!((hosts[0].per_minute, hosts[0].insecure), (Some(60), false));
    assert_eq!(config.pull_secrets.folder, Some("/p".into()));
}

#[test]
fn without_a_file_variables_are_enough() {
    let names: Vec<(String, String)> = (0..12)
        .map(|n| {
            (
                format!("HEADWATER_REPOSITORIES__{n}__URL"),
                format!("/r/{n}x"),
            )
        })
        .collect();
    let given: Vec<(&str, &str)> = names.iter().map(|(n, v)| (&**n, &**v)).collect();
    for file in ["", "# nothing\n", "repositories:\n", "repositories: []"] {
        let config = read(file, &given).unwrap();
        let urls: Vec<&str> = config.repositories.iter().map(|it| &*it.url).collect();
        // 10 comes behind 9, and not behind 1.
        assert_eq!((urls[1], urls[9], urls[10]), ("/r/1x", "/r/9x", "/r/10x"));
    }
}

#[test]
fn a_list_is_replaced_by_beginning_with_an_empty_one() {
    let file = "registries: {allow: [ghcr.io, quay.io]}";
    let allow = |given: &[(&str, &str)]| {
        let config = read(file, given).unwrap();
        let allow = config.registries.allow.unwrap();
        allow.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let none = ("HEADWATER_REGISTRIES__ALLOW", "[]");
    assert_eq!(allow(&[none]), [""; 0]);
    let first = ("HEADWATER_REGISTRIES__ALLOW__0", "docker.io");
    assert_eq!(allow(&[first, none]).len(), 1);
    assert_eq!(allow(&[first]).len(), 2);
}

#[test]
fn what_is_not_a_key_is_left_alone() {
    let given = [
        ("HEADWATER_CONFIG", "/etc/headwater/config.yaml"),
        ("HEADWATER_LOG_FORMAT", "json"),
        ("HEADWATER_GIT_PASSWORD", "secret"),
        ("HEADWATER_SHARD", "0/3"),
        ("HEADWATER_TEST__SERVICE", "x"),
        ("HEADWATER_SERVICE_HOST", "10.0.0.1"),
        ("HEADWATER_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("headwater_serve__interval", "1h"),
        ("SERVE__INTERVAL", "1h"),
        // As if it were not there.
        ("HEADWATER_SERVE__INTERVAL", ""),
    ];
    assert_eq!(read("", &given), Ok(ServerConfig::default()));
    let debugged = format!("{:?}", variables(&[("HEADWATER_GIT__X", "secret")]));
    assert!(!debugged.contains("secret"), "{debugged}");
    assert!(!format!("{:?}", variables(&given)).contains("secret"));
}

#[test]
fn faults_name_the_variable_and_never_repeat_a_secret() {
    for (name, value, expected) in [
        (
            "HEADWATER_SERVE__STATUS__LISTN",
            "x",
            "error: HEADWATER_SERVE__STATUS__LISTN: there is no such setting; did you mean HEADWATER_SERVE__STATUS__LISTEN?",
        ),
        (
            "HEADWATER_ACCESS__X",
            "true",
            "error: HEADWATER_ACCESS__X: there is no such setting; known are HEADWATER_ACCESS__ENFORCE",
        ),
        (
            "HEADWATER_SERVE__INTERVAL__X",
            "1m",
            "error: HEADWATER_SERVE__INTERVAL__X: there is no such setting; it has no members",
        ),
        (
            "HEADWATER_REPOSITORIES__FIRST__URL",
            "/r",
            "error: HEADWATER_REPOSITORIES__FIRST__URL: there is no such setting; known are HEADWATER_REPOSITORIES__0",
        ),
        (
            "HEADWATER_REPOSITORIES__00__URL",
            "/r",
            "error: HEADWATER_REPOSITORIES__00__URL: there is no such setting; known are HEADWATER_REPOSITORIES__0",
        ),
        (
            "HEADWATER_REPOSITORIES__1__URL",
            "/r",
            "error: HEADWATER_REPOSITORIES__1__URL: items are numbered without a gap, and the next one is 0",
        ),
        (
            "HEADWATER_REPOSITORIES__99999999999999999999__URL",
            "/r",
            "error: HEADWATER_REPOSITORIES__99999999999999999999__URL: there is no such setting; known are HEADWATER_REPOSITORIES__0",
        ),
        (
            "HEADWATER_SERVE__STATUS",
            "{listen: \"127.0.0.1:1\"}",
            "error: HEADWATER_SERVE__STATUS: a value is given to what is below it; for example HEADWATER_SERVE__STATUS__LISTEN",
        ),
        (
            "HEADWATER_REPOSITORIES__0__URL",
            "https://a:secret@b/c",
            "error: HEADWATER_REPOSITORIES__0__URL: `url` holds a password; put it into a file below `git`",
        ),
        (
            "HEADWATER_REPOSITORIES__0__URL",
            "https://a:secret@[b/c",
            "error: HEADWATER_REPOSITORIES__0__URL: `url` is no URL",
        ),
        (
            "HEADWATER_SERVE__INTERVAL",
            "5m\nhooks: {listen: \"0.0.0.0:80\"}",
            "error: HEADWATER_SERVE__INTERVAL: `interval` is a time span, for example 5m or 1h30m",
        ),
        (
            "HEADWATER_ACCESS__ENFORCE",
            "yes",
            "error: HEADWATER_ACCESS__ENFORCE: `enforce` is true or false",
        ),
        (
            "HEADWATER_SERVE__CONCURRENCY",
            "0",
            "error: HEADWATER_SERVE__CONCURRENCY: `concurrency` is a whole number of at least 1",
        ),
        (
            "HEADWATER_SREVE__INTERVAL",
            "1m",
            "warning: HEADWATER_SREVE__INTERVAL: there is no such setting; did you mean HEADWATER_SERVE__…?",
        ),
        (
            "HEADWATER_SERVE__",
            "1m",
            "error: HEADWATER_SERVE__: there is no such setting; known are HEADWATER_SERVE__CONCURRENCY, HEADWATER_SERVE__HOOKS, HEADWATER_SERVE__INTERVAL, HEADWATER_SERVE__METRICS, HEADWATER_SERVE__STATUS",
        ),
    ] {
        assert_eq!(read("", &[(name, value)]), Err(vec![expected.to_owned()]));
    }
}

#[test]
fn values_are_texts_and_never_yaml() {
    for value in [
        "null",
        "~",
        "*a",
        "!!binary x",
        "{a: b}",
        "x: y\n- z",
        "\u{feff}",
    ] {
        let config = read("", &[("HEADWATER_GIT__AUTHOR__NAME", value)]).unwrap();
        assert_eq!(config.git.author_name.as_deref(), Some(value));
    }
    let long = "x".repeat(MAX_VALUE_BYTES + 1);
    let problems = read("", &[("HEADWATER_GIT__AUTHOR__NAME", &long)]).unwrap_err();
    let expected = "error: HEADWATER_GIT__AUTHOR__NAME: the value is longer than 4096 bytes";
    assert_eq!(problems, [expected]);
}

#[test]
#[cfg(unix)]
fn a_value_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let value = OsString::from_vec(vec![0xff, b'x']);
    let given = Variables::of([("HEADWATER_GIT__CAFILE".into(), value)]);
    let (config, problems) = read_with(&"c.yaml".parse().unwrap(), b"", &given);
    assert_eq!(config, None);
    let expected = "error: HEADWATER_GIT__CAFILE: the value is not UTF-8";
    assert_eq!(problems[0].to_string(), expected);
}

/// What the file has wrong keeps its place, and a variable below it hides nothing.
#[test]
fn faults_of_the_file_keep_their_places() {
    let given = [("HEADWATER_SERVE__STATUS__LISTEN", "127.0.0.1:1")];
    for (file, expected) in [
        (
            "serve: {status: 5, concurrency: 0}",
            vec![
                "config.yaml:1:33: error: `concurrency` is a whole number of at least 1",
                "config.yaml:1:17: error: a mapping is expected",
                "config.yaml:1:17: error: `status` has a `listen`, for example 127.0.0.1:8080",
            ],
        ),
        (
            "serve: {status: {listen: wrong, tokenfile: /t}}",
            vec!["config.yaml:1:33: error: unknown field `tokenfile`; did you mean `tokenFile`?"],
        ),
        (
            "a: &a {listen: x}\nserve: {status: *a}",
            vec![
                "config.yaml:1:1: error: unknown field `a`; known are registries, git, forges, integratedRegistry, access, pullSecrets, repositories, serve, hooks, events",
                "config.yaml:2:17: error: a mapping is expected",
                "config.yaml:2:17: error: `status` has a `listen`, for example 127.0.0.1:8080",
            ],
        ),
    ] {
        assert_eq!(read(file, &given).unwrap_err(), expected, "{file}");
    }
    assert!(read("serve: [", &given).is_err());
}
