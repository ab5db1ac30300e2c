//! Pasting: a picture, or the paths of files that were copied as text.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{ColorImage, Context, Event};

use crate::app::Command;

/// What was pasted this frame, unless a text field has it.
pub fn pasted(ctx: &Context) -> Vec<Command> {
    if ctx.text_edit_focused() {
        return Vec::new();
    }
    ctx.input(|input| input.events.iter().filter_map(command).collect())
}

fn command(event: &Event) -> Option<Command> {
    match event {
        Event::PasteImage(picture) => Some(picture_of(picture)),
        Event::Paste(text) => paths(text).map(Command::Open),
        _ => None,
    }
}

fn picture_of(picture: &ColorImage) -> Command {
    let rgba: Vec<u8> = picture.pixels.iter().flat_map(|pixel| pixel.to_srgba_unmultiplied()).collect();
    let [width, height] = picture.size;
    Command::AddPicture(width, height, Arc::from(rgba))
}

/// File managers copy one `file://` address or path a line.
fn paths(text: &str) -> Option<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = text
        .lines()
        .map(|line| PathBuf::from(line.trim().strip_prefix("file://").unwrap_or(line.trim())))
        .filter(|path| path.is_absolute())
        .collect();
    (!paths.is_empty()).then_some(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copied_files_are_opened_and_other_text_is_not() {
        assert_eq!(paths("file:///a/b.png\n/c.jpg\n"), Some(vec!["/a/b.png".into(), "/c.jpg".into()]));
        assert_eq!(paths("a sentence"), None);
    }

    #[test]
    fn a_pasted_picture_keeps_its_pixels() {
        let picture = ColorImage::from_rgba_unmultiplied([1, 2], &[10, 20, 30, 255, 200, 100, 50, 255]);
        let Command::AddPicture(1, 2, rgba) = picture_of(&picture) else { panic!("no picture") };
        assert_eq!(*rgba, [10, 20, 30, 255, 200, 100, 50, 255]);
    }
}
