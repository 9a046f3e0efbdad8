//! A question to a registry, and its answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::copying::{Copied, CopyOrder, CopyState};
use crate::image::{Digest, Platform, PublicKey, Reference, Repository, Tag};
use crate::stream::ImportMode;

/// One question: what does this tag, or digest, of this repository name now?
///
/// Two lookups that are equal are asked once a pass.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lookup {
    pub repository: Repository,
    pub wanted: Wanted,
    pub import_mode: ImportMode,
    /// The platforms that import mode Legacy prefers, best first; empty: linux/amd64, else the
    /// first of the index.
    pub platforms: Vec<Platform>,
    /// `importPolicy.insecure`: unverified TLS or plain HTTP, and never a credential over them.
    pub insecure: bool,
    /// The namespace whose pull secrets are used first; none where it has none.
    pub secrets_of: Option<String>,
    /// Digests that were read and hashed before. A registry that still names one of them answers
    /// by one HEAD.
    pub known: BTreeSet<Digest>,
    /// In import mode Legacy: what was chosen before, image by index. An index that is still
    /// named costs one HEAD then, else a HEAD and a GET.
    pub chosen: BTreeMap<Digest, Digest>,
}

/// What can be asked of a registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Question {
    /// Which image is this now?
    Image(Lookup),
    /// Which tags are there?
    Tags(TagListing),
    /// When was this image created, as it says itself?
    Created(Lookup),
    /// Is this image signed by one of these keys?
    Signed(SignedQuestion),
    /// Is this image kept where a copy of it is to be?
    Copied(CopyOrder),
    /// Has all that refers to an image come to the copy that is kept of it?
    Attached(CopyOrder),
    /// Which repositories does the registry have?
    Catalog(CatalogQuestion),
}

/// The question for all tags of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TagListing {
    pub repository: Repository,
    /// As in [`Lookup`].
    pub insecure: bool,
    pub secrets_of: Option<String>,
}

/// The question whether the image of a digest is signed. Never by a tag: what is verified is what
/// is written. Of an index, it is the index that has to be signed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SignedQuestion {
    pub repository: Repository,
    pub digest: Digest,
    /// One of these is enough.
    pub keys: Vec<PublicKey>,
    /// As in [`Lookup`].
    pub insecure: bool,
    pub secrets_of: Option<String>,
}

/// The question for the names of all repositories of a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CatalogQuestion {
    /// Some repository of the registry; only its host counts.
    pub repository: Repository,
}

/// The answer to one [`Question`], of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    Image(Resolution),
    /// In the registry's order, each once; otherwise why there are none: never `Found`.
    Tags(Result<Vec<String>, Resolution>),
    /// RFC 3339, as the image says; none where it says none. Of an index, the youngest of its
    /// images that were looked at.
    Created(Result<Option<String>, Resolution>),
    /// Otherwise why nobody knows: never `Found`.
    Signed(Result<SignedBy, Resolution>),
    /// Otherwise why there is no copy: never `Found`.
    Copied(Result<CopyState, Resolution>),
    /// What came with this answer; otherwise why nobody knows: never `Found`.
    Attached(Result<Copied, Resolution>),
    /// Paths of repositories in the registry's order, each once; otherwise why there are none:
    /// never `Found`. A registry without a catalog is `Missing`.
    Catalog(Result<Vec<String>, Resolution>),
}

/// Who has signed an image. Only `Key` is a signature that counts, and a digest that has one has
/// it for ever, as far as that key is trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignedBy {
    /// One of the keys that were asked about.
    Key(PublicKey),
    /// No signature lies beside the image.
    Nobody,
    /// Signatures lie beside it and none counts; what is wrong with them.
    Others(BTreeSet<SignatureFlaw>),
}

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignatureFlaw {
    /// No signature of one of the keys over these bytes.
    OtherKey,
    /// A good signature of another digest.
    OtherDigest,
    /// A good signature of something that says no such thing as that an image is signed.
    OtherStatement,
    /// No signature that is written as cosign writes it.
    Unreadable,
    /// Its bytes are not those of their digest.
    Altered,
    /// Its bytes are not there.
    Gone,
    TooLarge,
}

/// What earlier passes have read and hashed at one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    pub digests: BTreeSet<Digest>,
    /// What import mode Legacy chose: by index and preferred platforms, the image.
    pub chosen: BTreeMap<(Digest, Vec<Platform>), Digest>,
}

/// By what an image is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Wanted {
    Tag(Tag),
    Digest(Digest),
}

impl Question {
    /// Whose registry is asked first.
    pub fn repository(&self) -> &Repository {
        match self {
            Self::Image(lookup) | Self::Created(lookup) => &lookup.repository,
            Self::Tags(listing) => &listing.repository,
            Self::Signed(question) => &question.repository,
            Self::Copied(order) => &order.to,
            Self::Attached(order) => &order.from,
            Self::Catalog(question) => &question.repository,
        }
    }

    /// The answer that says why there is none.
    pub fn unanswered(&self, why: Resolution) -> Answer {
        match self {
            Self::Image(_) => Answer::Image(why),
            Self::Tags(_) => Answer::Tags(Err(why)),
            Self::Created(_) => Answer::Created(Err(why)),
            Self::Signed(_) => Answer::Signed(Err(why)),
            Self::Copied(_) => Answer::Copied(Err(why)),
            Self::Attached(_) => Answer::Attached(Err(why)),
            Self::Catalog(_) => Answer::Catalog(Err(why)),
        }
    }
}

