use std::collections::BTreeMap;
use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use crate::plain::plain;
use crate::show::lines::{hanging, padded, short_duration};
use crate::show::status::{Cell, Compared, Line, Pending, Status, StatusStyle};

const GAP: usize = 2;

/// A status for people: a table, or where it does not fit, a block for each stream tag; and below
/// it what is open and what waits.
pub fn status_text(status: &Status, style: StatusStyle) -> String {
    let width = style.width.filter(|_| !style.wide);
    let tables = [grid(status, style, false), grid(status, style, true)];
    let mut text = tables
        .into_iter()
        .find(|table| width.is_none_or(|width| table.lines().all(|line| line.width() <= width)))
        .unwrap_or_else(|| blocks(status, style));
    text.push_str(&open(status, style));
    text.push_str(&waiting(status, style));
    text
}

/// What a cell says: the image with its age, and the rest.
fn parts(cell: &Cell, style: StatusStyle) -> (String, Vec<String>) {
    let Some(image) = &cell.image else {
        let there = if cell.stream_tag.is_some() {
            "none"
        } else {
            "-"
        };
        return (there.to_owned(), notes(cell));
    };
    let mut first = short(image, if style.wide { 12 } else { 7 });
    if let Some(since) = &cell.since {
        let _ = match (style.wide, age(since, style)) {
            (false, Some(age)) => write!(first, " {age}"),
            _ => write!(first, " {since}"),
        };
    }
    if let Some(commit) = cell.commit.as_ref().filter(|_| style.wide) {
        let _ = write!(first, " {}", short(commit, 7));
    }
    if cell.source == Some(Compared::Same) {
        first.push_str(" =");
    }
    (first, notes(cell))
}

fn notes(cell: &Cell) -> Vec<String> {
    let mut notes = Vec::new();
    match cell.source {
        Some(Compared::Behind { images }) => notes.push(format!("{images} behind")),
        Some(Compared::Unknown) => notes.push("!=".to_owned()),
        Some(Compared::Same) | None => {}
    }
    if cell.mixed {
        notes.push("mixed".to_owned());
    }
    for pending in &cell.proposed {
        notes.push(match pending.number {
            Some(number) => format!("#{number}"),
            None => pending.state.to_owned(),
        });
    }
    if let Some(why) = cell.waiting.first() {
        notes.push(format!("({})", why.kind));
    }
    notes
}

/// The beginning of a digest or a commit; a name that is neither stays.
fn short(image: &str, digits: usize) -> String {
    let hex = image.rsplit(':').next().unwrap_or(image);
    let is_hex = hex.len() >= 40 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_hex {
        true => hex.chars().take(digits).collect(),
        false => plain(image).into_owned(),
    }
}

fn age(since: &str, style: StatusStyle) -> Option<String> {
    let since: jiff::Timestamp = since.parse().ok()?;
    let seconds = style.now.as_second().saturating_sub(since.as_second());
    Some(short_duration(seconds))
}

/// A table; with `is_folded`, what a cell says beside its image stands below that.
fn grid(status: &Status, style: StatusStyle, is_folded: bool) -> String {
    let mut head = vec!["STREAM TAG".to_owned()];
    head.extend(status.environments.iter().map(|it| it.name.to_uppercase()));
    let mut rows = vec![head];
    for line in &status.stream_tags {
        let mut row = vec![plain(&line.name).into_owned()];
        let mut below = Vec::new();
        for cell in &line.environments {
            let (first, notes) = parts(cell, style);
            if is_folded {
                row.push(first);
                below.push(notes);
            } else {
                row.push(
                    std::iter::once(first)
                        .chain(notes)
                        .collect::<Vec<_>>()
                        .join(" "),
                );
            }
        }
        rows.push(row);
        let most = below.iter().map(Vec::len).max().unwrap_or_default();
        for number in 0..most {
            let notes = below.iter().map(|notes| notes.get(number).cloned());
            let notes = notes.map(Option::unwrap_or_default);
            rows.push(std::iter::once(String::new()).chain(notes).collect());
        }
    }
    aligned(&rows)
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.width()).max().unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let line: String = cells
            .map(|(cell, width)| padded(cell, width + GAP))
            .collect();
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// A block for each stream tag, a line for each environment.
fn blocks(status: &Status, style: StatusStyle) -> String {
    let mut text = String::new();
    let names = status.environments.iter().map(|it| it.name.width());
    let widest = names.max().unwrap_or_default();
    for Line { name, environments } in &status.stream_tags {
        let _ = writeln!(text, "{}", plain(name));
        for cell in environments {
            let (first, notes) = parts(cell, style);
            let head = format!("  {}  ", padded(&cell.environment, widest));
            let said = std::iter::once(first).chain(notes).collect::<Vec<_>>();
            text.push_str(&hanging(&head, &said.join(" "), head.len(), style.width));
        }
    }
    text
}

fn cells(status: &Status) -> impl Iterator<Item = &Cell> {
    let lines = status.stream_tags.iter();
    lines.flat_map(|line| &line.environments)
}

/// The branches that wait for somebody, each once.
fn open(status: &Status, style: StatusStyle) -> String {
    let mut found: BTreeMap<(usize, &str), (&Pending, &str, usize)> = BTreeMap::new();
    for cell in cells(status) {
        let order = order(status, &cell.environment);
        for pending in &cell.proposed {
            let key = (order, pending.branch.as_str());
            found
                .entry(key)
                .or_insert((pending, &cell.environment, 0))
                .2 += 1;
        }
    }
    section("open", found.values(), |(pending, environment, tags)| {
        let place = match (pending.number, &pending.url) {
            (Some(number), Some(url)) => format!("#{number} {url}"),
            _ => pending.branch.clone(),
        };
        let state = match pending.state {
            "open" => String::new(),
            state => format!(", {state}"),
        };
        let plural = if *tags == 1 { "" } else { "s" };
        let said = format!("{}{state}, {tags} stream tag{plural}", plain(&place));
        hanging(&format!("  {environment}  "), &said, 4, style.width)
    })
}

