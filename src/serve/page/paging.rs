//! So much of a list that a page stays small, however long names and messages are.

use std::ops::Range;

use serde::Serialize;

/// Which part of a list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Paging {
    /// From 1.
    pub page: usize,
    pub pages: usize,
    /// The items of all pages.
    pub items: usize,
    /// Of the items, those on this page: from 1, both inclusive; 0 to 0 of an empty list.
    pub first: usize,
    pub last: usize,
}

impl Paging {
    /// Cuts a list of items of these `weights` (bytes) into pages of at most `budget`, each with at
    /// least one item and at most `most`; gives page `page`, or the last one.
    pub fn of(
        weights: impl IntoIterator<Item = usize>,
        budget: usize,
        most: usize,
        page: usize,
    ) -> (Self, Range<usize>) {
        let mut starts = vec![0];
        let (mut items, mut held, mut sum) = (0, 0, 0);
        for weight in weights {
            if held > 0 && (sum + weight > budget || held == most) {
                starts.push(items);
                (held, sum) = (0, 0);
            }
            items += 1;
            held += 1;
            sum += weight;
        }
        let pages = starts.len();
        let page = page.clamp(1, pages);
        let start = starts.get(page - 1).copied().unwrap_or_default();
        let end = starts.get(page).copied().unwrap_or(items);
        let paging = Self {
            page,
            pages,
            items,
            first: if end > start { start + 1 } else { 0 },
            last: end,
        };
        (paging, start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_on_one_page() {
        let weights = [40, 40, 40, 500, 10, 10];
        let pages: Vec<_> = (1..=4)
            .map(|page| Paging::of(weights, 100, 2, page).1)
            .collect();
        assert_eq!(pages, [0..2, 2..3, 3..4, 4..6]);
        let (paging, range) = Paging::of(weights, 100, 2, 99);
        assert_eq!((paging.page, range), (4, 4..6));
        assert_eq!((paging.first, paging.last, paging.items), (5, 6, 6));
        assert_eq!(Paging::of(weights, 100, 2, 0).0.page, 1);
    }

    #[test]
    fn an_empty_list_has_one_page() {
        let (paging, range) = Paging::of([], 100, 2, 3);
        assert_eq!((paging.page, paging.pages, paging.items), (1, 1, 0));
        assert_eq!((paging.first, paging.last), (0, 0));
        assert!(range.is_empty());
    }
}
