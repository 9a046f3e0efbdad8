use std::sync::Arc;

use jiff::Timestamp;

use crate::environment::Environment;
use crate::manifest;
use crate::show::stream::describe;
use crate::stream::ImageStream;

pub(crate) fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// The streams of one file.
pub(crate) fn streams(text: &str) -> Vec<ImageStream> {
    let facts = Arc::new(manifest::read_file(text.as_bytes()));
    let environment = Environment::default();
    let files = [("streams.yaml".parse().unwrap(), facts)];
    let environments = std::slice::from_ref(&environment);
    manifest::assemble(&files, &Default::default(), &environment, environments).streams
}

fn described(text: &str) -> String {
    let streams = streams(text);
    assert_eq!(streams.len(), 1);
    describe(&streams[0], now())
}

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

/// Behind the fields of the stream itself.
fn tags_of(text: &str) -> String {
    let text = described(text);
    let (_, tags) = text.split_once("Image Lookup:\t").unwrap();
    tags.split_once('\n').unwrap().1.to_owned()
}

const HEAD: &str = "apiVersion: image.openshift.io/v1\nkind: ImageStream\n";

#[test]
fn a_stream_stands_as_oc_describes_it() {
    let (a, b, c) = (digest('a'), digest('b'), digest('c'));
    let text = format!(
        r#"{HEAD}metadata:
  name: ruby
  namespace: demo
  creationTimestamp: "2026-11-19T12:00:00Z"
  labels: {{zone: x, app: ruby}}
  annotations:
    description: |-
      Ruby,
      for everybody
    openshift.io/display-name: Ruby
    openshift.io/image.dockerRepositoryCheck: "2026-11-19T12:00:00Z"
spec:
  lookupPolicy: {{local: true}}
  tags:
  - name: latest
    from: {{kind: DockerImage, name: "docker.io/library/ruby:latest"}}
    generation: 4
    importPolicy: {{scheduled: true, insecure: true}}
    referencePolicy: {{type: Local}}
    annotations:
      description: A description
      tags: builder,ruby
      supports: ruby
      sampleRepo: https://example.com/ruby.git
  - name: "5.6"
    from: {{kind: ImageStreamTag, name: latest}}
  - name: "5.7"
    from: {{kind: ImageStreamTag, name: "ruby:5.6"}}
  - name: "2.0"
    generation: 2
    from: {{kind: DockerImage, name: "openshift/ruby-20-centos7:latest"}}
status:
  publicDockerImageRepository: registry.example.com/demo/ruby
  dockerImageRepository: image-registry.openshift-image-registry.svc:5000/demo/ruby
  tags:
  - tag: latest
    conditions:
    - type: ImportSuccess
      status: "False"
      reason: NotFound
      message: dockerimage "docker.io/library/ruby:latest" not found
      generation: 3
      lastTransitionTime: "2026-11-21T10:00:00Z"
    items:
    - {{created: "2026-11-19T12:00:00Z", dockerImageReference: "docker.io/library/ruby@{a}", image: "{a}", generation: 3}}
    - {{created: "2026-11-16T12:00:00Z", dockerImageReference: "docker.io/library/ruby:latest", image: "{b}", generation: 2}}
  - tag: "2.0"
    items:
    - {{created: "2026-11-21T11:59:00Z", dockerImageReference: "openshift/ruby-20-centos7@{c}", image: "{c}", generation: 2}}
"#
    );
    let expected = format!(
        "Name:\t\t\truby
Namespace:\t\tdemo
Created:\t\t2 days ago
Labels:\t\t\tapp=ruby
\t\t\tzone=x
Description:\t\tRuby,
\t\t\tfor everybody
Annotations:\t\topenshift.io/display-name=Ruby
\t\t\topenshift.io/image.dockerRepositoryCheck=2026-11-19T12:00:00Z
Image Repository:\tregistry.example.com/demo/ruby
Image Lookup:\t\tlocal=true
Unique Images:\t\t3
Tags:\t\t\t4

latest (5.7, 5.6)
  updates automatically from registry docker.io/library/ruby:latest
    will use insecure HTTPS or HTTP connections
    prefer registry pullthrough when referencing this tag

  A description
  Tags: builder, ruby
  Supports: ruby
  Example Repo: https://example.com/ruby.git

  ~ importing latest image ...
  ! error: Import failed (NotFound): dockerimage \"docker.io/library/ruby:latest\" not found
      2 hours ago
  * docker.io/library/ruby@{a}
      2 days ago
    docker.io/library/ruby:latest
      5 days ago\t{b}

2.0
  tagged from openshift/ruby-20-centos7:latest

  * openshift/ruby-20-centos7@{c}
      About a minute ago
"
    );
    assert_eq!(described(&text), expected);
}

