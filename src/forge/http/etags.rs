use std::collections::{BTreeMap, VecDeque};

use reqwest::header::ETAG;
use url::Url;

use crate::forge::http::Answer;

const MAX_ANSWERS: usize = 512;
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Answers with their ETags (RFC 9110, 8.8.3), the oldest forgotten first: an unchanged page
/// costs no quota.
#[derive(Debug, Default)]
pub(crate) struct Etags {
    answers: BTreeMap<Url, Answer>,
    order: VecDeque<Url>,
    bytes: usize,
}

impl Etags {
    pub fn get(&self, url: &Url) -> Option<&Answer> {
        self.answers.get(url)
    }

    pub fn put(&mut self, url: &Url, answer: &Answer) {
        self.remove(url);
        if answer.status != 200 || !answer.headers.contains_key(ETAG) {
            return;
        }
        self.bytes += answer.body.len();
        self.answers.insert(url.clone(), answer.clone());
        self.order.push_back(url.clone());
        while self.order.len() > MAX_ANSWERS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.order.front().cloned() else {
                return;
            };
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, url: &Url) {
        if let Some(answer) = self.answers.remove(url) {
            self.bytes -= answer.body.len();
            self.order.retain(|other| other != url);
        }
    }
}
