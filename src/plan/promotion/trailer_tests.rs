use crate::environment::Carry;
use crate::plan::promotion::{Promoted, Wish, promoted};

fn of(number: u8, carry: Carry, only: Option<&[&str]>) -> Promoted {
    Promoted {
        from: "dev".parse().unwrap(),
        commit: format!("{number:040x}").parse().unwrap(),
        carry,
        wish: only.map(|only| Wish {
            by: "ada".to_owned(),
            only: only.iter().map(|only| (*only).to_owned()).collect(),
        }),
    }
}

#[test]
fn what_is_written_is_read() {
    for carry in [Carry::Merge, Carry::Pins] {
        for only in [None, Some(&[][..]), Some(&["web", "shop/api:1"])] {
            let wanted = of(1, carry, only);
            let message = format!("promote\n\n{}Headwater-Plan: abc\n", wanted.trailers());
            assert_eq!(promoted(&message), Some(wanted.clone()));
            let message = message.replace('\n', "\r\n");
            assert_eq!(promoted(&message), Some(wanted));
        }
    }
}

#[test]
fn of_a_squash_the_last_one_counts_alone() {
    let (first, last) = (
        of(1, Carry::Merge, Some(&["web"])),
        of(2, Carry::Merge, None),
    );
    let message = format!(
        "Pull request (#7)\n\n* promote\n\n{}\n* promote\n\n{}\nCo-authored-by: Ada <ada@example.com>\n",
        first.trailers(),
        last.trailers()
    );
    // Nothing of the first one gets into the last one.
    assert_eq!(promoted(&message), Some(last));
}

#[test]
fn lines_of_others_are_none_of_it() {
    let wanted = of(1, Carry::Merge, None);
    let own = wanted.trailers();
    let other = format!("{:040x}", 9);
    for line in [
        format!("Promoted-Commit: {other}"),
        "Promoted-From: prod".to_owned(),
        "Promoted-Carry: pins".to_owned(),
        "Promoted-By: eve".to_owned(),
        "Promoted-Only: web".to_owned(),
        format!("Promoted-From: dev\nPromoted-Commit: {other}"),
        format!("Promoted-From: dev\nPromoted-Commit: {other}\nPromoted-Carry: all"),
        format!("Promoted-From: dev\nPromoted-Commit: {other}\n\nPromoted-Carry: merge"),
        format!("Promoted-From: ../dev\nPromoted-Commit: {other}\nPromoted-Carry: merge"),
        "Promoted-From: dev\nPromoted-Commit: main\nPromoted-Carry: merge".to_owned(),
        format!("> Promoted-From: dev\n> Promoted-Commit: {other}\n> Promoted-Carry: merge"),
    ] {
        let message = format!("promote\n\n{line}\n\n{own}\n{line}\n");
        assert_eq!(promoted(&message), Some(wanted.clone()), "{line}");
        assert_eq!(promoted(&line), None, "{line}");
    }
    assert_eq!(promoted(""), None);
}
