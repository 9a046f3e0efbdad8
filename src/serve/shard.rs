//! Which part of the Git repositories one of several daemons looks after.

use std::fmt;
use std::str::FromStr;

use crate::image::Digest;

/// `i/n`: the repositories whose hash falls to `i` of `0..n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    of: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a shard is `i/n`, with i from 0 to n-1: 0/3, 1/3 and 2/3 are three")]
pub struct ShardError;

impl Shard {
    /// Whether the repository at `url` is of this shard.
    pub fn has(self, url: &str) -> bool {
        let digest = Digest::of(url.as_bytes());
        let hash = u64::from_str_radix(digest.short(), 16).unwrap_or_default();
        hash % self.of == self.number
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (number, of) = text.split_once('/').ok_or(ShardError)?;
        let number = number.parse().map_err(|_| ShardError)?;
        let of = of.parse().map_err(|_| ShardError)?;
        match number < of {
            true => Ok(Self { number, of }),
            false => Err(ShardError),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_repository_is_of_one_shard() {
        let shards: Vec<Shard> = ["0/3", "1/3", "2/3"]
            .map(|text| text.parse().unwrap())
            .into();
        let mut counts = [0; 3];
        for number in 0..300 {
            let url = format!("https://git.example/acme/{number}.git");
            let own: Vec<usize> = (0..3).filter(|shard| shards[*shard].has(&url)).collect();
            assert_eq!(own.len(), 1, "{url}");
            counts[own[0]] += 1;
        }
        assert!(counts.iter().all(|count| *count > 60), "{counts:?}");
        for text in ["3/3", "0/0", "1", "a/b", "-1/3", ""] {
            assert_eq!(text.parse::<Shard>(), Err(ShardError), "{text}");
        }
    }
}
