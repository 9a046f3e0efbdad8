//! Changes of state for pages: one of each kind.

use headwater::serve::journal::JournalEntry;

use crate::status_page::scene::digest;

pub fn activity() -> Vec<JournalEntry> {
    let entry = |number: u8, time: &str, kind: &'static str| JournalEntry {
        id: format!("urn:uuid:00000000-0000-8000-8000-0000000000{number:02}"),
        time: format!("2026-11-{time}:00Z"),
        repository: "shop".to_owned(),
        kind,
        ..JournalEntry::default()
    };
    let image =
        |environment: &str, tag: &str, from: char, to: char, entry: JournalEntry| JournalEntry {
            environment: Some(environment.to_owned()),
            stream_tag: Some(format!("shop-{environment}/{tag}")),
            previous_image: Some(digest(from)),
            image: Some(digest(to)),
            ..entry
        };
    let branch = |branch: &str, number: u64, entry: JournalEntry| JournalEntry {
        environment: Some("prod".to_owned()),
        branch: Some(branch.to_owned()),
        url: Some(format!("https://git.example/shop/deploy/pulls/{number}")),
        ..entry
    };
    let of = |repository: &str, reason: Option<&str>, entry: JournalEntry| JournalEntry {
        repository: repository.to_owned(),
        reason: reason.map(str::to_owned),
        ..entry
    };
    vec![
        image(
            "dev",
            "mailer:3",
            'g',
            'h',
            entry(8, "21T11:58", "imageMoved"),
        ),
        JournalEntry {
            title: Some("Promote staging to prod: web:1.8".to_owned()),
            ..branch(
                "headwater/prod/from-staging",
                412,
                entry(7, "21T10:41", "pullRequestOpened"),
            )
        },
        JournalEntry {
            from_environment: Some("dev".to_owned()),
            ..image(
                "staging",
                "web:1.8",
                'a',
                'c',
                entry(6, "21T10:40", "promoted"),
            )
        },
        of(
            "infra",
            Some("/srv/git/infra.git: permission denied"),
            entry(5, "21T10:18", "failed"),
        ),
        JournalEntry {
            branch: Some("headwater/dev/web".to_owned()),
            ..image(
                "dev",
                "web:1.8",
                'a',
                'c',
                entry(4, "21T09:11", "imageMoved"),
            )
        },
        JournalEntry {
            reason: Some("somebody's own work is on it".to_owned()),
            ..branch("headwater/dev/auth", 407, entry(3, "20T17:03", "blocked"))
        },
        of("infra", None, entry(2, "19T08:30", "recovered")),
        of(
            "gone",
            Some("https://git.example/gone.git: 404"),
            entry(1, "19T08:00", "failed"),
        ),
    ]
}
