/// A size in the words of `oc`: thousands, four digits (docker/go-units `HumanSize`, `%.4g`).
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut size = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        unit = next;
        if size < 1000.0 {
            break;
        }
        if next != "EB" {
            size /= 1000.0;
        }
    }
    let decimals = match size {
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        _ => 3,
    };
    let text = format!("{size:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_as_go_units_says_them() {
        for (bytes, expected) in [
            (0, "0B"),
            (1, "1B"),
            (999, "999B"),
            (1000, "1kB"),
            (1024, "1.024kB"),
            (10_245, "10.24kB"),
            (196_634_330, "196.6MB"),
            (430_037_130, "430MB"),
            (1_000_000_000, "1GB"),
            (u64::MAX, "18.45EB"),
        ] {
            assert_eq!(human_size(bytes), expected, "{bytes}");
        }
    }
}
