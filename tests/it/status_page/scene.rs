//! A daemon that has all that a page can show: two Git repositories, three environments, things
//! that fail, wait and are held.

use headwater::problem::{Place, Problem};
use headwater::serve::state::{
    BuilderState, Circuit, DaemonState, Failure, GateState, HostState, PromotionState,
    PullRequestState, RateLimit, RepositoryState, TimelineRow,
};
use headwater::show::{Builder, Cell, Column, Compared, Line, Pending, Status, Why};

use crate::status_page::changes::activity;

pub const NOW: &str = "2026-11-21T12:00:00Z";
pub const STREAM: &str = "payments";

pub fn digest(letter: char) -> String {
    // Looks like one: a page of equal letters says nothing of its columns.
    let seed = u64::from(u32::from(letter));
    let parts = (1..=4).map(|part| {
        let mixed = (seed * 0x9e37_79b9 + part).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        format!("{:016x}", mixed ^ (mixed >> 29))
    });
    format!("sha256:{}", parts.collect::<String>())
}

pub fn commit(letter: char) -> String {
    digest(letter)[7..47].to_owned()
}

fn column(name: &str, from: Option<&str>) -> Column {
    Column {
        name: name.to_owned(),
        branch: format!("env/{name}"),
        commit: commit(name.chars().next().unwrap()),
        promoted_from: from.map(str::to_owned),
    }
}

fn cell(environment: &str, tag: &str, letter: char, since: &str) -> Cell {
    Cell {
        environment: environment.to_owned(),
        stream_tag: Some(tag.to_owned()),
        image: Some(digest(letter)),
        since: Some(since.to_owned()),
        commit: Some(commit(letter)),
        ..Cell::default()
    }
}

fn promoted(cell: Cell, source: Compared) -> Cell {
    Cell {
        source: Some(source),
        ..cell
    }
}

fn catalog() -> Vec<BuilderState> {
    let ruby = Builder {
        namespace: "shop-dev".to_owned(),
        stream: "ruby".to_owned(),
        tag: "3.3".to_owned(),
        display_name: Some("Ruby 3.3".to_owned()),
        version: Some("3.3".to_owned()),
        description: Some("Build and run Ruby 3.3 applications.".to_owned()),
        provider: Some("Acme, Inc.".to_owned()),
        icon_class: Some("icon-ruby".to_owned()),
        supports: vec!["ruby:3.3".to_owned(), "ruby".to_owned()],
        tags: vec!["builder".to_owned(), "ruby".to_owned()],
        sample_repo: Some("https://github.com/sclorg/ruby-ex.git".to_owned()),
        sample_ref: Some("master".to_owned()),
        sample_context_dir: Some("app".to_owned()),
        image: Some(digest('b')),
    };
    let bare = Builder {
        namespace: "shop-dev".to_owned(),
        stream: "go".to_owned(),
        tag: "latest".to_owned(),
        sample_repo: Some("git@github.com:acme/go-ex.git".to_owned()),
        ..Builder::default()
    };
    let of = |builder| BuilderState {
        environment: "dev".to_owned(),
        builder,
    };
    vec![of(ruby), of(bare)]
}

pub fn why(kind: &'static str, message: &str) -> Why {
    Why {
        kind,
        message: message.to_owned(),
        field: None,
        image: None,
    }
}

fn line(name: &str, environments: Vec<Cell>) -> Line {
    Line {
        name: name.to_owned(),
        environments,
    }
}

fn same(name: &str, letter: char) -> Line {
    let at = |environment: &str, day: &str| {
        let tag = format!("shop-{environment}/{name}");
        cell(
            environment,
            &tag,
            letter,
            &format!("2026-11-{day}T08:30:00Z"),
        )
    };
    line(
        name,
        vec![
            at("dev", "10"),
            promoted(at("staging", "11"), Compared::Same),
            promoted(at("prod", "13"), Compared::Same),
        ],
    )
}

