//! Masks found by a method: its controls, the eigenvectors to choose from, and many images at once.

use eframe::egui::{
    Button, ColorImage, Image, RichText, Slider, Stroke, StrokeKind, TextureHandle, TextureOptions, Ui, vec2,
};

use crate::app::canvas::Tool;
use crate::app::masks::{AutoMethod, AutoOptions, MaskTool};
use crate::app::{Command, MaskCommand, Session, Slot};
use crate::jobs::mask::{AutoMask, TokenCutOptions};
use crate::mask::{BilateralOptions, MaskProfile, ThresholdRule};
use crate::render::ColourMap;
use crate::size::Size;
use crate::vit::FeatureKind;

use super::row;

/// The eigenvectors on screen, uploaded when they change.
#[derive(Default)]
pub struct AutoUi {
    /// Where the numbers lie in memory tells one answer from another.
    shown: Option<(*const Vec<f32>, Vec<TextureHandle>)>,
    overwrite: bool,
}

impl AutoUi {
    pub fn show(&mut self, ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
        let mut options = session.settings.auto_mask;
        row(ui, "Find by", |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            for method in AutoMethod::ALL {
                let chosen = options.method == method;
                if ui.selectable_label(chosen, method.title()).on_hover_text(method.help()).clicked() {
                    options.method = method;
                }
            }
        });
        match options.method {
            AutoMethod::TokenCut => self.tokencut_ui(ui, session, &mut options.tokencut),
            AutoMethod::Relevance => rule_ui(ui, &mut options.rule),
            AutoMethod::Click => {}
        }
        if options != session.settings.auto_mask {
            commands.push(Command::Mask(MaskCommand::AutoOptions(Box::new(options))));
        }
        find_ui(ui, session, &options, commands);
        if options.method != AutoMethod::Click {
            self.many_ui(ui, session, commands);
        }
    }

    fn tokencut_ui(&mut self, ui: &mut Ui, session: &Session, options: &mut TokenCutOptions) {
        let Some(model) = session.models.get(Slot::Main) else {
            ui.weak("Open a model: its features find the object.");
            return;
        };
        let (depth, self_supervised) = (model.info.config.depth, model.info.is_self_supervised);
        let mut tau = options.tau.unwrap_or_else(|| options.default_tau(self_supervised));
        row(ui, "Threshold τ", |ui| {
            let help = "Patches whose features are more alike than this are joined (cosine)";
            let slider = Slider::new(&mut tau, -0.2..=0.95).max_decimals(2);
            if ui.add(slider).accessible_name("Threshold τ").on_hover_text(help).changed() {
                options.tau = Some(tau);
            }
        });
        let mut block = options.block.unwrap_or_else(|| options.default_block(depth, self_supervised));
        row(ui, "Block", |ui| {
            let help = "Whose features; a model that was trained on labels sees objects best before its last blocks";
            let slider = Slider::new(&mut block, 0..=depth.saturating_sub(1));
            if ui.add(slider).accessible_name("Feature block").on_hover_text(help).changed() {
                options.block = Some(block);
            }
        });
        row(ui, "Features", |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            for kind in FeatureKind::ALL {
                ui.selectable_value(&mut options.features, kind, kind.name()).on_hover_text("Of the block's attention");
            }
        });
        let patch = model.info.config.patch;
        let mut size = options.size.unwrap_or_else(|| TokenCutOptions::default_size(patch));
        row(ui, "Longer side", |ui| {
            let help = "The photo as the model sees it for this; larger is finer and slower";
            let slider = Slider::new(&mut size, 96..=800).step_by(patch.width as f64).suffix(" px");
            if ui.add(slider).accessible_name("Longer side").on_hover_text(help).changed() {
                options.size = Some(size);
            }
        });
        let mut enlarge = options.enlarge.unwrap_or_else(|| options.default_enlarge());
        let help = "More patches make finer masks of photos that are smaller than that; slower";
        if ui.checkbox(&mut enlarge, "Enlarge smaller photos").on_hover_text(help).changed() {
            options.enlarge = Some(enlarge);
        }
        refine_ui(ui, options);
        let is_default = TokenCutOptions { eigenvector: options.eigenvector, ..TokenCutOptions::default() } == *options;
        if !is_default && ui.small_button("As fits the model").clicked() {
            *options = TokenCutOptions::default();
        }
        if let Some((found, _)) = session.masks.auto.found() {
            self.eigenvectors_ui(ui, found, &mut options.eigenvector);
        }
    }

    fn eigenvectors_ui(&mut self, ui: &mut Ui, mask: &AutoMask, chosen: &mut usize) {
        let Some(found) = &mask.found else { return };
        let key = found.eigenvectors.as_ptr();
        if self.shown.as_ref().is_none_or(|(of, _)| *of != key) {
            let upload = |values: &Vec<f32>| {
                ui.ctx().load_texture("eigenvector", picture(values, found.cut.grid), TextureOptions::NEAREST)
            };
            self.shown = Some((key, found.eigenvectors.iter().map(upload).collect()));
        }
        let Some((_, textures)) = &self.shown else { return };
        ui.label(RichText::new("Eigenvectors: click another, or point at another part with «Point»").small().weak());
        let width = (ui.available_width() - 5.0 * 4.0) / 6.0;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for (index, (texture, value)) in textures.iter().zip(found.eigenvalues.iter()).enumerate() {
                let size = texture.size_vec2();
                let image = Image::new(texture).fit_to_exact_size(vec2(width, width * size.y / size.x.max(1.0)));
                let name = format!("Eigenvector {}", index + 2);
                let button = ui.add(Button::image(image).frame(false)).accessible_name(&name);
                if *chosen == index {
                    let stroke = Stroke::new(2.0, ui.visuals().strong_text_color());
                    ui.painter().rect_stroke(button.rect, 2.0, stroke, StrokeKind::Outside);
                }
                if button.on_hover_text(format!("{name}, eigenvalue {value:.4}")).clicked() {
                    *chosen = index;
                }
            }
        });
    }

    fn many_ui(&mut self, ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
        ui.horizontal(|ui| {
            let count = session.gallery.order().len();
            let help = "In the background, saved one by one; what has a mask is left alone. Cancel in the bar at the \
                        top; starting again goes on where it stopped.";
            let title = format!("Find masks of {count} images");
            if ui.add_enabled(count > 0, Button::new(title)).on_hover_text(help).clicked() {
                commands.push(Command::Mask(MaskCommand::AutoAll { overwrite: self.overwrite }));
            }
            let help = "Also where there is a mask; those of a person are moved aside, not lost";
            ui.checkbox(&mut self.overwrite, "Anew").on_hover_text(help);
        });
    }
}

