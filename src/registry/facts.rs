//! What a reviewer is told of images.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use futures_util::future::join;
use futures_util::stream;

use crate::image::ImageFacts;
use crate::lookup::{Lookup, Question, Wanted};
use crate::registry::error::Failure;
use crate::registry::{Registries, in_turns};

impl Registries {
    /// The facts of many images in parallel, in the lookups' order; equal lookups are asked once.
    /// None where the image itself could not be read.
    pub async fn facts_all(&self, lookups: &[Lookup]) -> Vec<Option<ImageFacts>> {
        let questions: Vec<Question> = lookups.iter().cloned().map(Question::Image).collect();
        let facts: HashMap<&Question, Option<ImageFacts>> = stream::iter(in_turns(&questions))
            .map(|question| async move {
                let facts = match question {
                    Question::Image(lookup) => self.facts(lookup).await.ok(),
                    Question::Tags(_)
                    | Question::Created(_)
                    | Question::Signed(_)
                    | Question::Catalog(_) => None,
                };
                (question, facts)
            })
            // As in `answer_all`, this bounds the memory.
            .buffer_unordered(self.inner.concurrency.max(1) * 4)
            .collect()
            .await;
        questions
            .iter()
            .map(|question| facts.get(question).cloned().flatten())
            .collect()
    }

    /// The signature is looked for by the digest that is described, whatever the tag says by now;
    /// where the digest is known before, at the same time.
    async fn facts(&self, lookup: &Lookup) -> Result<ImageFacts, Failure> {
        let access = self.access(&lookup.repository, lookup.insecure, &lookup.secrets_of)?;
        let describe = access.describe(lookup);
        let (description, signature) = match &lookup.wanted {
            Wanted::Digest(digest) => {
                let (description, signature) = join(describe, access.signature(digest)).await;
                (description?, signature)
            }
            Wanted::Tag(_) => {
                let description = describe.await?;
                let signature = access.signature(&description.digest).await;
                (description, signature)
            }
        };
        Ok(ImageFacts {
            description,
            signature,
        })
    }
}
