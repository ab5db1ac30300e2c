//! Starting runs, telling them what to do, and hearing of them.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use etcetera::BaseStrategy;

use crate::finetune::Preset;
use crate::finetune::run::{Record, RunView};
use crate::image::ImageSource;
use crate::jobs::engine_thread::{ModelId, Request, RunId, ViewId};
use crate::jobs::finetune::{FinetuneJob, News, RunCommand, Start};
use crate::jobs::model::ModelSource;

use super::super::command::{Command, Slot};
use super::super::evaluate::EvaluateCommand;
use super::super::models::Ready;
use super::super::notice::Level;
use super::super::picker::Ask;
use super::super::session::Session;
use super::run::changes_weights;
use super::{FinetuneCommand, MOST_PINNED, Phase, Run, SavedWeights, Shows};

impl Session {
    pub(in super::super) fn apply_to_finetune(&mut self, command: FinetuneCommand) {
        let finetune = &mut self.finetune;
        match command {
            FinetuneCommand::Preset(preset) => {
                let config = preset.config();
                finetune.preset = preset;
                finetune.config = config;
            }
            FinetuneCommand::Config(config) => finetune.config = *config,
            FinetuneCommand::PauseAfterCheck(pause) => finetune.pause_after_check = pause,
            FinetuneCommand::AllImages(all) => finetune.all_images = all,
            FinetuneCommand::ChooseFolder => self.ask(Ask::RunFolder, ""),
            FinetuneCommand::Start if finetune.run.as_ref().is_some_and(|run| run.phase.waits()) => {
                self.tell_run(RunCommand::GoOn);
            }
            FinetuneCommand::Start => self.start_run(),
            FinetuneCommand::Run(command) => self.tell_run(command),
            FinetuneCommand::Resume => self.ask(Ask::ResumeRun, ""),
            FinetuneCommand::Branch { step } => self.branch_run(step),
            FinetuneCommand::Look(shows) => self.look(shows),
            FinetuneCommand::Pin(image) => self.pin(image),
            FinetuneCommand::Unpin(image) => finetune.pinned.retain(|pinned| *pinned != image),
            FinetuneCommand::Close => self.close_run(),
        }
    }

    /// Another main model: the preset follows, as long as nobody changed a value of it.
    pub(in super::super) fn suit_preset(&mut self) {
        let Some(main) = self.models.get(Slot::Main) else { return };
        let finetune = &mut self.finetune;
        if finetune.config != finetune.preset.config() {
            return;
        }
        finetune.preset = match (&main.source, finetune.preset) {
            (ModelSource::Embedded, _) => Preset::Demo,
            (ModelSource::Named(_), Preset::Demo) => Preset::default(),
            (ModelSource::Named(_), chosen) => chosen,
        };
        finetune.config = finetune.preset.config();
    }

    fn pin(&mut self, image: ImageSource) {
        let pinned = &mut self.finetune.pinned;
        if pinned.contains(&image) {
            return;
        }
        if pinned.len() == MOST_PINNED {
            pinned.remove(0);
        }
        pinned.push(image);
    }

    fn start_run(&mut self) {
        if let Err(error) = self.finetune.config.validate() {
            return self.notices.error(error.to_string());
        }
        let Some(source) = self.models.get(Slot::Main).map(|main| main.source.clone()) else {
            return self.notices.warning("Choose the model to finetune first.");
        };
        let Some(out) = self.next_folder() else { return };
        let (config, profile) = (self.finetune.config.clone(), self.settings.profile);
        let job = FinetuneJob { photos: self.photos(), config, profile, out };
        self.begin_run(Start::New(Box::new(job)), source);
    }

    /// Goes on with a run of another day.
    pub(in super::super) fn resume_run(&mut self, folder: PathBuf) {
        let view = match RunView::read(&folder) {
            Ok(view) => view,
            Err(error) => return self.notices.error(error.to_string()),
        };
        let source = view.manifest.model.source.clone().map_or(ModelSource::Embedded, ModelSource::Named);
        self.finetune.config = view.manifest.config.clone();
        if !self.begin_run(Start::Resume(folder), source) {
            return;
        }
        let Some(run) = &mut self.finetune.run else { return };
        for record in view.records {
            match record {
                Record::Step(step) => run.progress.push_step(step),
                Record::Validation(validation) => run.progress.push_validation(validation),
            }
        }
        run.progress.roll_back(view.state.step);
        run.best = Some(view.state.best_step);
        run.checkpoints =
            view.checkpoints.into_iter().map(|(at, folder)| SavedWeights { step: at.step, folder }).collect();
    }

