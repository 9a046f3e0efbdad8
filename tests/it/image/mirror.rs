use serde_json::{Value, json};

use crate::image::{Desk, PLATFORMS, push_artifact, tags, there, with_password};
use crate::support::layout::{OCI_MANIFEST, raw};
use crate::support::oci::FerroRegistry;
use crate::support::registry::{DockerRegistry, PASSWORD};

const LOGIN: &str = ".docker/config.json";

#[test]
fn an_index_arrives_with_its_digest_where_a_password_is_needed() {
    let (source, target) = (DockerRegistry::start(), with_password());
    let (here, to) = (source.host(), target.host());
    let (index, images) = source.push_index("a/web", "1", "web", &PLATFORMS);
    let desk = Desk::new(&[(&here, "source.example"), (&to, "target.example")]);
    desk.log_in(LOGIN, &to, PASSWORD);
    let (from, web) = (format!("{here}/a/web:1"), format!("{to}/b/web"));
    let run = desk
        .run(&["mirror", &from, &web, &format!("{web}:stable")])
        .exits(0);
    assert_eq!(
        run.stdout,
        format!("{index} target.example/b/web:1\n{index} target.example/b/web:stable\n")
    );
    assert!(
        run.stderr.starts_with("1 image copied, 6 blobs with "),
        "{}",
        run.stderr
    );
    for name in ["1", "stable"] {
        assert_eq!(there(&format!("{web}:{name}"), true), index);
    }
    for image in &images {
        assert_eq!(&there(&format!("{web}@{image}"), true), image);
    }
    // Again, by digest alone, as a document.
    let from = format!("{here}/a/web@{index}");
    let run = desk
        .run(&["mirror", &from, &format!("{to}/c"), "-o", "json"])
        .exits(0);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["kind"], "ImageMirror");
    let image = &json["images"][0];
    assert_eq!(image["source"], format!("source.example/a/web@{index}"));
    assert_eq!(image["digest"], index.as_str());
    assert_eq!(image["destinations"], json!(["target.example/c"]));
    assert_eq!(image["manifests"], 4);
    assert_eq!(there(&format!("{to}/c@{index}"), true), index);
    assert_eq!(tags(&target, "c"), [""; 0]);
}

#[test]
fn wildcards_take_the_tags_that_match_from_words_files_and_stdin() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    for tag in ["1.0", "1.1", "2.0"] {
        source.push_image("web", tag, tag);
    }
    let (here, to) = (source.host(), target.host());
    let desk = Desk::new(&[(&here, "source.example"), (&to, "target.example")]);
    let run = desk
        .run(&["mirror", &format!("{here}/web:1.*"), &format!("{to}/one")])
        .exits(0);
    assert_eq!(run.stdout.lines().count(), 2, "{run:?}");
    assert_eq!(tags(&target, "one"), ["1.0", "1.1"]);
    let all = format!(
        "# all of them\n{here}/web={to}/all\n\n{here}/web:2.0 {to}/two {to}/two:x # twice\n"
    );
    let file = desk.write("mappings.txt", &all);
    desk.run(&["mirror", "-f", &file]).exits(0);
    assert_eq!(tags(&target, "all"), ["1.0", "1.1", "2.0"]);
    assert_eq!(tags(&target, "two"), ["2.0", "x"]);
    desk.run_with(&["mirror", "-f", "-"], &format!("{here}/web:*.1={to}/in"))
        .exits(0);
    assert_eq!(tags(&target, "in"), ["1.1"]);
    desk.run_with(&["mirror", "-f", "-"], &format!("\n{here}/web"))
        .exits(2)
        .says("error: file -, line 2: all arguments must be valid SRC=DST mappings, or you must");
}

