//! The curves of a run: losses of every step, and what the validations found.

use eframe::egui::{Color32, Id, TextStyle, Ui, Visuals};
use egui_plot::{Corner, GridMark, Legend, Line, Plot, PlotPoints, PlotUi, Points, VLine, uniform_grid_spacer};

use crate::app::finetune::Progress;
use crate::finetune::run::{StepRecord, ValidationRecord};
use crate::ui::theme;

/// More points than that are no more visible than their means.
const MOST_POINTS: usize = 800;

/// The losses beside what was watched; a click on either returns its step.
pub fn show(ui: &mut Ui, progress: &Progress, marked: Option<usize>) -> Option<usize> {
    let mut clicked = None;
    ui.columns(2, |columns| {
        clicked = clicked.or(plot_ui(&mut columns[0], "Loss", marked, |plot, visuals| losses(plot, progress, visuals)));
        clicked = clicked.or(plot_ui(&mut columns[1], "Watched photos, %", marked, |plot, visuals| {
            watched(plot, &progress.validations, visuals);
        }));
    });
    clicked
}

fn plot_ui(
    ui: &mut Ui,
    title: &str,
    marked: Option<usize>,
    draw: impl FnOnce(&mut PlotUi<'_>, &Visuals),
) -> Option<usize> {
    ui.small(title);
    let visuals = ui.visuals().clone();
    let group = Id::unique("run curves");
    let legend = Legend::default().position(Corner::RightTop).follow_insertion_order(true);
    let legend = legend.text_style(TextStyle::Small).background_alpha(0.6);
    let plot = Plot::new(title)
        .height(ui.available_height())
        .legend(legend)
        .link_axis(group, [true, false])
        .link_cursor(group, [true, false])
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        // From 1 on, so that a base step is what one point on the screen is worth; so far up, for faint lines.
        .grid_spacing(1.0..=3000.0)
        .x_grid_spacer(uniform_grid_spacer(|grid| [round_step(80.0 * grid.base_step_size).max(1.0); 3]))
        .y_grid_spacer(uniform_grid_spacer(|grid| [round_step(32.0 * grid.base_step_size); 3]))
        .y_axis_formatter(|mark, _| mark_label(mark))
        .y_axis_min_width(38.0);
    let shown = plot.show(ui, |plot| {
        draw(plot, &visuals);
        if let Some(step) = marked {
            plot.vline(VLine::new("", step as f64).color(theme::accent(&visuals)).width(1.5));
        }
        plot.pointer_coordinate()
    });
    shown
        .response
        .clone()
        .on_hover_text("Click: look at that step · drag: move · pinch: zoom · double click: all of it");
    let at = shown.inner.filter(|_| shown.response.clicked())?;
    Some(at.x.round().max(0.0) as usize)
}

/// The least of 1, 2 and 5 times a power of ten that is no less than `least`.
///
/// Powers of ten alone, as the library has them, leave a curve from 30 to 75 % without any label.
fn round_step(least: f64) -> f64 {
    let power = 10.0_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter().find(|step| *step >= least).unwrap_or(10.0 * power)
}

/// With as many decimals as tell two marks apart.
fn mark_label(mark: GridMark) -> String {
    let decimals = (-mark.step_size.log10().floor()).max(0.0) as usize;
    // Plus 0, so that no zero is negative.
    format!("{:.decimals$}", mark.value + 0.0)
}

fn losses(plot: &mut PlotUi<'_>, progress: &Progress, visuals: &Visuals) {
    let [total, background, foreground, class] = colours(visuals);
    let of = |pick: fn(&StepRecord) -> f64| thinned(progress.steps.iter().map(|record| (record.step, pick(record))));
    plot.line(Line::new("all", of(|record| f64::from(record.losses.total))).color(total).width(2.0));
    plot.line(Line::new("background", of(|record| f64::from(record.losses.background))).color(background));
    plot.line(Line::new("foreground", of(|record| f64::from(record.losses.foreground))).color(foreground));
    plot.line(Line::new("class", of(|record| f64::from(record.losses.classification))).color(class));
    if !progress.validations.iter().any(|record| record.accuracy.of > 0) {
        return;
    }
    let validated = progress.validations.iter().map(|record| (record.step, f64::from(record.losses.total)));
    plot.points(Points::new("validation", exact(validated)).color(total).radius(3.0));
}

fn watched(plot: &mut PlotUi<'_>, validations: &[ValidationRecord], visuals: &Visuals) {
    let [accuracy, relevance, confidence, hold_out] = colours(visuals);
    let mut curve = |name: &str, colour, pick: &dyn Fn(&ValidationRecord) -> f64| {
        let points = || exact(validations.iter().map(|record| (record.step, 100.0 * pick(record))));
        plot.line(Line::new(name, points()).color(colour).width(2.0));
        plot.points(Points::new(name, points()).color(colour).radius(3.0));
    };
    // A run without validation photos, or without masks among them, has nothing to draw there.
    if validations.iter().any(|record| record.accuracy.of > 0) {
        curve("right", accuracy, &|record| f64::from(record.accuracy.rate()));
        curve("confidence", confidence, &|record| f64::from(record.confidence));
    }
    if validations.iter().any(|record| record.masked > 0) {
        curve("relevance on object", relevance, &|record| f64::from(record.relevance_on_object));
    }
    if validations.iter().any(|record| record.hold_out.of > 0) {
        curve("right, hold-out", hold_out, &|record| f64::from(record.hold_out.rate()));
    }
}

/// Apart for most kinds of colour blindness (after Okabe and Ito), legible on the theme's background.
fn colours(visuals: &Visuals) -> [Color32; 4] {
    let rgb = Color32::from_rgb;
    match visuals.dark_mode {
        true => [theme::accent(visuals), rgb(86, 180, 233), rgb(0, 190, 140), rgb(222, 150, 196)],
        false => [theme::accent(visuals), rgb(0, 96, 158), rgb(0, 120, 88), rgb(160, 70, 120)],
    }
}

fn exact(points: impl Iterator<Item = (usize, f64)>) -> PlotPoints<'static> {
    points.filter(|(_, value)| value.is_finite()).map(|(step, value)| [step as f64, value]).collect()
}