/// What waits and why, equal reasons once.
fn waiting(status: &Status, style: StatusStyle) -> String {
    let mut found: BTreeMap<(usize, &str), (&str, Vec<&str>)> = BTreeMap::new();
    for cell in cells(status) {
        let order = order(status, &cell.environment);
        for why in &cell.waiting {
            let tags = found
                .entry((order, why.message.as_str()))
                .or_insert((&cell.environment, Vec::new()));
            let tag = cell.stream_tag.as_deref().unwrap_or_default();
            if !tags.1.contains(&tag) {
                tags.1.push(tag);
            }
        }
    }
    section(
        "waiting",
        found.iter(),
        |((_, message), (environment, tags))| {
            let tag = tags.first().copied().unwrap_or_default();
            let more = match tags.len() {
                0 | 1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            let head = format!("  {environment}  {}{more}  ", plain(tag));
            hanging(&head, &plain(message), 4, style.width)
        },
    )
}

fn order(status: &Status, environment: &str) -> usize {
    let mut names = status.environments.iter();
    names
        .position(|column| column.name == environment)
        .unwrap_or_default()
}

fn section<T>(
    title: &str,
    entries: impl Iterator<Item = T>,
    mut line: impl FnMut(T) -> String,
) -> String {
    let lines: String = entries.map(&mut line).collect();
    match lines.is_empty() {
        true => lines,
        false => format!("\n{title}\n{lines}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::show::reasons::Why;
    use crate::show::status::Column;

    use super::*;

    fn digest(letter: &str) -> String {
        format!("sha256:{}", letter.repeat(64))
    }

    fn cell(environment: &str, letter: &str, since: &str) -> Cell {
        Cell {
            environment: environment.to_owned(),
            stream_tag: Some(format!("{environment}/web:1")),
            image: Some(digest(letter)),
            since: Some(since.to_owned()),
            commit: Some("3cab71fd0f3b5f0f4d1c0d9f1d7e0a4c5b6a7988".to_owned()),
            ..Cell::default()
        }
    }

    fn status() -> Status {
        let dev = cell("dev", "c", "2026-11-21T10:00:00Z");
        let staging = Cell {
            source: Some(Compared::Same),
            ..cell("staging", "c", "2026-11-21T07:00:00Z")
        };
        let prod = Cell {
            source: Some(Compared::Behind { images: 2 }),
            proposed: vec![Pending {
                branch: "headwater/prod/from-staging".to_owned(),
                state: "open",
                image: Some(digest("c")),
                number: Some(12),
                url: Some("https://git.example/shop/deploy/pulls/12".to_owned()),
            }],
            waiting: vec![Why {
                kind: "windows",
                message: "waits for windows: the next one opens at 2026-11-23T08:00:00Z, Monday 09:00 in Europe/Berlin".to_owned(),
                field: None,
                image: None,
            }],
            ..cell("prod", "a", "2026-11-01T10:00:00Z")
        };
        let column = |name: &str| Column {
            name: name.to_owned(),
            branch: format!("env/{name}"),
            commit: String::new(),
            promoted_from: None,
        };
        Status {
            environments: ["dev", "staging", "prod"].map(column).into(),
            stream_tags: vec![
                Line {
                    name: "web:1".to_owned(),
                    environments: vec![dev.clone(), staging, prod],
                },
                Line {
                    name: "shop/api:2".to_owned(),
                    environments: vec![
                        Cell {
                            image: None,
                            ..dev.clone()
                        },
                        Cell::default(),
                        Cell {
                            image: Some("quay.io/acme/api:2".to_owned()),
                            environment: "prod".to_owned(),
                            stream_tag: Some("shop/api:2".to_owned()),
                            ..Cell::default()
                        },
                    ],
                },
            ],
        }
    }

    fn shown(width: Option<usize>, wide: bool) -> String {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        status_text(&status(), StatusStyle { wide, width, now })
    }

    #[test]
    fn a_row_is_a_line_where_it_fits() {
        assert_eq!(
            shown(Some(80), false),
            "\
STREAM TAG  DEV         STAGING       PROD
web:1       ccccccc 2h  ccccccc 5h =  aaaaaaa 20d 2 behind #12 (windows)
shop/api:2  none        -             quay.io/acme/api:2

open
  prod  #12 https://git.example/shop/deploy/pulls/12, 1 stream tag

waiting
  prod  prod/web:1  waits for windows: the next one opens at
    2026-11-23T08:00:00Z, Monday 09:00 in Europe/Berlin
"
        );
    }

    #[test]
    fn a_narrow_terminal_folds_cells_and_then_rows() {
        let text = shown(Some(64), false);
        assert!(
            text.starts_with(
                "\
STREAM TAG  DEV         STAGING       PROD
web:1       ccccccc 2h  ccccccc 5h =  aaaaaaa 20d
                                      2 behind
                                      #12
                                      (windows)
"
            ),
            "{text}"
        );
        let text = shown(Some(50), false);
        assert!(
            text.starts_with(
                "\
web:1
  dev      ccccccc 2h
  staging  ccccccc 5h =
  prod     aaaaaaa 20d 2 behind #12 (windows)
shop/api:2
"
            ),
            "{text}"
        );
    }

    #[test]
    fn wide_shows_times_and_commits() {
        let text = shown(Some(80), true);
        assert!(
            text.contains("aaaaaaaaaaaa 2026-11-01T10:00:00Z 3cab71f 2 behind #12"),
            "{text}"
        );
    }
}
