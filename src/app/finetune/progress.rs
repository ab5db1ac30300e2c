//! What a run has told so far: curves, speed, and how long it will take.

use std::time::Duration;

use crate::finetune::run::{StepRecord, ValidationRecord};

/// The speed is that of the latest steps: validation and views of the window come between them.
const LATEST: usize = 20;

/// Everything that is drawn of a run's numbers.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub steps: Vec<StepRecord>,
    pub validations: Vec<ValidationRecord>,
    pub total_steps: usize,
}

impl Progress {
    /// Takes a step in; what a roll-back undid gives way to what comes anew.
    pub fn push_step(&mut self, record: StepRecord) {
        self.steps.truncate(self.steps.partition_point(|known| known.step < record.step));
        self.steps.push(record);
    }

    pub fn push_validation(&mut self, record: ValidationRecord) {
        self.validations.truncate(self.validations.partition_point(|known| known.step < record.step));
        self.validations.push(record);
    }

    /// Forgets what came after a step.
    pub fn roll_back(&mut self, step: usize) {
        self.steps.truncate(self.steps.partition_point(|known| known.step <= step));
        self.validations.truncate(self.validations.partition_point(|known| known.step <= step));
    }

    /// Steps done.
    pub fn step(&self) -> usize {
        self.steps.last().map_or(0, |record| record.step)
    }

    pub fn epoch(&self) -> usize {
        self.steps.last().map_or(0, |record| record.epoch)
    }

    /// Of the latest steps.
    pub fn seconds_per_step(&self) -> Option<f32> {
        let latest = &self.steps[self.steps.len().saturating_sub(LATEST)..];
        let seconds: f32 = latest.iter().map(|record| record.seconds).sum();
        (!latest.is_empty()).then(|| seconds / latest.len() as f32)
    }

    /// Of the latest steps.
    pub fn pictures_per_second(&self) -> Option<f32> {
        let latest = &self.steps[self.steps.len().saturating_sub(LATEST)..];
        let pictures: usize = latest.iter().map(|record| record.pictures).sum();
        let seconds: f32 = latest.iter().map(|record| record.seconds).sum();
        (seconds > 0.0).then(|| pictures as f32 / seconds)
    }

    /// Until the last step, at the speed of the latest.
    pub fn time_left(&self) -> Option<Duration> {
        let left = self.total_steps.saturating_sub(self.step());
        Duration::try_from_secs_f32(self.seconds_per_step()? * left as f32).ok()
    }
}

/// Such as «45 s», «3 min» or «2 h 5 min».
pub fn spoken(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    match seconds {
        0..=90 => format!("{seconds} s"),
        91..=5400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: usize, seconds: f32) -> StepRecord {
        StepRecord { step, seconds, pictures: 4, ..StepRecord::default() }
    }

    #[test]
    fn the_time_left_follows_the_latest_steps() {
        let mut progress = Progress { total_steps: 60, ..Progress::default() };
        assert_eq!((progress.time_left(), progress.pictures_per_second()), (None, None));
        (1..=10).for_each(|number| progress.push_step(step(number, 9.0)));
        (11..=30).for_each(|number| progress.push_step(step(number, 2.0)));
        // 30 steps of 2 seconds are left; 4 photos take 2 seconds.
        assert_eq!(progress.time_left(), Some(Duration::from_secs(60)));
        assert_eq!(progress.pictures_per_second(), Some(2.0));
    }

    #[test]
    fn what_was_undone_gives_way() {
        let mut progress = Progress::default();
        (1..=5).for_each(|number| progress.push_step(step(number, 1.0)));
        [0, 2, 4]
            .into_iter()
            .for_each(|step| progress.push_validation(ValidationRecord { step, ..ValidationRecord::default() }));
        progress.roll_back(2);
        assert_eq!((progress.step(), progress.validations.len()), (2, 2));
        progress.push_step(step(3, 1.0));
        progress.push_step(step(3, 7.0));
        assert_eq!((progress.step(), progress.steps.len(), progress.steps[2].seconds), (3, 3, 7.0));
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        let said = [0, 45, 90, 150, 7500].map(|seconds| spoken(Duration::from_secs(seconds)));
        assert_eq!(said, ["0 s", "45 s", "90 s", "3 min", "2 h 5 min"]);
    }
}
