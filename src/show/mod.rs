//! What reading commands print, those of `oc` in its layouts: pure text, made of what the files
//! and a registry say.
//!
//! | files | what |
//! |---|---|
//! | `kind`, `selector`, `catalog`, `item` | what can be shown, and which of it |
//! | `stream`, `image`, `meta` | `describe` |
//! | `image_info` | `image info` |
//! | `table`, `row`, `trigger` | the tables of `get` |
//! | `builder` | builder images, as a catalog shows them |
//! | `object` | objects, as OpenShift's API gives them |
//! | `across`, `running`, `reasons` | stream tags through the environments, and why they wait |
//! | `status`, `status_text`, `whereabouts`, `lines` | `status` and `where` |
//! | `drift`, `human` | `drift`, and files without the bot's bytes |
//! | `doctor` | what `doctor` finds |
//! | `daemon` | what a daemon knows of a stream |
//! | `tabs`, `ago`, `size` | Go's tabwriter, and go-units' durations and sizes |

mod across;
mod ago;
mod builder;
mod catalog;
pub mod daemon;
pub mod doctor;
mod drift;
mod human;
pub mod image;
mod image_info;
#[cfg(test)]
mod image_info_tests;
#[cfg(test)]
mod image_tests;
mod item;
mod kind;
mod lines;
mod meta;
mod object;
mod reasons;
mod row;
mod running;
mod selector;
mod size;
mod status;
mod status_text;
pub mod stream;
#[cfg(test)]
mod stream_tests;
mod table;
mod tabs;
mod trigger;
mod whereabouts;

use serde_json::Value as Json;

pub use across::{Row, rows};
pub use ago::{ago, human_duration};
pub use builder::{Builder, builders};
pub use catalog::{Catalog, FindError, split_image};
pub use drift::{Change, Difference, Drift, Pair, Side, difference, drift_diff, drift_text};
pub use human::{human, objects as human_objects};
pub use image_info::{ImageInfo, ImageList, choices, info, info_object};
pub use item::{Item, Tagged, stream_images, stream_tags};
pub use kind::Kind;
pub use object::list;
pub use reasons::{Why, reasons};
pub use running::{Running, running};
pub use selector::{Selector, SelectorError};
pub use size::human_size;
pub use status::{Cell, Column, Compared, Line, Pending, Status, StatusStyle};
pub use status_text::status_text;
pub use table::{TableStyle, table};
pub use tabs::{Padding, Tabs};
pub use trigger::{State, TriggerLine, lines as trigger_lines};
pub use whereabouts::{ImagePlaces, Presence, Spot, Whereabouts, whereabouts_text};

/// `value` with the keys of every mapping in their order, as the originals print objects.
pub fn sorted(value: Json) -> Json {
    match value {
        Json::Object(members) => {
            let mut members: Vec<(String, Json)> = members
                .into_iter()
                .map(|(key, value)| (key, sorted(value)))
                .collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Json::Object(members.into_iter().collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
