//! What is done by one at a time, while others wait for what comes of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::OwnedMutexGuard;

use crate::registry::host::lock;

#[derive(Debug, Default)]
pub(in crate::registry) struct Turns {
    taken: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// Held while something is done; the next one's turn comes when it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    key: String,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    pub(super) async fn take(&self, key: String) -> Turn<'_> {
        let mutex = Arc::clone(lock(&self.taken).entry(key.clone()).or_default());
        // Made before waiting: who gives up waiting cleans up too.
        let mut turn = Turn {
            turns: self,
            key,
            held: None,
        };
        turn.held = Some(mutex.lock_owned().await);
        turn
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.held = None;
        let mut taken = lock(&self.turns.taken);
        if taken
            .get(&self.key)
            .is_some_and(|mutex| Arc::strong_count(mutex) == 1)
        {
            taken.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_come_one_after_another_and_leave_nothing() {
        let turns = Turns::default();
        let under_way = std::sync::atomic::AtomicU32::new(0);
        let all = (0..20).map(|_| async {
            let _turn = turns.take("a".to_owned()).await;
            let before = under_way.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            assert_eq!(before, 0);
            tokio::task::yield_now().await;
            under_way.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        });
        let other = turns.take("b".to_owned()).await;
        futures_util::future::join_all(all).await;
        drop(other);
        assert!(lock(&turns.taken).is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing() {
        let turns = Turns::default();
        let first = turns.take("a".to_owned()).await;
        {
            let second = std::pin::pin!(turns.take("a".to_owned()));
            assert!(futures_util::poll!(second).is_pending());
        }
        drop(first);
        assert!(lock(&turns.taken).is_empty());
    }
}
