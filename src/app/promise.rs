//! Work on a thread of its own whose result the window picks up.

use std::panic::{AssertUnwindSafe, catch_unwind};

use poll_promise::Promise;

use super::Wake;

/// Runs `work` on a named thread and wakes the window once its result is there, not before. `failed` is the result if
/// there is no thread, or the work ends by a fault of the program.
pub fn promised<T: Send + 'static>(
    name: &str,
    wake: &Wake,
    failed: impl Fn() -> T + Send + Clone + 'static,
    work: impl FnOnce() -> T + Send + 'static,
) -> Promise<T> {
    let (sender, promise) = Promise::new();
    let (wake, on_panic) = (wake.clone(), failed.clone());
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        sender.send(catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| on_panic()));
        wake();
    });
    match thread {
        Ok(_) => promise,
        Err(_) => Promise::from_ready(failed()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn who_is_woken_finds_the_result_even_of_work_that_panics() {
        for (work, expected) in [((|| 7) as fn() -> i32, 7), (|| panic!("on purpose"), -1)] {
            let (sender, woken) = channel();
            let wake: Wake = Arc::new(move || sender.send(()).unwrap());
            let promise = promised("test", &wake, || -1, work);
            woken.recv().unwrap();
            assert_eq!(promise.ready(), Some(&expected));
        }
    }
}
