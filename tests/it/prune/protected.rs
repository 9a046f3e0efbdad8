use std::collections::{BTreeMap, BTreeSet};

use headwater::image::Digest;

use crate::prune::{
    ANY_AGE, CONFIG, deployment, is_stored, on, prune, server_file, shop, stored, stream,
    stream_of, told,
};
use crate::support::git::Repo;
use crate::support::registry::DockerRegistry;
use crate::support::scene::{HOST, Scene};

/// A registry full of images: by name, the image and the reason for which it stays; those without
/// one go.
struct Full {
    scene: Scene,
    expected: BTreeMap<String, (&'static str, Option<&'static str>)>,
}

impl Full {
    fn name(&mut self, name: &'static str, digest: &Digest, reason: Option<&'static str>) {
        let known = self.expected.insert(digest.to_string(), (name, reason));
        assert_eq!(known, None, "{name}");
    }

    fn push(&mut self, name: &'static str, reason: Option<&'static str>) -> Digest {
        let digest = self.scene.image("shop/web", name, name);
        self.name(name, &digest, reason);
        digest
    }
}

fn full() -> Full {
    let mut full = Full {
        scene: shop(DockerRegistry::start()),
        expected: BTreeMap::new(),
    };
    let current = full.push("1", Some("newest"));
    let before = full.push("before", Some("newest"));
    let third = full.push("third", Some("newest"));
    let old = full.push("old", None);
    let left = full.push("left", None);
    let named = full.push("named", Some("named"));
    let public = full.push("public", Some("named"));
    let aliased = full.push("aliased", Some("named"));
    let cluster = full.push("cluster", Some("named"));
    let bare = full.push("bare", Some("named"));
    let rejected = full.push("rejected", Some("named"));
    let foreign = full.push("foreign", None);
    let mentioned = full.push("mentioned", Some("tagged"));
    let based = full.push("based", Some("tagged"));
    let begun = full.push("begun", Some("begun"));
    let proposed = full.push("proposed", Some("named"));
    let in_prod = full.push("in-prod", Some("newest"));
    let was_in_prod = full.push("was-in-prod", None);
    let copy = full.push("copy", None);
    // No version of the stream has had it.
    full.push("waiting", Some("unrecorded"));
    let platforms = ["linux/amd64", "linux/arm64"];
    let index = |full: &mut Full, name: &'static str, reason, parts: [Option<&'static str>; 2]| {
        let registry = &full.scene.registry;
        let (index, images) = registry.push_index("shop/web", name, name, &platforms);
        full.name(name, &index, reason);
        for (part, reason) in images.iter().zip(parts) {
            full.name("a part", part, reason);
        }
        (index, images)
    };
    let partial = [Some("partOf"), None];
    let (used, used_parts) = index(&mut full, "index", Some("named"), partial);
    let (halved, halved_parts) = index(&mut full, "halved", Some("has"), [Some("named"), None]);
    let (spent, _) = index(&mut full, "spent", None, [None, None]);
    // Parts that nobody asks about are told neither way.
    for silent in [&used_parts[1], &halved_parts[1]] {
        full.expected.remove(&silent.to_string());
    }
    let scene = &full.scene;
    let keeping = format!("headwater-sha256-{}", copy.encoded());
    assert_eq!(scene.image("shop/web", &keeping, "copy"), copy);
    let signature = |scene: &Scene, of: &Digest| {
        let tag = format!("sha256-{}.sig", of.encoded());
        scene.image("shop/web", &tag, &format!("a signature of {of}"))
    };
    let signatures = [signature(scene, &old), signature(scene, &named)];

    on(scene, "env/dev");
    let more = [
        &before,
        &third,
        &old,
        &named,
        &public,
        &aliased,
        &cluster,
        &bare,
        &rejected,
        &foreign,
        &mentioned,
        &based,
        &begun,
        &proposed,
        &used,
        &used_parts[0],
        &halved,
        &spent,
    ];
    let had: Vec<&Digest> = std::iter::once(&current).chain(more).collect();
    let spec = format!(
        "      annotations:
        headwater.dev/hold: '{{\"environment\":\"dev\",\"rejected\":\"{rejected}\"}}'
    - name: based
      from: {{kind: DockerImage, name: \"{HOST}/shop/web:based\"}}
    - name: begun
      from: {{kind: ImageStreamImage, name: \"web@{}\"}}
",
        &begun.as_str()["sha256:".len()..][..12]
    );
    let with_left: Vec<&Digest> = had.iter().copied().chain([&left]).collect();
    scene.commit(&[("web.yaml", &stream(&spec, &with_left))], "as it was");
    scene.commit(&[("web.yaml", &stream(&spec, &had))], "the oldest leaves");

    on(scene, "env/prod");
    let items: Vec<(String, &Digest)> = [&in_prod, &before, &third, &was_in_prod]
        .map(|digest| (format!("{HOST}/shop/web"), digest))
        .into_iter()
        .chain([("quay.example/acme/web".to_owned(), &copy)])
        .collect();
    let cluster_name = "image-registry.openshift-image-registry.svc:5000";
    let images = [
        format!("{HOST}/shop/web@{named}"),
        format!("images.example/shop/web:x@{public}"),
        format!("old.example:5000/shop/web@{aliased}"),
        format!("{cluster_name}/shop/web@{cluster}"),
        format!("quay.example/shop/web@{foreign}"),
        format!("{HOST}/shop/web@{used}"),
        format!("{HOST}/shop/web@{}", halved_parts[0]),
    ];
    scene.commit(
        &[
            ("web.yaml", &stream_of("", &items, "2026-01-01T00:00:00Z")),
            ("app.yaml", &deployment(&images)),
            ("chart/values.txt", &format!("digest = {bare}\n")),
            ("job.sh", &format!("docker run {HOST}/shop/web:mentioned\n")),
        ],
        "prod",
    );
    // What somebody proposes is in use as soon as it is merged.
    let branch = "headwater/prod/shop.web";
    scene.person.git(&["checkout", "-q", "-b", branch]);
    scene.edit("app.yaml", |text| {
        text.replace(named.as_str(), proposed.as_str())
    });
    on(scene, "env/prod");
    full.name("a signature", &signatures[0], None);
    full
}

#[test]
fn an_image_goes_when_nothing_speaks_for_it() {
    let full = full();
    let scene = &full.scene;
    let stranger = scene.image("shop/stranger", "1", "old");
    let (before, git) = (stored(scene), scene.state());
    let dry = prune(scene, &[ANY_AGE, "-o", "json"]).exits(0);
    let told_dry = told(&dry);
    let name = |digest: &String| {
        let (name, _) = full
            .expected
            .get(digest)
            .unwrap_or_else(|| panic!("{digest}"));
        *name
    };
    let expected: BTreeSet<&str> = full
        .expected
        .values()
        .filter(|(_, reason)| reason.is_none())
        .map(|(name, _)| *name)
        .collect();
    let gone: BTreeSet<&str> = told_dry.gone.iter().map(name).collect();
    assert_eq!(gone, expected);
    let kept = told_dry.kept.iter();
    let kept: BTreeSet<(&str, &str)> = kept.map(|(it, why)| (name(it), why.as_str())).collect();
    let expected = full.expected.values();
    let expected: BTreeSet<(&str, &str)> = expected
        .filter_map(|(name, reason)| Some((*name, (*reason)?)))
        .collect();
    assert_eq!(kept, expected);
    assert_eq!((stored(scene), scene.state()), (before, git.clone()));

    let run = prune(scene, &[ANY_AGE, "--confirm", "-o", "json"]).exits(0);
    assert_eq!(told(&run), told_dry);
    for digest in &told_dry.gone {
        let here = name(digest);
        assert!(!scene_has(scene, digest), "{here} is still there");
    }
    for digest in told_dry.kept.keys() {
        assert!(is_stored(scene, digest), "{} is gone", name(digest));
    }
    assert!(is_stored(scene, stranger.as_str()));
    assert_eq!(scene.state(), git, "Git has changed");

    prune(scene, &[ANY_AGE, "--confirm"])
        .exits(0)
        .says("Summary: deleted 0 images");
}

/// In the stream's own repository.
fn scene_has(scene: &Scene, digest: &str) -> bool {
    let hex = &digest["sha256:".len()..];
    let links = stored(scene);
    links
        .iter()
        .any(|link| link.starts_with("shop/web/") && link.contains(hex))
}

/// A stream that has had two images, of which one revision is kept.
fn two() -> (Scene, Digest, Digest) {
    let scene = shop(DockerRegistry::start());
    let old = scene.image("shop/web", "old", "old");
    let new = scene.image("shop/web", "1", "new");
    on(&scene, "env/dev");
    scene.commit(&[("web.yaml", &stream("", &[&new, &old]))], "a stream");
    (scene, new, old)
}

const ONE: &str = "--keep-tag-revisions=1";

#[test]
fn what_is_done_is_said_as_oc_says_it() {
    let (scene, new, old) = two();
    let line = format!("Deleting image {old} from {HOST}/shop/web (old)\n");
    let run = prune(&scene, &[ANY_AGE, ONE]).exits(0);
    assert_eq!(
        run.stdout,
        format!(
            "{line}Summary: would delete 1 image with 0 parts of indices and 0 attachments, from 1 repository; kept 1 image\n"
        )
    );
    run.says("Dry run enabled - no modifications will be made. Add --confirm to remove images");
    prune(&scene, &[ANY_AGE, ONE, "-o", "wide"])
        .exits(0)
        .says(&format!(
            "Keeping image {new} from {HOST}/shop/web (1): shop/web:1 has it in dev\n"
        ));
    // An hour, and three revisions.
    for lenient in [[ONE, "--keep-younger-than=999999h"], [ANY_AGE, "--all"]] {
        prune(&scene, &lenient).exits(0).never_says("Deleting");
    }
    prune(&scene, &[ANY_AGE, ONE, "-n", "other"])
        .exits(0)
        .never_says("Deleting");
    let run = prune(&scene, &[ANY_AGE, ONE, "--confirm"]).exits(0);
    assert!(run.stdout.starts_with(&line), "{run:?}");
    run.never_says("Dry run");
    assert!(!is_stored(&scene, old.as_str()));
}

#[test]
fn the_image_that_a_tag_has_stays_whatever_is_asked() {
    let (scene, new, old) = two();
    prune(&scene, &[ANY_AGE, "--keep-tag-revisions=0", "--confirm"]).exits(0);
    assert!(is_stored(&scene, new.as_str()));
    assert!(!is_stored(&scene, old.as_str()));
}

#[test]
fn a_young_image_stays() {
    let (scene, new, old) = two();
    let items = [(format!("{HOST}/shop/web"), &old)];
    let back = stream_of("", &items, "2099-01-01T00:00:00Z");
    scene.commit(&[("web.yaml", &back)], "it came back");
    scene.commit(&[("web.yaml", &stream("", &[&new]))], "and left again");
    let run = prune(&scene, &[ONE, "-o", "json"]).exits(0);
    assert_eq!(told(&run).kept[old.as_str()], "young", "{run:?}");
}

#[test]
fn copies_stay_where_only_pushes_are_asked_for() {
    let (scene, new, old) = two();
    let items = [
        (format!("{HOST}/shop/web"), &new),
        ("quay.example/acme/web".to_owned(), &old),
    ];
    let text = stream_of("", &items, "2026-01-01T00:00:00Z");
    scene.person.git(&["reset", "-q", "--hard", "HEAD~1"]);
    scene.person.git(&["push", "-q", "-f", "origin", "HEAD"]);
    scene.commit(&[("web.yaml", &text)], "a copy");
    let pushed = prune(&scene, &[ANY_AGE, ONE, "--all=false", "-o", "json"]).exits(0);
    assert_eq!(told(&pushed).kept[old.as_str()], "copied");
    let all = prune(&scene, &[ANY_AGE, ONE, "--all=true", "-o", "json"]).exits(0);
    assert!(told(&all).gone.contains(old.as_str()));
}

#[test]
fn every_git_repository_of_the_server_file_speaks() {
    let (scene, _, old) = two();
    let other = Repo::init();
    other.commit_files(&[("app.yaml", &format!("digest: {old}\n"))], "uses it");
    let other = other.bare_clone();
    let more = format!(
        "repositories: [{{name: shop, url: \"{}\"}}, {{name: other, url: \"{}\"}}]\n",
        scene.bare(),
        other.path().display()
    );
    let file = server_file(&scene, &more);
    let arguments = [
        "prune", "images", "--config", &file, ANY_AGE, ONE, "-o", "json",
    ];
    let kept = told(&scene.run(&arguments).exits(0)).kept;
    assert_eq!(kept[old.as_str()], "named");
    // Without the other one it goes.
    let run = prune(&scene, &[ANY_AGE, ONE, "-o", "json"]).exits(0);
    assert!(told(&run).gone.contains(old.as_str()));
}

#[test]
fn of_a_clone_its_origin_is_read() {
    let (scene, _, old) = two();
    let behind = scene.origin.clone();
    behind.git(&["checkout", "-q", "env/dev"]);
    on(&scene, "env/prod");
    scene.commit(&[("app.txt", &format!("digest: {old}\n"))], "use it");
    let folder = behind.path().display().to_string();
    let file = server_file(&scene, "");
    let run = scene
        .run(&[
            "prune", "images", "-C", &folder, "--config", &file, ANY_AGE, ONE, "-o", "json",
        ])
        .exits(0)
        .says("of which this is a clone");
    assert_eq!(told(&run).kept[old.as_str()], "named");
}

#[test]
fn what_a_promotion_may_still_choose_stays() {
    let scene = shop(DockerRegistry::start());
    let config = CONFIG.replace("env/prod}", "env/prod, promotedFrom: dev}");
    on(&scene, "main");
    scene.commit(&[("headwater.yaml", &config)], "promote");
    let names = ["a", "b", "c", "d", "e"];
    let images = names.map(|name| scene.image("shop/web", name, name));
    assert_eq!(scene.image("shop/web", "1", "e"), images[4]);
    let at = |number: usize| {
        let items = [(format!("{HOST}/shop/web"), &images[number])];
        let came = format!("2026-01-0{}T00:00:00Z", number + 1);
        [("web.yaml", stream_of("", &items, &came))]
    };
    let commit = |number: usize| {
        let [(path, text)] = &at(number);
        scene.commit(&[(path, text)], names[number]);
    };
    on(&scene, "env/dev");
    (0..5).for_each(commit);
    on(&scene, "env/prod");
    commit(2);
    let run = prune(&scene, &[ANY_AGE, ONE, "-o", "json"]).exits(0);
    let found = told(&run);
    let reason = |number: usize| {
        let digest = images[number].as_str();
        let gone = found.gone.contains(digest).then_some("goes");
        gone.or_else(|| found.kept.get(digest).map(String::as_str))
    };
    let reasons: Vec<Option<&str>> = (0..5).map(reason).collect();
    let expected = ["goes", "goes", "newest", "ahead", "newest"].map(Some);
    assert_eq!(reasons, expected, "{run:?}");
}

#[test]
fn nobody_goes_back_to_what_is_gone() {
    let (mut scene, new, old) = two();
    let bare = scene.bare();
    let file = server_file(&scene, "");
    let rollback = |scene: &Scene, more: &[&str]| {
        let to = old.as_str();
        let own = [
            "rollback",
            "dev/web:1",
            "--to",
            to,
            "--repository",
            &bare,
            "--config",
            &file,
        ];
        scene.run(&[&own, more].concat())
    };
    prune(&scene, &[ANY_AGE, ONE, "--confirm"]).exits(0);
    let git = scene.state();
    rollback(&scene, &[])
        .exits(3)
        .says(&format!(
            "{} is not in {HOST}/shop/web any more",
            old.short()
        ))
        .says("it was pruned, or deleted there");
    assert_eq!(scene.state(), git);
    assert_eq!(scene.image("shop/web", "again", "old"), old);
    rollback(&scene, &["--dry-run"])
        .exits(0)
        .never_says("nobody knows");
    // Who is in a hurry is not held up by a registry that is down.
    scene.registry.stop();
    rollback(&scene, &[])
        .exits(0)
        .says("nobody knows whether")
        .says("is still there");
    assert_ne!(scene.state(), git);
    assert!(is_stored(&scene, new.as_str()));
}
