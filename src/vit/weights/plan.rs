//! From the names in a file to canonical tensors: which pieces each is made of, decided on names and shapes
//! alone, so that a file that does not fit is refused before a single number is read.

use std::collections::BTreeMap;

use super::Tensor;
use super::error::{Mismatch, Problem, WrongShape};
use super::layout::Layout;
use super::names::{Meaning, meaning};
use super::report::{Mapped, Reshaped, Spelling};
use super::source::{Entry, TensorFile};

/// One tensor of the file, and how its axes become canonical.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    name: String,
    layout: Layout,
}

#[derive(Clone, Debug)]
enum Recipe {
    /// One tensor, or query, key and value one after the other.
    Pieces(Vec<Piece>),
    Zeros,
    /// The class token with its own position already added.
    ClassTokenWithPosition {
        token: Piece,
        positions: Piece,
    },
    /// Positions without the first `skipped` entries.
    PositionsAfter {
        positions: Piece,
        skipped: usize,
    },
}

#[derive(Clone, Debug)]
struct Planned {
    shape: Vec<usize>,
    recipe: Recipe,
}

pub(super) struct Plan {
    tensors: BTreeMap<String, Planned>,
    pub mapped: Vec<Mapped>,
    pub reshaped: Vec<Reshaped>,
    pub ignored: Vec<String>,
    pub unexpected: Vec<String>,
    pub zero_filled: Vec<String>,
}

/// Query, key and value of one attention layer, as far as they were found.
type Parts = [Option<(Piece, Vec<usize>)>; 3];

impl Plan {
    pub fn new(entries: &BTreeMap<String, Entry>, spelling: Spelling) -> Self {
        let mut plan = Self {
            tensors: BTreeMap::new(),
            mapped: Vec::new(),
            reshaped: Vec::new(),
            ignored: Vec::new(),
            unexpected: Vec::new(),
            zero_filled: Vec::new(),
        };
        let mut merged: BTreeMap<String, Parts> = BTreeMap::new();
        for (name, entry) in entries {
            match meaning(spelling, name) {
                Meaning::Whole(to, layout) if !plan.tensors.contains_key(&to) => {
                    let shape = plan.canonical_shape(name, entry, layout);
                    let recipe = Recipe::Pieces(vec![Piece { name: name.clone(), layout }]);
                    plan.map(name, &to);
                    plan.tensors.insert(to, Planned { shape, recipe });
                }
                Meaning::Part(to, part, layout) => {
                    let shape = plan.canonical_shape(name, entry, layout);
                    plan.map(name, &to);
                    merged.entry(to).or_default()[part] = Some((Piece { name: name.clone(), layout }, shape));
                }
                Meaning::Useless => plan.ignored.push(name.clone()),
                Meaning::Whole(..) | Meaning::Unknown => plan.unexpected.push(name.clone()),
            }
        }
        for (to, parts) in merged {
            plan.merge(to, parts);
        }
        plan
    }

    fn map(&mut self, from: &str, to: &str) {
        self.mapped.push(Mapped { from: from.to_owned(), to: to.to_owned() });
    }

    fn canonical_shape(&mut self, name: &str, entry: &Entry, layout: Layout) -> Vec<usize> {
        let shape = layout.shape(&entry.shape);
        if layout != Layout::AsIs {
            self.reshaped.push(Reshaped { name: name.to_owned(), from: entry.shape.clone(), to: shape.clone() });
        }
        shape
    }

