//! Just enough of Python's pickle to find the tensors in a `torch.save` file. Nothing is ever executed.
//!
//! A pickle is a program for a stack machine that may name any Python function and call it. This interpreter
//! knows the handful of names by which PyTorch rebuilds tensors (see [`super::pickle_globals`]) and refuses
//! every other *by name*. Values live in an arena and refer to each other by number: cycles, deep nesting and
//! memo tricks cost a hostile file's author one value per opcode and no recursion on our side.

use std::collections::HashMap;
use std::io::Read;
use std::rc::Rc;

use super::error::Problem;
use super::pickle_globals::{Global, StorageType};

/// A training checkpoint with its optimiser has some ten thousand values.
const MOST_VALUES: usize = 1 << 22;

/// Number of a value in the arena.
pub(super) type Ref = usize;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    Bool,
    Int(i64),
    /// An integer beyond 64 bits, little endian; PyTorch's magic number is one.
    Long(Vec<u8>),
    Text(Rc<str>),
    List(Vec<Ref>),
    Tuple(Vec<Ref>),
    Dict(Vec<(Ref, Ref)>),
    Global(Global),
    Storage(Storage),
    Tensor(PickledTensor),
    /// A float, a byte string, a set, an `argparse.Namespace`: carried along and never looked into.
    Opaque,
}

/// A block of numbers that lies outside the pickle.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage {
    pub element: StorageType,
    pub key: Rc<str>,
    pub elements: usize,
}

/// A view of a storage; offset and strides count elements.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PickledTensor {
    pub storage: Storage,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// The outcome of one pickle: its values and the one it returned.
pub(super) struct Pickle {
    pub values: Vec<Value>,
    pub root: Ref,
}

impl Pickle {
    pub fn get(&self, at: Ref) -> &Value {
        self.values.get(at).unwrap_or(&Value::Opaque)
    }

    pub fn root(&self) -> &Value {
        self.get(self.root)
    }

    pub fn text(&self, at: Ref) -> Option<&str> {
        match self.get(at) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Runs one pickle up to its STOP and leaves `input` right behind it.
pub(super) fn read(input: &mut dyn Read) -> Result<Pickle, Problem> {
    let mut machine =
        Machine { input, values: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: HashMap::new(), copied: 0 };
    loop {
        let opcode = machine.byte()?;
        if opcode == b'.' {
            let root = machine.pop()?;
            return Ok(Pickle { values: machine.values, root });
        }
        machine.step(opcode)?;
        if machine.values.len() + machine.copied > MOST_VALUES {
            return Err(Problem::Pickle(format!("more than {MOST_VALUES} values")));
        }
    }
}

pub(super) fn damaged(reason: &str) -> Problem {
    Problem::Pickle(reason.to_owned())
}

pub(super) struct Machine<'a> {
    input: &'a mut dyn Read,
    pub(super) values: Vec<Value>,
    stack: Vec<Ref>,
    /// Heights of the stack at each open MARK.
    marks: Vec<usize>,
    memo: HashMap<u64, Ref>,
    /// Items that calls have copied from one value to another: few bytes of a file can ask for many.
    pub(super) copied: usize,
}

impl Machine<'_> {
    /// Opcodes and their bytes are those of CPython's `pickletools`.
    fn step(&mut self, opcode: u8) -> Result<(), Problem> {
        match opcode {
            0x80 => self.byte().map(drop),   // PROTO
            0x95 => self.bytes(8).map(drop), // FRAME
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(drop),         // POP
            b'1' => self.pop_to_mark().map(drop), // POP_MARK
            b'2' => {
                let top = *self.stack.last().ok_or_else(|| damaged("DUP on an empty stack"))?;
                self.stack.push(top);
                Ok(())
            }
            b'q' | b'r' | b'h' | b'j' | 0x94 => self.memo_step(opcode),
            b'N' | 0x88 | 0x89 | b'K' | b'M' | b'J' | 0x8a | 0x8b | b'G' => self.number_step(opcode),
            b'X' | 0x8c | 0x8d | b'T' | b'U' | b'B' | b'C' | 0x8e => self.text_step(opcode),
            b']' | b'}' | b')' | 0x8f | b't' | 0x85..=0x87 | b'a' | b'e' | b's' | b'u' | 0x90 => {
                self.collection_step(opcode)
            }
            b'c' | 0x93 | b'R' | 0x81 | b'b' | b'Q' => self.object_step(opcode),
            other => Err(Problem::Pickle(format!("opcode 0x{other:02x} is not used by torch.save"))),
        }
    }

    fn memo_step(&mut self, opcode: u8) -> Result<(), Problem> {
        let key = match opcode {
            b'q' | b'h' => self.unsigned(1)?,
            b'r' | b'j' => self.unsigned(4)?,
            _ => self.memo.len() as u64, // MEMOIZE
        };
        if matches!(opcode, b'h' | b'j') {
            let value = *self.memo.get(&key).ok_or_else(|| damaged("a reference to an unknown memo"))?;
            self.stack.push(value);
        } else {
            let top = *self.stack.last().ok_or_else(|| damaged("a memo of an empty stack"))?;
            self.memo.insert(key, top);
        }
        Ok(())
    }

