//! Occlusion and RISE: what they must do, by hand and by seed.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use support::explained::{assert_close, open};
use vitrine::relevance::{Method, MethodOptions};
use vitrine::vit::Batch;

#[test]
fn occlusion_is_the_fall_of_the_objective() {
    let fixture = open("wide");
    let (size, patch) = (fixture.batch.size, fixture.engine.config().patch);
    // A batch that does not divide the 32 windows.
    let explanations =
        fixture.explain(Method::Occlusion, &MethodOptions { batch_size: 5, ..MethodOptions::default() }).unwrap();
    let each = 3 * size.area();
    for (i, explanation) in explanations.iter().enumerate() {
        let picture = &fixture.batch.pixels[i * each..][..each];
        let y = |pixels: Vec<f32>| fixture.logits(&Batch { pixels, count: 1, size })[0][fixture.targets[i]];
        let mut falls = Vec::new();
        for cell in 0..explanation.map.grid.area() {
            let (top, left) = (cell / 8 * patch.height, cell % 8 * patch.width);
            let mut covered = picture.to_vec();
            for (position, value) in covered.iter_mut().enumerate() {
                let (row, column) = (position / size.width % size.height, position % size.width);
                if (top..top + patch.height).contains(&row) && (left..left + patch.width).contains(&column) {
                    *value = 0.0;
                }
            }
            falls.push(y(picture.to_vec()) - y(covered));
        }
        // A small difference of two logits: the error is that of the logits, about 1e-6 of 1.
        assert_close("occlusion", &explanation.signed.as_ref().unwrap().values, &falls, 1e-3);
        let positive: Vec<f32> = falls.iter().map(|fall| fall.max(0.0)).collect();
        assert_close("occlusion", &explanation.map.values, &positive, 1e-3);
    }
}

#[test]
fn a_window_over_everything_gives_every_patch_the_same_fall() {
    let fixture = open("plain");
    let grey =
        Batch { pixels: vec![0.0; fixture.batch.pixels.len()], count: fixture.batch.count, size: fixture.batch.size };
    let (clear, hidden) = (fixture.logits(&fixture.batch), fixture.logits(&grey));
    let options = MethodOptions { window: 6, stride: 6, ..MethodOptions::default() };
    for (i, explanation) in fixture.explain(Method::Occlusion, &options).unwrap().iter().enumerate() {
        let fall = clear[i][fixture.targets[i]] - hidden[i][fixture.targets[i]];
        assert_close("fall", &explanation.signed.as_ref().unwrap().values, &[fall; 36], 1e-5);
        assert!(explanation.map.is_flat());
    }
}

/// A picture that is grey but for one patch: only that patch can matter to occlusion.
#[test]
fn occlusion_finds_the_only_patch_that_is_not_grey() {
    let mut fixture = open("plain");
    let (size, kept) = (fixture.batch.size, 2 * 6 + 4);
    for (position, value) in fixture.batch.pixels.iter_mut().enumerate() {
        let (row, column) = (position / size.width % size.height, position % size.width);
        if row / 8 * 6 + column / 8 != kept {
            *value = 0.0;
        }
    }
    for explanation in fixture.explain(Method::Occlusion, &MethodOptions::default()).unwrap() {
        let signed = explanation.signed.unwrap().values;
        // All other windows change no pixel; what is left is rounding in another batch position.
        assert!(signed.iter().enumerate().all(|(cell, fall)| (cell == kept) == (fall.abs() > 1e-4)), "{signed:?}");
    }
}

#[test]
fn rise_repeats_by_seed_and_tells_patches_apart() {
    let fixture = open("plain");
    let rise = |seed, masks| {
        fixture.explain(Method::Rise, &MethodOptions { seed, masks, ..MethodOptions::default() }).unwrap()
    };
    assert_eq!(rise(5, 40), rise(5, 40));
    assert_ne!(rise(5, 40), rise(6, 40));
    let explanations = rise(0, 400);
    for explanation in &explanations {
        assert_eq!(explanation.map.min(), 0.0);
        let signed = explanation.signed.as_ref().unwrap();
        assert!(signed.min() < 0.0 && signed.max() > 0.0);
        assert!(!explanation.map.is_flat());
    }
}

#[test]
fn rise_shows_flat_when_nothing_is_ever_hidden() {
    let fixture = open("plain");
    for explanation in
        fixture.explain(Method::Rise, &MethodOptions { visible: 1.0, masks: 8, ..MethodOptions::default() }).unwrap()
    {
        // Every score is that of the picture itself, up to rounding in another batch position.
        assert!(explanation.map.max() < 1e-6, "{:?}", explanation.map);
    }
}
