//! Tensors in, tensors out: explain prepared inputs for scripts and parity checks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::files::write_atomically;
use crate::size::Size;
use crate::vit::{Batch, Engine, EngineError, KeepMaps, Objective, Trace, TraceOptions, argmax};

/// Why tensors were not explained; the file comes last.
#[derive(Debug, thiserror::Error)]
pub enum TensorError {
    #[error("the file cannot be read ({source}): {}", path.display())]
    Read { source: std::io::Error, path: PathBuf },
    #[error("this is no safetensors file ({source}): {}", path.display())]
    Format { source: safetensors::SafeTensorError, path: PathBuf },
    #[error("{problem}: {}", path.display())]
    Content { problem: String, path: PathBuf },
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the result cannot be written ({source}): {}", path.display())]
    Write { source: std::io::Error, path: PathBuf },
}

/// Reads `image` `[B, 3, H, W]` and optionally `target` `[B]`; writes `logits` `[B, classes]`, `relevance`
/// `[B, g_y, g_x]`, `relevance.first_block_{k}`, `attention.{l}` and `gradient.{l}` `[B, h, N, N]`.
///
/// # Errors
/// If the input lacks what is needed or does not fit the model, or a file cannot be read or written.
pub fn explain_tensors(engine: &dyn Engine, input: &Path, output: &Path) -> Result<(), TensorError> {
    let (batch, targets) = read(input, engine.config().channels)?;
    let options =
        TraceOptions { relevance: true, attention: KeepMaps::All, gradients: KeepMaps::All, ..TraceOptions::default() };
    let objective =
        |index: usize, logits: &[f32]| Objective::Logit(targets.as_ref().map_or_else(|| argmax(logits), |t| t[index]));
    let traces = engine.trace(&batch, &objective, &options)?;
    let tensors = collect(engine, &batch, &traces);
    let views = tensors.iter().map(|(name, (shape, bytes))| {
        TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
    });
    let format = |source| TensorError::Format { source, path: output.to_owned() };
    let views = views.collect::<Result<Vec<_>, _>>().map_err(format)?;
    let bytes = safetensors::serialize(views, None).map_err(format)?;
    write_atomically(output, &bytes).map_err(|source| TensorError::Write { source, path: output.to_owned() })
}

type Named = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

fn collect(engine: &dyn Engine, batch: &Batch, traces: &[Trace]) -> Named {
    let config = engine.config();
    let (grid, prefix) = (config.grid_of(batch.size), config.prefix_tokens());
    let tokens = prefix + grid.area();
    let mut tensors = Named::new();
    let mut add = |name: String, shape: &[usize], of: &dyn Fn(&Trace) -> &[f32]| {
        let bytes = traces.iter().flat_map(|trace| of(trace).iter().flat_map(|v| v.to_le_bytes())).collect();
        tensors.insert(name, ([&[traces.len()], shape].concat(), bytes));
    };
    add("logits".to_owned(), &[config.classes], &|trace| &trace.logits);
    let map = [grid.height, grid.width];
    add("relevance".to_owned(), &map, &|trace| &trace.relevance[0][prefix..]);
    for block in 0..config.depth {
        let maps = [config.heads, tokens, tokens];
        add(format!("relevance.first_block_{block}"), &map, &|trace| &trace.relevance[block][prefix..]);
        add(format!("attention.{block}"), &maps, &|trace| &trace.attention[block]);
        add(format!("gradient.{block}"), &maps, &|trace| &trace.gradients[block]);
    }
    tensors
}

fn read(path: &Path, channels: usize) -> Result<(Batch, Option<Vec<usize>>), TensorError> {
    let bytes = std::fs::read(path).map_err(|source| TensorError::Read { source, path: path.to_owned() })?;
    let file =
        SafeTensors::deserialize(&bytes).map_err(|source| TensorError::Format { source, path: path.to_owned() })?;
    let content = |problem: String| TensorError::Content { problem, path: path.to_owned() };
    let image = file.tensor("image").map_err(|_| {
        content(format!("there is no tensor «image» (found: {}); it must be f32 [B, 3, H, W]", file.names().join(", ")))
    })?;
    let wrong = || content(format!("«image» is {:?} {:?}; it must be f32 [B, 3, H, W]", image.dtype(), image.shape()));
    let (Dtype::F32, &[count, found, height, width]) = (image.dtype(), image.shape()) else {
        return Err(wrong());
    };
    // Without an element, the other axes may be of any length: nothing else in the file bounds them.
    if found != channels || image.data().is_empty() {
        return Err(wrong());
    }
    let pixels = image.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let batch = Batch { pixels, count, size: Size::new(height, width) };
    let targets = match file.tensor("target") {
        Ok(view) => Some(targets(&view, count).map_err(content)?),
        Err(_) => None,
    };
    Ok((batch, targets))
}

fn targets(view: &TensorView<'_>, count: usize) -> Result<Vec<usize>, String> {
    let data = view.data();
    let numbers: Vec<i64> = match view.dtype() {
        Dtype::I64 => data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect(),
        Dtype::I32 => data.as_chunks().0.iter().map(|b| i64::from(i32::from_le_bytes(*b))).collect(),
        Dtype::U8 => data.iter().map(|b| i64::from(*b)).collect(),
        other => return Err(format!("«target» is {other:?}; it must be i64, i32 or u8 [B]")),
    };
    if numbers.len() != count {
        return Err(format!("«target» has {} entries for {count} images", numbers.len()));
    }
    numbers
        .into_iter()
        .map(|n| usize::try_from(n).map_err(|_| format!("«target» holds {n}, which is no class")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_other_channels_or_without_pixels_are_refused_by_their_shape() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.safetensors");
        // Overflowing lengths are only possible beside one of zero.
        for (shape, values) in
            [(vec![1, 0, 1 << 33, 1 << 31], 0), (vec![0, 3, 16, 16], 0), (vec![1, 1, 2, 2], 4), (vec![3, 2, 2], 12)]
        {
            let bytes = vec![0; 4 * values];
            let view = TensorView::new(Dtype::F32, shape.clone(), &bytes).unwrap();
            std::fs::write(&path, safetensors::serialize([("image", view)], None).unwrap()).unwrap();
            let message = read(&path, 3).unwrap_err().to_string();
            assert!(message.contains(&format!("{shape:?}; it must be f32 [B, 3, H, W]")), "{message}");
        }
    }
}
