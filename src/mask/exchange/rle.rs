//! Run lengths as COCO stores them: column by column, background first, as numbers or as text.

use super::ExchangeError;
use crate::mask::bitmap::{Label, Mask};

/// Runs of other labels and of `label`, in turn, beginning with others; pixels go down the columns.
pub(super) fn counts(mask: &Mask, label: Label) -> Vec<u32> {
    let size = mask.size();
    let mut counts = vec![0];
    let mut is_inside = false;
    for at in 0..size.area() {
        let is_label = mask.get(at % size.height, at / size.height) == Some(label);
        if is_label != is_inside {
            counts.push(0);
            is_inside = is_label;
        }
        // Photos have fewer than 2³² pixels, and there is always a last run.
        if let Some(run) = counts.last_mut() {
            *run += 1;
        }
    }
    counts
}

/// Writes the label where the runs say; other pixels stay as they are.
pub(super) fn paint(counts: &[u32], mask: &mut Mask, label: Label) -> Result<(), ExchangeError> {
    let size = mask.size();
    let total: u64 = counts.iter().map(|run| u64::from(*run)).sum();
    if total != size.area() as u64 {
        let message = format!("the runs cover {total} pixels and the photo has {size}; export it again");
        return Err(ExchangeError::Invalid(message));
    }
    let mut at = 0;
    for (index, run) in counts.iter().enumerate() {
        let end = at + *run as usize;
        if index % 2 == 1 {
            (at..end).for_each(|at| mask.labels_mut()[at % size.height * size.width + at / size.height] = label);
        }
        at = end;
    }
    Ok(())
}

/// The text form: five bits a character from `0` on, the lowest first, bit six set if more follow; from the fourth
/// run on the difference to the run before the last.
pub(super) fn compress(counts: &[u32]) -> String {
    let mut text = String::new();
    for (index, run) in counts.iter().enumerate() {
        let before = if index > 2 { i64::from(counts[index - 2]) } else { 0 };
        let mut rest = i64::from(*run) - before;
        loop {
            let five = (rest & 0x1f) as u8;
            rest >>= 5;
            // The highest of the five bits is the sign.
            let is_last = rest == if five & 0x10 != 0 { -1 } else { 0 };
            text.push(char::from(b'0' + five + if is_last { 0 } else { 0x20 }));
            if is_last {
                break;
            }
        }
    }
    text
}

/// The reverse of [`compress`].
pub(super) fn decompress(text: &str) -> Result<Vec<u32>, ExchangeError> {
    let damaged = || ExchangeError::Invalid("the compressed runs are damaged; export it again".to_owned());
    let mut counts: Vec<u32> = Vec::new();
    let mut bytes = text.bytes();
    while let Some(first) = bytes.next() {
        let (mut value, mut shift, mut byte) = (0_i64, 0_u32, first);
        loop {
            let bits = byte.checked_sub(b'0').filter(|bits| *bits < 64 && shift < 40).ok_or_else(damaged)?;
            value |= i64::from(bits & 0x1f) << shift;
            shift += 5;
            if bits & 0x20 == 0 {
                if bits & 0x10 != 0 {
                    value |= -1 << shift;
                }
                break;
            }
            byte = bytes.next().ok_or_else(damaged)?;
        }
        if let [.., before, _] = counts[..]
            && counts.len() > 2
        {
            value += i64::from(before);
        }
        counts.push(u32::try_from(value).map_err(|_| damaged())?);
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::sketch::{mask, random_mask};
    use crate::size::Size;

    #[test]
    fn runs_are_those_of_pycocotools() {
        // pycocotools 2.0.11: mask.encode(np.asfortranarray(a))['counts']
        let small = mask(&["..##...", "..#.#..", "#######", ".......", "#.....#"]);
        assert_eq!(compress(&counts(&small, Label::Foreground)), "211010020NO0211O00M0");
        let is_set = |row: usize, column: usize| {
            let inside = (20..150).contains(&row) && (40..222).contains(&column);
            (inside && !((60..70).contains(&row) && (100..110).contains(&column))) || (row, column) == (199, 299)
        };
        let large = Mask::from_fn(Size::new(200, 300), is_set);
        let text = compress(&counts(&large, Label::Foreground));
        assert!(text.starts_with("dj7R4V2000") && text.contains("000VMTNX1l1hNTNX1l1h") && text.ends_with("000kV?oK"));
    }

    #[test]
    fn every_mask_comes_back_from_both_forms() {
        for seed in 0..20 {
            let drawn = random_mask(Size::new(13, 9), seed);
            let mut back = Mask::empty(drawn.size());
            for label in [Label::Foreground, Label::Ignore] {
                let runs = counts(&drawn, label);
                assert_eq!(decompress(&compress(&runs)).unwrap(), runs);
                paint(&runs, &mut back, label).unwrap();
            }
            assert_eq!(back, drawn);
        }
    }

    #[test]
    fn damaged_runs_are_refused() {
        for text in ["P", "\u{7f}", "0\u{20}", "oooooooooooo", "O"] {
            assert!(decompress(text).is_err(), "{text:?}");
        }
        assert!(paint(&[3, 4], &mut Mask::empty(Size::new(2, 2)), Label::Foreground).is_err());
    }
}
