//! Deliveries that were taken, so that one which comes again causes nothing.

use std::collections::{HashSet, VecDeque};

use axum::http::HeaderMap;
use sha2::{Digest as _, Sha256};

use crate::config::hooks::HookKind;
use crate::serve::hook::header;
use crate::serve::standard_webhooks;

type Key = [u8; 32];

/// The newest ones; the oldest goes when there are too many.
#[derive(Debug)]
pub struct Recent {
    most: usize,
    order: VecDeque<Key>,
    known: HashSet<Key>,
}

impl Recent {
    pub fn new(most: usize) -> Self {
        Self {
            most,
            order: VecDeque::new(),
            known: HashSet::new(),
        }
    }

    /// Whether it is new; then it is remembered.
    pub fn remember(&mut self, key: Key) -> bool {
        if !self.known.insert(key) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// What tells this delivery from others of the hook; none where the sender gives it no number. A
/// registry's notification holds numbers of its own, so that its text tells.
pub fn key(name: &str, kind: HookKind, headers: &HeaderMap, body: &[u8]) -> Option<Key> {
    let of = |number: &[u8]| {
        Sha256::new()
            .chain_update(name)
            .chain_update([0])
            .chain_update(number)
    };
    let names: &[&str] = match kind {
        HookKind::Distribution | HookKind::GitLabRegistry => {
            return Some(of(body).finalize().into());
        }
        HookKind::GitHub | HookKind::Ghcr => &["x-github-delivery"],
        HookKind::Gitea | HookKind::Forgejo => &["x-forgejo-delivery", "x-gitea-delivery"],
        HookKind::GitLab => &[standard_webhooks::ID, "idempotency-key"],
        HookKind::Generic => &[standard_webhooks::ID],
        HookKind::DockerHub | HookKind::Harbor | HookKind::Quay => &[],
    };
    let number = names.iter().find_map(|name| header(headers, name))?;
    Some(of(number.as_bytes()).finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded() {
        let mut recent = Recent::new(3);
        for number in 0..100_u8 {
            assert!(recent.remember([number; 32]));
            assert!(!recent.remember([number; 32]));
        }
        assert_eq!((recent.order.len(), recent.known.len()), (3, 3));
        assert!(!recent.remember([98; 32]) && recent.remember([1; 32]));
    }
}