fn refine_ui(ui: &mut Ui, options: &mut TokenCutOptions) {
    ui.horizontal(|ui| {
        let mut refines = options.refine.is_some();
        let help = "Smooths the coarse mask along the photo's own edges (bilateral solver)";
        if ui.checkbox(&mut refines, "Refine").on_hover_text(help).changed() {
            options.refine = refines.then(BilateralOptions::default);
        }
        let mut paper = options.profile == MaskProfile::Paper;
        let help = "As the paper's code: large objects may come out inverted";
        if ui.checkbox(&mut paper, "As the paper").on_hover_text(help).changed() {
            options.profile = if paper { MaskProfile::Paper } else { MaskProfile::Default };
        }
    });
    if let Some(bilateral) = &mut options.refine {
        for (label, value, most, help) in [
            ("σ spatial", &mut bilateral.sigma_spatial, 64.0, "How far smoothing reaches, in pixels"),
            ("σ luma", &mut bilateral.sigma_luma, 64.0, "Which brightness counts as the same surface"),
            ("σ chroma", &mut bilateral.sigma_chroma, 64.0, "Which colour counts as the same surface"),
        ] {
            row(ui, label, |ui| {
                let slider = Slider::new(value, 2.0..=most).max_decimals(0);
                ui.add(slider).accessible_name(label).on_hover_text(help)
            });
        }
    }
}

fn rule_ui(ui: &mut Ui, rule: &mut ThresholdRule) {
    row(ui, "Threshold", |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (of, title, help) in [
            (ThresholdRule::Otsu, "Otsu", "The cut that leaves the least variance on both sides"),
            (ThresholdRule::Mean, "mean", "The mean of the map"),
            (ThresholdRule::Percentile(0.8), "percentile", "The most relevant share of the pixels"),
        ] {
            let chosen = std::mem::discriminant(rule) == std::mem::discriminant(&of);
            if ui.selectable_label(chosen, title).on_hover_text(help).clicked() && !chosen {
                *rule = of;
            }
        }
    });
    if let ThresholdRule::Percentile(share) = rule {
        let mut percent = *share * 100.0;
        row(ui, "Percentile", |ui| {
            let slider = Slider::new(&mut percent, 1.0..=99.0).max_decimals(0).suffix(" %");
            if ui.add(slider).accessible_name("Percentile").changed() {
                *share = percent / 100.0;
            }
        });
    }
    let warning = "Circular: not independent evidence. A model trained on where it looks learns to look there.";
    ui.label(RichText::new(warning).small().color(ui.visuals().warn_fg_color));
}

fn find_ui(ui: &mut Ui, session: &Session, options: &AutoOptions, commands: &mut Vec<Command>) {
    let auto = &session.masks.auto;
    ui.horizontal(|ui| {
        let points = Tool::Mask(MaskTool::Point);
        if options.method == AutoMethod::Click {
            let help = "Click on the object, Alt+click beside it, drag a box around it (G)";
            let tool = Button::selectable(session.canvas.tool == points, "Point at the object");
            if ui.add(tool).on_hover_text(help).clicked() {
                commands.push(Command::Tool(points));
            }
        } else {
            let button = Button::new(RichText::new("Find the object").strong()).min_size(vec2(110.0, 26.0));
            let help = "Finds the object; from then on the mask follows these controls until you paint (U)";
            if ui.add(button).on_hover_text(help).clicked() {
                commands.push(Command::Mask(MaskCommand::Auto));
            }
        }
        if auto.is_waiting() {
            ui.spinner();
        } else if let Some((_, seconds)) = auto.found() {
            ui.label(RichText::new(format!("found in {:.0} ms", seconds * 1000.0)).small().weak());
        }
    });
    let has_points = auto.click().is_some() || !auto.prompt().points.is_empty() || auto.prompt().area.is_some();
    if has_points && ui.small_button("Forget the points").clicked() {
        commands.push(Command::Mask(MaskCommand::ForgetPoints));
    }
    if let Some(error) = auto.error() {
        ui.label(RichText::new(crate::app::notice::capitalised(error)).small().color(ui.visuals().error_fg_color));
    }
}

/// Signed numbers in the diverging colours: what is warm is on the object's side.
fn picture(values: &[f32], grid: Size) -> ColorImage {
    let colours = ColourMap::Diverging.table();
    let colour = |value: &f32| colours[((value.clamp(-1.0, 1.0) + 1.0) * 127.5).round() as usize];
    let rgb: Vec<u8> = values.iter().flat_map(colour).collect();
    ColorImage::from_rgb([grid.width, grid.height], &rgb)
}
