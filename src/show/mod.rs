//! What `describe` and `get` print, in the layouts of `oc`: pure text, made of what the files
//! and a registry say.
//!
//! | files | what |
//! |---|---|
//! | `kind`, `selector`, `catalog`, `item` | what can be shown, and which of it |
//! | `stream`, `image`, `meta` | `describe` |
//! | `table`, `row`, `trigger` | the tables of `get` |
//! | `object` | objects, as OpenShift's API gives them |
//! | `doctor` | what `doctor` finds |
//! | `tabs`, `ago`, `size` | Go's tabwriter, and go-units' durations and sizes |

mod ago;
mod catalog;
pub mod doctor;
pub mod image;
#[cfg(test)]
mod image_tests;
mod item;
mod kind;
mod meta;
mod object;
mod row;
mod selector;
mod size;
pub mod stream;
#[cfg(test)]
mod stream_tests;
mod table;
mod tabs;
mod trigger;

use serde_json::Value as Json;

pub use ago::{ago, human_duration};
pub use catalog::{Catalog, FindError, split_image};
pub use item::{Item, Tagged, stream_images, stream_tags};
pub use kind::Kind;
pub use object::list;
pub use selector::{Selector, SelectorError};
pub use size::human_size;
pub use table::{TableStyle, table};
pub use tabs::{Padding, Tabs};
pub use trigger::{State, TriggerLine, lines as trigger_lines};

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