#[test]
fn a_stream_without_tags_says_so_and_its_age_is_not_known() {
    let expected = "Name:\t\t\tweb
Namespace:\t\tdefault
Created:\t\t<unknown>
Labels:\t\t\t<none>
Annotations:\t\t<none>
Image Repository:\t<none>
Image Lookup:\t\tlocal=false
Tags:\t\t\t<none>
";
    assert_eq!(
        described(&format!("{HEAD}metadata: {{name: web}}\n")),
        expected
    );
}

#[test]
fn the_oldest_image_tells_the_age_of_a_stream_that_does_not() {
    let text = format!(
        "{HEAD}metadata: {{name: web, creationTimestamp: null}}\nstatus:\n  tags:\n  - tag: a\n    items: [{{created: 2026-11-20T12:00:00Z, dockerImageReference: r, image: x}}, {{created: 2026-11-18T12:00:00Z, dockerImageReference: r, image: x}}]\n  - tag: b\n    items: [{{created: 2026-11-19T12:00:00Z, dockerImageReference: r, image: x}}]\n"
    );
    assert!(described(&text).contains("\nCreated:\t\t3 days ago\n"));
}

#[test]
fn each_kind_of_source_has_its_line() {
    for (tag, line) in [
        ("{name: a}", "tag without source image"),
        (
            "{name: a, from: {kind: DockerImage, name: b:1}}",
            "tagged from b:1",
        ),
        (
            "{name: a, reference: true, from: {kind: DockerImage, name: b:1}}",
            "reference to registry b:1",
        ),
        (
            "{name: a, from: {kind: ImageStreamTag, name: web:1}}",
            "tagged from web:1",
        ),
        (
            "{name: a, reference: true, from: {kind: ImageStreamTag, name: web:1, namespace: demo}}",
            "reference to web:1",
        ),
        (
            "{name: a, importPolicy: {scheduled: true}, from: {kind: ImageStreamTag, name: web:1, namespace: prod}}",
            "updates automatically from prod/web:1",
        ),
        (
            "{name: a, from: {kind: ImageStreamImage, name: web@sha256:ab}}",
            "tagged from web@sha256:ab",
        ),
        (
            "{name: a, reference: true, from: {kind: ImageStreamImage, name: web@ab}}",
            "reference to image web@ab",
        ),
        (
            "{name: a, from: {kind: Image, name: x}}",
            "updates from Image x",
        ),
        (
            "{name: a, reference: true, from: {kind: Image, name: x}}",
            "reference to Image x",
        ),
    ] {
        let text = format!(
            "{HEAD}metadata: {{name: app, namespace: demo}}\nspec: {{tags: [{tag}]}}\nstatus: {{tags: [{{tag: a, items: []}}]}}\n"
        );
        assert_eq!(
            tags_of(&text),
            format!("Unique Images:\t\t0\nTags:\t\t\t1\n\na\n  {line}\n\n"),
            "{tag}"
        );
    }
    let text = format!(
        "{HEAD}metadata: {{name: app}}\nstatus: {{tags: [{{tag: a, items: [{{dockerImageReference: r}}, {{dockerImageReference: s}}]}}]}}\n"
    );
    assert_eq!(
        tags_of(&text),
        "Unique Images:\t\t1\nTags:\t\t\t1\n\na\n  no spec tag\n\n  * r\n      <unknown>\n    s\n      <unknown>\n"
    );
}

