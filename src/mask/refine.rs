//! From the smoothed mask to the one that is kept: threshold, holes, the right part, and whether to trust it.

use crate::size::Size;

use super::bitmap::{Label, Mask};
use super::components::Components;
use super::tokencut::MaskProfile;

/// At and above this IoU, coarse and refined mask mean the same object.
const SAME_OBJECT: f64 = 0.5;

/// A mask between 0 and 1, of any size.
#[derive(Clone, Debug)]
pub struct SoftMask {
    pub size: Size,
    /// Row-major.
    pub values: Vec<f32>,
}

/// What became of the refinement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The refined mask was taken.
    Refined,
    /// Its complement was: it agrees with the coarse mask, the refined one does not.
    Complement,
    /// Neither agrees: the coarse mask was kept, for a person to look at.
    Coarse,
}

/// The mask that is kept.
#[derive(Clone, Debug)]
pub struct Refined {
    pub mask: Mask,
    /// Agreement of the coarse mask with the refined one, or with its complement if that was taken.
    pub iou: f64,
    pub verdict: Verdict,
}

/// Chooses among the smoothed mask, its complement and the coarse mask. `soft` is enlarged to the size of `coarse`.
pub fn refine(soft: &SoftMask, coarse: &Mask, profile: MaskProfile) -> Refined {
    let size = coarse.size();
    let mut is_object = above_half(soft, size);
    fill_holes(&mut is_object, size);
    keep_object(&mut is_object, size, profile);
    let refined = mask_of(&is_object, size);
    let agreement = |mask: &Mask| coarse.iou(mask).unwrap_or(0.0);
    let iou = agreement(&refined);
    if iou >= SAME_OBJECT {
        return Refined { mask: refined, iou, verdict: Verdict::Refined };
    }
    is_object.iter_mut().for_each(|set| *set = !*set);
    let complement = mask_of(&is_object, size);
    match agreement(&complement) {
        iou if iou >= SAME_OBJECT => Refined { mask: complement, iou, verdict: Verdict::Complement },
        _ => Refined { mask: coarse.clone(), iou, verdict: Verdict::Coarse },
    }
}

fn mask_of(is_object: &[bool], size: Size) -> Mask {
    Mask::from_fn(size, |row, column| is_object[row * size.width + column])
}

/// Whether the bilinear enlargement exceeds one half, pixel by pixel.
fn above_half(soft: &SoftMask, size: Size) -> Vec<bool> {
    if soft.size == size {
        return soft.values.iter().map(|value| *value > 0.5).collect();
    }
    let columns = taps(soft.size.width, size.width);
    let mut is_above = Vec::with_capacity(size.area());
    for (upper, lower, down) in taps(soft.size.height, size.height) {
        let row = |at: usize| &soft.values[at * soft.size.width..][..soft.size.width];
        let (upper, lower) = (row(upper), row(lower));
        let blended: Vec<f32> = upper.iter().zip(lower).map(|(a, b)| a + (b - a) * down).collect();
        is_above.extend(columns.iter().map(|&(a, b, right)| blended[a] + (blended[b] - blended[a]) * right > 0.5));
    }
    is_above
}

/// For each of `to` places the two of `from` it lies between, and the share of the second.
fn taps(from: usize, to: usize) -> Vec<(usize, usize, f32)> {
    let tap = |at: usize| {
        let position = ((at as f32 + 0.5) * from as f32 / to as f32 - 0.5).clamp(0.0, (from - 1) as f32);
        let first = position as usize;
        (first, (first + 1).min(from - 1), position - first as f32)
    };
    (0..to).map(tap).collect()
}

/// Background that no path through background joins to the border becomes object.
fn fill_holes(is_object: &mut [bool], size: Size) {
    let background = Components::label(size, |index| !is_object[index]);
    for (number, row, columns) in background.spans() {
        if background.list()[number].border.is_none() {
            is_object[row * size.width..][columns].fill(true);
        }
    }
}

/// Keeps one part only.
fn keep_object(is_object: &mut [bool], size: Size, profile: MaskProfile) {
    let parts = Components::label(size, |index| is_object[index]);
    let kept = match profile {
        MaskProfile::Default => parts.largest(),
        MaskProfile::Paper => match second_most_frequent(is_object, &parts) {
            Some(part) => part,
            // There is one label only, and the released code calls all of it the object.
            None => return is_object.fill(true),
        },
    };
    if profile == MaskProfile::Paper && kept.is_none() {
        is_object.iter_mut().for_each(|set| *set = !*set);
        return;
    }
    is_object.fill(false);
    for (_, row, columns) in parts.spans().filter(|(number, ..)| Some(*number) == kept) {
        is_object[row * size.width..][columns].fill(true);
    }
}

