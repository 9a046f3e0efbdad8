use crate::reads::{APART, PROMOTED, Way};

#[test]
fn every_environment_is_a_column_with_image_and_what_is_open() {
    let way = Way::new(APART);
    way.propose("prod", "staging");
    let run = way.run(&["status", "--offline"]).exits(0);
    let (first, second) = (&way.first.encoded()[..7], &way.second.encoded()[..7]);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("STREAM TAG  DEV "), "{run:?}");
    assert!(lines[0].ends_with("PROD"), "{run:?}");
    let words: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(words[0], "shop/web:1", "{run:?}");
    assert_eq!((words[1], words[3], words[5]), (second, second, first));
    // The branch that this test made is nobody's plan, so it counts as a person's.
    assert_eq!(words.last(), Some(&"edited"), "{run:?}");
    assert!(
        run.stdout
            .contains("\nopen\n  prod  headwater/prod/from-staging, edited, 1 stream tag\n"),
        "{run:?}"
    );
    for width in ["80", "40"] {
        let bare = way.scene.bare();
        let mut command = way.scene.command(&["status", "--offline", &bare]);
        let run = way
            .scene
            .ended(&command.env("COLUMNS", width).output().unwrap());
        let most: usize = width.parse().unwrap();
        let table = run.stdout.split("\n\n").next().unwrap();
        for line in table.lines() {
            assert!(line.chars().count() <= most, "{width}: {run:?}");
        }
    }
    let run = way.run(&["status", "--offline", "-o", "json"]).exits(0);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["kind"], "Status");
    let cells = &json["streamTags"][0]["environments"];
    assert_eq!(cells[1]["since"], "2023-11-14T22:13:20Z");
    assert_eq!(cells[1]["commit"], way.in_staging);
    assert_eq!(cells[2]["proposed"][0]["image"], way.second.to_string());
    way.run(&["status", "--offline", "-o", "wide"])
        .exits(0)
        .says("2023-11-14T22:13:20Z")
        .says(way.second.short());
}

#[test]
fn what_waits_is_said_with_its_reason() {
    let way = Way::new(APART);
    // dev takes its second image back, and the plan holds it.
    let person = &way.scene.person;
    person.git(&["checkout", "-q", "-B", "env/dev", "origin/env/dev"]);
    way.scene.revert("HEAD", &[]);
    let run = way.run(&["status"]).exits(0);
    assert!(run.stdout.contains("(takenBack)"), "{run:?}");
    assert!(
        run.stdout.contains("\nwaiting\n  dev  shop/web:1"),
        "{run:?}"
    );
    assert!(run.stdout.contains("was taken back by Ada"), "{run:?}");
    // Nobody knows what the registry has now.
    way.run(&["status", "--offline"])
        .exits(0)
        .never_says("waiting");
}

#[test]
fn a_target_stands_beside_its_source() {
    let way = Way::new(PROMOTED);
    let run = way.run(&["status", "--offline", "-o", "json"]).exits(0);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["environments"][2]["promotedFrom"], "staging");
    let cells = &json["streamTags"][0]["environments"];
    assert_eq!(cells[0]["source"], serde_json::Value::Null);
    assert_eq!(cells[1]["source"]["state"], "same");
    assert_eq!(cells[2]["source"]["state"], "behind");
    assert_eq!(cells[2]["source"]["images"], 1);
    let run = way.run(&["status", "--offline"]).exits(0);
    let row = run.stdout.lines().nth(1).unwrap();
    assert!(row.contains(" =  ") && row.contains("1 behind"), "{run:?}");
}

#[test]
fn what_left_the_sources_status_is_counted_in_its_history() {
    let way = Way::new(PROMOTED);
    // staging forgets what it had, and keeps its newest image.
    let person = &way.scene.person;
    person.git(&["checkout", "-q", "-B", "env/staging", "origin/env/staging"]);
    let first = way.first.to_string();
    way.scene.edit("streams/web.yaml", |text| {
        let items: Vec<&str> = text.split("- created:").collect();
        let kept = items.iter().filter(|item| !item.contains(&first));
        kept.copied()
            .collect::<Vec<_>>()
            .join("- created:")
            .trim_end()
            .to_owned()
            + "\n"
    });
    way.run(&["status", "--offline"]).exits(0).says("1 behind");
}

#[test]
fn a_clone_that_has_only_its_own_branch_is_told_how_to_have_the_others() {
    let way = Way::new(APART);
    let clone = way.scene.home().join("fresh");
    let (bare, clone) = (way.scene.bare(), clone.display().to_string());
    way.scene.origin.git(&["clone", "-q", &bare, &clone]);
    let status = || way.scene.run(&["status", "--offline", &clone]);
    let branches = ["env/dev", "env/staging", "env/prod"];
    for branch in branches {
        let there = format!("this clone has it as origin/{branch} only");
        let hint = format!("{there}: git branch {branch} origin/{branch}\n");
        status().exits(3).says(&hint);
        way.scene
            .run(&["doctor", &clone])
            .says(&format!("git branch {branch} origin/{branch}\n"));
    }
    for branch in branches {
        let at_origin = format!("origin/{branch}");
        let words = ["-C", &clone, "branch", "-q", branch, &at_origin];
        way.scene.origin.git(&words);
    }
    status().exits(0);
}

/// What a pass remembers of a folder, such as since when a commit is there, is known however the
/// folder is named.
#[test]
fn a_folder_has_one_cache_by_whatever_path_it_is_named() {
    let way = Way::new(PROMOTED);
    let passes = way.scene.home().join("cache/headwater/passes");
    let kept = || std::fs::read_dir(&passes).unwrap().count();
    way.run(&["status", "--offline"]).exits(0);
    let before = kept();
    let link = way.scene.home().join("link");
    std::os::unix::fs::symlink(way.scene.origin.path(), &link).unwrap();
    let name = way.scene.origin.path().file_name().unwrap();
    let about = way.scene.origin.path().join("..").join(name);
    for path in [link, about] {
        let path = path.display().to_string();
        way.scene.run(&["status", "--offline", &path]).exits(0);
    }
    assert_eq!(kept(), before);
}
