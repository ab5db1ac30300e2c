//! Muted heads and blocks as text: `3` is a block, `5:2` a head of one, several stand between commas.

use std::fmt;
use std::str::FromStr;

use super::Muted;

/// The text names no block and no head.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("«{0}» is neither a block (3) nor a head of one (5:2)")]
pub struct NotMuted(String);

impl FromStr for Muted {
    type Err = NotMuted;

    fn from_str(text: &str) -> Result<Self, NotMuted> {
        let mut muted = Self::default();
        for part in text.split(',').map(str::trim) {
            let number = |digits: &str| digits.trim().parse().map_err(|_| NotMuted(part.to_owned()));
            match part.split_once(':') {
                Some((block, head)) => muted.heads.push((number(block)?, number(head)?)),
                None => muted.blocks.push(number(part)?),
            }
        }
        Ok(muted)
    }
}

impl fmt::Display for Muted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blocks = self.blocks.iter().map(usize::to_string);
        let heads = self.heads.iter().map(|(block, head)| format!("{block}:{head}"));
        f.write_str(&blocks.chain(heads).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let muted = Muted { blocks: vec![3, 0], heads: vec![(5, 2), (1, 11)] };
        assert_eq!(muted.to_string(), "3,0,5:2,1:11");
        assert_eq!(muted.to_string().parse(), Ok(muted));
        assert_eq!("5 : 2, 3".parse(), Ok(Muted { blocks: vec![3], heads: vec![(5, 2)] }));
    }

    #[test]
    fn what_is_neither_block_nor_head_is_named() {
        for (text, culprit) in [("", ""), ("1,x", "x"), ("2:", "2:"), ("-1", "-1"), ("1:2:3", "1:2:3")] {
            assert_eq!(text.parse::<Muted>(), Err(NotMuted(culprit.to_owned())));
        }
    }
}
