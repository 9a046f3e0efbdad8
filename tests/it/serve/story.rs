//! What README tells: from a push of an image to a promotion that waits, seen on the status page.

use crate::serve::{Daemon, free_port, get};
use crate::support::scene::{Scene, deployment, stream};
use crate::support::wait::until;

const CONFIG: &str = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments:
    - {name: dev}
    - {name: prod, branch: prod, promotedFrom: dev, gates: {soak: 8h}}
";

#[test]
fn a_pushed_image_is_proposed_merged_and_waits_for_its_gate_on_the_page() {
    let scene = Scene::of(&[
        ("headwater.yaml", CONFIG),
        ("streams/web.yaml", &stream("shop", "web", "1")),
        ("web.yaml", &deployment("shop", "web", "1")),
    ]);
    scene
        .person
        .git(&["push", "-q", "origin", "HEAD:refs/heads/prod"]);
    let digest = scene.image("acme/web", "1", "one");
    let port = free_port();
    let more = format!("serve: {{interval: 10h, status: {{listen: \"127.0.0.1:{port}\"}}}}\n");
    let mut daemon = Daemon::start(&scene, &[&scene.bare()], &more);
    let branch = until("the bot's branch", || scene.bot_branches().pop());
    let concerns = until("the page to tell of it", || {
        let page = get(port, "/index.json");
        let concerns = page["concerns"].as_array().unwrap().clone();
        (!concerns.is_empty()).then_some(concerns)
    });
    assert_eq!(concerns[0]["urgency"], "waits");
    assert_eq!(concerns[0]["subject"], branch.as_str());
    scene.merge(&branch);
    let path = format!("/repository/{}/promotions.json", repository(port));
    let gate = until("the gate", || {
        let page = get(port, &path);
        let text = page.to_string();
        text.contains("soak").then_some(text)
    });
    assert!(gate.contains("8h in dev, until"), "{gate}");
    let path = format!("/repository/{}/streams.json", repository(port));
    let streams = get(port, &path).to_string();
    assert!(streams.contains(digest.as_str()), "{streams}");
    assert_eq!(daemon.ends(), 0);
}

fn repository(port: u16) -> String {
    let page = get(port, "/index.json");
    page["repositories"][0]["repository"]
        .as_str()
        .unwrap()
        .to_owned()
}
