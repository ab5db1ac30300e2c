//! What a loss sees of the mask: the numbers, and the pictures they are made of.

use eframe::egui::{ColorImage, Grid, Image, RichText, TextureHandle, TextureOptions, Ui, vec2};

use crate::app::masks::{Current, Feedback, Numbers};
use crate::app::{Session, Slot};
use crate::mask::Coverage;
use crate::render::ColourMap;
use crate::size::Size;

/// The pictures, uploaded when they change.
#[derive(Default)]
pub struct SeenUi {
    on_patches: bool,
    shown: Option<(u64, bool, [TextureHandle; 3])>,
}

impl SeenUi {
    pub fn show(&mut self, ui: &mut Ui, session: &Session, current: &Current) {
        let feedback = current.feedback();
        let Some(numbers) = feedback.numbers() else {
            ui.weak("Waiting for the model.");
            return;
        };
        numbers_ui(ui, &numbers);
        ui.label(RichText::new(subject(session)).small().weak());
        ui.horizontal(|ui| {
            for (on_patches, title) in [(false, "Pixels"), (true, "Patches")] {
                let help = "At the resolution of the model's input, or of its patches";
                if ui.selectable_label(self.on_patches == on_patches, title).on_hover_text(help).clicked() {
                    self.on_patches = on_patches;
                }
            }
        });
        self.pictures_ui(ui, feedback);
    }

    fn pictures_ui(&mut self, ui: &mut Ui, feedback: &Feedback) {
        let key = (feedback.version(), self.on_patches);
        if self.shown.as_ref().is_none_or(|(version, on_patches, _)| (*version, *on_patches) != key) {
            let Some(pictures) = pictures(feedback, self.on_patches) else {
                ui.weak("The map is flat: no place differs from another.");
                return;
            };
            let upload = |picture| ui.ctx().load_texture("what the loss sees", picture, TextureOptions::NEAREST);
            self.shown = Some((key.0, key.1, pictures.map(upload)));
        }
        let Some((_, _, textures)) = &self.shown else { return };
        let titles = ["mask", "relevance", "loss"];
        let helps = [
            "The mask as the loss compares it: white is object, stripes of grey do not count",
            "The map, from 0 to 1",
            "What the loss punishes: relevance beside the object in red, object without relevance in blue",
        ];
        let width = (ui.available_width() - 8.0) / 3.0;
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for ((texture, title), help) in textures.iter().zip(titles).zip(helps) {
                ui.vertical(|ui| {
                    ui.set_width(width);
                    let size = texture.size_vec2();
                    let image = Image::new(texture).fit_to_exact_size(vec2(width, width * size.y / size.x.max(1.0)));
                    ui.add(image.alt_text(format!("What the loss sees: {title}"))).on_hover_text(help);
                    ui.label(RichText::new(title).small());
                });
            }
        });
    }
}

/// Whose relevance it is.
fn subject(session: &Session) -> String {
    let result = session.main_view().and_then(|view| view.result.as_ref());
    let class = result.and_then(|result| result.target).zip(session.models.get(Slot::Main));
    let name = class.map_or_else(String::new, |(class, model)| format!(" of {}", model.info.classes.short_name(class)));
    let method = result.map_or("", |result| result.request.method.title());
    format!("The map on screen: {method}{name}")
}

fn numbers_ui(ui: &mut Ui, numbers: &Numbers) {
    let loss = |loss: Option<f64>| loss.map_or_else(|| "–".to_owned(), |loss| format!("{loss:.4}"));
    let mass = numbers
        .mass
        .map_or_else(|| "–".to_owned(), |mass| format!("{:.1} %, {:.2} × chance", mass.share * 100.0, mass.lift));
    Grid::new("loss numbers").num_columns(2).spacing([12.0, 2.0]).show(ui, |ui| {
        for (name, value, help) in [
            (
                "Relevance on object",
                mass,
                "Share of the map's sum that lies on the object, and how often that is its area",
            ),
            ("L_bg", loss(numbers.background_loss), "Relevance beside the object: mean (R·(1 − S))²"),
            ("L_fg", loss(numbers.foreground_loss), "Object without relevance: mean (R·S − S)²"),
            ("Object", format!("{:.1} % of the view", numbers.area * 100.0), "Ignored pixels do not count"),
        ] {
            ui.label(name).on_hover_text(help);
            ui.label(value).on_hover_text(help);
            ui.end_row();
        }
    });
}

/// Mask, relevance and loss; `None` without a map that differs from place to place.
fn pictures(feedback: &Feedback, on_patches: bool) -> Option<[ColorImage; 3]> {
    let (size, relevance) = feedback.relevance_in_input()?;
    let mask = feedback.mask_in_input()?;
    let patch = if on_patches { feedback.patch()? } else { Size::square(1) };
    let grid = Size::new(size.height / patch.height, size.width / patch.width);
    let (mut masks, mut maps, mut losses) = (Vec::new(), Vec::new(), Vec::new());
    let colours = ColourMap::default().table();
    for cell in 0..grid.area() {
        let Cell { foreground, weight, relevance, beside, missed } =
            Cell::mean(mask, relevance, size.width, patch, (cell / grid.width, cell % grid.width));
        let grey = |share: f32| (share * 255.0).round() as u8;
        // Ignored cells are grey, neither white nor black.
        masks.extend([grey(foreground * weight + 0.5 * (1.0 - weight)); 3]);
        maps.extend(colours[usize::from(grey(relevance))]);
        // Squares are small: their roots show them on the scale of the map.
        losses.extend([grey(beside.sqrt()), 0, grey(missed.sqrt())]);
    }
    let picture = |rgb: &[u8]| ColorImage::from_rgb([grid.width, grid.height], rgb);
    Some([picture(&masks), picture(&maps), picture(&losses)])
}

/// Means over the pixels of a patch, or one pixel.
#[derive(Default)]
struct Cell {
    foreground: f32,
    weight: f32,
    relevance: f32,
    /// (R·(1 − S))²
    beside: f32,
    /// (R·S − S)²
    missed: f32,
}

impl Cell {
    fn mean(mask: &Coverage, relevance: &[f32], width: usize, patch: Size, (row, column): (usize, usize)) -> Self {
        let mut sum = Self::default();
        for y in row * patch.height..(row + 1) * patch.height {
            for x in column * patch.width..(column + 1) * patch.width {
                let at = y * mask.size.width + x;
                let (object, weight, value) = (mask.foreground[at], mask.weight[at], relevance[y * width + x]);
                sum.foreground += object;
                sum.weight += weight;
                sum.relevance += value;
                sum.beside += (weight * value * (1.0 - object)).powi(2);
                sum.missed += (weight * (value * object - object)).powi(2);
            }
        }
        let mean = |sum: f32| sum / patch.area() as f32;
        Self {
            foreground: mean(sum.foreground),
            weight: mean(sum.weight),
            relevance: mean(sum.relevance),
            beside: mean(sum.beside),
            missed: mean(sum.missed),
        }
    }
}
