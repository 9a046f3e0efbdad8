//! Families of metrics as text.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::tally::Durations;

/// The labels of one series.
pub type Labels = Vec<(&'static str, String)>;

/// Families in the order in which they were added.
#[derive(Debug, Default)]
pub struct Exposition {
    families: Vec<Family>,
}

#[derive(Debug)]
struct Family {
    name: String,
    help: String,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Gauges(Vec<(Labels, f64)>),
    Counters(Vec<(Labels, f64)>),
    Histograms(Vec<(Labels, Durations)>),
}

impl Exposition {
    pub fn gauges(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        self.add(name, help, Values::Gauges(values.into_iter().collect()));
    }

    /// The name is without `_total`, which it is written with.
    pub fn counters(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        let values = values.into_iter();
        let values = values.map(|(labels, count)| (labels, count as f64));
        self.add(name, help, Values::Counters(values.collect()));
    }

    /// The name is without `_total`, which it is written with.
    pub fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.add(name, help, Values::Counters(vec![(Labels::new(), value)]));
    }

    pub fn histograms(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels, Durations)>,
    ) {
        self.add(name, help, Values::Histograms(values.into_iter().collect()));
    }

    fn add(&mut self, name: &str, help: &str, values: Values) {
        let is_empty = match &values {
            Values::Gauges(values) | Values::Counters(values) => values.is_empty(),
            Values::Histograms(values) => values.is_empty(),
        };
        if !is_empty {
            self.families.push(Family {
                name: name.to_owned(),
                help: help.to_owned(),
                values,
            });
        }
    }

    /// In Prometheus' text format, which every scraper reads.
    pub fn text(self) -> Result<String, fmt::Error> {
        let counters: Vec<String> = self
            .families
            .iter()
            .filter(|family| matches!(family.values, Values::Counters(_)))
            .map(|family| family.name.clone())
            .collect();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut open_metrics = String::new();
        text::encode_registry(&mut open_metrics, &registry)?;
        // In OpenMetrics a counter's family has no `_total`, in Prometheus' format it has.
        let mut plain = String::with_capacity(open_metrics.len());
        for line in open_metrics.lines() {
            let header = ["# HELP ", "# TYPE "]
                .into_iter()
                .find_map(|begin| Some((begin, line.strip_prefix(begin)?.split_once(' ')?)));
            match header {
                Some((begin, (name, rest))) if counters.iter().any(|it| it == name) => {
                    plain.push_str(&format!("{begin}{name}_total {rest}"));
                }
                _ => plain.push_str(line),
            }
            plain.push('\n');
        }
        Ok(plain)
    }
}

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for family in &self.families {
            family.encode(&mut encoder)?;
        }
        Ok(())
    }
}

impl Family {
    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (name, help) = (self.name.as_str(), self.help.as_str());
        match &self.values {
            Values::Gauges(values) => {
                let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                for (labels, value) in values {
                    match labels.is_empty() {
                        true => family.encode_gauge(value)?,
                        false => family.encode_family(labels)?.encode_gauge(value)?,
                    }
                }
            }
            Values::Counters(values) => {
                let kind = MetricType::Counter;
                let mut family = encoder.encode_descriptor(name, help, None, kind)?;
                for (labels, value) in values {
                    match labels.is_empty() {
                        true => family.encode_counter::<NoLabelSet, _, f64>(value, None)?,
                        false => family
                            .encode_family(labels)?
                            .encode_counter::<NoLabelSet, _, f64>(value, None)?,
                    }
                }
            }
            Values::Histograms(values) => {
                let kind = MetricType::Histogram;
                let mut family = encoder.encode_descriptor(name, help, None, kind)?;
                for (labels, durations) in values {
                    let classes: Vec<(f64, u64)> = durations.classes().collect();
                    family
                        .encode_family(labels)?
                        .encode_histogram::<NoLabelSet>(
                            durations.sum(),
                            durations.count(),
                            &classes,
                            None,
                        )?;
                }
            }
        }
        Ok(())
    }
}
