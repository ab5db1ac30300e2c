//! The thumbnails on the graphics card, as many as a screen may need and a few more.

use std::sync::Arc;

use eframe::egui::{ColorImage, Context, TextureHandle, TextureOptions};

use crate::image::ImageSource;
use crate::jobs::lru::Lru;
use crate::jobs::thumbnails::ThumbnailResult;

/// Several screens full, at about 150 kB each.
const CAPACITY: usize = 600;

/// More would be felt as a stutter while scrolling.
const UPLOADS_PER_FRAME: usize = 12;

/// Textures by picture, and which pictures are in want of one.
///
/// Each frame the gallery notes what it would like to draw; the shell passes [`Self::take_wanted`] on to
/// [`crate::jobs::thumbnails::Thumbnails`] and what arrives back to [`Self::receive`].
pub struct ThumbnailTextures {
    slots: Lru<ImageSource, Slot>,
    wanted: Vec<ImageSource>,
    visible: Vec<ImageSource>,
    uploads_left: usize,
}

enum Slot {
    /// In memory, not yet on the graphics card.
    Arrived(Arc<ThumbnailResult>),
    Uploaded(TextureHandle),
    Broken(Arc<str>),
}

/// What can be drawn of a picture now.
#[derive(Clone)]
pub(in crate::ui) enum Shown {
    Loading,
    Texture(TextureHandle),
    /// The reason, a sentence for the user.
    Broken(Arc<str>),
}

impl Default for ThumbnailTextures {
    fn default() -> Self {
        Self::new(CAPACITY)
    }
}

impl ThumbnailTextures {
    /// Room for so many thumbnails.
    pub fn new(capacity: usize) -> Self {
        Self { slots: Lru::new(capacity), wanted: Vec::new(), visible: Vec::new(), uploads_left: 0 }
    }

    /// Takes a finished thumbnail; it is uploaded when it is drawn.
    pub fn receive(&mut self, source: ImageSource, result: Arc<ThumbnailResult>) {
        let slot = match result.as_ref() {
            Ok(_) => Slot::Arrived(result),
            Err(reason) => Slot::Broken(reason.as_str().into()),
        };
        self.slots.insert(source, slot, 1);
    }

    /// The pictures that were visible in the last frame and have no thumbnail yet, in the order of reading.
    pub fn take_wanted(&mut self) -> Vec<ImageSource> {
        std::mem::take(&mut self.wanted)
    }

    /// The pictures that were visible in the last frame.
    pub fn visible(&self) -> &[ImageSource] {
        &self.visible
    }

    /// Number of thumbnails that are held.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(in crate::ui) fn begin_frame(&mut self) {
        self.wanted.clear();
        self.visible.clear();
        self.uploads_left = UPLOADS_PER_FRAME;
    }

    /// What can be drawn of a picture; notes it as wanted if there is nothing yet.
    pub(in crate::ui) fn show(&mut self, context: &Context, source: &ImageSource) -> Shown {
        self.visible.push(source.clone());
        let Some(slot) = self.slots.get(source) else {
            if !self.wanted.contains(source) {
                self.wanted.push(source.clone());
            }
            return Shown::Loading;
        };
        if let Slot::Arrived(result) = slot
            && let Ok(thumbnail) = result.as_ref()
        {
            if self.uploads_left == 0 {
                context.request_repaint();
                return Shown::Loading;
            }
            self.uploads_left -= 1;
            let size = [thumbnail.width() as usize, thumbnail.height() as usize];
            let pixels = ColorImage::from_rgb(size, thumbnail.as_raw());
            *slot = Slot::Uploaded(context.load_texture(source.title(), pixels, TextureOptions::LINEAR));
        }
        match slot {
            Slot::Uploaded(texture) => Shown::Texture(texture.clone()),
            Slot::Broken(reason) => Shown::Broken(reason.clone()),
            Slot::Arrived(_) => Shown::Loading,
        }
    }
}

#[cfg(test)]
mod tests {
    use ::image::RgbImage;

    use super::*;

    fn source(index: usize) -> ImageSource {
        ImageSource::file(format!("{index}.jpg"))
    }

    fn receive(textures: &mut ThumbnailTextures, indices: std::ops::Range<usize>) {
        for index in indices {
            textures.receive(source(index), Arc::new(Ok(RgbImage::new(2, 1))));
        }
    }

    #[test]
    fn what_is_missing_is_wanted_until_it_arrives() {
        let (context, mut textures) = (Context::default(), ThumbnailTextures::new(10));
        textures.begin_frame();
        assert!(matches!(textures.show(&context, &source(0)), Shown::Loading));
        assert_eq!(textures.take_wanted(), [source(0)]);
        receive(&mut textures, 0..1);
        textures.receive(source(1), Arc::new(Err("torn".into())));
        textures.begin_frame();
        assert!(matches!(textures.show(&context, &source(0)), Shown::Texture(texture) if texture.size() == [2, 1]));
        assert!(matches!(textures.show(&context, &source(1)), Shown::Broken(reason) if &*reason == "torn"));
        assert!(textures.take_wanted().is_empty());
    }

    #[test]
    fn uploads_are_spread_over_frames() {
        let (context, mut textures) = (Context::default(), ThumbnailTextures::new(100));
        receive(&mut textures, 0..UPLOADS_PER_FRAME + 1);
        let mut uploaded = || {
            textures.begin_frame();
            let shown = (0..=UPLOADS_PER_FRAME).map(|index| textures.show(&context, &source(index)));
            let count = shown.filter(|shown| matches!(shown, Shown::Texture(_))).count();
            assert!(textures.take_wanted().is_empty(), "what has arrived is not asked for again");
            count
        };
        assert_eq!(uploaded(), UPLOADS_PER_FRAME);
        assert_eq!(uploaded(), UPLOADS_PER_FRAME + 1);
    }

    #[test]
    fn the_number_of_textures_is_bounded_and_the_rest_is_freed() {
        let (context, mut textures) = (Context::default(), ThumbnailTextures::new(10));
        let before = context.tex_manager().read().num_allocated();
        for index in 0..100 {
            receive(&mut textures, index..index + 1);
            textures.begin_frame();
            textures.show(&context, &source(index));
        }
        assert!(textures.len() <= 10);
        assert_eq!(context.tex_manager().read().num_allocated() - before, textures.len());
    }
}
