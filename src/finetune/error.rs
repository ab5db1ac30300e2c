//! What can be wrong with a run, said so that the reader knows what to do about it.

use std::path::PathBuf;

use crate::image::ImageError;
use crate::mask::{ExchangeError, MaskError};

/// Why a selection of photos cannot be trained on.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Mask(#[from] MaskError),
    #[error("there is no photo in this folder; name the folder whose sub-folders are classes: {}", folder.display())]
    NoImages { folder: PathBuf },
    #[error(
        "none of the {photos} photos lies in a folder that names a class of this model, so there is no class of the \
         model to explain; name the folders by WordNet id or class name, or choose the model they belong to: {}",
        example.display()
    )]
    NoKnownClass { photos: usize, example: PathBuf },
    #[error(
        "none of the {photos} photos has a mask, and this run reads masks; paint some, make them with `vitrine mask`, \
         or name their folder with --masks"
    )]
    NoMasks { photos: usize },
    #[error(
        "all photos to train on show one class, from which a model learns to say nothing else; add photos with masks \
         of a second class"
    )]
    OneClass,
    #[error("the mask has no object in it, so nothing pulls the relevance anywhere; paint the object or leave the photo out: {}", path.display())]
    EmptyMask { path: PathBuf },
    #[error("{error}: {}", path.display())]
    Ids { error: ExchangeError, path: PathBuf },
    #[error("the file cannot be read ({source}); check the disk: {}", path.display())]
    Read { source: std::io::Error, path: PathBuf },
}
