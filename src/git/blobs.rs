//! Reading the contents of files.

use std::path::Path;
use std::sync::Arc;

use git2::{ErrorClass, ErrorCode, ObjectType, Odb, Repository as Raw};

use crate::git::ids::ObjectId;
use crate::git::repository::open_error;
use crate::git::{Error, Repository};
use crate::revision::BlobId;

/// A blob's content, or why it could not be read.
type Content = Result<Arc<[u8]>, Error>;

/// More threads are no faster: they wait for libgit2's locks.
const THREADS: usize = 2;
/// Below this, opening a second repository costs more than it gains.
const WORTH_A_THREAD: usize = 256;

impl Repository {
    /// The content; `limit` in bytes. Knows the blobs that [`Self::merge`] made up too.
    pub fn read_blob(&self, blob: BlobId, limit: u64) -> Result<Arc<[u8]>, Error> {
        self.read_from(&self.raw.odb()?, blob, limit)
    }

    fn read_from(&self, objects: &Odb<'_>, blob: BlobId, limit: u64) -> Content {
        let content = match (read(objects, blob, limit), self.scratch.get()) {
            (Err(Error::Git(_)), Some(scratch)) => read(&scratch.odb()?, blob, limit),
            (here, _) => here,
        };
        content.map_err(|error| match error {
            Error::Git(error) => self.damaged(error),
            error => error,
        })
    }

    /// The size in bytes, without reading the content.
    pub fn blob_size(&self, blob: BlobId) -> Result<u64, Error> {
        let id = blob.to_oid()?;
        let size = match (self.raw.odb()?.read_header(id), self.scratch.get()) {
            (Err(_), Some(scratch)) => scratch.odb()?.read_header(id)?.0,
            (here, _) => here?.0,
        };
        Ok(size as u64)
    }

    /// The contents in the order of `blobs`, each on its own: one that is too large or damaged
    /// does not stop the others.
    pub fn read_blobs(&self, blobs: &[BlobId], limit: u64) -> Vec<Result<Arc<[u8]>, Error>> {
        if blobs.len() < WORTH_A_THREAD {
            return self.read_here(blobs, limit);
        }
        let (here, there) = blobs.split_at(blobs.len() / THREADS);
        let (mut contents, rest) = self.beside(
            || self.read_here(here, limit),
            |again| Ok(again.read_here(there, limit)),
        );
        // The second repository could not be opened; this one is.
        contents.extend(rest.unwrap_or_else(|_| self.read_here(there, limit)));
        contents
    }

    /// Runs `work` on a thread of its own beside `here`, with a second opening of this repository.
    /// Gives what both gave.
    pub fn beside<A, B: Send>(
        &self,
        here: impl FnOnce() -> A,
        work: impl FnOnce(&Self) -> Result<B, Error> + Send,
    ) -> (A, Result<B, Error>) {
        let folder = self.raw.path();
        std::thread::scope(|scope| {
            let other = scope.spawn(move || work(&again(folder)?));
            let given = here();
            let stopped = || Error::Git(git2::Error::from_str("a thread has stopped"));
            (given, other.join().unwrap_or_else(|_| Err(stopped())))
        })
    }

    fn read_here(&self, blobs: &[BlobId], limit: u64) -> Vec<Content> {
        let read = |objects: &Result<Odb<'_>, _>, blob| match objects {
            Ok(objects) => self.read_from(objects, blob, limit),
            Err(_) => self.read_blob(blob, limit),
        };
        let objects = self.raw.odb();
        blobs.iter().map(|blob| read(&objects, *blob)).collect()
    }
}

/// The same repository once more, for another thread.
fn again(folder: &Path) -> Result<Repository, Error> {
    let raw = Raw::open(folder).map_err(|error| open_error(error, folder))?;
    Ok(Repository::from_raw(raw, String::new()))
}

fn read(objects: &Odb<'_>, blob: BlobId, limit: u64) -> Content {
    let id = blob.to_oid()?;
    let (size, kind) = objects.read_header(id)?;
    if size as u64 > limit {
        return Err(Error::TooLarge {
            what: format!("blob {blob}"),
            limit,
        });
    }
    if kind != ObjectType::Blob {
        return Err(git2::Error::new(
            ErrorCode::Invalid,
            ErrorClass::Object,
            format!("{blob} is no blob"),
        )
        .into());
    }
    Ok(objects.read(id)?.data().into())
}
