//! Our ids to libgit2's and back.

use git2::Oid;

use crate::git::Error;
use crate::revision::{BlobId, CommitId, TreeId};

/// An id that libgit2 knows by its twenty bytes.
pub(crate) trait ObjectId: Sized {
    fn to_oid(&self) -> Result<Oid, Error>;
    fn from_oid(oid: Oid) -> Result<Self, Error>;
}

macro_rules! object_id {
    ($name:ty) => {
        impl ObjectId for $name {
            fn to_oid(&self) -> Result<Oid, Error> {
                Ok(Oid::from_bytes(self.as_bytes())?)
            }

            fn from_oid(oid: Oid) -> Result<Self, Error> {
                let bytes = oid.as_bytes().try_into();
                bytes.map(Self::from_bytes).map_err(|_| Error::ObjectFormat)
            }
        }
    };
}

object_id!(CommitId);
object_id!(TreeId);
object_id!(BlobId);