fn streams() -> Vec<Line> {
    let web = line(
        "web:1.8",
        vec![
            cell("dev", "shop-dev/web:1.8", 'c', "2026-11-21T09:12:00Z"),
            promoted(
                cell(
                    "staging",
                    "shop-staging/web:1.8",
                    'c',
                    "2026-11-21T10:40:00Z",
                ),
                Compared::Same,
            ),
            Cell {
                proposed: vec![Pending {
                    branch: "headwater/prod/from-staging".to_owned(),
                    state: "open",
                    image: Some(digest('c')),
                    number: Some(412),
                    url: Some("https://git.example/shop/deploy/pulls/412".to_owned()),
                }],
                waiting: vec![why("approvals", "waits for approvals: 1 of 2, by ada")],
                ..promoted(
                    cell("prod", "shop-prod/web:1.8", 'a', "2026-11-03T14:05:00Z"),
                    Compared::Behind { images: 2 },
                )
            },
        ],
    );
    let payments = line(
        "payments:stable",
        vec![
            cell(
                "dev",
                "shop-dev/payments:stable",
                'e',
                "2026-11-20T16:00:00Z",
            ),
            promoted(
                cell(
                    "staging",
                    "shop-staging/payments:stable",
                    'e',
                    "2026-11-21T08:00:00Z",
                ),
                Compared::Same,
            ),
            Cell {
                waiting: vec![why(
                    "held",
                    "held by grace: the checkout fails with it (until 2026-11-24T08:00:00Z)",
                )],
                ..promoted(
                    cell(
                        "prod",
                        "shop-prod/payments:stable",
                        'd',
                        "2026-10-28T11:00:00Z",
                    ),
                    Compared::Behind { images: 1 },
                )
            },
        ],
    );
    let search = line(
        "search:latest",
        vec![
            Cell {
                waiting: vec![why(
                    "unavailable",
                    "registry.example/shop/search:latest: the registry did not answer within 30 s",
                )],
                ..cell("dev", "shop-dev/search:latest", 'f', "2026-11-18T07:00:00Z")
            },
            promoted(
                cell(
                    "staging",
                    "shop-staging/search:latest",
                    'f',
                    "2026-11-18T12:00:00Z",
                ),
                Compared::Same,
            ),
            promoted(
                cell(
                    "prod",
                    "shop-prod/search:latest",
                    'g',
                    "2026-11-01T12:00:00Z",
                ),
                Compared::Unknown,
            ),
        ],
    );
    let mail = line(
        "mailer:3",
        vec![
            cell("dev", "shop-dev/mailer:3", 'h', "2026-11-21T11:58:30Z"),
            Cell {
                waiting: vec![why(
                    "soak",
                    "waits for soak: in dev since 2026-11-21T11:58:30Z, long enough at 2026-11-21T13:58:30Z",
                )],
                ..promoted(
                    cell(
                        "staging",
                        "shop-staging/mailer:3",
                        'i',
                        "2026-11-12T12:00:00Z",
                    ),
                    Compared::Behind { images: 1 },
                )
            },
            Cell {
                environment: "prod".to_owned(),
                ..Cell::default()
            },
        ],
    );
    vec![
        same("api:2", 'j'),
        same("auth:1", 'k'),
        same("images:5", 'l'),
        mail,
        payments,
        search,
        web,
    ]
}

fn promotions() -> Vec<PromotionState> {
    let gate = |gate: &str, verdict: &str, message: &str, until: Option<&str>| GateState {
        gate: gate.to_owned(),
        verdict: verdict.to_owned(),
        message: message.to_owned(),
        until: until.map(str::to_owned),
    };
    vec![
        PromotionState {
            from: "dev".to_owned(),
            to: "staging".to_owned(),
            carry: "merge".to_owned(),
            commit: Some(commit('h')),
            branch: None,
            gates: vec![gate(
                "soak",
                "waits",
                "waits for soak: in dev since 2026-11-21T11:58:30Z",
                Some("2026-11-21T13:58:30Z"),
            )],
        },
        PromotionState {
            from: "staging".to_owned(),
            to: "prod".to_owned(),
            carry: "merge".to_owned(),
            commit: Some(commit('c')),
            branch: Some("headwater/prod/from-staging".to_owned()),
            gates: vec![
                gate(
                    "approvals",
                    "waits",
                    "waits for approvals: 1 of 2, by ada",
                    None,
                ),
                gate(
                    "windows",
                    "waits",
                    "waits for windows: the next one opens Monday 09:00 in Europe/Berlin",
                    Some("2026-11-23T08:00:00Z"),
                ),
            ],
        },
    ]
}