    fn branch_run(&mut self, step: usize) {
        let Some(run) = &self.finetune.run else { return };
        let Some((parent, live)) = run.folder.clone().zip(run.live.clone()) else { return };
        let Some(at) = run.nearest(step).map(|saved| saved.step) else {
            return self.notices.warning("The run has no checkpoint yet.");
        };
        let Some(out) = self.next_folder() else { return };
        let config = Box::new(self.finetune.config.clone());
        self.begin_run(Start::Branch { parent, step: at, out, config }, live.source);
    }

    /// Whether it begins.
    fn begin_run(&mut self, start: Start, source: ModelSource) -> bool {
        if self.finetune.run.as_ref().is_some_and(|run| !run.phase.is_over()) {
            self.notices.warning("A run is at work; stop it first.");
            return false;
        }
        self.close_run();
        if self.finetune.pinned.is_empty() {
            self.finetune.pinned = self.image().cloned().into_iter().collect();
        }
        self.finetune.next_run += 1;
        let id = RunId(self.finetune.next_run);
        let trainee = self.load(Slot::Second, source);
        self.finetune.run = Some(Run::new(id, trainee, start, self.finetune.pause_after_check));
        self.settings.show_timeline = true;
        true
    }

    fn tell_run(&mut self, command: RunCommand) {
        if let Some(run) = &self.finetune.run {
            self.engine.send(Request::Run { id: run.id, command });
        }
    }

    /// Forgets the run that is open, and the models that only it needed.
    fn close_run(&mut self) {
        let Some(run) = self.finetune.run.take() else { return };
        let shown: Vec<ModelId> = self.models.all().map(|(_, model)| model.id).collect();
        for id in [Some(run.trainee), run.viewer].into_iter().flatten().filter(|id| !shown.contains(id)) {
            self.engine.send(Request::Unload(id));
        }
    }

    /// Whether a run still needs this model, though no slot shows it.
    pub(in super::super) fn is_of_run(&self, id: ModelId) -> bool {
        self.finetune.run.as_ref().is_some_and(|run| run.has(id))
    }

    /// A model is ready: perhaps one that a run waits for.
    pub(in super::super) fn loaded_for_run(&mut self, ready: &Ready) {
        let Some(run) = &mut self.finetune.run else { return };
        if ready.id == run.trainee {
            run.live = Some(ready.clone());
            if let Some(start) = run.start.take() {
                run.phase = Phase::Gathering;
                let (id, pinned) = (run.id, self.finetune.pinned.clone());
                self.engine.send(Request::Finetune { id, model: ready.id, start, pinned });
            }
        } else if Some(ready.id) == run.viewer {
            self.viewer_loaded();
        }
    }

    /// A model did not load: perhaps one that a run waits for.
    pub(in super::super) fn failed_for_run(&mut self, id: ModelId, error: &str) {
        let Some(run) = &mut self.finetune.run else { return };
        if id == run.trainee {
            run.phase = Phase::Failed(error.to_owned());
        } else if run.viewer == Some(id) {
            (run.viewer, run.shows) = (None, Shows::Live);
        }
    }

