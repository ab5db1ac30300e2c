//! The figures of both models with the difference and its interval.

use eframe::egui::{Color32, Grid, RichText, TextStyle, TextWrapMode, Ui, Visuals, WidgetText};

use crate::jobs::compare::{Report, Row, Verdict};
use crate::jobs::evaluate::Group;

/// What three columns of figures need, in points.
const FIGURES: f32 = 156.0;

pub fn show(ui: &mut Ui, report: &Report) {
    let groups = [
        (Group::Classification, "Answers"),
        (Group::Maps, "Where it looks"),
        (Group::Background, "Background reliance"),
        (Group::Faithfulness, "What it needs"),
    ];
    let width = (ui.available_width() - FIGURES).max(90.0);
    for (group, title) in groups {
        let rows: Vec<&Row> = report.rows.iter().filter(|row| row.figure.group == group).collect();
        if rows.is_empty() {
            continue;
        }
        ui.label(RichText::new(title).weak());
        Grid::new(title).num_columns(4).spacing([8.0, 2.0]).striped(true).show(ui, |ui| {
            rows.into_iter().for_each(|row| row_ui(ui, row, width));
        });
        ui.add_space(4.0);
    }
    ui.label(RichText::new("Coloured: the 95 % interval of the difference does not hold 0.").small().weak());
}

/// The name takes as many lines of `width` as it needs.
fn row_ui(ui: &mut Ui, row: &Row, width: f32) {
    let measure = row.figure.measure;
    let small = |text: String| RichText::new(text).size(11.5);
    let title = WidgetText::from(small(row.figure.title.clone()));
    let title = title.into_galley(ui, Some(TextWrapMode::Wrap), width, TextStyle::Body);
    ui.label(title).on_hover_text(about(row));
    ui.label(small(measure.bare(row.before.value)));
    ui.label(small(measure.bare(row.after.value)));
    let change = small(measure.signed(row.difference.value)).color(colour(ui.visuals(), Verdict::of(row)));
    ui.label(change).on_hover_text(about(row));
    ui.end_row();
}

/// Everything that the row has no room for.
fn about(row: &Row) -> String {
    let measure = row.figure.measure;
    let mut text = format!("{}, {} images", row.figure.title, row.figure.n);
    for (what, of) in [("before", row.before), ("after", row.after)] {
        text += &format!("\n{what} {}", measure.with_unit(of.value));
        if let Some(interval) = of.interval {
            text += &format!(" ({} … {})", measure.bare(interval.low), measure.bare(interval.high));
        }
    }
    text += &format!("\ndifference {}", measure.signed(row.difference.value));
    if let Some(interval) = row.difference.interval {
        text += &format!(" ({} … {})", measure.signed(interval.low), measure.signed(interval.high));
    }
    if let Some(test) = &row.mcnemar {
        text += &format!("\n{} fixed, {} broken, McNemar p {:.3}", test.fixed, test.broken, test.p);
    }
    if let (Some(random), Some(centred)) = (row.figure.random_map, row.figure.centred_map) {
        text += &format!("\nrandom map {}, centred map {}", measure.with_unit(random), measure.with_unit(centred));
    }
    text
}

fn colour(visuals: &Visuals, verdict: Verdict) -> Color32 {
    match (verdict, visuals.dark_mode) {
        (Verdict::Better, true) => Color32::from_rgb(90, 200, 120),
        (Verdict::Better, false) => Color32::from_rgb(20, 130, 60),
        (Verdict::Worse, _) => visuals.error_fg_color,
        (Verdict::Unclear, _) => visuals.text_color(),
    }
}