#[test]
fn circles_and_chains_that_leave_the_stream_have_blocks_of_their_own() {
    let text = format!(
        "{HEAD}metadata: {{name: app, namespace: demo}}\nspec:\n  tags:\n  - {{name: a, from: {{kind: ImageStreamTag, name: b}}}}\n  - {{name: b, from: {{kind: ImageStreamTag, name: a}}}}\n  - {{name: c, from: {{kind: ImageStreamTag, name: nothing}}}}\n  - {{name: d, from: {{kind: ImageStreamTag, name: \"other:1\"}}}}\n  - {{name: e, from: {{kind: ImageStreamTag, name: d}}}}\n"
    );
    let blocks: Vec<String> = tags_of(&text)
        .lines()
        .filter(|line| line.len() == 1)
        .map(str::to_owned)
        .collect();
    assert_eq!(blocks, ["a", "b", "c", "d", "e"]);
}

#[test]
fn what_a_rule_chose_stands_below_the_source() {
    let text = format!(
        "{HEAD}metadata:
  name: app
  annotations:
    headwater.dev/observed: '{{\"stable\": {{\"from\": \"quay.io/acme/app\", \"selected\": \"1.2.4\"}}}}'
spec:
  tags:
  - name: stable
    annotations: {{headwater.dev/select: 'semver: ~1.2'}}
    from: {{kind: DockerImage, name: quay.io/acme/app}}
  - name: newest
    annotations: {{headwater.dev/select: newest}}
    from: {{kind: DockerImage, name: quay.io/acme/app}}
status:
  tags: [{{tag: stable, items: []}}]
"
    );
    let expected = "Unique Images:\t\t0\nTags:\t\t\t2\n\nnewest
  updates automatically from registry quay.io/acme/app
    selects by newest

  ~ importing latest image ...

stable
  updates automatically from registry quay.io/acme/app
    selects 1.2.4 (semver ~1.2)

";
    assert_eq!(tags_of(&text), expected);
    assert!(described(&text).contains("\nAnnotations:\t\t<none>\n"));
}

#[test]
fn a_tag_is_importing_until_its_source_has_been_seen() {
    let tags = |tag: &str, observed: &str, status: &str| {
        let text = format!(
            "{HEAD}metadata: {{name: app, annotations: {{headwater.dev/observed: '{observed}'}}}}\nspec: {{tags: [{tag}]}}\nstatus: {{tags: [{status}]}}\n"
        );
        tags_of(&text).contains("  ~ importing latest image ...\n")
    };
    let seen = "{tag: a, items: [{dockerImageReference: r, image: x, generation: 2}]}";
    let from = "from: {kind: DockerImage, name: b:1}";
    for (tag, observed, status, expected) in [
        (format!("{{name: a, {from}}}"), "{}", "", true),
        (format!("{{name: a, {from}}}"), "{}", seen, false),
        (
            format!("{{name: a, generation: 2, {from}}}"),
            "{}",
            seen,
            false,
        ),
        (
            format!("{{name: a, generation: 3, {from}}}"),
            "{}",
            seen,
            true,
        ),
        (
            format!("{{name: a, generation: 3, reference: true, {from}}}"),
            "{}",
            seen,
            false,
        ),
        (
            format!("{{name: a, {from}}}"),
            "{\"a\": {\"from\": \"b:0\"}}",
            seen,
            true,
        ),
        ("{name: a, generation: 3}".to_owned(), "{}", seen, false),
    ] {
        assert_eq!(tags(&tag, observed, status), expected, "{tag} {observed}");
    }
}
