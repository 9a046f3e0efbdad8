//! What people say of a pull request.

use jiff::Timestamp;

use crate::support::forge::model::{Model, Pull};

/// May read, and not write.
pub const STRANGER: &str = "eve";

#[derive(Clone, Debug)]
pub struct Review {
    pub id: u64,
    pub author: String,
    pub opinion: Opinion,
    /// What its branch was at.
    pub commit: String,
    pub created: Timestamp,
    pub is_dismissed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    Approves,
    Refuses,
    /// Neither.
    Remarks,
}

impl Review {
    pub fn is_by_writer(&self) -> bool {
        self.author != STRANGER
    }

    pub fn is_approval(&self) -> bool {
        self.opinion == Opinion::Approves && !self.is_dismissed
    }
}

impl Pull {
    /// The last one of each account that is more than a remark, oldest first.
    pub fn opinions(&self) -> Vec<&Review> {
        let is_opinion = |review: &&Review| review.opinion != Opinion::Remarks;
        let opinions: Vec<&Review> = self.reviews.iter().filter(is_opinion).collect();
        let is_last = |place: usize, review: &Review| {
            let later = &opinions[place + 1..];
            later.iter().all(|later| later.author != review.author)
        };
        let places = opinions.iter().enumerate();
        let last = places.filter(|(place, review)| is_last(*place, review));
        last.map(|(_, review)| *review).collect()
    }

    /// How many approvals the forge counts, where nothing dismisses those of older commits.
    pub fn approvals(&self) -> u64 {
        let opinions = self.opinions().into_iter();
        let counted = opinions.filter(|it| it.is_approval() && it.is_by_writer());
        counted.count() as u64
    }
}

impl Model {
    pub fn approve(&mut self, number: u64, who: &str) {
        self.review(number, who, Opinion::Approves);
    }

    pub fn review(&mut self, number: u64, who: &str, opinion: Opinion) {
        let review = Review {
            id: self.next_id(),
            author: who.to_owned(),
            opinion,
            commit: self.pull_request(number).head_commit.clone(),
            created: self.tick_of_clock(),
            is_dismissed: false,
        };
        self.edit(number, |pull| pull.reviews.push(review));
    }

    /// All of somebody.
    pub fn dismiss(&mut self, number: u64, of: &str) {
        self.edit(number, |pull| {
            for review in pull.reviews.iter_mut().filter(|it| it.author == of) {
                review.is_dismissed = true;
            }
        });
    }
}
