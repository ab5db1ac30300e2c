//! The order in which people count: `img2` before `img10`, a folder's files together.

use std::cmp::Ordering;

/// Compares two lower-case paths: runs of digits by their number, separators before everything else.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (number_a, rest_a) = split_number(a);
                let (number_b, rest_b) = split_number(b);
                match compare_numbers(number_a, number_b) {
                    Ordering::Equal => (a, b) = (rest_a, rest_b),
                    other => return other,
                }
            }
            (Some(x), Some(y)) => match rank(*x).cmp(&rank(*y)) {
                Ordering::Equal => (a, b) = (&a[1..], &b[1..]),
                other => return other,
            },
        }
    }
}

/// Separators come first, so that `cat/1` and `cat/2` stay together before `cat-2/1`.
fn rank(byte: u8) -> u8 {
    if byte == b'/' { 0 } else { byte }
}

fn split_number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// Numbers of any length by value; of equal ones that with fewer leading zeros first.
fn compare_numbers(a: &[u8], b: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len());
    let (short_a, short_b) = (&a[significant(a)..], &b[significant(b)..]);
    short_a.len().cmp(&short_b.len()).then_with(|| short_a.cmp(short_b)).then_with(|| a.len().cmp(&b.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_people_count() {
        let sorted = [
            "",
            "cat/1.jpg",
            "cat/2.jpg",
            "cat-2/1.jpg",
            "img.jpg",
            "img1.jpg",
            "img2.jpg",
            "img2b.jpg",
            "img02.jpg",
            "img10.jpg",
            // Longer than any integer type.
            "img100000000000000000000000000000000000000001.jpg",
            "img100000000000000000000000000000000000000002.jpg",
            "ärger.jpg",
        ];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} and {b}");
            }
        }
    }
}