/// Neighbours become their mean, so that a long run costs no more than a short one.
fn thinned(points: impl ExactSizeIterator<Item = (usize, f64)>) -> PlotPoints<'static> {
    let each = points.len().div_ceil(MOST_POINTS).max(1);
    let all: Vec<[f64; 2]> =
        points.filter(|(_, value)| value.is_finite()).map(|(step, value)| [step as f64, value]).collect();
    let mean = |points: &[[f64; 2]]| {
        let count = points.len() as f64;
        let sum = points.iter().fold([0.0, 0.0], |sum, point| [sum[0] + point[0], sum[1] + point[1]]);
        [sum[0] / count, sum[1] / count]
    };
    all.chunks(each).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_at_round_numbers_no_closer_than_asked() {
        assert_eq!([0.7, 1.0, 1.1, 2.5, 7.0, 30.0].map(round_step), [1.0, 1.0, 2.0, 5.0, 10.0, 50.0]);
    }

    #[test]
    fn marks_have_the_decimals_that_tell_them_apart() {
        let label = |value, step_size| mark_label(GridMark { value, step_size });
        assert_eq!([label(0.5, 0.5), label(1.0, 0.5), label(0.15, 0.05)], ["0.5", "1.0", "0.15"]);
        assert_eq!([label(40.0, 20.0), label(-0.0, 1.0)], ["40", "0"]);
    }

    #[test]
    fn long_runs_are_thinned_to_means_and_short_ones_are_exact() {
        let points = |count: usize| {
            let values: Vec<(usize, f64)> = (0..count).map(|step| (step, step as f64)).collect();
            thinned(values.into_iter()).points().iter().map(|point| [point.x, point.y]).collect::<Vec<_>>()
        };
        assert_eq!(points(3), [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]);
        let long = points(4 * MOST_POINTS);
        assert_eq!((long.len(), long[0]), (MOST_POINTS, [1.5, 1.5]));
    }
}
