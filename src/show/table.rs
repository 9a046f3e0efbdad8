use jiff::Timestamp;

use crate::plain::plain;
use crate::show::item::Item;
use crate::show::kind::Kind;
use crate::show::tabs::{Padding, Tabs};

/// How a table of `get` is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct TableStyle {
    /// With the columns that are shown only then.
    pub wide: bool,
    /// With the namespace in front.
    pub namespaces: bool,
    /// With the kind before each name, as where several kinds are shown.
    pub kinds: bool,
    pub no_head: bool,
}

/// The things of one kind as `oc get` prints them; nothing where there is none.
pub fn table(kind: Kind, items: &[Item<'_>], style: TableStyle, now: Timestamp) -> String {
    if items.is_empty() {
        return String::new();
    }
    let shown = |cells: Vec<String>| -> Vec<String> {
        cells
            .into_iter()
            .zip(kind.columns())
            .filter(|(_, (_, is_wide))| style.wide || !is_wide)
            .map(|(cell, _)| cell)
            .collect()
    };
    let has_namespaces = style.namespaces && kind != Kind::Image;
    let mut out = Tabs::new(Padding::Blanks);
    let mut line = |first: &str, cells: Vec<String>| {
        let first = has_namespaces.then(|| first.to_owned());
        let cells = first.into_iter().chain(cells);
        let cells: Vec<String> = cells.map(|cell| plain(&cell).into_owned()).collect();
        out.line(cells.join("\t"));
    };
    if !style.no_head {
        let titles = kind.columns().iter().map(|(title, _)| (*title).to_owned());
        line("NAMESPACE", shown(titles.collect()));
    }
    for item in items {
        let mut cells = shown(item.row(now));
        if let Some(name) = cells.first_mut().filter(|_| style.kinds) {
            *name = format!("{kind}/{name}");
        }
        line(item.namespace().unwrap_or_default(), cells);
    }
    let text = out.finish();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use crate::show::item::{stream_images, stream_tags};
    use crate::show::stream_tests::{now, streams};

    use super::*;

    const STREAMS: &str = "\
kind: ImageStreamList
items:
- metadata: {name: web, namespace: demo}
  spec: {dockerImageRepository: quay.io/acme/web}
  status:
    tags:
    - tag: latest
      items: [{created: 2026-11-21T11:00:00Z, dockerImageReference: quay.io/acme/web@sha256:ab, image: 'sha256:ab'}]
- metadata: {name: empty, namespace: other}
";

    #[test]
    fn columns_are_those_of_oc() {
        let streams = streams(STREAMS);
        let all: Vec<Item<'_>> = streams.iter().map(Item::Stream).collect();
        let shown = |style| table(Kind::Stream, &all, style, now());
        assert_eq!(
            shown(TableStyle::default()),
            "\
NAME    IMAGE REPOSITORY   TAGS     UPDATED
web     quay.io/acme/web   latest   About an hour ago
empty
"
        );
        assert_eq!(
            shown(TableStyle {
                namespaces: true,
                kinds: true,
                no_head: true,
                wide: false,
            }),
            "\
demo    imagestream.image.openshift.io/web     quay.io/acme/web   latest   About an hour ago
other   imagestream.image.openshift.io/empty
"
        );
        let tags: Vec<Item<'_>> = stream_tags(&streams[0])
            .into_iter()
            .map(Item::StreamTag)
            .collect();
        let wide = TableStyle {
            wide: true,
            ..TableStyle::default()
        };
        assert_eq!(
            table(Kind::StreamTag, &tags, TableStyle::default(), now()),
            "\
NAME         IMAGE REFERENCE              UPDATED
web:latest   quay.io/acme/web@sha256:ab   About an hour ago
"
        );
        assert_eq!(
            table(Kind::StreamTag, &tags, wide, now()),
            "\
NAME         IMAGE REFERENCE              UPDATED             IMAGE NAME
web:latest   quay.io/acme/web@sha256:ab   About an hour ago   sha256:ab
"
        );
        let images: Vec<Item<'_>> = stream_images(&streams[0])
            .into_iter()
            .map(Item::stream_image)
            .collect();
        assert_eq!(
            table(Kind::StreamImage, &images, wide, now()),
            "\
NAME            UPDATED             IMAGE REFERENCE              IMAGE NAME
web@sha256:ab   About an hour ago   quay.io/acme/web@sha256:ab   sha256:ab
"
        );
        assert_eq!(table(Kind::Image, &[], wide, now()), "");
        let images: Vec<Item<'_>> = stream_images(&streams[0])
            .into_iter()
            .map(Item::Image)
            .collect();
        assert_eq!(
            table(Kind::Image, &images, TableStyle::default(), now()),
            "\
NAME        IMAGE REFERENCE
sha256:ab   quay.io/acme/web@sha256:ab
"
        );
    }
}