fn requests() -> Vec<PullRequestState> {
    let request = |state: &str, number: u64, title: &str, branch: &str| PullRequestState {
        environment: "prod".to_owned(),
        branch: branch.to_owned(),
        state: state.to_owned(),
        title: title.to_owned(),
        commit: None,
        since: Some("2026-11-21T10:41:00Z".to_owned()),
        number: Some(number),
        url: Some(format!("https://git.example/shop/deploy/pulls/{number}")),
        images: vec![("shop-prod/web:1.8".to_owned(), digest('c'))],
        opened: None,
        waiting: Vec::new(),
    };
    vec![
        PullRequestState {
            waiting: vec!["waits for approvals: 1 of 2, by ada".to_owned()],
            ..request(
                "open",
                412,
                "Promote staging to prod: web:1.8",
                "headwater/prod/from-staging",
            )
        },
        PullRequestState {
            environment: "dev".to_owned(),
            ..request("edited", 407, "Update auth:1 in dev", "headwater/dev/auth")
        },
        PullRequestState {
            environment: "dev".to_owned(),
            commit: None,
            since: None,
            number: None,
            url: None,
            images: vec![("shop-dev/images:5".to_owned(), String::new())],
            waiting: vec![
                "headwater/dev/images waits: 3 bot branches are open, the limit of pullRequests.maxOpen"
                    .to_owned(),
            ],
            ..request("queued", 0, "Update shop-dev/images:5 in dev", "headwater/dev/images")
        },
        request(
            "ignored",
            399,
            "Update search:latest in prod",
            "headwater/prod/search",
        ),
    ]
}

pub fn state() -> DaemonState {
    let problem = |line, problem: fn(Option<Place>, &str) -> Problem, message: &str| {
        let file = "apps/search/stream.yaml".parse().unwrap();
        let place = Place {
            file,
            line,
            column: 11,
        };
        problem(Some(place), message)
    };
    let shop = RepositoryState {
        name: "shop".to_owned(),
        location: "https://git.example/shop/deploy.git".to_owned(),
        interval_seconds: 300,
        last_pass: Some("2026-11-21T11:59:48Z".to_owned()),
        last_pass_millis: Some(184),
        last_success: Some("2026-11-21T11:59:48Z".to_owned()),
        next_pass: Some("2026-11-21T12:04:48Z".to_owned()),
        read: Some("2026-11-21T11:59:48Z".to_owned()),
        status: Status {
            environments: vec![
                column("dev", None),
                column("staging", Some("dev")),
                column("prod", Some("staging")),
            ],
            stream_tags: streams(),
        },
        pull_requests: requests(),
        promotions: promotions(),
        problems: vec![
            problem(
                14,
                |at, text| Problem::error(at, text),
                "`scheduled` is a boolean, and this is the string `yes`",
            )
            .advice("write `true` or `false`"),
            problem(
                3,
                |at, text| Problem::warning(at, text),
                "the stream is applied by `apps/kustomization.yaml` too",
            ),
        ],
        catalog: catalog(),
        ..RepositoryState::default()
    };
    let infra = RepositoryState {
        name: "infra".to_owned(),
        location: "/srv/git/infra.git".to_owned(),
        interval_seconds: 300,
        last_pass: Some("2026-11-21T11:58:00Z".to_owned()),
        last_pass_millis: Some(30_012),
        last_success: Some("2026-11-21T10:13:00Z".to_owned()),
        next_pass: Some("2026-11-21T12:06:00Z".to_owned()),
        failure: Some(Failure {
            since: "2026-11-21T10:18:00Z".to_owned(),
            count: 7,
            message: "/srv/git/infra.git: permission denied".to_owned(),
            hint: Some("let the daemon's user read the folder".to_owned()),
        }),
        read: Some("2026-11-21T10:13:00Z".to_owned()),
        status: Status {
            environments: vec![column("default", None)],
            stream_tags: vec![line(
                "runner:1",
                vec![cell(
                    "default",
                    "infra/runner:1",
                    'r',
                    "2026-09-01T12:00:00Z",
                )],
            )],
        },
        ..RepositoryState::default()
    };
    DaemonState {
        version: "0.1.0".to_owned(),
        started: "2026-11-19T06:00:00Z".to_owned(),
        now: NOW.to_owned(),
        repositories: vec![infra, shop],
        hosts: hosts(),
        activity: activity(),
        ..DaemonState::default()
    }
}

