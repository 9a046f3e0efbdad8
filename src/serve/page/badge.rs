//! How a stream tag stands in an environment, as a small picture for a README.

use crate::serve::page::text::shown;
use crate::serve::page::words::short;
use crate::serve::state::{DaemonState, is_failure};
use crate::show::{Cell, Compared};

const LONGEST: usize = 60;
const DIGITS: usize = 7;
/// Of a character, in tenths of a pixel; text is stretched to what is reckoned.
const WIDTH: usize = 66;

/// White text has a contrast of 4.5 and more on each.
const LABEL: &str = "#4b5259";
const GOOD: &str = "#1a6b3c";
const WAITS: &str = "#0b57a4";
const BEHIND: &str = "#855200";
const FAILED: &str = "#b3261e";
const UNKNOWN: &str = "#656d76";

/// None: there is no such stream tag.
pub fn badge(
    state: &DaemonState,
    repository: &str,
    environment: &str,
    stream_tag: &str,
) -> Option<String> {
    let lines = state.repository(repository)?.status.stream_tags.iter();
    let mut cells = lines.flat_map(|line| &line.environments);
    let cell = cells.find(|cell| {
        cell.environment == environment && cell.stream_tag.as_deref() == Some(stream_tag)
    })?;
    let (said, colour) = said(cell);
    Some(drawn(&format!("{environment} {stream_tag}"), &said, colour))
}

pub fn unknown() -> String {
    drawn("headwater", "not found", UNKNOWN)
}

fn said(cell: &Cell) -> (String, &'static str) {
    let image = cell.image.as_deref().map(|image| short(image, DIGITS));
    let image = image.unwrap_or_else(|| "no image".to_owned());
    if let Some(why) = cell.waiting.iter().find(|why| is_failure(why)) {
        return (format!("{image} ! {}", why.kind), FAILED);
    }
    match cell.source {
        Some(Compared::Behind { images }) => (format!("{image} {images} behind"), BEHIND),
        Some(Compared::Unknown) => (format!("{image} differs"), BEHIND),
        _ if cell.image.is_none() => (image, UNKNOWN),
        _ if !cell.proposed.is_empty() => (format!("{image} update open"), WAITS),
        _ => (image, GOOD),
    }
}

fn drawn(label: &str, said: &str, colour: &str) -> String {
    let width = |text: &str| text.chars().take(LONGEST).count() * WIDTH / 10;
    let (left, right) = (width(label), width(said));
    let (middle, all) = (left + 12, left + right + 24);
    let (label, said) = (shown(label, LONGEST), shown(said, LONGEST));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all}\" height=\"20\" role=\"img\" \
         aria-label=\"{label}: {said}\"><title>{label}: {said}</title>\
         <rect width=\"{all}\" height=\"20\" rx=\"3\" fill=\"{LABEL}\"/>\
         <path d=\"M{middle} 0h{}a3 3 0 0 1 3 3v14a3 3 0 0 1 -3 3H{middle}z\" fill=\"{colour}\"/>\
         <g fill=\"#ffffff\" font-family=\"Verdana, DejaVu Sans, sans-serif\" font-size=\"11\">\
         <text x=\"6\" y=\"14\" textLength=\"{left}\">{label}</text>\
         <text x=\"{}\" y=\"14\" textLength=\"{right}\">{said}</text></g></svg>\n",
        right + 9,
        middle + 6,
    )
}
