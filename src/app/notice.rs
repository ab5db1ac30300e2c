//! Messages to the user: a notice that fades, and the log that keeps all of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Info,
    Warning,
    Error,
}

/// A line of the log.
#[derive(Clone, Debug)]
pub struct LogLine {
    pub at: SystemTime,
    pub level: Level,
    pub text: String,
}

/// A message on screen until it fades or is dismissed.
#[derive(Clone, Debug)]
pub struct Notice {
    pub id: u64,
    pub level: Level,
    pub text: String,
    /// `None`: stays until dismissed.
    pub until: Option<Instant>,
}

/// Notices on screen and the log behind them.
#[derive(Debug, Default)]
pub struct Notices {
    shown: Vec<Notice>,
    log: VecDeque<LogLine>,
    next_id: u64,
}

impl Notices {
    const LOG_LINES: usize = 1000;
    /// The rest is in the log.
    const ON_SCREEN: usize = 4;

    pub fn info(&mut self, text: impl AsRef<str>) {
        self.add(Level::Info, text.as_ref());
    }

    pub fn warning(&mut self, text: impl AsRef<str>) {
        self.add(Level::Warning, text.as_ref());
    }

    pub fn error(&mut self, text: impl AsRef<str>) {
        self.add(Level::Error, text.as_ref());
    }

    /// Into the log only.
    pub fn log(&mut self, level: Level, text: impl Into<String>) {
        if self.log.len() == Self::LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back(LogLine { at: SystemTime::now(), level, text: text.into() });
    }

    fn add(&mut self, level: Level, text: &str) {
        let text = capitalised(text);
        self.log(level, text.clone());
        // The same message again restarts its time instead of piling up.
        self.shown.retain(|notice| notice.text != text);
        if self.shown.len() == Self::ON_SCREEN {
            self.shown.remove(0);
        }
        let stays = match level {
            Level::Info => Some(Duration::from_secs(5)),
            Level::Warning => Some(Duration::from_secs(10)),
            Level::Error => None,
        };
        self.next_id += 1;
        self.shown.push(Notice { id: self.next_id, level, text, until: stays.map(|time| Instant::now() + time) });
    }

    pub fn dismiss(&mut self, id: u64) {
        self.shown.retain(|notice| notice.id != id);
    }

    /// Drops what has faded; returns when the next one will, so that an idle window can sleep until then.
    pub fn fade(&mut self, now: Instant) -> Option<Duration> {
        self.shown.retain(|notice| notice.until.is_none_or(|until| until > now));
        self.shown.iter().filter_map(|notice| notice.until).min().map(|until| until - now)
    }

    pub fn shown(&self) -> &[Notice] {
        &self.shown
    }

    /// Oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &LogLine> + ExactSizeIterator {
        self.log.iter()
    }
}

/// Errors are written to follow a program's name; on their own they begin as sentences do.
pub fn capitalised(sentence: &str) -> String {
    let mut rest = sentence.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_begin_with_a_capital() {
        assert_eq!(["the file", "Ähre", "ä", ""].map(capitalised), ["The file", "Ähre", "Ä", ""]);
    }

    #[test]
    fn errors_stay_and_the_rest_fades() {
        let mut notices = Notices::default();
        notices.error("Broken");
        notices.info("saved");
        let next = notices.fade(Instant::now()).unwrap();
        assert!(next <= Duration::from_secs(5));
        assert_eq!(notices.fade(Instant::now() + Duration::from_secs(6)), None);
        assert_eq!(notices.shown().iter().map(|notice| notice.text.as_str()).collect::<Vec<_>>(), ["Broken"]);
        assert_eq!(notices.lines().len(), 2);
    }

    #[test]
    fn a_repeated_message_stands_once_and_the_screen_is_not_flooded() {
        let mut notices = Notices::default();
        (0..3).for_each(|_| notices.error("same"));
        assert_eq!(notices.shown().len(), 1);
        (0..9).for_each(|i| notices.error(format!("error {i}")));
        assert_eq!(notices.shown().len(), Notices::ON_SCREEN);
        assert_eq!(notices.lines().len(), 12);
    }
}
