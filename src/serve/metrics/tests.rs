use std::time::Duration;

use crate::clock::Clock;
use crate::serve::shard::Shard;
use crate::serve::state::PullRequestState;
use crate::show::{Column, Line, Status};
use crate::tally::{Allowance, Tallies, Tally};

use crate::serve::metrics::*;

fn text_of(fill: impl FnOnce(&mut Exposition)) -> String {
    let mut out = Exposition::default();
    fill(&mut out);
    out.text().unwrap()
}

/// The series of one metric.
fn series<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let is_it = |line: &&str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('{'))
    };
    text.lines().filter(is_it).collect()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn counters_gauges_and_histograms_are_what_prometheus_reads() {
    let tally = Tally::default();
    tally.request(
        "r.example:5000",
        "manifest",
        "2xx",
        Duration::from_millis(20),
    );
    tally.request(
        "r.example:5000",
        "manifest",
        "none",
        Duration::from_secs(600),
    );
    let text = text_of(|out| {
        of_hosts(out, "registry", &tally.read());
        out.gauges("g", "A \"gauge\"", [(Labels::new(), 0.5)]);
        out.gauges("nothing", "Without values", []);
    });
    assert_eq!(
        text,
        "\
# HELP headwater_registry_requests_total Requests by host, operation and class of the status; none: no answer
# TYPE headwater_registry_requests_total counter
headwater_registry_requests_total{host=\"r.example:5000\",op=\"manifest\",code_class=\"2xx\"} 1.0
headwater_registry_requests_total{host=\"r.example:5000\",op=\"manifest\",code_class=\"none\"} 1.0
# HELP headwater_registry_request_duration_seconds How long requests took, with the redirects behind them
# TYPE headwater_registry_request_duration_seconds histogram
headwater_registry_request_duration_seconds_sum{host=\"r.example:5000\"} 600.02
headwater_registry_request_duration_seconds_count{host=\"r.example:5000\"} 2
headwater_registry_request_duration_seconds_bucket{le=\"0.01\",host=\"r.example:5000\"} 0
headwater_registry_request_duration_seconds_bucket{le=\"0.05\",host=\"r.example:5000\"} 1
headwater_registry_request_duration_seconds_bucket{le=\"0.1\",host=\"r.example:5000\"} 1
headwater_registry_request_duration_seconds_bucket{le=\"0.5\",host=\"r.example:5000\"} 1
headwater_registry_request_duration_seconds_bucket{le=\"1.0\",host=\"r.example:5000\"} 1
headwater_registry_request_duration_seconds_bucket{le=\"5.0\",host=\"r.example:5000\"} 1
headwater_registry_request_duration_seconds_bucket{le=\"30.0\",host=\"r.example:5000\"} 1
headwater_registry_request_duration_seconds_bucket{le=\"120.0\",host=\"r.example:5000\"} 1
headwater_registry_request_duration_seconds_bucket{le=\"+Inf\",host=\"r.example:5000\"} 2
# HELP g A \"gauge\"
# TYPE g gauge
g 0.5
"
    );
}

#[test]
fn streams_have_a_series_each_up_to_a_limit_and_then_each_repository_has_one() {
    let name = "headwater_stream_last_success_timestamp_seconds";
    let look = |number: i64| StreamLook {
        environment: "prod".to_owned(),
        stream: format!("default/web:\"{number}\n"),
        last_success: Some(at(1_700_000_000 + number)),
    };
    let most = i64::try_from(MOST_STREAMS).unwrap();
    let mut looks = BTreeMap::from([("shop".to_owned(), (0..most).map(look).collect::<Vec<_>>())]);
    let text = text_of(|out| of_streams(out, &DaemonState::default(), &looks));
    let found = series(&text, name);
    assert_eq!(found.len(), MOST_STREAMS);
    assert_eq!(
        found[7],
        format!(
            "{name}{{repository=\"shop\",env=\"prod\",stream=\"default/web:\\\"7\\n\"}} 1700000007.0"
        )
    );

    let never = StreamLook {
        last_success: None,
        ..look(0)
    };
    looks.insert("tools".to_owned(), vec![look(5), never]);
    looks.insert("empty".to_owned(), Vec::new());
    let text = text_of(|out| of_streams(out, &DaemonState::default(), &looks));
    assert_eq!(
        series(&text, name),
        [
            format!("{name}{{repository=\"shop\",env=\"\",stream=\"(the oldest)\"}} 1700000000.0"),
            format!("{name}{{repository=\"tools\",env=\"\",stream=\"(the oldest)\"}} 0.0"),
        ]
    );
}

#[test]
fn environments_have_a_limit_and_pull_requests_their_age() {
    let mut repository = RepositoryState::default();
    for number in 0..200 {
        let name = format!("env{number:03}");
        repository.status.environments.push(Column {
            name: name.clone(),
            branch: name.clone(),
            commit: String::new(),
            promoted_from: None,
        });
        for (state, opened) in [
            ("open", Some(number + 5)),
            ("conflict", Some(number)),
            ("edited", None),
            ("closed", Some(1)),
            ("ignored", None),
        ] {
            repository.pull_requests.push(PullRequestState {
                environment: name.clone(),
                branch: String::new(),
                state: state.to_owned(),
                title: String::new(),
                commit: None,
                since: None,
                number: None,
                url: None,
                images: Vec::new(),
                waiting: Vec::new(),
                opened: opened.map(|second| at(1_000_000 + second).to_string()),
            });
        }
    }
    let state = DaemonState {
        repositories: vec![repository],
        ..DaemonState::default()
    };
    let text = text_of(|out| of_pull_requests(out, &state));
    let open = series(&text, "headwater_open_pull_requests");
    assert_eq!(open.len(), MOST_ENVIRONMENTS + 1);
    assert_eq!(open[3], "headwater_open_pull_requests{env=\"env003\"} 3.0");
    assert_eq!(
        open[50],
        "headwater_open_pull_requests{env=\"other\"} 450.0"
    );
    let oldest = series(
        &text,
        "headwater_oldest_open_pull_request_timestamp_seconds",
    );
    assert_eq!(oldest.len(), MOST_ENVIRONMENTS + 1);
    assert!(
        oldest[3].ends_with("{env=\"env003\"} 1000003.0"),
        "{}",
        oldest[3]
    );
    assert!(
        oldest[50].ends_with("{env=\"other\"} 1000050.0"),
        "{}",
        oldest[50]
    );
}

#[test]
fn a_stream_tag_is_in_one_state() {
    let cell = |environment: &str, stream_tag: Option<&str>| Cell {
        environment: environment.to_owned(),
        stream_tag: stream_tag.map(str::to_owned),
        ..Cell::default()
    };
    let line = Line {
        name: "default/web:1".to_owned(),
        environments: vec![cell("dev", Some("default/web:1")), cell("prod", None)],
    };
    let state = DaemonState {
        repositories: vec![RepositoryState {
            status: Status {
                environments: Vec::new(),
                stream_tags: vec![line],
            },
            ..RepositoryState::default()
        }],
        ..DaemonState::default()
    };
    let text = text_of(|out| of_streams(out, &state, &BTreeMap::new()));
    assert_eq!(
        series(&text, "headwater_streams"),
        [
            "headwater_streams{state=\"current\"} 1.0",
            "headwater_streams{state=\"failed\"} 0.0",
            "headwater_streams{state=\"proposed\"} 0.0",
            "headwater_streams{state=\"waiting\"} 0.0",
        ]
    );
}

/// Alarms of all adapters are one count, and webhooks have the hooks' names.
#[test]
fn what_others_count_is_told() {
    let tallies = Tallies::default();
    tallies.registries.alarm(5, "a");
    tallies.git.alarm(3, "b");
    tallies.senders.alarm(2, "c");
    tallies
        .git
        .request("git.example", "push", "denied", Duration::ZERO);
    tallies.git.request("", "push", "denied", Duration::ZERO);
    let shard: Shard = "0/2".parse().unwrap();
    let metrics = Metrics {
        shared: Arc::new(Shared::counting(Some(shard), Clock::system(), tallies)),
        webhooks: Some(Arc::new(|| vec![("github".to_owned(), "taken", 7)])),
    };
    let text = metrics.text().unwrap();
    for line in [
        "headwater_security_events_total{level=\"5\"} 1.0",
        "headwater_security_events_total{level=\"4\"} 0.0",
        "headwater_security_events_total{level=\"3\"} 1.0",
        "headwater_git_operations_total{op=\"push\",result=\"denied\"} 2.0",
        "headwater_git_operations_total{op=\"fetch\",result=\"ok\"} 0.0",
        "headwater_webhook_events_total{source=\"github\",result=\"taken\"} 7.0",
        "headwater_queue_depth 0.0",
        "headwater_settings_rejected 0.0",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
    }
}

/// The list that alerts and docs are held against is the truth.
#[test]
fn every_name_is_listed_and_every_listed_name_is_told() {
    let tallies = Tallies::default();
    for tally in [&tallies.registries, &tallies.forges] {
        tally.request("r.example", "read", "2xx", Duration::ZERO);
        let allowance = Allowance {
            left: 7,
            limit: None,
            resets: None,
        };
        tally.answered("r.example", Some(allowance));
    }
    let metrics = Metrics {
        shared: Arc::new(Shared::counting(None, Clock::system(), tallies)),
        webhooks: Some(Arc::new(|| vec![("github".to_owned(), "taken", 7)])),
    };
    let look = StreamLook {
        environment: "prod".to_owned(),
        stream: "default/web:1".to_owned(),
        last_success: None,
    };
    let request = PullRequestState {
        environment: "prod".to_owned(),
        branch: String::new(),
        state: "open".to_owned(),
        title: String::new(),
        commit: None,
        since: None,
        number: Some(1),
        url: None,
        images: Vec::new(),
        waiting: Vec::new(),
        opened: Some(at(1).to_string()),
    };
    let state = DaemonState {
        repositories: vec![RepositoryState {
            pull_requests: vec![request],
            ..RepositoryState::default()
        }],
        ..DaemonState::default()
    };
    let counts = BTreeMap::from([("shop".to_owned(), PassCounts::default())]);
    let text = metrics.text().unwrap()
        + &text_of(|out| {
            of_streams(
                out,
                &state,
                &BTreeMap::from([("shop".to_owned(), vec![look])]),
            );
            of_pull_requests(out, &state);
            of_passes(out, &counts);
        });
    let told: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let listed: BTreeSet<&str> = NAMES.into_iter().collect();
    assert_eq!(told, listed);
}
