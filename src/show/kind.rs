use std::fmt;

/// What `get` and `describe` can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Stream,
    StreamTag,
    StreamImage,
    /// A tag of a stream with its settings and history, imported or not.
    ImageTag,
    /// An image in the history of any stream.
    Image,
    /// A field that is kept at a stream tag's image; headwater's own.
    Trigger,
}

/// The group of every kind but [`Kind::Trigger`].
const GROUP: &str = "image.openshift.io";

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::Stream,
        Self::StreamTag,
        Self::StreamImage,
        Self::ImageTag,
        Self::Image,
        Self::Trigger,
    ];

    /// `is`, `imagestream`, `imagestreams`, `imagestreams.image.openshift.io`,
    /// `imagestreams.v1.image.openshift.io`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (name, group) = text.split_once('.').unwrap_or((&text, ""));
        let kind = Self::ALL.into_iter().find(|kind| {
            let (short, singular) = kind.names();
            [short, singular, &format!("{short}s"), &kind.plural()].contains(&name)
        })?;
        let group = group.strip_prefix("v1.").unwrap_or(group);
        (group.is_empty() || (group == GROUP && kind != Self::Trigger)).then_some(kind)
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Stream => ("is", "imagestream"),
            Self::StreamTag => ("istag", "imagestreamtag"),
            Self::StreamImage => ("isimage", "imagestreamimage"),
            Self::ImageTag => ("itag", "imagetag"),
            Self::Image => ("image", "image"),
            Self::Trigger => ("trigger", "trigger"),
        }
    }

    /// The name that people type.
    pub fn short(self) -> &'static str {
        self.names().0
    }

    fn plural(self) -> String {
        format!("{}s", self.names().1)
    }

    /// The resource's name in errors: `imagestreams.image.openshift.io`.
    pub fn resource(self) -> String {
        match self {
            Self::Trigger => self.plural(),
            kind => format!("{}.{GROUP}", kind.plural()),
        }
    }

    /// The kind of an object's manifest.
    pub fn manifest_kind(self) -> &'static str {
        match self {
            Self::Stream => "ImageStream",
            Self::StreamTag => "ImageStreamTag",
            Self::StreamImage => "ImageStreamImage",
            Self::ImageTag => "ImageTag",
            Self::Image => "Image",
            Self::Trigger => "Trigger",
        }
    }

    /// What stands at the head of a column, and whether only `-o wide` shows it
    /// (openshift-apiserver `pkg/image/printers/internalversion/printer.go`).
    pub fn columns(self) -> &'static [(&'static str, bool)] {
        match self {
            Self::Stream => &[
                ("NAME", false),
                ("IMAGE REPOSITORY", false),
                ("TAGS", false),
                ("UPDATED", false),
            ],
            Self::StreamTag => &[
                ("NAME", false),
                ("IMAGE REFERENCE", false),
                ("UPDATED", false),
                ("IMAGE NAME", true),
            ],
            Self::StreamImage => &[
                ("NAME", false),
                ("UPDATED", false),
                ("IMAGE REFERENCE", true),
                ("IMAGE NAME", true),
            ],
            Self::ImageTag => &[
                ("NAME", false),
                ("SPEC", false),
                ("STATUS", false),
                ("HISTORY", false),
                ("UPDATED", false),
            ],
            Self::Image => &[("NAME", false), ("IMAGE REFERENCE", false)],
            Self::Trigger => &[
                ("STREAM TAG", false),
                ("OBJECT", false),
                ("FIELD", false),
                ("STATE", false),
                ("IMAGE", false),
                ("PLACE", false),
            ],
        }
    }
}

/// As `-o name` prints it: `imagestream.image.openshift.io`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let singular = self.names().1;
        match self {
            Self::Trigger => f.write_str(singular),
            _ => write!(f, "{singular}.{GROUP}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_all_their_names() {
        for (text, expected) in [
            ("is", Some(Kind::Stream)),
            ("ImageStreams", Some(Kind::Stream)),
            ("imagestream.image.openshift.io", Some(Kind::Stream)),
            ("imagestreams.v1.image.openshift.io", Some(Kind::Stream)),
            ("istag", Some(Kind::StreamTag)),
            ("istags", Some(Kind::StreamTag)),
            ("imagestreamtag", Some(Kind::StreamTag)),
            ("isimage", Some(Kind::StreamImage)),
            ("imagestreamimages", Some(Kind::StreamImage)),
            ("imagetag", Some(Kind::ImageTag)),
            ("itag", Some(Kind::ImageTag)),
            ("image", Some(Kind::Image)),
            ("images", Some(Kind::Image)),
            ("triggers", Some(Kind::Trigger)),
            ("triggers.image.openshift.io", None),
            ("imagestreams.apps", None),
            ("pods", None),
            ("", None),
        ] {
            assert_eq!(Kind::parse(text), expected, "{text}");
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(&kind.to_string()), Some(kind));
            assert_eq!(Kind::parse(&kind.resource()), Some(kind));
        }
    }
}
