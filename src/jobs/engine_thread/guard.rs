//! A fault in one computation must not take the window down.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`; a panic becomes a sentence. What `work` left half changed must be thrown away then.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let what = message(&*payload);
        format!("the computation broke off by a fault of this program ({what}); please report it, and try another method or picture")
    })
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_sentence_that_tells_its_reason() {
        assert_eq!(guarded(|| 7), Ok(7));
        let empty: Vec<u8> = Vec::new();
        let fault = guarded(|| empty[std::hint::black_box(3)]).unwrap_err();
        assert!(fault.contains("(index out of bounds: the len is 0 but the index is 3)"), "{fault}");
        let fault = guarded(|| panic!("plain text")).unwrap_err();
        assert!(fault.contains("(plain text)"), "{fault}");
    }
}