fn hosts() -> Vec<HostState> {
    let next = || Some("2026-11-21T12:04:48Z".to_owned());
    vec![
        HostState {
            next_try: next(),
            rate_limit: Some(RateLimit {
                left: 4_987,
                limit: Some(5_000),
                resets: Some("2026-11-21T12:40:00Z".to_owned()),
            }),
            ..host("git.example", "forge", Some("2026-11-21T11:59:47Z"), None)
        },
        HostState {
            circuit: Some(Circuit::Open {
                until: "2026-11-21T12:00:48Z".to_owned(),
            }),
            next_try: next(),
            ..host(
                "registry.example",
                "registry",
                Some("2026-11-21T11:31:00Z"),
                Some(("2026-11-21T11:59:48Z", "did not answer within 30 s")),
            )
        },
        HostState {
            circuit: Some(Circuit::Closed),
            next_try: next(),
            rate_limit: Some(RateLimit {
                left: 76,
                limit: None,
                resets: None,
            }),
            ..host("ghcr.io", "registry", Some("2026-11-21T11:59:46Z"), None)
        },
    ]
}

fn host(host: &str, kind: &str, success: Option<&str>, failure: Option<(&str, &str)>) -> HostState {
    HostState {
        host: host.to_owned(),
        kind: kind.to_owned(),
        last_success: success.map(str::to_owned),
        last_failure: failure.map(|(time, _)| time.to_owned()),
        last_error: failure.map(|(_, error)| error.to_owned()),
        circuit: None,
        paused_until: None,
        next_try: None,
        rate_limit: None,
    }
}

/// What `web:1.8` had.
pub fn timeline(_: &str, environment: &str, tag: &str) -> Result<Vec<TimelineRow>, String> {
    if !tag.ends_with("/web:1.8") {
        return Ok(Vec::new());
    }
    let row = |letter: char, since: &str| TimelineRow {
        image: Some(digest(letter)),
        since: since.to_owned(),
        commit: commit(letter),
        who: Some("Ada".to_owned()),
        promoted_from: match environment {
            "dev" => None,
            "staging" => Some("dev".to_owned()),
            _ => Some("staging".to_owned()),
        },
    };
    Ok(match environment {
        "prod" => vec![
            row('a', "2026-11-03T14:05:00Z"),
            row('9', "2026-10-12T09:00:00Z"),
        ],
        _ => vec![
            row('c', "2026-11-21T09:12:00Z"),
            row('b', "2026-11-12T09:00:00Z"),
            row('a', "2026-11-03T09:00:00Z"),
        ],
    })
}

/// `streams` stream tags in three environments; every tenth is behind.
pub fn large(streams: usize) -> DaemonState {
    let lines = (0..streams).map(|number| {
        let name = format!("service-{number:05}:1.{}", number % 7);
        let letter = char::from(b'a' + u8::try_from(number % 20).unwrap());
        let mut line = same(&name, letter);
        if number % 10 == 0 {
            line.environments[2].source = Some(Compared::Behind { images: 3 });
            line.environments[2].waiting = vec![why(
                "soak",
                "waits for soak: in staging since 2026-11-21T11:58:30Z, long enough at 2026-11-22T11:58:30Z",
            )];
        }
        line
    });
    let mut state = state();
    state.repositories[1].status.stream_tags = lines.collect();
    state
}
