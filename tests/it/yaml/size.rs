//! Large files and hostile ones: cheap, and never expanded.

use std::fmt::Write;
use std::time::{Duration, Instant};

use headwater::yaml::{Edit, MAX_FILE_BYTES, Source, edit};
use serde_json::json;

/// A debug build on a busy machine; a release build takes a fiftieth of it.
const PATIENCE: Duration = Duration::from_secs(20);

fn set(document: usize, field: &str) -> Edit {
    Edit::SetScalar {
        document,
        field: field.parse().unwrap(),
        value: "nginx:1.11".to_owned(),
    }
}

#[test]
fn thousands_of_edits_in_one_large_file_are_made_in_one_go() {
    let mut text = "items:\n".to_owned();
    for number in 0..2_500 {
        let padding = "x".repeat(300);
        let _ = write!(
            text,
            "- metadata: {{name: n{number}}}\n  image: nginx:1.10 # keep\n  note: {padding}\n"
        );
    }
    assert!(text.len() > 900_000 && text.len() < MAX_FILE_BYTES);
    let mut edits = Vec::new();
    for number in 0..2_500 {
        edits.push(set(0, &format!("items[{number}].image")));
        if number % 5 == 0 {
            edits.push(Edit::Put {
                document: 0,
                field: format!("items[{number}].status.tags[?(@.tag==\"a\")]")
                    .parse()
                    .unwrap(),
                value: json!({"tag": "a"}),
            });
        }
    }
    let start = Instant::now();
    let after = edit(text.as_bytes(), &edits).unwrap();
    println!("{} edits in {:?}", edits.len(), start.elapsed());
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    let after = String::from_utf8(after).unwrap();
    assert_eq!(after.matches("nginx:1.11 # keep").count(), 2_500);
    assert_eq!(after.matches("  - tag: a\n").count(), 500);
}

#[test]
fn a_json_list_of_a_mebibyte_is_read_and_edited() {
    let item = |number: usize| {
        json!({"kind": "Deployment", "metadata": {"name": format!("n{number}"), "labels": {"a": "b", "c": "d"}},
            "spec": {"replicas": 1, "template": {"spec": {"containers": [
                {"name": "web", "image": "nginx:1.10", "ports": [{"containerPort": 80}], "args": ["-a", "-b"]}]}}}})
    };
    let list = json!({"kind": "List", "items": (0..4_600).map(item).collect::<Vec<_>>()});
    let text = list.to_string();
    assert!(
        text.len() > 1_000_000 && text.len() < MAX_FILE_BYTES,
        "{}",
        text.len()
    );
    let start = Instant::now();
    assert!(Source::parse(text.as_bytes()).faults.is_empty());
    let field = "items[4599].spec.template.spec.containers[?(@.name==\"web\")].image";
    let after = edit(text.as_bytes(), &[set(0, field)]).unwrap();
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    assert_eq!(after.len(), text.len());
}

#[test]
fn bombs_stay_small() {
    let mut laughs =
        "image: nginx\na: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for (one, next) in ('a'..='h').zip('b'..='i') {
        let _ = writeln!(
            laughs,
            "{next}: &{next} [{}]",
            vec![format!("*{one}"); 9].join(", ")
        );
    }
    let brackets = "[".repeat(100_000);
    let braces = "{a: ".repeat(100_000);
    let dashes = "- ".repeat(100_000);
    let start = Instant::now();
    let after = edit(laughs.as_bytes(), &[set(0, "image")]).unwrap();
    assert_eq!(after.len(), laughs.len() + ":1.11".len());
    for text in [&brackets, &braces, &dashes] {
        let refusals = edit(text.as_bytes(), &[set(0, "image")]).unwrap_err();
        assert!(
            refusals[0].message.contains("cannot be read"),
            "{}",
            refusals[0]
        );
    }
    println!("bombs in {:?}", start.elapsed());
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}
