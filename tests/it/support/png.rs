//! A picture carries the hash of what it shows, so that an old one is found.

const KEY: &[u8] = b"Body";

/// Puts the hash into a `tEXt` chunk behind the header (PNG, 11.3.4.3).
pub fn with_hash(picture: &[u8], hash: &str) -> Vec<u8> {
    const HEADER_END: usize = 8 + 25;
    let content = [b"tEXt", KEY, b"\0", hash.as_bytes()].concat();
    let length = u32::try_from(content.len() - 4).unwrap();
    let chunk = [
        &length.to_be_bytes()[..],
        &content,
        &crc(&content).to_be_bytes()[..],
    ]
    .concat();
    [&picture[..HEADER_END], &chunk, &picture[HEADER_END..]].concat()
}

/// The hash that [`with_hash`] put in.
pub fn hash_in(picture: &[u8]) -> Option<String> {
    let mut rest = picture.get(8..)?;
    while rest.len() >= 12 {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let content = rest.get(8..8 + length)?;
        if &rest[4..8] == b"tEXt"
            && let Some(text) = content.strip_prefix(KEY)
        {
            return Some(String::from_utf8_lossy(&text[1..]).into_owned());
        }
        rest = rest.get(12 + length..)?;
    }
    None
}

/// CRC-32 as PNG computes it (annex D).
fn crc(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let low = crc & 1;
            (crc >> 1) ^ (0xedb8_8320 * low)
        })
    });
    !crc
}

#[test]
fn the_hash_is_put_where_png_readers_find_it() {
    assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    let empty = [&b"\x89PNG\r\n\x1a\n"[..], &[0; 25]].concat();
    let header = {
        let mut header = empty.clone();
        header[8..12].copy_from_slice(&13_u32.to_be_bytes());
        header
    };
    assert_eq!(hash_in(&header), None);
    assert_eq!(
        hash_in(&with_hash(&header, "sha256:1")).as_deref(),
        Some("sha256:1")
    );
}
