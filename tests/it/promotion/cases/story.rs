//! The words of a line of a story.

/// Words are told apart by spaces; within `"…"` a space is one, `\n` a line break and `\"` a
/// quotation mark. What follows a `#` is for readers.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            '\\' if is_quoted => {
                let letter = match letters.next() {
                    Some('n') => '\n',
                    Some(other) => other,
                    None => panic!("{line}: nothing follows the last \\"),
                };
                word.get_or_insert_default().push(letter);
            }
            ' ' if !is_quoted => words.extend(word.take()),
            '#' if !is_quoted && word.is_none() => break,
            letter => word.get_or_insert_default().push(letter),
        }
    }
    assert!(!is_quoted, "{line}: a \" is missing");
    words.extend(word);
    words
}

#[test]
fn words_are_told_apart() {
    assert_eq!(
        words(r#"edit dev "a file" "x: \"1\"\n" # why"#),
        ["edit", "dev", "a file", "x: \"1\"\n"]
    );
    assert_eq!(words("  # only words for readers"), [""; 0]);
    assert_eq!(words(r#"never says """#), ["never", "says", ""]);
}
