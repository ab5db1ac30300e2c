//! Segment Anything: a click becomes a mask (Kirillov et al., arXiv 2304.02643).
//!
//! The small image encoder of MobileSAM (arXiv 2306.14289) runs once per photo and takes a second or two;
//! the decoder answers each click from its [`Embedding`] in a fraction of that. Computed on the CPU with the layers
//! of `candle-transformers`, apart from everything else: no other model looks like this one.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, IndexOp, Tensor};
use candle_nn::{Module, VarBuilder};
use candle_transformers::models::segment_anything::mask_decoder::MaskDecoder;
use candle_transformers::models::segment_anything::prompt_encoder::PromptEncoder;
use candle_transformers::models::segment_anything::tiny_vit::{TinyViT, tiny_vit_5m};

use crate::image::{Filter, Framing, Picture, Position, Preparation, Resize, prepare};
use crate::size::Size;

/// Side of the encoder's input in pixels; the photo lies in its upper left corner.
const INPUT: usize = 1024;
/// Side of a cell of the image embedding, in input pixels.
const CELL: usize = 16;
/// Side of a mask pixel, in input pixels.
const MASK_PIXEL: usize = 4;
/// Width of embeddings.
const WIDTH: usize = 256;

/// The model.
pub struct SegmentAnything {
    encoder: TinyViT,
    prompts: PromptEncoder,
    decoder: MaskDecoder,
}

/// What the model knows of a photo: all clicks on it are answered from this.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// `[1, 256, 64, 64]`
    image: Tensor,
    framing: Framing,
}

/// Where the object is, in photo pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    /// On the object (`true`), or beside it.
    pub points: Vec<(Position, bool)>,
    /// Two opposite corners of a box around the object.
    pub area: Option<(Position, Position)>,
}

