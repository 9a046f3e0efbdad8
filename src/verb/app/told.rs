//! What `new-app` says of an image (oc `pkg/helpers/newapp/cmd/describe.go`).

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::image::{Configuration, Description};
use crate::show::human_duration;
use crate::stream::SpecTag;
use crate::verb::app::App;
use crate::verb::app::objects::Port;

/// Of an image's id.
const SHORT: usize = 7;

/// What was found for one application, and what comes of it.
pub(crate) struct Told<'a> {
    pub app: &'a App,
    pub spec: Option<&'a SpecTag>,
    pub known: Option<&'a Description>,
    pub ports: &'a [Port],
    /// `deployment` or `dc`
    pub kind: &'static str,
    pub now: Timestamp,
}

impl Told<'_> {
    pub fn text(&self) -> String {
        let configuration = self.known.and_then(|known| known.configuration.as_ref());
        let mut text = String::new();
        let App { tag, term, .. } = self.app;
        let stream = tag.stream.to_string();
        let _ = match configuration {
            Some(image) => writeln!(
                text,
                "--> Found image {} in image stream {stream:?} under tag {:?} for {term:?}\n",
                self.image(image),
                tag.tag
            ),
            None => writeln!(
                text,
                "--> Found tag :{} in image stream {stream:?} for {term:?}\n",
                tag.tag
            ),
        };
        self.labels(configuration, &mut text);
        if self.kind == "dc" {
            let name = &self.app.name;
            let _ = writeln!(
                text,
                "    * This image will be deployed in deployment config {name:?}"
            );
        }
        if let Some(configuration) = configuration {
            self.runs(configuration, &mut text);
        }
        if !text.ends_with("\n\n") {
            text.push('\n');
        }
        text
    }

    fn image(&self, image: &Configuration) -> String {
        let id = image.digest.encoded();
        let id = id.get(..SHORT).unwrap_or(id);
        let created = image.created.as_deref();
        match created.and_then(|time| time.parse::<Timestamp>().ok()) {
            Some(created) => {
                let age = self.now.as_second().saturating_sub(created.as_second());
                format!("{id} ({} old)", human_duration(age))
            }
            None => id.to_owned(),
        }
    }

    /// Labels of the image; annotations of the tag come first.
    fn labels(&self, configuration: Option<&Configuration>, text: &mut String) {
        let annotations = self.spec.map(|tag| &tag.settings.annotations);
        let labels = configuration.map(|it| &it.labels);
        let value = |key: &str| {
            let of = annotations.and_then(|it| it.get(key));
            let value = of.or_else(|| labels.and_then(|it| it.get(key)))?;
            let line = value.lines().next().unwrap_or_default();
            (!line.is_empty()).then(|| line.to_owned())
        };
        if let Some(name) = value("io.k8s.display-name") {
            let _ = writeln!(text, "    {name}\n    {}", "-".repeat(name.chars().count()));
        }
        if let Some(description) = value("io.k8s.description") {
            let _ = writeln!(text, "    {description}\n");
        }
        if let Some(tags) = value("io.openshift.tags") {
            let _ = writeln!(
                text,
                "    Tags: {}\n",
                tags.split(',').collect::<Vec<_>>().join(", ")
            );
        }
    }

    fn runs(&self, configuration: &Configuration, text: &mut String) {
        let name = &self.app.name;
        let ports = self.ports.iter();
        let ports: Vec<String> = ports
            .map(|port| format!("{}/{}", port.number, port.protocol.to_ascii_lowercase()))
            .collect();
        let _ = match ports.as_slice() {
            [] => writeln!(
                text,
                "    * The image does not expose any ports - if you want to load balance or send traffic to this component\n      you will need to create a service with 'headwater expose {}/{name} --port=[port]' later",
                self.kind
            ),
            [only] => writeln!(
                text,
                "    * Port {only} will be load balanced by service {name:?}"
            ),
            several => writeln!(
                text,
                "    * Ports {} will be load balanced by service {name:?}",
                several.join(", ")
            ),
        };
        if !ports.is_empty() {
            let _ = writeln!(
                text,
                "      * Other containers can access this service through the hostname {name:?}"
            );
        }
        if !configuration.volumes.is_empty() {
            text.push_str(
                "    * This image declares volumes and will default to use non-persistent, host-local storage.\n      You can add persistent volumes later in its manifest.\n",
            );
        }
        if matches!(
            configuration.user.as_deref(),
            None | Some("" | "root" | "0")
        ) {
            let _ = writeln!(
                text,
                "    * WARNING: Image {:?} runs as the 'root' user which may not be permitted by your cluster administrator",
                self.app.tag.to_string()
            );
        }
    }
}
