//! Markers in a template that is no YAML: each line by itself.

use crate::field_path::FieldPath;
use crate::manifest::facts::{FileFacts, ObjectFacts, Spot};
use crate::manifest::marker;
use crate::manifest::reader::Reader;
use crate::trigger::{MARKER, TriggerKind};
use crate::yaml::Source;

/// A template with more marker lines is generated, and not by a person.
const MAX_MARKERS: usize = 1_000;

/// Reads the lines of `bytes` that hold a marker and can be read by themselves. A trigger's
/// field begins with the line's number, counted from 0.
pub(crate) fn read(bytes: &[u8], facts: &mut FileFacts) {
    let marked = bytes
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| memchr::memmem::find(line, MARKER.as_bytes()).is_some())
        .take(MAX_MARKERS);
    let mut triggers = Vec::new();
    for (number, line) in marked {
        let mut found = read_line(line);
        let shift = |at: &mut Spot| at.line += u32::try_from(number).unwrap_or(u32::MAX - at.line);
        for finding in &mut found.findings {
            shift(&mut finding.at);
        }
        facts.findings.append(&mut found.findings);
        for mut trigger in found.objects.into_iter().flat_map(|object| object.triggers) {
            shift(&mut trigger.at);
            shift(&mut trigger.field_at);
            trigger.kind = TriggerKind::TemplateMarker;
            trigger.field = FieldPath::root().index(number).join(&trigger.field);
            triggers.push(trigger);
        }
    }
    if !triggers.is_empty() {
        facts.objects.push(ObjectFacts {
            kind: String::new(),
            name: String::new(),
            namespace: None,
            document: 0,
            root: FieldPath::root(),
            resolve_names: false,
            is_owned: false,
            is_template: false,
            containers: Vec::new(),
            triggers,
        });
    }
}

fn read_line(line: &[u8]) -> FileFacts {
    let source = Source::parse(line);
    let mut facts = FileFacts::default();
    if let Some(document) = source.documents.first()
        && let Some(root) = &document.root
    {
        let mut reader = Reader::new(&source, document);
        marker::read(&mut reader, root, &mut facts);
        facts.findings.append(&mut reader.findings);
    }
    facts
}

#[cfg(test)]
mod tests {
    use crate::manifest::read_file;
    use crate::trigger::TriggerKind;

    const TEMPLATE: &str = concat!(
        "{{- if .Values.web }}\n",
        "spec:\n",
        "  containers:\n",
        "    - image: web:1 # {\"$imagestream\": \"app/web:1\"}\n",
        "    - image: {{ .Values.side }} # {\"$imagestream\": \"app/side:1\"}\n",
        "      command: [\"{{ .Values.x }}\"]\n",
        "    - image: \"db:2\" # {\"$imagestream\": \"app/db\n",
        "{{- end }}\n",
    );

    #[test]
    fn a_marker_line_of_a_template_is_a_trigger_unless_its_value_is_templated() {
        let facts = read_file(TEMPLATE.as_bytes());
        let triggers: Vec<_> = facts
            .objects
            .iter()
            .flat_map(|object| &object.triggers)
            .collect();
        let [trigger] = triggers.as_slice() else {
            panic!("{triggers:?}")
        };
        assert_eq!(trigger.kind, TriggerKind::TemplateMarker);
        assert_eq!(trigger.field.to_string(), "[3][0].image");
        assert_eq!((trigger.field_at.line, trigger.field_at.column), (4, 14));
        assert_eq!(trigger.current.as_deref(), Some("web:1"));
        let lines: Vec<_> = facts
            .findings
            .iter()
            .map(|finding| finding.at.line)
            .collect();
        assert!(lines.contains(&7), "{:?}", facts.findings);
    }
}