#[test]
fn a_filter_leaves_one_image_or_an_index_of_several() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let (index, images) = source.push_index("web", "1", "web", &PLATFORMS);
    let single = source.push_image("web", "single", "single");
    let (here, to) = (source.host(), target.host());
    let desk = Desk::new(&[]);
    let from = format!("{here}/web:1");
    let mirror = |filter: &str, more: &[&str], tag: &str| {
        let to = format!("{to}/web:{tag}");
        let mut words = vec!["mirror", &from, &to, "--filter-by-os", filter];
        words.extend(more);
        let run = desk.run(&words).exits(0);
        (there(&to, false), run)
    };
    assert_eq!(mirror("linux/arm64", &[], "one").0, images[1]);
    assert_eq!(mirror(".*", &[], "all").0, index);
    let (several, run) = mirror("^linux/arm", &[], "several");
    assert_ne!(several, index);
    assert_eq!(run.stdout, format!("{several} {to}/web:several\n"));
    let (kept, _) = mirror("linux/amd64", &["--keep-manifest-list"], "kept");
    for (tag, digest, expected) in [
        ("several", &several, vec![&images[1], &images[2]]),
        ("kept", &kept, vec![&images[0]]),
    ] {
        let list: Value =
            serde_json::from_slice(&raw(&format!("{to}/web@{digest}"), false)).unwrap();
        let listed: Vec<&str> = list["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["digest"].as_str().unwrap())
            .collect();
        let expected: Vec<&str> = expected.iter().map(|digest| digest.as_str()).collect();
        assert_eq!(listed, expected, "{tag}");
    }
    // A filter says nothing of what is no index, and nothing is left where none matches.
    let run = desk
        .run(&[
            "mirror",
            &format!("{here}/web:single={to}/single"),
            &format!("{here}/web:1={to}/none"),
            "--filter-by-os=linux/s390x",
        ])
        .exits(0)
        .says("--filter-by-os leaves no image of it");
    assert_eq!(run.stdout, format!("{single} {to}/single:single\n"));
    source.push_index("web", "arms", "arms", &["linux/arm", "linux/arm/v7"]);
    let arms = format!("{here}/web:arms");
    let place = format!("{to}/arms");
    desk.run(&["mirror", &arms, &place, "--filter-by-os=^linux/arm$"])
        .exits(3)
        .says("leaves out linux/arm/v7 and not the image without a variant");
    desk.run(&["mirror", &from, &place, "--filter-by-os=("])
        .exits(2)
        .says("error: --filter-by-os was not a valid regular expression");
    assert_eq!(tags(&target, "arms"), [""; 0]);
}

#[test]
fn what_is_missing_ends_it_before_anything_is_written_unless_told_otherwise() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let web = source.push_image("web", "1", "web");
    let (here, to) = (source.host(), target.host());
    let desk = Desk::new(&[(&here, "source.example"), (&to, "target.example")]);
    let (good, gone) = (
        format!("{here}/web:1={to}/web"),
        format!("{here}/web:2={to}/web"),
    );
    let run = desk.run(&["mirror", &good, &gone]).exits(3);
    assert_eq!(run.stdout, "");
    run.says("error: unable to retrieve source image source.example/web:2: source.example: ")
        .says("--skip-missing leaves out what is not there");
    assert_eq!(tags(&target, "web"), [""; 0]);
    let line = format!("{web} target.example/web:1\n");
    let run = desk
        .run(&["mirror", &good, &gone, "--skip-missing"])
        .exits(0)
        .says("warning: Image source.example/web:2 will not be mirrored: it does not exist");
    assert_eq!(run.stdout, line);
    let run = desk
        .run(&["mirror", &good, &gone, "--continue-on-error", "-o", "json"])
        .exits(3);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["images"][0]["digest"], web.as_str());
    assert_eq!(json["failures"][0]["source"], "source.example/web:2");
    desk.run(&["mirror", &format!("{here}/web:9*"), &format!("{to}/web")])
        .exits(3)
        .says("error: no tag matches source.example/web:9*");
}

#[test]
fn a_dry_run_writes_nothing() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let web = source.push_image("web", "1", "web");
    let (here, to) = (source.host(), target.host());
    let desk = Desk::new(&[(&to, "target.example")]);
    let words = [
        "mirror",
        &format!("{here}/web:1"),
        &format!("{to}/web"),
        "--dry-run",
    ];
    let run = desk.run(&words).exits(0);
    assert_eq!(
        run.stdout,
        format!("{web} target.example/web:1 (dry run)\n")
    );
    assert_eq!(target.log(), []);
}

