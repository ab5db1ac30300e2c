//! Above the grid: search, filter, sort, size, and how many pictures are shown.

use eframe::egui::{
    Align, Button, ComboBox, Layout, Response, Role, ScrollArea, Slider, TextEdit, Ui, Vec2, WidgetInfo, vec2,
};

use crate::app::gallery::{CELL_SIDES, Direction, Filter, Gallery, GalleryCommand, Sort};
use crate::mask::Review;

pub(super) fn toolbar_ui(ui: &mut Ui, gallery: &Gallery, commands: &mut Vec<GalleryCommand>) {
    search_ui(ui, gallery, commands);
    ui.horizontal_wrapped(|ui| {
        filter_ui(ui, gallery, commands);
        sort_ui(ui, gallery, commands);
    });
    ui.horizontal(|ui| {
        ui.small(count(gallery));
        if gallery.is_listing() && ui.small_button("Stop").on_hover_text("Stop looking for more images").clicked() {
            commands.push(GalleryCommand::StopListing);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| size_ui(ui, gallery, commands));
    });
}

fn search_ui(ui: &mut Ui, gallery: &Gallery, commands: &mut Vec<GalleryCommand>) {
    let mut text = gallery.view().search.clone();
    ui.horizontal(|ui| {
        let clear_width =
            if text.is_empty() { 0.0 } else { ui.spacing().interact_size.y + ui.spacing().item_spacing.x };
        let width = ui.available_width() - clear_width;
        let edit = TextEdit::singleline(&mut text).hint_text("Search names and classes").desired_width(width);
        if ui.add(edit).accessible_name("Search").changed() {
            commands.push(GalleryCommand::Search(text.clone()));
        }
        if clear_width > 0.0 {
            let button = ui.button("×").on_hover_text("Clear search").accessible_name("Clear the search field");
            if button.clicked() {
                commands.push(GalleryCommand::Search(String::new()));
            }
        }
    });
}

fn filter_ui(ui: &mut Ui, gallery: &Gallery, commands: &mut Vec<GalleryCommand>) {
    let names = gallery.names();
    let current = gallery.view().filter;
    let title = |filter: Filter| match filter {
        Filter::All => "All images".to_owned(),
        Filter::Broken => "Broken".to_owned(),
        Filter::Right => "Predicted right".to_owned(),
        Filter::Wrong => "Predicted wrong".to_owned(),
        Filter::NotPredicted => "Not yet predicted".to_owned(),
        Filter::NoMask => "Without mask".to_owned(),
        Filter::Mask(review) => mask_title(review).to_owned(),
        Filter::Class(class) => names.short_name(class).to_owned(),
    };
    let picker = ComboBox::from_id_salt("gallery filter").selected_text(title(current)).height(420.0).truncate();
    let response = picker.show_ui(ui, |ui| {
        let mut choice = |ui: &mut Ui, filter: Filter| {
            if ui.selectable_label(current == filter, title(filter)).clicked() {
                commands.push(GalleryCommand::Filter(filter));
            }
        };
        for filter in [Filter::All, Filter::Right, Filter::Wrong, Filter::NotPredicted, Filter::Broken] {
            choice(ui, filter);
        }
        ui.separator();
        choice(ui, Filter::NoMask);
        for review in Review::ALL {
            choice(ui, Filter::Mask(review));
        }
        if !names.is_empty() {
            ui.separator();
            // A thousand classes cost no more than the few that are visible.
            let height = ui.spacing().interact_size.y;
            let list = ScrollArea::vertical().id_salt("classes").max_height(10.0 * height);
            list.show_rows(ui, height, names.len(), |ui, rows| rows.for_each(|class| choice(ui, Filter::Class(class))));
        }
    });
    name_picker(ui, response.response, "Filter", &title(current));
}

/// A judgement as the filter and the cells name it.
pub(super) const fn mask_title(review: Review) -> &'static str {
    match review {
        Review::None => "Mask not judged",
        Review::NeedsReview => "Mask needs review",
        Review::Accepted => "Mask accepted",
        Review::Rejected => "Mask rejected",
    }
}

fn sort_ui(ui: &mut Ui, gallery: &Gallery, commands: &mut Vec<GalleryCommand>) {
    let (current, direction) = (gallery.view().sort, gallery.view().direction);
    let title = |sort: Sort| match sort {
        Sort::Name => "Name",
        Sort::Prediction => "Predicted class",
        Sort::Confidence => "Confidence",
        Sort::Truth => "True class",
        Sort::Doubt => "Doubtful masks",
    };
    let picker = ComboBox::from_id_salt("gallery sort").selected_text(title(current)).truncate();
    let response = picker.show_ui(ui, |ui| {
        for sort in [Sort::Name, Sort::Prediction, Sort::Confidence, Sort::Truth, Sort::Doubt] {
            if ui.selectable_label(current == sort, title(sort)).clicked() {
                commands.push(GalleryCommand::Sort(sort, direction));
            }
        }
    });
    name_picker(ui, response.response, "Sort by", title(current));
    let (name, other) = match direction {
        Direction::Ascending => ("Sorted upwards, turn around", Direction::Descending),
        Direction::Descending => ("Sorted downwards, turn around", Direction::Ascending),
    };
    if direction_button(ui, direction).on_hover_text(name).accessible_name(name).clicked() {
        commands.push(GalleryCommand::Sort(current, other));
    }
}

/// A button with an arrow, which is drawn because the typeface has none.
fn direction_button(ui: &mut Ui, direction: Direction) -> Response {
    let side = ui.spacing().interact_size.y;
    let response = ui.add(Button::new("").min_size(Vec2::splat(side)));
    let length = match direction {
        Direction::Ascending => -side / 2.0,
        Direction::Descending => side / 2.0,
    };
    let tail = response.rect.center() - vec2(0.0, length / 2.0);
    ui.painter().arrow(tail, vec2(0.0, length), ui.style().interact(&response).fg_stroke);
    response
}

/// Says what the picker picks, and what is picked, to those who cannot see its place.
fn name_picker(ui: &Ui, response: Response, name: &str, value: &str) {
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ComboBox, ui.is_enabled(), name);
        info.current_text_value = Some(value.to_owned());
        info
    });
    response.on_hover_text(name);
}

fn size_ui(ui: &mut Ui, gallery: &Gallery, commands: &mut Vec<GalleryCommand>) {
    let mut side = gallery.cell_side();
    ui.spacing_mut().slider_width = 72.0;
    let slider = Slider::new(&mut side, CELL_SIDES).show_value(false);
    if ui.add(slider).on_hover_text("Size of the thumbnails").accessible_name("Thumbnail size").changed() {
        commands.push(GalleryCommand::CellSide(side));
    }
}

/// Such as «1 234 of 100 000», and whether more are coming.
fn count(gallery: &Gallery) -> String {
    let (shown, all) = (gallery.order().len(), gallery.items().len());
    let count = match (shown == all, all) {
        (true, 1) => "1 image".to_owned(),
        (true, _) => format!("{} images", grouped(all)),
        (false, _) => format!("{} of {}", grouped(shown), grouped(all)),
    };
    if gallery.is_listing() { format!("{count}, looking for more…") } else { count }
}

/// Digits in groups of three, held together by no-break spaces.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_in_threes() {
        let written = [0, 999, 1000, 100_000, 1_234_567].map(grouped);
        assert_eq!(written, ["0", "999", "1\u{a0}000", "100\u{a0}000", "1\u{a0}234\u{a0}567"]);
    }
}
