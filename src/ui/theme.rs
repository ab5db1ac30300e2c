//! Colours and spacing on top of egui's own style, for light and dark.

use eframe::egui::{self, Color32, CornerRadius, FontId, Stroke, TextStyle, vec2};

use crate::app::Theme;
use crate::app::notice::Level;

/// Vitrine's accent: the warm end of the default colour map, toned down to stand beside photos.
const ACCENT_DARK: Color32 = Color32::from_rgb(0xe0, 0x8a, 0x3c);
const ACCENT_LIGHT: Color32 = Color32::from_rgb(0xa8, 0x50, 0x0c);

/// Sets both styles; called once.
pub fn install(ctx: &egui::Context) {
    ctx.all_styles_mut(|style| {
        style.spacing.item_spacing = vec2(8.0, 6.0);
        style.spacing.button_padding = vec2(8.0, 3.0);
        style.spacing.interact_size.y = 22.0;
        style.spacing.slider_width = 120.0;
        style.spacing.combo_width = 120.0;
        style.spacing.tooltip_width = 360.0;
        style.text_styles.insert(TextStyle::Heading, FontId::proportional(15.0));
        style.text_styles.insert(TextStyle::Small, FontId::proportional(10.5));
        for widget in [
            &mut style.visuals.widgets.noninteractive,
            &mut style.visuals.widgets.inactive,
            &mut style.visuals.widgets.hovered,
            &mut style.visuals.widgets.active,
            &mut style.visuals.widgets.open,
        ] {
            widget.corner_radius = CornerRadius::same(4);
        }
    });
    ctx.style_mut_of(egui::Theme::Dark, |style| {
        let visuals = &mut style.visuals;
        visuals.panel_fill = Color32::from_gray(0x1e);
        visuals.window_fill = Color32::from_gray(0x24);
        visuals.extreme_bg_color = Color32::from_gray(0x14);
        visuals.faint_bg_color = Color32::from_gray(0x26);
        visuals.widgets.noninteractive.fg_stroke.color = Color32::from_gray(0xc4);
        visuals.selection.bg_fill = Color32::from_rgb(0x6b, 0x44, 0x21);
        visuals.selection.stroke = Stroke::new(1.0, Color32::from_rgb(0xff, 0xe2, 0xc4));
        visuals.hyperlink_color = ACCENT_DARK;
        visuals.weak_text_color = Some(Color32::from_gray(0x92));
        visuals.error_fg_color = Color32::from_rgb(0xff, 0x72, 0x66);
        visuals.warn_fg_color = Color32::from_rgb(0xf2, 0xb4, 0x4a);
    });
    ctx.style_mut_of(egui::Theme::Light, |style| {
        let visuals = &mut style.visuals;
        visuals.panel_fill = Color32::from_gray(0xf4);
        visuals.window_fill = Color32::from_gray(0xfa);
        visuals.extreme_bg_color = Color32::WHITE;
        visuals.widgets.noninteractive.fg_stroke.color = Color32::from_gray(0x30);
        visuals.selection.bg_fill = Color32::from_rgb(0xf6, 0xd2, 0xae);
        visuals.selection.stroke = Stroke::new(1.0, Color32::from_rgb(0x5a, 0x2c, 0x06));
        visuals.hyperlink_color = ACCENT_LIGHT;
        visuals.weak_text_color = Some(Color32::from_gray(0x5e));
        visuals.error_fg_color = Color32::from_rgb(0xb4, 0x1e, 0x16);
        visuals.warn_fg_color = Color32::from_rgb(0x8f, 0x5a, 0x00);
    });
}

/// Applies the user's choice.
pub fn choose(ctx: &egui::Context, theme: Theme) {
    ctx.set_theme(match theme {
        Theme::System => egui::ThemePreference::System,
        Theme::Light => egui::ThemePreference::Light,
        Theme::Dark => egui::ThemePreference::Dark,
    });
}

pub fn accent(visuals: &egui::Visuals) -> Color32 {
    if visuals.dark_mode { ACCENT_DARK } else { ACCENT_LIGHT }
}

/// What lies around a photo: neutral, so that its colours are judged rightly.
pub fn backdrop(visuals: &egui::Visuals) -> Color32 {
    if visuals.dark_mode { Color32::from_gray(0x12) } else { Color32::from_gray(0xd8) }
}

pub fn level(visuals: &egui::Visuals, level: Level) -> Color32 {
    match level {
        Level::Info => accent(visuals),
        Level::Warning => visuals.warn_fg_color,
        Level::Error => visuals.error_fg_color,
    }
}