#[test]
fn logins_come_from_a_named_file_and_never_leave_insecurely() {
    let (source, target) = (DockerRegistry::start(), with_password());
    source.push_image("web", "1", "web");
    let (here, to) = (source.host(), target.host());
    let desk = Desk::new(&[(&here, "source.example"), (&to, "target.example")]);
    let (from, web) = (format!("{here}/web:1"), format!("{to}/web"));
    let good = desk.log_in("good.json", &to, PASSWORD);
    desk.log_in(LOGIN, &to, "wrong");
    desk.run(&["mirror", &from, &web])
        .exits(4)
        .says("source.example/web:1 was not copied to target.example/web:1")
        .never_says("wrong:");
    desk.run(&["mirror", &from, &web, "-a", &good, "--insecure"])
        .exits(4)
        .never_says(PASSWORD);
    desk.run(&["mirror", &from, &web, "-a", "nowhere.json"])
        .exits(2)
        .says("error: unable to load --registry-config: ");
    assert_eq!(tags(&target, "web"), [""; 0]);
    desk.run(&["mirror", &from, &web, "-a", &good]).exits(0);
    assert_eq!(tags(&target, "web"), ["1"]);
    let listed = format!("registries: {{hosts: [{{host: \"{to}\", insecure: true}}]}}\n");
    let file = desk.write("server.yaml", &listed);
    let again = format!("{to}/again");
    desk.run(&[
        "mirror",
        &from,
        &again,
        "-a",
        &good,
        "--insecure",
        "--config",
        &file,
    ])
    .exits(0);
    assert_eq!(tags(&target, "again"), ["1"]);
}

#[test]
fn a_registry_that_is_not_there_is_unavailable() {
    let source = DockerRegistry::start();
    source.push_image("web", "1", "web");
    let from = format!("{}/web:1", source.host());
    let desk = Desk::new(&[]);
    desk.run(&["mirror", &from, "127.0.0.1:1/web"])
        .exits(5)
        .says("was not copied to 127.0.0.1:1/web:1");
    // Four are under way at once.
    let mut words = vec!["mirror".to_owned(), from.clone()];
    words.extend((0..6).map(|number| format!("127.0.0.1:1/web{number}")));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    desk.run(&words)
        .exits(5)
        .says("2 more were not begun; --continue-on-error goes on");
    desk.run(&["mirror", "127.0.0.1:1/web:1", &from, "--skip-missing"])
        .exits(5)
        .says("unable to retrieve source image 127.0.0.1:1/web:1");
}

#[test]
fn what_refers_to_an_image_comes_along_unless_told_otherwise() {
    let (source, target) = (FerroRegistry::start(), FerroRegistry::start());
    let (here, to) = (source.host(), target.host());
    let image = push_artifact((&here, "web"), "1", &json!({}));
    let subject = json!({
        "mediaType": OCI_MANIFEST,
        "digest": image.0,
        "size": image.1,
    });
    let sbom = push_artifact(
        (&here, "web"),
        "",
        &json!({"artifactType": "application/spdx+json", "subject": subject}),
    );
    let desk = Desk::new(&[]);
    let from = format!("{here}/web:1");
    let without = desk
        .run(&["mirror", &from, &format!("{to}/bare"), "--no-referrers"])
        .exits(0);
    assert_eq!(without.stdout, format!("{} {to}/bare:1\n", image.0));
    let run = desk
        .run(&["mirror", &from, &format!("{to}/web"), "-o", "json"])
        .exits(0);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["images"][0]["referrers"], 1);
    assert_eq!(there(&format!("{to}/web@{}", sbom.0), false), sbom.0);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_asked() {
    let desk = Desk::new(&[]);
    for (words, said) in [
        (
            &[][..],
            "error: you must specify at least one source image to pull and the destination to push to as SRC=DST or SRC DST [DST2 DST3 ...]\n",
        ),
        (
            &["a.example/web:1"],
            "error: all arguments must be valid SRC=DST mappings, or you must specify one SRC argument and one or more DST arguments\n",
        ),
        (
            &[
                "a.example/web:1=b.example/web",
                "a.example/db:1=b.example/web:1",
            ],
            "error: each destination tag may only be specified once: b.example/web:1\n",
        ),
        (
            &["a.example/web:1.*", "b.example/web:1"],
            "error: when source contains wildcards, the destination must be a repository\n",
        ),
        (
            &["a.example/web:1", "a.example/web"],
            "error: SRC and DST may not be the same\n",
        ),
        (
            &["a.example/web:1", "file://web"],
            "error: file://web: images go from registry to registry here, not file://\n  hint: use `skopeo copy docker://IMAGE dir:FOLDER`\n",
        ),
    ] {
        let words: Vec<&str> = ["mirror"].iter().chain(words).copied().collect();
        let run = desk.run(&words).exits(2);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", said));
    }
}
