//! Image by image: fixed, broken, wrong before and after; each with its photo and both maps.

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{Color32, FontId, Mesh, Rect, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::app::Session;
use crate::app::evaluate::{Compared, EvaluateCommand};
use crate::jobs::compare::{Flip, FlipKind, Said};
use crate::relevance::{RelevanceMap, normalise};
use crate::render::ColourMap;
use crate::ui::gallery::{Shown, ThumbnailTextures};

/// Of a row, in points.
const HEIGHT: f32 = 58.0;
const PICTURE: f32 = 52.0;

pub fn show(
    ui: &mut Ui,
    session: &Session,
    compared: &Compared,
    thumbnails: &mut ThumbnailTextures,
    asked: &mut Vec<EvaluateCommand>,
) {
    let kinds = [
        (FlipKind::Fixed, "fixed"),
        (FlipKind::Broken, "broken"),
        (FlipKind::BothWrong, "both wrong"),
        (FlipKind::BothRight, "both right"),
    ];
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 3.0;
        for (kind, title) in kinds {
            let text = format!("{} {title}", compared.report.of_kind(kind).count());
            let chosen = session.evaluate.kind.0 == kind;
            if ui.selectable_label(chosen, text).clicked() {
                asked.push(EvaluateCommand::Show(kind));
            }
        }
    });
    let flips = session.evaluate.flips();
    if flips.is_empty() {
        ui.weak("None.");
        return;
    }
    let height = ui.available_height().clamp(3.0 * HEIGHT, 8.0 * HEIGHT);
    ScrollArea::vertical().id_salt("flips").max_height(height).auto_shrink([false, true]).show_rows(
        ui,
        HEIGHT,
        flips.len(),
        |ui, rows| {
            for (at, flip) in &flips[rows] {
                if row_ui(ui, session, compared, flip, thumbnails) {
                    asked.push(EvaluateCommand::Look(*at));
                }
            }
        },
    );
}

/// Whether it was clicked.
fn row_ui(
    ui: &mut Ui,
    session: &Session,
    compared: &Compared,
    flip: &Flip,
    thumbnails: &mut ThumbnailTextures,
) -> bool {
    let (area, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT - 4.0), Sense::click());
    let labelled = compared.job.dataset.pictures.get(flip.index);
    let name = labelled.map_or(flip.image.as_str(), |labelled| labelled.name.as_str());
    let text = format!("{name}: {} before, {} after", flip.before.name, flip.after.name);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &text));
    let is_selected = labelled.is_some_and(|labelled| session.image() == Some(&labelled.source));
    if is_selected || response.hovered() {
        let fill = ui.visuals().selection.bg_fill.gamma_multiply(if is_selected { 0.4 } else { 0.2 });
        ui.painter().rect_filled(area, 4.0, fill);
    }
    let place = |column: usize| {
        let left = area.left() + 2.0 + column as f32 * (PICTURE + 4.0);
        Rect::from_min_size(pos2(left, area.top() + 1.0), vec2(PICTURE, PICTURE))
    };
    if let Some(labelled) = labelled
        && let Shown::Texture(texture) = thumbnails.show(ui.ctx(), &labelled.source)
    {
        let size = texture.size_vec2();
        let fitted = Rect::from_center_size(place(0).center(), size * (PICTURE / size.max_elem().max(1.0)));
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter().image(texture.id(), fitted, whole, Color32::WHITE);
    }
    let colours = session.settings.style.colours;
    for (column, said) in [(1, &flip.before), (2, &flip.after)] {
        if let Some(map) = &said.map {
            ui.painter().add(cells(place(column), map, colours));
        }
    }
    let right_before = matches!(flip.kind, FlipKind::Broken | FlipKind::BothRight);
    let right_after = matches!(flip.kind, FlipKind::Fixed | FlipKind::BothRight);
    let left = place(3).left();
    let lines = [
        (flip.truth_name.clone(), relevance_on_object(flip), ui.visuals().weak_text_color()),
        (said(&flip.before, right_before), confidence(&flip.before), ui.visuals().text_color()),
        (said(&flip.after, right_after), confidence(&flip.after), ui.visuals().strong_text_color()),
    ];
    for (line, (words, figures, colour)) in lines.into_iter().enumerate() {
        let corner = pos2(left, area.top() + 2.0 + 17.0 * line as f32);
        line_ui(ui, Rect::from_min_max(corner, area.max), words, figures, colour);
    }
    let about = "photo, map before, map after\nclass and relevance on the object\nanswers and their confidence\n\
                 click: look at it";
    response.on_hover_text(format!("{text}\n{about}")).clicked()
}

/// Figures right behind the words, which are shortened to leave them room.
fn line_ui(ui: &Ui, area: Rect, words: String, figures: String, colour: Color32) {
    let (painter, font) = (ui.painter(), FontId::proportional(11.5));
    let figures = painter.layout_no_wrap(figures, font.clone(), colour);
    let mut words = LayoutJob::simple_singleline(words, font, colour);
    words.wrap = TextWrapping::truncate_at_width(area.width() - figures.size().x);
    let words = painter.layout_job(words);
    painter.galley(area.min + vec2(words.size().x, 0.0), figures, colour);
    painter.galley(area.min, words, colour);
}

/// Such as «right: fox»; the word says what colour alone must not.
fn said(said: &Said, is_right: bool) -> String {
    format!("{}: {}", if is_right { "right" } else { "wrong" }, said.name)
}

fn confidence(said: &Said) -> String {
    format!(" {:.2}", said.confidence)
}

/// Such as « 31 to 61 %», where there is a mask.
fn relevance_on_object(flip: &Flip) -> String {
    match (flip.before.relevance_mass, flip.after.relevance_mass) {
        (Some(before), Some(after)) => format!(" {:.0} to {:.0} %", 100.0 * before, 100.0 * after),
        _ => String::new(),
    }
}

/// One rectangle per patch, on the map's own scale; a flat map is grey.
fn cells(area: Rect, map: &RelevanceMap, colours: ColourMap) -> Mesh {
    let mut values = map.values.clone();
    let is_flat = normalise(&mut values).is_err();
    let (rows, columns) = (map.grid.height, map.grid.width);
    let cell = vec2(area.width() / columns as f32, area.height() / rows as f32);
    let mut mesh = Mesh::default();
    for (at, value) in values.iter().enumerate() {
        let corner = area.min + vec2((at % columns) as f32 * cell.x, (at / columns) as f32 * cell.y);
        let [r, g, b] = if is_flat { [128; 3] } else { colours.lookup(*value) };
        mesh.add_colored_rect(Rect::from_min_size(corner, cell), Color32::from_rgb(r, g, b));
    }
    mesh
}
