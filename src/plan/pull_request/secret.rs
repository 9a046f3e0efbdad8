//! Whether a setting of an image may be a secret. Images should hold none; those that do must not
//! have it copied into a pull request that everybody reads.

/// Parts of a name that say so wherever they stand.
const PARTS: &[&str] = &[
    "secret",
    "token",
    "passw",
    "passphrase",
    "credential",
    "private",
    "apikey",
    "accesskey",
    "bearer",
    "cookie",
    "session",
    "signature",
    "webhook",
    "connectionstring",
    "jwt",
];

/// Words of a name, between `_`, `-`, `.` and the like, that say so.
const WORDS: &[&str] = &[
    "key",
    "keys",
    "pass",
    "pwd",
    "pw",
    "auth",
    "cred",
    "creds",
    "cert",
    "certificate",
    "dsn",
    "salt",
    "pin",
    "sas",
    "pat",
    "otp",
    "login",
    "conn",
    "license",
    "licence",
    "seed",
];

/// How tokens of services begin.
const PREFIXES: &[&str] = &[
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glrt-",
    "glptt-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxs-",
    "xapp-",
    "sk-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "eyJ",
    "npm_",
    "pypi-",
    "dckr_pat_",
    "hf_",
    "SG.",
    "shpat_",
    "hvs.",
    "AGE-SECRET-KEY-",
    "dop_v1_",
    "PMAK-",
    "Bearer ",
    "Basic ",
    "-----BEGIN",
];

/// By what it is called.
pub fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let letters: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    PARTS.iter().any(|part| letters.contains(part))
        || words(name)
            .iter()
            .any(|word| WORDS.contains(&word.as_str()))
}

/// `dbPassword_KEY` → `db`, `password`, `key`
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for character in name.chars() {
        let starts_word = was_lower && character.is_ascii_uppercase();
        if !character.is_alphanumeric() || starts_word {
            words.push(String::new());
        }
        if character.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(character.to_ascii_lowercase());
        }
        was_lower = character.is_ascii_lowercase();
    }
    words
}

/// By what it looks like: a known token, a login in an address, a key, or chance itself.
pub fn is_secret_value(value: &str) -> bool {
    let pieces =
        value.split(|c: char| c.is_whitespace() || matches!(c, '=' | ',' | ';' | '"' | '\''));
    let has_token = |piece: &str| PREFIXES.iter().any(|prefix| piece.starts_with(prefix));
    has_token(value)
        || value.contains("-----BEGIN")
        || has_login(value)
        || pieces.clone().any(has_token)
        || pieces.clone().any(is_uuid)
        || query_names(value).any(is_secret_name)
        || looks_random(value)
}

/// `scheme://user@host`, `scheme://user:password@host`
fn has_login(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        authority.contains('@')
    })
}

/// The names in `?name=value&name=value`.
fn query_names(value: &str) -> impl Iterator<Item = &str> {
    let query = value.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .filter_map(|pair| Some(pair.split_once('=')?.0))
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// Long runs without the pattern of words: keys in base64 or hex.
fn looks_random(value: &str) -> bool {
    let short_runs = value.split(|c: char| !c.is_ascii_alphanumeric());
    let long_runs =
        value.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '-')));
    let has = |run: &str, is: fn(&u8) -> bool| run.bytes().any(|byte| is(&byte));
    let is_mixed = |run: &str| {
        has(run, u8::is_ascii_digit)
            && has(run, u8::is_ascii_uppercase)
            && has(run, u8::is_ascii_lowercase)
    };
    short_runs.into_iter().any(|run| {
        let has_digits = has(run, u8::is_ascii_digit) && has(run, u8::is_ascii_alphabetic);
        run.len() >= 20 && ((has_digits && entropy(run) >= 3.0) || entropy(run) >= 4.2)
    }) || long_runs
        .into_iter()
        .any(|run| run.len() >= 32 && !run.starts_with('/') && is_mixed(run) && entropy(run) >= 4.2)
}

/// Bits a byte (Shannon).
fn entropy(run: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in run.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let length = run.len().max(1) as f64;
    let shares = counts.iter().filter(|count| **count > 0);
    shares
        .map(|count| {
            let share = f64::from(*count) / length;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known() {
        for name in [
            "DB_PASSWORD",
            "dbPassword",
            "API_KEY",
            "apikey",
            "GITHUB_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "BASIC_AUTH",
            "TLS_CERT",
            "SENTRY_DSN",
            "SIGNING_PIN",
            "PGPASSWORD",
            "MY_PASSPHRASE",
            "SlackWebhookUrl",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "PATH",
            "JAVA_OPTS",
            "LANG",
            "KEYBOARD",
            "AUTHOR",
            "COMPASS_HOME",
            "PATTERN",
            "PYTHON_VERSION",
            "MONKEY",
            "SPINNER",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn values_of_secrets_are_known() {
        for value in [
            "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
            "Bearer abc",
            "postgres://app:hunter2@db/app",
            "https://x.example/?api_key=abc",
            "-----BEGIN PRIVATE KEY-----",
            "--token=glpat-xyz",
            "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "d41d8cd98f00b204e9800998ecf8427e",
            "eyJhbGciOiJIUzI1NiJ9.e30.x",
            "QWxhZGRpbjpvcGVuc2VzYW1lQWxhZGRpbg==",
        ] {
            assert!(is_secret_value(value), "{value}");
        }
        for value in [
            "",
            "-Xmx768m -XX:+UseG1GC -Djava.security.egd=file:/dev/./urandom",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "/usr/lib/jvm/java-17-openjdk-17.0.9.0.9-2.el9.x86_64",
            "https://github.com/acme/api",
            "8080",
            "en_US.UTF-8",
            "org.springframework.boot.loader.JarLauncher",
            "2026-08-23T07:40:00Z",
            "registry.example.com/acme/some-long-image-name-2024:latest",
        ] {
            assert!(!is_secret_value(value), "{value}");
        }
    }
}