impl Answer {
    /// What the registry said: none where it is something else than an image, and usable.
    pub fn resolution(&self) -> Option<&Resolution> {
        match self {
            Self::Image(resolution)
            | Self::Tags(Err(resolution))
            | Self::Created(Err(resolution))
            | Self::Signed(Err(resolution))
            | Self::Copied(Err(resolution))
            | Self::Attached(Err(resolution))
            | Self::Catalog(Err(resolution)) => Some(resolution),
            Self::Tags(Ok(_))
            | Self::Created(Ok(_))
            | Self::Signed(Ok(_))
            | Self::Copied(Ok(_))
            | Self::Attached(Ok(_))
            | Self::Catalog(Ok(_)) => None,
        }
    }

    /// The answer to [`Question::Image`]; none where another question was asked.
    pub fn image(self) -> Option<Resolution> {
        match self {
            Self::Image(resolution) => Some(resolution),
            _ => None,
        }
    }
}

/// Something that was copied, or could not be.
#[derive(Clone, Copy, Debug)]
pub struct CopyMade<'a> {
    pub order: &'a CopyOrder,
    pub copied: &'a Copied,
    /// The image was there before: this is what refers to it.
    pub is_attached: bool,
}

impl<'a> CopyMade<'a> {
    /// None where the answer has copied nothing, not even in vain.
    pub fn of(question: &'a Question, answer: &'a Answer) -> Option<Self> {
        let (order, copied, is_attached) = match (question, answer) {
            (Question::Copied(order), Answer::Copied(Ok(CopyState::Made(copied)))) => {
                (order, copied, false)
            }
            (Question::Attached(order), Answer::Attached(Ok(copied))) => (order, copied, true),
            _ => return None,
        };
        let is_nothing = copied.referrers == 0 && copied.left_out.is_empty();
        (!is_attached || !is_nothing).then_some(Self {
            order,
            copied,
            is_attached,
        })
    }
}

/// One phrase.
impl fmt::Display for SignedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "signed by the key {}", key.fingerprint()),
            Self::Nobody => f.write_str("not signed"),
            Self::Others(flaws) => {
                f.write_str("no signature counts: ")?;
                for (number, flaw) in flaws.iter().enumerate() {
                    let joiner = if number == 0 { "" } else { ", " };
                    write!(f, "{joiner}{flaw}")?;
                }
                Ok(())
            }
        }
    }
}

/// What is said of a signature.
impl fmt::Display for SignatureFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherKey => "by none of the keys",
            Self::OtherDigest => "of another digest",
            Self::OtherStatement => "of another statement",
            Self::Unreadable => "not as cosign writes it",
            Self::Altered => "altered",
            Self::Gone => "gone",
            Self::TooLarge => "too large",
        })
    }
}

impl Wanted {
    /// What a reference asks for: its digest, else its tag, else `latest`.
    pub fn of(reference: &Reference) -> Self {
        match (&reference.digest, &reference.tag) {
            (Some(digest), _) => Self::Digest(digest.clone()),
            (None, Some(tag)) => Self::Tag(tag.clone()),
            (None, None) => Self::Tag(Tag::latest()),
        }
    }
}

impl Lookup {
    /// The reference that is asked, spelled as written.
    pub fn reference(&self) -> Reference {
        let (tag, digest) = match &self.wanted {
            Wanted::Tag(tag) => (Some(tag.clone()), None),
            Wanted::Digest(digest) => (None, Some(digest.clone())),
        };
        Reference {
            repository: self.repository.clone(),
            tag,
            digest,
        }
    }
}

/// The answer to one [`Lookup`]. Everything but `Found` keeps the last pin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resolution {
    Found(Found),
    /// The registry answered: no such tag, digest or repository.
    Missing(Fault),
    /// The registry answered: not with these credentials.
    Denied(Fault),
    /// No usable answer: unreachable, too slow, too many requests, a server's error.
    Unavailable(Fault),
    /// An answer that must not be used: a wrong digest, an oversized or ambiguous manifest, a
    /// redirect or realm on another host, a host that is not allowed.
    Refused(Fault),
    /// The index names an image that is not there yet: still being pushed.
    Unsettled(Fault),
}

/// A digest that was either unchanged, or read and hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub digest: Digest,
    /// The digest that the tag itself names, where import mode Legacy chose one of its images.
    pub index: Option<Digest>,
}

/// Why there is no digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `host[:port]` that was asked.
    pub host: String,
    /// What happened, one sentence without a full stop and without secrets.
    pub message: String,
    /// What to do.
    pub advice: Option<String>,
    /// What OpenShift calls it.
    pub reason: Reason,
}

/// The `reason` of an `ImportSuccess` condition (apimachinery `metav1.StatusReason`,
/// openshift-apiserver `pkg/image/apiserver/importer`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    NotFound,
    Unauthorized,
    Forbidden,
    NotV2Registry,
    TooManyRequests,
    InternalError,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.message)?;
        if let Some(advice) = &self.advice {
            write!(f, "; {advice}")?;
        }
        Ok(())
    }
}

impl Resolution {
    /// Why there is no digest; none where there is one.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Found(_) => None,
            Self::Missing(fault)
            | Self::Denied(fault)
            | Self::Unavailable(fault)
            | Self::Refused(fault)
            | Self::Unsettled(fault) => Some(fault),
        }
    }

    /// Why there is no digest, as OpenShift writes it into a condition; none where there is one.
    pub fn reason(&self) -> Option<Reason> {
        self.fault().map(|fault| fault.reason)
    }

    /// One word for tables and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Found(_) => "found",
            Self::Missing(_) => "missing",
            Self::Denied(_) => "denied",
            Self::Unavailable(_) => "unavailable",
            Self::Refused(_) => "refused",
            Self::Unsettled(_) => "unsettled",
        }
    }
}
