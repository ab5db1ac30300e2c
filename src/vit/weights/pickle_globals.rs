//! The only Python names a pickle may ask for, and what stands for a call of each.

use super::error::Problem;
use super::pickle::{Machine, PickledTensor, Ref, Storage, Value, damaged};
use super::source::Element;

/// Vision Transformers have tensors of rank four at most.
const HIGHEST_RANK: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Global {
    RebuildTensor,
    RebuildParameter,
    OrderedDict,
    /// DeiT and MAE checkpoints keep their command line in one; it is carried as an opaque value.
    Namespace,
    Storage(StorageType),
}

/// Element types of `torch.*Storage`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum StorageType {
    Float(Element),
    /// Integers and booleans, of so many bytes each: counters, never weights.
    Other(usize),
}

impl StorageType {
    pub fn bytes(self) -> usize {
        match self {
            Self::Float(element) => element.bytes(),
            Self::Other(bytes) => bytes,
        }
    }
}

impl Global {
    /// Looks a name up; a name not known is refused.
    pub fn named(module: &str, name: &str) -> Result<Self, Problem> {
        Ok(match (module, name) {
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("argparse", "Namespace") => Self::Namespace,
            ("torch", "HalfStorage") => Self::Storage(StorageType::Float(Element::F16)),
            ("torch", "BFloat16Storage") => Self::Storage(StorageType::Float(Element::Bf16)),
            ("torch", "FloatStorage") => Self::Storage(StorageType::Float(Element::F32)),
            ("torch", "DoubleStorage") => Self::Storage(StorageType::Float(Element::F64)),
            ("torch", "BoolStorage" | "ByteStorage" | "CharStorage") => Self::Storage(StorageType::Other(1)),
            ("torch", "ShortStorage") => Self::Storage(StorageType::Other(2)),
            ("torch", "IntStorage") => Self::Storage(StorageType::Other(4)),
            ("torch", "LongStorage") => Self::Storage(StorageType::Other(8)),
            _ => return Err(Problem::ForbiddenGlobal(format!("{module}.{name}"))),
        })
    }
}

impl Machine<'_> {
    /// What `callee(*arguments)` would return, for the known callees.
    pub(super) fn rebuild(&self, callee: Ref, arguments: Ref) -> Result<Value, Problem> {
        let Value::Global(global) = self.value(callee) else {
            return Err(damaged("a call of something that is not a function"));
        };
        let Value::Tuple(arguments) = self.value(arguments) else {
            return Err(damaged("a call without arguments"));
        };
        match global {
            Global::RebuildTensor => self.tensor(arguments),
            Global::RebuildParameter => match arguments.first().map(|data| self.value(*data)) {
                Some(tensor @ Value::Tensor(_)) => Ok(tensor.clone()),
                _ => Err(damaged("a parameter without a tensor")),
            },
            Global::OrderedDict => self.ordered_dict(arguments),
            Global::Namespace => Ok(Value::Opaque),
            Global::Storage(_) => Err(damaged("a call of a storage type")),
        }
    }

    /// `OrderedDict()` or, from Python 2, `OrderedDict([[key, value], …])`.
    fn ordered_dict(&self, arguments: &[Ref]) -> Result<Value, Problem> {
        let Some(items) = arguments.first() else {
            return Ok(Value::Dict(Vec::new()));
        };
        let Value::List(items) = self.value(*items) else {
            return Err(damaged("an OrderedDict of something that is not a list"));
        };
        let pair = |item: &Ref| match self.value(*item) {
            Value::List(pair) | Value::Tuple(pair) => <[Ref; 2]>::try_from(pair.as_slice()).ok(),
            _ => None,
        };
        let pairs: Option<Vec<(Ref, Ref)>> = items.iter().map(|item| pair(item).map(|[k, v]| (k, v))).collect();
        pairs.map(Value::Dict).ok_or_else(|| damaged("an OrderedDict of something that is not pairs"))
    }

    /// `_rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks, …)`.
    fn tensor(&self, arguments: &[Ref]) -> Result<Value, Problem> {
        let [storage, offset, shape, strides, ..] = arguments else {
            return Err(damaged("a tensor with too few arguments"));
        };
        let Value::Storage(storage) = self.value(*storage) else {
            return Err(damaged("a tensor without a storage"));
        };
        let (offset, shape, strides) = (self.size(*offset)?, self.sizes(*shape)?, self.sizes(*strides)?);
        if shape.len() != strides.len() || shape.len() > HIGHEST_RANK {
            return Err(Problem::Pickle(format!("a tensor of shape {shape:?} with strides {strides:?}")));
        }
        // Elements must lie within the storage, and be no more than it has: a stride of 0 would
        // otherwise turn one stored number into terabytes.
        let elements = super::source::checked_elements(&shape);
        let last = shape
            .iter()
            .zip(&strides)
            .try_fold(offset, |last, (n, stride)| last.checked_add(n.saturating_sub(1).checked_mul(*stride)?));
        let fits = match (elements, last) {
            (Some(0), _) => offset <= storage.elements,
            (Some(n), Some(last)) => n <= storage.elements && last < storage.elements,
            _ => false,
        };
        if !fits {
            return Err(Problem::Pickle(format!("a tensor of shape {shape:?} reaches beyond its storage")));
        }
        Ok(Value::Tensor(PickledTensor { storage: storage.clone(), offset, shape, strides }))
    }

    /// A persistent id: `('storage', torch.FloatStorage, key, location, elements)`.
    pub(super) fn persistent_storage(&self, id: Ref) -> Result<Value, Problem> {
        let Value::Tuple(id) = self.value(id) else {
            return Err(damaged("a storage without a name"));
        };
        let [tag, element, key, _location, elements, rest @ ..] = &id[..] else {
            return Err(damaged("a storage with too few fields"));
        };
        if self.text(*tag).as_deref() != Some("storage") {
            return Err(damaged("a persistent value that is not a storage"));
        }
        let (Value::Global(Global::Storage(element)), Some(key)) = (self.value(*element), self.text(*key)) else {
            return Err(damaged("a storage without a type"));
        };
        // Old files could hold storages that are windows of other storages.
        if rest.first().is_some_and(|view| *self.value(*view) != Value::None) {
            return Err(damaged("a storage that is a view of another"));
        }
        Ok(Value::Storage(Storage { element: *element, key, elements: self.size(*elements)? }))
    }

    fn size(&self, at: Ref) -> Result<usize, Problem> {
        match self.value(at) {
            Value::Int(n) => usize::try_from(*n).map_err(|_| damaged("a negative size")),
            _ => Err(damaged("a size that is not a number")),
        }
    }

    fn sizes(&self, at: Ref) -> Result<Vec<usize>, Problem> {
        match self.value(at) {
            Value::Tuple(items) if items.len() <= HIGHEST_RANK => items.iter().map(|item| self.size(*item)).collect(),
            _ => Err(damaged("a shape that is not a short tuple")),
        }
    }
}
