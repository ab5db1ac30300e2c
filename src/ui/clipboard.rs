//! A picture from the clipboard.

use std::sync::Arc;

use crate::app::Command;

/// # Errors
/// A sentence for the user: there is no picture, or no clipboard.
pub fn picture() -> Result<Command, String> {
    let picture =
        arboard::Clipboard::new().and_then(|mut clipboard| clipboard.get_image()).map_err(|error| match error {
            arboard::Error::ContentNotAvailable => "There is no picture on the clipboard; copy one first.".to_owned(),
            error => format!("The clipboard cannot be read: {error}."),
        })?;
    Ok(Command::AddPicture(picture.width, picture.height, Arc::from(picture.bytes)))
}