/// The model's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Above 0 where the object is, `[grid.height, grid.width]`.
    pub logits: Vec<f32>,
    pub grid: Size,
    /// Side of a cell of `grid`, in pixels of `framing`'s input.
    pub cell: Size,
    /// From the photo to where the logits lie.
    pub framing: Framing,
    /// What the model thinks of its own mask: the IoU it expects, about 0…1.
    pub expected_iou: f32,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    #[error(
        "these weights are not those of MobileSAM ({reason}); `vitrine models get mobile-sam` fetches them: {}",
        path.display()
    )]
    Weights { reason: String, path: PathBuf },
    #[error("the weights cannot be read ({source}); check the file's name and permissions: {}", path.display())]
    Read { source: std::io::Error, path: PathBuf },
    #[error("click on the object, or draw a box around it")]
    NoPrompt,
    #[error("the photo cannot be prepared ({0})")]
    Image(#[from] crate::image::ImageError),
    #[error("the computation failed ({0})")]
    Compute(#[from] candle_core::Error),
}

impl SegmentAnything {
    /// Reads `mobile_sam-tiny-vitt.safetensors`, MobileSAM's weights in the original names.
    ///
    /// # Errors
    /// If the file cannot be read, or lacks a tensor or has one of another shape.
    pub fn open(path: &Path) -> Result<Self, SegmentError> {
        let bytes = std::fs::read(path).map_err(|source| SegmentError::Read { source, path: path.to_owned() })?;
        let build = || {
            let weights = VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu)?;
            let cells = INPUT / CELL;
            Ok(Self {
                encoder: tiny_vit_5m(weights.pp("image_encoder"))?,
                prompts: PromptEncoder::new(
                    WIDTH,
                    (cells, cells),
                    (INPUT, INPUT),
                    /* mask channels */ 16,
                    weights.pp("prompt_encoder"),
                )?,
                decoder: MaskDecoder::new(
                    WIDTH,
                    /* masks per prompt */ 3,
                    /* layers and width of the head that expects the IoU */ 3,
                    256,
                    weights.pp("mask_decoder"),
                )?,
            })
        };
        let wrong =
            |error: candle_core::Error| SegmentError::Weights { reason: error.to_string(), path: path.to_owned() };
        build().map_err(wrong)
    }

    /// The photo's embedding; takes long, and is needed once.
    ///
    /// # Errors
    /// If the photo cannot be resized.
    pub fn embed(&self, photo: &Picture) -> Result<Embedding, SegmentError> {
        let size = photo.size();
        let scale = INPUT as f64 / size.height.max(size.width) as f64;
        let side = |length: usize| ((length as f64 * scale).round() as usize).clamp(1, INPUT);
        let preparation = Preparation {
            input: Size::new(side(size.height), side(size.width)),
            // As the authors have them, in units of 255.
            mean: [123.675 / 255.0, 116.28 / 255.0, 103.53 / 255.0],
            std: [58.395 / 255.0, 57.12 / 255.0, 57.375 / 255.0],
            resize: Resize::Whole,
            filter: Filter::Bilinear,
        };
        let prepared = prepare(photo, &preparation)?;
        let Size { height, width } = prepared.size;
        let pixels = Tensor::from_vec(prepared.input, (1, 3, height, width), &Device::Cpu)?;
        let padded = pixels.pad_with_zeros(2, 0, INPUT - height)?.pad_with_zeros(3, 0, INPUT - width)?;
        Ok(Embedding { image: self.encoder.forward(&padded)?, framing: prepared.framing })
    }

    /// The mask that fits a prompt: of the three that a single click may mean (part, object, group) the one that the
    /// model trusts most; one for more.
    ///
    /// # Errors
    /// If the prompt is empty.
    pub fn segment(&self, embedding: &Embedding, prompt: &Prompt) -> Result<Segment, SegmentError> {
        let sparse = self.prompt(embedding, prompt)?;
        let is_ambiguous = prompt.points.len() == 1 && prompt.area.is_none();
        let (_, no_mask) = self.prompts.forward(None, None, None)?;
        let positions = self.prompts.get_dense_pe()?;
        let (masks, ious) = self.decoder.forward(&embedding.image, &positions, &sparse, &no_mask, is_ambiguous)?;
        let ious = ious.i(0)?.to_vec1::<f32>()?;
        let best = (0..ious.len()).max_by(|a, b| ious[*a].total_cmp(&ious[*b])).unwrap_or(0);
        // What lies beyond the photo is padding.
        let input = embedding.framing.input();
        let grid = Size::new(input.height.div_ceil(MASK_PIXEL), input.width.div_ceil(MASK_PIXEL));
        let logits = masks.i((0, best, ..grid.height, ..grid.width))?.flatten_all()?.to_vec1::<f32>()?;
        let cell = Size::square(MASK_PIXEL);
        Ok(Segment { logits, grid, cell, framing: embedding.framing, expected_iou: ious[best] })
    }

    /// `[1, prompts, 256]`
    fn prompt(&self, embedding: &Embedding, prompt: &Prompt) -> Result<Tensor, SegmentError> {
        let at = |position: Position| {
            let Position { x, y } = embedding.framing.input_from_image(position);
            // The encoder adds half a pixel to what it takes for pixel numbers; ours are continuous.
            [x as f32 - 0.5, y as f32 - 0.5]
        };
        let mut parts = Vec::new();
        if !prompt.points.is_empty() {
            let count = prompt.points.len();
            let places: Vec<f32> = prompt.points.iter().flat_map(|(place, _)| at(*place)).collect();
            let labels: Vec<f32> = prompt.points.iter().map(|(_, is_object)| f32::from(*is_object)).collect();
            let places = Tensor::from_vec(places, (1, count, 2), &Device::Cpu)?;
            let labels = Tensor::from_vec(labels, (1, count), &Device::Cpu)?;
            let (embedded, _) = self.prompts.forward(Some((&places, &labels)), None, None)?;
            // A box takes the place of the point that stands for «no box».
            let kept = if prompt.area.is_some() { count } else { count + 1 };
            parts.push(embedded.narrow(1, 0, kept)?);
        }
        if let Some((from, to)) = prompt.area {
            let (a, b) = (at(from), at(to));
            let corners = vec![a[0].min(b[0]), a[1].min(b[1]), a[0].max(b[0]), a[1].max(b[1])];
            let corners = Tensor::from_vec(corners, (1, 4), &Device::Cpu)?;
            let (embedded, _) = self.prompts.forward(None, Some(&corners), None)?;
            // Both corners come in one row.
            parts.push(embedded.reshape((1, 2, WIDTH))?);
        }
        match &parts[..] {
            [] => Err(SegmentError::NoPrompt),
            parts => Ok(Tensor::cat(parts, 1)?),
        }
    }
}

impl std::fmt::Debug for SegmentAnything {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SegmentAnything")
    }
}