/// Among the background and the parts, the one with a single larger one; the background has no number.
fn second_most_frequent(is_object: &[bool], parts: &Components) -> Option<Option<usize>> {
    let background = is_object.iter().filter(|set| !**set).count();
    let areas = parts.list().iter().enumerate().map(|(number, part)| (part.area, Some(number)));
    let mut labels: Vec<(usize, Option<usize>)> = std::iter::once((background, None)).chain(areas).collect();
    labels.sort_by_key(|(area, _)| *area);
    labels.len().checked_sub(2).map(|at| labels[at].1)
}

/// Share of a mask's border pixels that are object, 0…1: objects that are cut off, or background.
pub fn border_contact(mask: &Mask) -> f64 {
    let Size { height, width } = mask.size();
    let is_border = |at: usize| {
        let (row, column) = (at / width, at % width);
        row == 0 || column == 0 || row + 1 == height || column + 1 == width
    };
    let (mut object, mut all) = (0_usize, 0_usize);
    for (at, label) in mask.labels().iter().enumerate() {
        if is_border(at) {
            all += 1;
            object += usize::from(*label == Label::Foreground);
        }
    }
    if all == 0 { 0.0 } else { object as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::sketch::mask;

    fn soft(rows: &[&str]) -> SoftMask {
        let drawn = mask(rows);
        let values = drawn.labels().iter().map(|label| if *label == Label::Foreground { 0.9 } else { 0.1 });
        SoftMask { size: drawn.size(), values: values.collect() }
    }

    #[test]
    fn holes_are_filled_and_the_largest_part_is_kept() {
        let refined = refine(
            &soft(&["###....", "#.#..##", "###...."]),
            &mask(&["###....", "###....", "###...."]),
            MaskProfile::Default,
        );
        assert_eq!(refined.mask, mask(&["###....", "###....", "###...."]));
        assert_eq!((refined.iou, refined.verdict), (1.0, Verdict::Refined));
    }

    #[test]
    fn of_a_large_object_the_paper_takes_the_background_and_then_its_complement() {
        let (large, coarse) = (["######.", "######.", "......."], ["######.", "######.", "......."]);
        let ours = refine(&soft(&large), &mask(&coarse), MaskProfile::Default);
        assert_eq!((ours.verdict, &ours.mask), (Verdict::Refined, &mask(&large)));
        // 12 pixels of object, 9 of background: the second most frequent label is the background, which does not
        // agree with the coarse mask; the complement does.
        let paper = refine(&soft(&large), &mask(&coarse), MaskProfile::Paper);
        assert_eq!((paper.verdict, &paper.mask), (Verdict::Complement, &mask(&large)));
    }

    #[test]
    fn the_paper_ranks_all_labels_by_size() {
        // Background 2, parts 8 and 4: the second most frequent is the smaller part.
        let mut is_object: Vec<bool> = "####.########.".chars().take(14).map(|c| c == '#').collect();
        keep_object(&mut is_object, Size::new(1, 14), MaskProfile::Paper);
        assert_eq!(is_object.iter().filter(|set| **set).count(), 4);
        let mut all = vec![false; 6];
        keep_object(&mut all, Size::new(2, 3), MaskProfile::Paper);
        assert_eq!(all, [true; 6]);
        keep_object(&mut all, Size::new(2, 3), MaskProfile::Paper);
        assert_eq!(all, [false; 6], "background of no pixel is the second most frequent label");
    }

    #[test]
    fn what_agrees_with_neither_is_left_as_it_was() {
        let coarse = mask(&["##....", "##....", "......"]);
        let refined = refine(&soft(&["...###", "...###", "...###"]), &coarse, MaskProfile::Default);
        // The object shares nothing; the complement 4 of 9.
        assert_eq!((refined.verdict, refined.iou), (Verdict::Coarse, 0.0));
        assert_eq!(refined.mask, coarse);
    }

    #[test]
    fn a_smaller_smooth_mask_is_enlarged_between_pixel_centres() {
        let half = SoftMask { size: Size::new(1, 2), values: vec![0.0, 1.0] };
        // By hand: at 8 pixels the value is 0.5 in the middle, so the right four are above.
        assert_eq!(above_half(&half, Size::new(1, 8)), [false, false, false, false, true, true, true, true]);
    }

    #[test]
    fn the_border_is_counted_once() {
        // Of the ten border pixels of 3×4, the two corners on the left.
        assert_eq!(border_contact(&mask(&["#...", ".#..", "#..."])), 0.2);
        assert_eq!(border_contact(&mask(&["#"])), 1.0);
    }
}
