use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::serve::{Daemon, SELDOM, free_ports};
use crate::support::scene::Scene;
use crate::support::wait::until;

#[test]
fn new_settings_count_at_once_and_wrong_ones_never() {
    let scene = Scene::new();
    let bare = scene.bare();
    let mut daemon = Daemon::start(&scene, &[&bare], SELDOM);
    daemon.passes(1);
    let passes = daemon.count("a pass has ended");
    daemon.write_settings(&scene, &[&bare], "server: {interval: 5m}\n");
    daemon.says("new settings are wrong … unknown field `server`");
    fs::write(&daemon.file, "").unwrap();
    daemon.says("new settings are wrong … it is empty");
    let second = scene.home().join("second.git");
    let second = second.to_string_lossy().into_owned();
    scene.origin.git(&["clone", "-q", "--bare", ".", &second]);
    daemon.write_settings(&scene, &[&bare, &second], SELDOM);
    daemon.says("new settings are in force");
    daemon.says("a pass has ended … \"repo\":\"second\"");
    assert!(daemon.count("a pass has ended") > passes);
    // A file beside it says nothing.
    let before = daemon.count("settings are");
    fs::write(daemon.file.with_file_name("other.yaml"), "x").unwrap();
    daemon.signal("-HUP");
    until("the log", || {
        (daemon.count("settings are") >= before).then_some(())
    });
    assert_eq!(daemon.count("in force"), 1, "{}", daemon.log());
    assert_eq!(daemon.ends(), 0);
}

#[test]
fn a_mounted_configuration_is_swapped_by_a_link() {
    let scene = Scene::new();
    let bare = scene.bare();
    let mounted = scene.home().join("server");
    for (version, text) in [("..1", ""), ("..2", "git: {author: {name: other}}\n")] {
        let folder = mounted.join(version);
        fs::create_dir_all(&folder).unwrap();
        let settings = crate::serve::settings(&scene, &[&bare], &format!("{SELDOM}{text}"));
        fs::write(folder.join("config.yaml"), settings).unwrap();
    }
    std::os::unix::fs::symlink("..1", mounted.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/config.yaml", mounted.join("config.yaml")).unwrap();
    let mut daemon = Daemon::start(&scene, &[&bare], SELDOM);
    daemon.passes(1);
    std::os::unix::fs::symlink("..2", mounted.join("..tmp")).unwrap();
    fs::rename(mounted.join("..tmp"), mounted.join("..data")).unwrap();
    daemon.says("new settings are in force");
    assert_eq!(daemon.ends(), 0);
}

/// The status of an answer of the status page; none where nobody listens.
fn status(port: u16) -> Option<u16> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request = "GET / HTTP/1.1\r\nHost: status\r\nConnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

#[test]
fn listeners_go_where_new_settings_say() {
    let scene = Scene::new();
    let bare = scene.bare();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let [first, second] = free_ports();
    let port_taken = taken.local_addr().unwrap().port();
    let at = |port: u16, more: &str| {
        format!("serve: {{interval: 10h, status: {{listen: \"127.0.0.1:{port}\"{more}}}}}\n")
    };
    let mut daemon = Daemon::start(&scene, &[&bare], &at(first, ""));
    assert_eq!(status(first), Some(200));
    daemon.write_settings(&scene, &[&bare], &at(second, ""));
    until("the new address", || (status(second)? == 200).then_some(()));
    until("the old address to be left", || {
        status(first).is_none().then_some(())
    });
    daemon.write_settings(&scene, &[&bare], &at(port_taken, ""));
    daemon.says("it is listened where it was … cannot be listened at");
    assert_eq!(status(second), Some(200));
    // The address stays, and what answers there is another.
    let token = scene.home().join("token");
    fs::write(&token, "a token of some length").unwrap();
    let token = format!(", tokenFile: {}", token.display());
    daemon.write_settings(&scene, &[&bare], &at(second, &token));
    until("the token to be asked for", || {
        (status(second)? == 401).then_some(())
    });
    daemon.write_settings(&scene, &[&bare], SELDOM);
    until("the page to be closed", || {
        status(second).is_none().then_some(())
    });
    assert_eq!(daemon.ends(), 0);
}

#[test]
fn what_cannot_be_meant_is_told_before_anything_begins() {
    let scene = Scene::new();
    scene
        .run(&["serve"])
        .exits(2)
        .says("the daemon needs a server file");
    let file = scene.home().join("c.yaml");
    fs::write(&file, "repositories: [{url: shop}]\n").unwrap();
    let file = file.to_string_lossy().into_owned();
    scene
        .run(&["serve", "--config", &file])
        .exits(2)
        .says("`shop` is neither a URL nor an absolute path");
    fs::write(&file, "repositories: []\n").unwrap();
    scene
        .run(&["serve", "--config", &file, "--shard", "3/3"])
        .exits(2)
        .says("0/3, 1/3 and 2/3 are three");
}
