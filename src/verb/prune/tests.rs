use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::environment::{Carry, Environment};
use crate::image::Tag;
use crate::manifest::{self, Manifests};
use crate::policy::IntegratedRegistry;

const HOST: &str = "images.example";

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn wishes() -> Wishes {
    Wishes {
        keep_younger_than: SignedDuration::from_mins(60),
        keep_revisions: 1,
        all: true,
        namespace: None,
        now: time("2026-03-01T12:00:00Z"),
    }
}

fn registry() -> IntegratedRegistry {
    IntegratedRegistry {
        host: HOST.to_owned(),
        ..IntegratedRegistry::default()
    }
}

fn place() -> Place {
    Place {
        host: HOST.to_owned(),
        stream: StreamName {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
        },
    }
}

/// `shop/web`, whose tag `1` has had these images, with the times at which they came.
fn manifests(had: &[(&str, &str)]) -> Manifests {
    let items: String = had
        .iter()
        .map(|(name, created)| {
            let digest = digest(name);
            format!("    - {{created: \"{created}\", dockerImageReference: \"{HOST}/shop/web@{digest}\", image: \"{digest}\"}}\n")
        })
        .collect();
    let text = format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: web, namespace: shop}}\nspec: {{tags: [{{name: \"1\"}}]}}\nstatus:\n  tags:\n  - tag: \"1\"\n    items:\n{items}"
    );
    let facts = manifest::read_file(text.as_bytes());
    let files = [("web.yaml".parse().unwrap(), facts.into())];
    let environment = Environment::default();
    let all = [environment.clone()];
    let registry = registry();
    manifest::assemble_with(
        &files,
        &BTreeMap::new(),
        &environment,
        &all,
        Some(&registry.clone().into()),
    )
}

const LONG_AGO: &str = "2026-01-01T00:00:00Z";

/// What Git says, with the stream there since `since`.
fn books(had: &[(&str, &str)], since: &str, wishes: &Wishes) -> Books {
    let (manifests, registry) = (manifests(had), registry());
    let mut books = Books::default();
    books.read_streams("prod", &manifests, Some(&registry), wishes);
    books.was_there(&registry, &manifests.streams[0], time(since));
    books
}

/// A repository: tags with the names of images, and images with the names of their parts.
fn stock(tags: &[(&str, &str)], images: &[(&str, &[&str])]) -> Stock {
    let mut stock = Stock::default();
    for (tag, image) in tags {
        let named = stock.tags.entry(digest(image)).or_default();
        named.insert(tag.parse::<Tag>().unwrap());
    }
    for (image, parts) in images {
        let parts = parts.iter().map(|part| digest(part)).collect();
        stock.images.insert(digest(image), parts);
    }
    stock
}

/// The words for each image of the stock, `goes` for one that goes.
fn words(books: &Books, stock: &Stock, wishes: &Wishes, names: &[&str]) -> Vec<&'static str> {
    let verdicts = books.verdicts(&place(), stock, wishes);
    let word = |name: &&str| {
        let verdict = verdicts.iter().find(|it| it.digest == digest(name))?;
        Some(match &verdict.outcome {
            Outcome::Stays(reason) => reason.word(),
            Outcome::Goes { .. } => "goes",
        })
    };
    names.iter().map(|name| word(name).unwrap_or("-")).collect()
}

#[test]
fn a_new_stream_is_left_alone() {
    let had = [("new", LONG_AGO), ("old", LONG_AGO)];
    let stock = stock(&[("1", "new")], &[("new", &[]), ("old", &[])]);
    for (since, expected) in [
        (LONG_AGO, "goes"),
        ("2026-03-01T11:00:00Z", "goes"),
        ("2026-03-01T11:00:01Z", "newStream"),
    ] {
        let books = books(&had, since, &wishes());
        assert_eq!(
            words(&books, &stock, &wishes(), &["old"]),
            [expected],
            "{since}"
        );
    }
}

#[test]
fn who_does_not_say_when_it_came_is_asked_when_it_was_made() {
    let had = [("new", LONG_AGO), ("old", "yesterday")];
    let wishes = wishes();
    let books = books(&had, LONG_AGO, &wishes);
    let mut stock = stock(&[("1", "new")], &[("new", &[]), ("old", &[])]);
    assert!(books.is_timeless(&place(), &digest("old")));
    for (created, expected) in [
        (None, "unknownAge"),
        (Some("2026-03-01T11:30:00Z"), "young"),
        (Some(LONG_AGO), "goes"),
    ] {
        stock.created.insert(digest("old"), created.map(time));
        assert_eq!(words(&books, &stock, &wishes, &["old"]), [expected]);
    }
}

#[test]
fn an_index_and_its_images_stay_together() {
    let had = ["new", "index", "part", "other", "twin", "alone"].map(|name| (name, LONG_AGO));
    let wishes = wishes();
    let books = books(&had, LONG_AGO, &wishes);
    // The newest is an index; `other` names an image of it, `twin` one that only `other` has.
    let images: [(&str, &[&str]); 6] = [
        ("new", &["part"]),
        ("part", &[]),
        ("other", &["part", "twin"]),
        ("twin", &[]),
        ("index", &["alone", "loose"]),
        ("alone", &[]),
    ];
    let stock = stock(&[("1", "new")], &images);
    let names = ["new", "part", "other", "twin", "index", "alone"];
    assert_eq!(
        words(&books, &stock, &wishes, &names),
        ["newest", "partOf", "has", "partOf", "goes", "goes"]
    );
    let verdicts = books.verdicts(&place(), &stock, &wishes);
    let orders = books.orders(&place(), &stock, &verdicts, &BTreeMap::new());
    let all: Vec<&Digest> = orders.iter().flat_map(Order::digests).collect();
    let once: BTreeSet<&Digest> = all.iter().copied().collect();
    assert_eq!(all.len(), once.len());
    let expected = ["index", "alone", "loose"].map(digest);
    assert_eq!(once, expected.iter().collect());
}

#[test]
fn what_is_attached_goes_with_its_image_alone() {
    let had = ["new", "old"].map(|name| (name, LONG_AGO));
    let wishes = wishes();
    let books = books(&had, LONG_AGO, &wishes);
    let signature = |of: &str| format!("sha256-{}.sig", digest(of).encoded());
    let (own, others, list) = (
        signature("old"),
        signature("new"),
        format!("sha256-{}", digest("old").encoded()),
    );
    let shared = format!("sha256-{}.sbom", digest("old").encoded());
    let shared_too = format!("sha256-{}.sbom", digest("new").encoded());
    let tags = [
        ("1", "new"),
        (own.as_str(), "old's signature"),
        (&others, "new's signature"),
        (&list, "old's list"),
        (&shared, "an SBOM of both"),
        (&shared_too, "an SBOM of both"),
    ];
    let images = [
        "new",
        "old",
        "old's signature",
        "new's signature",
        "old's list",
    ];
    let images = images.map(|name| (name, &[] as &[&str]));
    let stock = stock(&tags, &images);
    let verdicts = books.verdicts(&place(), &stock, &wishes);
    let referrers = BTreeMap::from([
        (digest("old"), vec![digest("a reference"), digest("new")]),
        (digest("a reference"), vec![digest("its signature")]),
    ]);
    let orders = books.orders(&place(), &stock, &verdicts, &referrers);
    let [order] = orders.as_slice() else {
        panic!("{orders:?}")
    };
    assert_eq!(order.digest, digest("old"));
    let attached: BTreeSet<&Digest> = order.attached.iter().collect();
    let expected = [
        "old's signature",
        "old's list",
        "a reference",
        "its signature",
    ]
    .map(digest);
    assert_eq!(attached, expected.iter().collect());
}

#[test]
fn a_tag_that_moves_meanwhile_keeps_its_image() {
    let before = stock(&[("a", "old")], &[]).tags;
    let order = Order {
        digest: digest("old"),
        tags: Vec::new(),
        attached: Vec::new(),
        parts: vec![digest("part")],
    };
    for (now, stands) in [
        (vec![("a", "old"), ("b", "other")], true),
        (vec![("a", "old"), ("b", "old")], false),
        (vec![("a", "other")], false),
        (vec![("a", "old"), ("b", "part")], false),
    ] {
        let now = stock(&now, &[]).tags;
        assert_eq!(order.stands(&before, &now), stands, "{now:?}");
    }
}

/// The images of the source that its target may still take.
fn ahead(had: &[(&str, &str)], target: &[(&str, &str)], carry: Carry) -> String {
    let wishes = wishes();
    let mut books = books(had, LONG_AGO, &wishes);
    let (source, target) = (manifests(had), manifests(target));
    books.read_promotion(("prod", &source), ("dr", &target), carry);
    let names = ["a", "b", "c", "d"];
    let images = names.map(|name| (name, &[] as &[&str]));
    let words = words(&books, &stock(&[], &images), &wishes, &names);
    let found = names.iter().zip(words).filter(|(_, word)| *word == "ahead");
    found.map(|(name, _)| *name).collect()
}

#[test]
fn what_a_promotion_may_still_choose_stays() {
    let at = |day: u8| format!("2026-01-0{day}T00:00:00Z");
    let times = [at(1), at(2), at(3), at(4)];
    let [first, second, third, fourth] = times.each_ref().map(String::as_str);
    let had = [("d", fourth), ("c", third), ("b", second), ("a", first)];
    for (had, target, carry, expected) in [
        (&had[..], &[("a", LONG_AGO)][..], Carry::Merge, "abc"),
        (&had, &[("b", LONG_AGO)], Carry::Pins, "bc"),
        (&had, &[("d", LONG_AGO)], Carry::Merge, ""),
        // Nobody knows where it stands.
        (&had, &[("x", LONG_AGO)], Carry::Merge, "abc"),
        (&had, &[], Carry::Merge, "abc"),
        (
            &[("d", fourth), ("c", third), ("b", "once"), ("a", first)],
            &[("c", LONG_AGO)],
            Carry::Merge,
            "bc",
        ),
        // The source went back to one, and on: what came between counts from its first time.
        (
            &[("d", fourth), ("b", third), ("c", second), ("b", first)],
            &[("b", LONG_AGO)],
            Carry::Merge,
            "bc",
        ),
    ] {
        assert_eq!(ahead(had, target, carry), expected, "{had:?} {target:?}");
    }
}

#[test]
fn a_copy_that_no_stream_has_had_waits() {
    let wishes = wishes();
    let books = books(&[("new", LONG_AGO)], LONG_AGO, &wishes);
    let tag = crate::copying::keeping_tag(&digest("copy")).unwrap();
    let mut stock = stock(
        &[("1", "new"), (tag.as_str(), "copy")],
        &[("new", &[]), ("copy", &[])],
    );
    stock.created.insert(digest("copy"), Some(time(LONG_AGO)));
    assert_eq!(words(&books, &stock, &wishes, &["copy"]), ["unrecorded"]);
}