    fn number_step(&mut self, opcode: u8) -> Result<(), Problem> {
        let value = match opcode {
            b'N' => Value::None,
            0x88 | 0x89 => Value::Bool,
            b'K' => Value::Int(self.unsigned(1)? as i64),
            b'M' => Value::Int(self.unsigned(2)? as i64),
            b'J' => Value::Int(i64::from(self.unsigned(4)? as u32 as i32)),
            b'G' => {
                self.bytes(8)?;
                Value::Opaque
            }
            long => {
                let length = self.unsigned(if long == 0x8a { 1 } else { 4 })?;
                signed(self.bytes(length)?)
            }
        };
        self.push(value);
        Ok(())
    }

    fn text_step(&mut self, opcode: u8) -> Result<(), Problem> {
        let length = self.unsigned(match opcode {
            0x8c | b'U' | b'C' => 1,
            b'X' | b'T' | b'B' => 4,
            _ => 8,
        })?;
        let bytes = self.bytes(length)?;
        let is_text = matches!(opcode, b'X' | 0x8c | 0x8d | b'T' | b'U');
        let value = match String::from_utf8(bytes) {
            Ok(text) if is_text => Value::Text(text.into()),
            _ => Value::Opaque,
        };
        self.push(value);
        Ok(())
    }

    fn collection_step(&mut self, opcode: u8) -> Result<(), Problem> {
        match opcode {
            b']' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b')' => self.push(Value::Tuple(Vec::new())),
            0x8f => self.push(Value::Opaque), // EMPTY_SET
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items));
            }
            0x85..=0x87 => {
                let height = self.stack.len().checked_sub(usize::from(opcode - 0x84));
                let height = height.ok_or_else(|| damaged("a tuple of an empty stack"))?;
                let items = self.stack.split_off(height);
                self.push(Value::Tuple(items));
            }
            b'a' | b's' => {
                let items = if opcode == b'a' { vec![self.pop()?] } else { self.pop_pair()? };
                self.extend_top(&items)?;
            }
            _ => {
                let items = self.pop_to_mark()?; // APPENDS, SETITEMS, ADDITEMS
                self.extend_top(&items)?;
            }
        }
        Ok(())
    }

    fn object_step(&mut self, opcode: u8) -> Result<(), Problem> {
        let value = match opcode {
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                Value::Global(Global::named(&module, &name)?)
            }
            0x93 => {
                let pair = self.pop_pair()?;
                let texts: Vec<Rc<str>> = pair.iter().filter_map(|r| self.text(*r)).collect();
                let [module, name] = &texts[..] else {
                    return Err(damaged("a global without a name"));
                };
                Value::Global(Global::named(module, name)?)
            }
            b'b' => {
                // BUILD sets attributes (`_metadata` of a state dict, the fields of a Namespace); nobody reads them.
                self.pop()?;
                return Ok(());
            }
            b'Q' => {
                let id = self.pop()?;
                self.persistent_storage(id)?
            }
            _ => {
                let arguments = self.pop()?; // REDUCE, NEWOBJ
                let callee = self.pop()?;
                let value = self.rebuild(callee, arguments)?;
                if let Value::Dict(pairs) = &value {
                    self.copied += pairs.len();
                }
                value
            }
        };
        self.push(value);
        Ok(())
    }

    /// APPEND and SETITEM change the value on top of the stack in place.
    fn extend_top(&mut self, items: &[Ref]) -> Result<(), Problem> {
        let top = *self.stack.last().ok_or_else(|| damaged("items for an empty stack"))?;
        match self.values.get_mut(top) {
            Some(Value::List(list)) => list.extend_from_slice(items),
            Some(Value::Dict(dict)) => dict.extend(items.as_chunks().0.iter().map(|[key, value]| (*key, *value))),
            Some(Value::Opaque) => {}
            _ => return Err(damaged("items for a value that holds none")),
        }
        Ok(())
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<Ref, Problem> {
        self.stack.pop().ok_or_else(|| damaged("an empty stack"))
    }

    fn pop_pair(&mut self) -> Result<Vec<Ref>, Problem> {
        let second = self.pop()?;
        Ok(vec![self.pop()?, second])
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Ref>, Problem> {
        let height = self.marks.pop().filter(|h| *h <= self.stack.len()).ok_or_else(|| damaged("no mark"))?;
        Ok(self.stack.split_off(height))
    }

    pub(super) fn value(&self, at: Ref) -> &Value {
        self.values.get(at).unwrap_or(&Value::Opaque)
    }

    pub(super) fn text(&self, at: Ref) -> Option<Rc<str>> {
        match self.value(at) {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    fn byte(&mut self) -> Result<u8, Problem> {
        let mut byte = [0u8];
        self.input.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn unsigned(&mut self, width: usize) -> Result<u64, Problem> {
        let mut bytes = [0u8; 8];
        self.input.read_exact(&mut bytes[..width])?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// `read_to_end` grows with what is really there, so that a declared length cannot claim memory.
    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        self.input.take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(Problem::Truncated) }
    }

    fn line(&mut self) -> Result<String, Problem> {
        /// Longer than any qualified name of Python's standard library or PyTorch.
        const LONGEST: usize = 512;
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(String::from_utf8_lossy(&line).into_owned()),
                _ if line.len() == LONGEST => return Err(damaged("an endless name")),
                byte => line.push(byte),
            }
        }
    }
}

/// Two's complement, little endian, any length.
fn signed(bytes: Vec<u8>) -> Value {
    if bytes.len() > 8 {
        return Value::Long(bytes);
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide[..bytes.len()].copy_from_slice(&bytes);
    Value::Int(i64::from_le_bytes(wide))
}
