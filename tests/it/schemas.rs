//! The files under `schemas/` are what the types say. `HEADWATER_BLESS=1` writes them anew.

use std::fs;
use std::path::Path;

use headwater::config::schema::schemas;

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let bless = std::env::var_os("HEADWATER_BLESS").is_some();
    let mut names = Vec::new();
    for (name, schema) in schemas() {
        names.push(name.to_owned());
        let file = folder.join(name);
        let expected = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        if bless {
            fs::write(&file, &expected).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            committed == expected,
            "schemas/{name} differs from the types; run the tests with HEADWATER_BLESS=1"
        );
    }
    let mut found: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    names.sort();
    assert_eq!(found, names);
}