    /// Stacks query, key and value; an incomplete triple stays out and is reported as missing.
    fn merge(&mut self, to: String, parts: Parts) {
        let [Some((query, shape)), Some((key, key_shape)), Some((value, value_shape))] = parts else {
            return;
        };
        let mut merged = shape.clone();
        let tripled = shape.first().and_then(|first| first.checked_mul(3));
        if let (true, true, Some(tripled)) = (shape == key_shape, shape == value_shape, tripled) {
            merged[0] = tripled;
            self.tensors.insert(to, Planned { shape: merged, recipe: Recipe::Pieces(vec![query, key, value]) });
        }
    }

    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|planned| &planned.shape[..])
    }

    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.tensors.keys()
    }

    /// DINOv2 adds the class token's position before the registers are inserted; timm adds it once and for
    /// all, which leaves positions for patches only. Both give the same tokens.
    pub fn fold_class_position(&mut self, skipped: usize) {
        let single = |planned: &Planned| match &planned.recipe {
            Recipe::Pieces(pieces) => pieces.first().cloned(),
            _ => None,
        };
        let (Some(token), Some(positions)) = (self.tensors.get("cls_token"), self.tensors.get("pos_embed")) else {
            return;
        };
        let (Some(token_piece), Some(piece), &[_, count, dim]) =
            (single(token), single(positions), &positions.shape[..])
        else {
            return;
        };
        let token_recipe = Recipe::ClassTokenWithPosition { token: token_piece, positions: piece.clone() };
        let (token_shape, kept) = (token.shape.clone(), count.saturating_sub(skipped));
        self.reshaped.push(Reshaped { name: "pos_embed".into(), from: vec![1, count, dim], to: vec![1, kept, dim] });
        self.tensors.insert("cls_token".into(), Planned { shape: token_shape, recipe: token_recipe });
        let recipe = Recipe::PositionsAfter { positions: piece, skipped };
        self.tensors.insert("pos_embed".into(), Planned { shape: vec![1, kept, dim], recipe });
    }

    /// Compares with what the architecture needs: drops what it does not, fills absent qkv biases, and
    /// accepts shapes that differ in axes of length one only.
    pub fn fit(&mut self, expected: &BTreeMap<String, Vec<usize>>) -> Result<(), Problem> {
        let mut mismatch = Mismatch::default();
        for (name, shape) in expected {
            match self.tensors.get_mut(name) {
                Some(planned) if planned.shape == *shape => {}
                Some(planned) if without_ones(&planned.shape).eq(without_ones(shape)) => {
                    let from = std::mem::replace(&mut planned.shape, shape.clone());
                    self.reshaped.push(Reshaped { name: name.clone(), from, to: shape.clone() });
                }
                Some(planned) => mismatch.wrong_shape.push(WrongShape {
                    name: name.clone(),
                    expected: shape.clone(),
                    found: planned.shape.clone(),
                }),
                None if name.ends_with("attn.qkv.bias") => {
                    self.zero_filled.push(name.clone());
                    self.tensors.insert(name.clone(), Planned { shape: shape.clone(), recipe: Recipe::Zeros });
                }
                None => mismatch.missing.push(name.clone()),
            }
        }
        if mismatch != Mismatch::default() {
            return Err(Problem::Incomplete(mismatch));
        }
        self.tensors.retain(|name, _| expected.contains_key(name));
        let (kept, dropped) = std::mem::take(&mut self.mapped).into_iter().partition(|m| expected.contains_key(&m.to));
        self.mapped = kept;
        self.unexpected.extend(dropped.into_iter().map(|m: Mapped| m.from));
        self.unexpected.sort_unstable();
        Ok(())
    }

    /// Reads every tensor, one piece at a time.
    pub fn read(self, file: &mut TensorFile<'_>) -> Result<BTreeMap<String, Tensor>, Problem> {
        let mut tensors = BTreeMap::new();
        for (name, Planned { shape, recipe }) in self.tensors {
            let elements = shape.iter().product();
            let data = match recipe {
                Recipe::Zeros => vec![0.0; elements],
                Recipe::Pieces(pieces) => {
                    let mut data = Vec::with_capacity(elements);
                    for piece in pieces {
                        piece.append(file, &mut data)?;
                    }
                    data
                }
                Recipe::ClassTokenWithPosition { token, positions } => {
                    let mut data = token.read(file)?;
                    let positions = positions.read(file)?;
                    data.iter_mut().zip(positions).for_each(|(value, position)| *value += position);
                    data
                }
                Recipe::PositionsAfter { positions, skipped } => {
                    let dim = shape.last().copied().unwrap_or_default();
                    positions.read(file)?.split_off(skipped * dim)
                }
            };
            tensors.insert(name, Tensor { shape, data });
        }
        Ok(tensors)
    }
}

impl Piece {
    fn append(&self, file: &mut TensorFile<'_>, out: &mut Vec<f32>) -> Result<(), Problem> {
        let entry = file.entries.get(&self.name).cloned().ok_or(Problem::Truncated)?;
        if !self.layout.reorders() {
            return file.append(&entry, out);
        }
        let mut stored = Vec::new();
        file.append(&entry, &mut stored)?;
        self.layout.append(&stored, &entry.shape, out);
        Ok(())
    }

    fn read(&self, file: &mut TensorFile<'_>) -> Result<Vec<f32>, Problem> {
        let mut data = Vec::new();
        self.append(file, &mut data)?;
        Ok(data)
    }
}

fn without_ones(shape: &[usize]) -> impl Iterator<Item = &usize> {
    shape.iter().filter(|n| **n != 1)
}
