//! The unit, read line by line: `systemd-analyze verify` is not on every machine.

use std::collections::{BTreeMap, BTreeSet};

use crate::deploy::{document, text, texts};

const UNIT: &str = "examples/deploy/systemd/headwater.service";
const CREDENTIALS: &str = "/run/credentials/headwater.service/";

/// Keys by section, as systemd.unit(5), systemd.service(5), systemd.exec(5), systemd.kill(5) and
/// systemd.resource-control(5) name them. systemd only warns of one that it does not know, and
/// then runs without it.
const KNOWN: [(&str, &[&str]); 3] = [
    ("Unit", &["Description", "Documentation", "Wants", "After"]),
    (
        "Service",
        &[
            "AmbientCapabilities",
            "CacheDirectory",
            "CacheDirectoryMode",
            "CapabilityBoundingSet",
            "DynamicUser",
            "Environment",
            "ExecStart",
            "IPAddressDeny",
            "KeyringMode",
            "LimitCORE",
            "LimitNOFILE",
            "LoadCredential",
            "LockPersonality",
            "MemoryDenyWriteExecute",
            "MemoryHigh",
            "MemoryMax",
            "NoNewPrivileges",
            "PrivateDevices",
            "PrivateTmp",
            "PrivateUsers",
            "ProtectClock",
            "ProtectControlGroups",
            "ProtectHome",
            "ProtectHostname",
            "ProtectKernelLogs",
            "ProtectKernelModules",
            "ProtectKernelTunables",
            "ProtectProc",
            "ProtectSystem",
            "RemoveIPC",
            "Restart",
            "RestartPreventExitStatus",
            "RestartSec",
            "RestrictAddressFamilies",
            "RestrictNamespaces",
            "RestrictRealtime",
            "RestrictSUIDSGID",
            "SystemCallArchitectures",
            "SystemCallErrorNumber",
            "SystemCallFilter",
            "TasksMax",
            "TimeoutStopSec",
            "Type",
            "UMask",
        ],
    ),
    ("Install", &["WantedBy"]),
];

#[test]
fn the_unit_has_only_keys_that_systemd_knows() {
    let unit = unit();
    let known: BTreeMap<&str, &[&str]> = KNOWN.into_iter().collect();
    for (section, key) in unit.keys() {
        let keys = known.get(section.as_str());
        let is_known = keys.is_some_and(|keys| keys.contains(&key.as_str()));
        assert!(is_known, "[{section}] {key}");
    }
}

#[test]
fn the_unit_is_shut_in() {
    for (key, value) in [
        ("DynamicUser", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("NoNewPrivileges", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("RestrictNamespaces", "yes"),
        ("CapabilityBoundingSet", ""),
        ("AmbientCapabilities", ""),
        ("CacheDirectory", "headwater"),
        ("TimeoutStopSec", "30"),
        // A server file that is wrong: see `headwater help exit-codes`.
        ("RestartPreventExitStatus", "2"),
    ] {
        assert_eq!(values(key), [value], "{key}");
    }
    let families = "AF_INET AF_INET6 AF_UNIX";
    assert_eq!(values("RestrictAddressFamilies"), [families]);
    let environment = values("Environment");
    assert!(environment.contains(&"XDG_CACHE_HOME=%C".to_owned()));
    assert!(environment.iter().all(|it| !it.contains("TOKEN")));
}

#[test]
fn the_unit_and_its_server_file_name_the_same_files() {
    let start = values("ExecStart");
    let read = "/usr/local/bin/headwater serve --config /etc/headwater/config.yaml";
    assert_eq!(start, [read]);
    let given: BTreeSet<String> = values("LoadCredential")
        .iter()
        .map(|value| value.split(':').next().unwrap().to_owned())
        .collect();
    let named: BTreeSet<String> = texts(&document("examples/deploy/systemd/config.yaml"))
        .iter()
        .filter(|text| text.starts_with('/'))
        .map(|path| path.strip_prefix(CREDENTIALS).unwrap().to_owned())
        .collect();
    assert_eq!(given, named);
}

/// Every value of a key of `[Service]`.
fn values(key: &str) -> Vec<String> {
    let mut unit = unit();
    unit.remove(&("Service".to_owned(), key.to_owned()))
        .unwrap_or_default()
}

/// Section and key to values, as they stand.
fn unit() -> BTreeMap<(String, String), Vec<String>> {
    let mut unit: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in text(UNIT).lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            section = name.strip_suffix(']').unwrap().to_owned();
            continue;
        }
        let (key, value) = line.split_once('=').unwrap();
        let place = (section.clone(), key.to_owned());
        unit.entry(place).or_default().push(value.to_owned());
    }
    unit
}
