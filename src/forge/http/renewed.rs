use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::forge::Error;

type Mint = dyn Fn() -> Result<Minted, Error> + Send + Sync;

/// A token that is made when one is needed, used for 80 % of its life, and made anew: by one
/// caller at a time, while the others wait for the same token.
pub struct Renewed {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    mint: Box<Mint>,
    held: Mutex<Option<Held>>,
}

/// A token that was just made.
#[derive(Clone, Debug)]
pub struct Minted {
    pub token: SecretString,
    /// From now, by the clock of who made it, so that no two clocks are compared.
    pub life: SignedDuration,
    /// What it may do, as the forge calls it.
    pub scopes: BTreeSet<String>,
}

#[derive(Debug)]
struct Held {
    minted: Minted,
    since: Timestamp,
}

impl fmt::Debug for Renewed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Renewed").finish_non_exhaustive()
    }
}

impl Renewed {
    pub fn new(
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
        mint: impl Fn() -> Result<Minted, Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            now,
            mint: Box::new(mint),
            held: Mutex::default(),
        }
    }

    /// The token of now, and what it may do.
    pub fn current(&self) -> Result<Minted, Error> {
        let mut held = self.lock();
        if let Some(held) = held.as_ref().filter(|held| held.is_fresh((self.now)())) {
            return Ok(held.minted.clone());
        }
        // An old one must not be given again where no new one is to be had.
        *held = None;
        let minted = (self.mint)()?;
        *held = Some(Held {
            minted: minted.clone(),
            since: (self.now)(),
        });
        Ok(minted)
    }

    /// The forge does not take this token any more: the next caller gets a new one.
    pub fn refused(&self, token: &SecretString) {
        let mut held = self.lock();
        // Another caller may have a new one already.
        if held
            .as_ref()
            .is_some_and(|held| held.minted.token.expose_secret() == token.expose_secret())
        {
            *held = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// A clock that was set back says nothing about the token's age.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.since);
        !age.is_negative() && age < self.minted.life * 4 / 5
    }
}