    pub(in super::super) fn run_told(&mut self, id: RunId, news: &News) {
        let Some(run) = self.finetune.run.as_mut().filter(|run| run.id == id) else { return };
        let reply = run.take(news);
        let trainee = run.trainee;
        if let Some(reply) = reply {
            self.tell_run(reply);
        }
        if changes_weights(news) {
            self.ask_anew(trainee);
        }
        match news {
            News::Began { folder, train, .. } => {
                self.notices.log(Level::Info, format!("A run on {train} photos began: {}", folder.display()));
            }
            News::Guard(report) => self.notices.warning(report.message.clone()),
            News::Failed { error } => self.notices.error(error.clone()),
            News::Done { step, best_step, accuracy, original_accuracy } => {
                // The best of step 0 is the model before the run, which says nothing beside itself.
                let (shown, text) = match best_step {
                    0 => (
                        step,
                        format!(
                            "{step} steps done, but validation never improved ({original_accuracy} of its photos right \
                             before): the last step, {step}, is compared"
                        ),
                    ),
                    best if accuracy.of == 0 => {
                        (best, format!("{step} steps done; without validation photos the last counts as the best"))
                    }
                    best => (
                        best,
                        format!(
                            "{step} steps done, the best at {best}: {accuracy} of the validation photos right, \
                             {original_accuracy} before"
                        ),
                    ),
                };
                self.notices.info(text);
                // Before and after, beside each other, and judged image by image.
                self.finetune.compares_next = true;
                self.look(Shows::Blend { step: *shown, alpha: 1.0 });
            }
            _ => {}
        }
    }

    /// The weights of a model changed: what views show of it is asked for again, as soon as what is asked already is
    /// answered.
    pub(in super::super) fn ask_anew(&mut self, model: ModelId) {
        let views: Vec<_> =
            self.sent.iter().filter(|(_, request)| request.model == model).map(|(view, _)| *view).collect();
        for view in views {
            match self.finetune.refreshing.get_mut(&view) {
                Some(again) => *again = true,
                None => {
                    self.finetune.refreshing.insert(view, false);
                    self.sent.remove(&view);
                }
            }
        }
    }

    /// A model has other weights.
    pub(in super::super) fn blended(&mut self, model: ModelId) {
        self.ask_anew(model);
        let is_shown = self.models.get(Slot::Second).is_some_and(|shown| shown.id == model);
        if is_shown && std::mem::take(&mut self.finetune.compares_next) {
            self.apply(Command::Evaluate(EvaluateCommand::Start));
        }
    }

    /// A view was answered, well or not.
    pub(in super::super) fn answered_view(&mut self, view: ViewId) {
        if self.finetune.refreshing.remove(&view) == Some(true) {
            self.finetune.refreshing.insert(view, false);
            self.sent.remove(&view);
        }
    }

    /// Where the next run goes: the chosen folder, or a new one with the program's data.
    fn next_folder(&mut self) -> Option<PathBuf> {
        if let Some(chosen) = self.finetune.folder.take() {
            return Some(chosen);
        }
        let data = self
            .settings
            .runs_folder
            .clone()
            .or_else(|| Some(etcetera::choose_base_strategy().ok()?.data_dir().join("vitrine").join("runs")));
        match data {
            Some(data) => Some(data.join(run_name(SystemTime::now()))),
            None => {
                self.notices.error("The system has no folder for the program's data; choose one for the run.");
                None
            }
        }
    }

    pub(in super::super) fn run_folder_chosen(&mut self, folder: PathBuf) {
        self.finetune.folder = Some(folder);
    }

    /// Where the next run will go, as the panel says it.
    pub fn run_folder(&self) -> Option<&Path> {
        self.finetune.folder.as_deref()
    }

    /// The views of pinned images are of the tuned model.
    pub(in super::super) fn tuned(&self) -> Option<&Ready> {
        self.finetune.run.as_ref()?;
        self.models.get(Slot::Second)
    }
}

/// By date and time in UTC, so that runs sort as they came: `2026-11-25-231500`.
fn run_name(at: SystemTime) -> String {
    let seconds = at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = date(seconds / 86_400);
    let clock = seconds % 86_400;
    format!("{year}-{month:02}-{day:02}-{:02}{:02}{:02}", clock / 3600, clock / 60 % 60, clock % 60)
}

/// The Gregorian date of a day counted from 1970-01-01 (after Howard Hinnant's `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + 400 * era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn runs_are_called_after_their_time() {
        let at = |seconds| run_name(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        // `date -u -d @951868799` and two more.
        assert_eq!(at(0), "1970-01-01-000000");
        assert_eq!(at(951_868_799), "2000-02-29-235959");
        assert_eq!(at(1_795_648_500), "2026-11-25-231500");
    }
}
