//! What the engine thread has to say.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::event::Event;

/// Events until someone drains them, and a way to say that there are some.
pub struct Outbox {
    events: Mutex<Vec<Event>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Outbox {
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { events: Mutex::default(), wake: Box::new(wake) }
    }

    pub fn send(&self, event: Event) {
        let mut events = self.lock();
        match (events.last_mut(), &event) {
            // A minimised window drains nothing for hours; only the latest progress is of interest then.
            (Some(last @ Event::Progress { .. }), Event::Progress { .. }) if is_same_view(last, &event) => {
                *last = event;
            }
            _ => events.push(event),
        }
        drop(events);
        (self.wake)();
    }

    pub fn drain(&self) -> Vec<Event> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_same_view(a: &Event, b: &Event) -> bool {
    matches!((a, b), (Event::Progress { view: a, .. }, Event::Progress { view: b, .. }) if a == b)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::request::ViewId;
    use super::*;

    #[test]
    fn progress_replaces_progress_of_the_same_view_and_every_event_wakes() {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = wakes.clone();
        let outbox = Outbox::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        for (view, done) in [(1, 1), (1, 2), (2, 1), (1, 3)] {
            outbox.send(Event::Progress { view: ViewId(view), done, total: 9 });
        }
        let seen: Vec<_> = outbox
            .drain()
            .into_iter()
            .map(|event| match event {
                Event::Progress { view, done, .. } => (view.0, done),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(seen, [(1, 2), (2, 1), (1, 3)]);
        assert_eq!(wakes.load(Ordering::SeqCst), 4);
        assert!(outbox.drain().is_empty());
    }
}
