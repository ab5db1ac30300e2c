//! From a value to the colour of a pixel. Keep in sync with `shaders/snippets/shading.wgsl`; `tests/heatmap_twin.rs`
//! compares them.
//!
//! Colours are three numbers of 0…255, rounded only when the pixel is done.

use super::interpolation::GridMap;
use super::range::ValueRange;
use super::style::{Blend, Interpolation, MAX_CONTOURS, Style};

/// How much of its contrast and colour the part of the photo keeps that the model did not see.
const UNSEEN_STRENGTH: f32 = 0.3;
/// What that part fades into.
const UNSEEN_GREY: f32 = 160.0;

/// Half the width of a contour line, in pixels of the picture that is drawn.
const LINE_RADIUS: f32 = 0.75;
/// Half the width of the dark seam in which the white line lies, so that it shows on every ground.
const SEAM_RADIUS: f32 = 1.75;
const SEAM_OPACITY: f32 = 0.5;
/// In range per pixel; where the map is flatter there is no line, even if all of it lies on the level.
const LEAST_SLOPE: f32 = 1e-7;

pub(super) type Colour = [f32; 3];

/// A [`Style`] made ready for pixels: every number in its bounds, the range known.
pub(super) struct Shading {
    colours: [[u8; 3]; 256],
    signed: bool,
    pub interpolation: Interpolation,
    blend: Blend,
    range: ValueRange,
    opacity: f32,
    gamma: f32,
    threshold: f32,
    contours: Vec<f32>,
}

/// What a place in the range looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Heat {
    /// Where in the colour map, 0…1.
    colour: f32,
    /// How relevant, 0…1; for signed colours the distance from 0.
    strength: f32,
    /// Whether it reaches the threshold.
    shown: bool,
}

impl Shading {
    pub fn new(style: &Style, own_range: ValueRange) -> Self {
        let Numbers { range, opacity, gamma, threshold } = Numbers::of(style, own_range);
        Self {
            colours: style.colours.table(),
            signed: style.colours.is_signed(),
            interpolation: style.interpolation,
            blend: style.blend,
            range,
            opacity,
            gamma,
            threshold,
            contours: style.contours.iter().copied().take(MAX_CONTOURS).collect(),
        }
    }

    /// The heat at a position in the range, which may lie outside of 0…1.
    pub fn heat(&self, position: f32) -> Heat {
        let position = position.clamp(0.0, 1.0);
        if !self.signed {
            let strength = power(position, self.gamma);
            return Heat { colour: strength, strength, shown: position >= self.threshold };
        }
        let from_zero = 2.0 * position - 1.0;
        let strength = power(from_zero.abs(), self.gamma);
        let side = if from_zero < 0.0 { -0.5 } else { 0.5 };
        Heat { colour: 0.5 + side * strength, strength, shown: from_zero.abs() >= self.threshold }
    }

    /// The colour that stands for this heat, between the two nearest entries of the table.
    pub fn colour(&self, heat: Heat) -> Colour {
        if self.blend == Blend::Multiply {
            return [255.0 * heat.brightness(); 3];
        }
        let place = heat.colour * 255.0;
        let below = (place as usize).min(254);
        let [low, high] = [self.colours[below], self.colours[below + 1]];
        mixed(low.map(f32::from), high.map(f32::from), place - below as f32)
    }

    /// The photo with the map on it, at a position in units of patches; `step` is one pixel in these units.
    pub fn pixel(&self, photo: Colour, map: &GridMap<'_>, at: [f32; 2], step: [f32; 2]) -> Colour {
        let field = |at| self.range.position(map.value_at(at, self.interpolation));
        let position = field(at);
        let heat = self.heat(position);
        let blended = match self.blend {
            Blend::Overlay if !heat.shown => photo,
            Blend::Overlay => mixed(photo, self.colour(heat), opacity_at(heat.strength, self.opacity)),
            Blend::Multiply => photo.map(|channel| channel * mix(1.0, heat.brightness(), self.opacity)),
        };
        if self.contours.is_empty() {
            return blended;
        }
        let near = Surroundings::new(&field, at, step, position, LINE_RADIUS);
        // Only jumps must be within reach of the line; a slope is the same a little further.
        let far = match self.interpolation {
            Interpolation::Patches => Surroundings::new(&field, at, step, position, SEAM_RADIUS),
            Interpolation::Bilinear | Interpolation::Bicubic => near,
        };
        let seam = SEAM_OPACITY * self.line_coverage(far, position, SEAM_RADIUS);
        let line = self.line_coverage(near, position, LINE_RADIUS);
        mixed(mixed(blended, [0.0; 3], seam), [255.0; 3], line)
    }

    /// How much of a pixel lies under lines of half width `radius` in pixels.
    fn line_coverage(&self, around: Surroundings, position: f32, radius: f32) -> f32 {
        let coverage = |level: f32| match self.interpolation {
            // The map jumps at the edges of patches: the line is the edge.
            Interpolation::Patches => f32::from(around.low < level && level <= around.high),
            _ if around.slope < LEAST_SLOPE => 0.0,
            _ => (radius + 0.5 - (position - level).abs() / around.slope).clamp(0.0, 1.0),
        };
        self.contours.iter().map(|&level| coverage(level)).fold(0.0, f32::max)
    }
}

/// Positions in the range to all four sides of a pixel.
#[derive(Clone, Copy)]
struct Surroundings {
    low: f32,
    high: f32,
    /// Per pixel.
    slope: f32,
}

impl Surroundings {
    /// At a distance of `radius` pixels; `position` is the pixel's own.
    fn new(
        field: &impl Fn([f32; 2]) -> f32,
        [row, column]: [f32; 2],
        step: [f32; 2],
        position: f32,
        radius: f32,
    ) -> Self {
        let [down, right] = step.map(|step| step * radius);
        let around = [[row, column - right], [row, column + right], [row - down, column], [row + down, column]];
        let [left, right, above, below] = around.map(field);
        Self {
            low: position.min(left).min(right).min(above.min(below)),
            high: position.max(left).max(right).max(above.max(below)),
            slope: (right - left).hypot(below - above) / (2.0 * radius),
        }
    }
}

impl Heat {
    /// By how much [`Blend::Multiply`] multiplies the photo at full opacity.
    fn brightness(self) -> f32 {
        if self.shown { self.strength } else { 0.0 }
    }
}

/// The numbers of a style within their bounds; what is not a number becomes the default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Numbers {
    pub range: ValueRange,
    pub opacity: f32,
    pub gamma: f32,
    pub threshold: f32,
}

impl Numbers {
    /// `own_range` is the map's, for where the style has none that ascends.
    pub fn of(style: &Style, own_range: ValueRange) -> Self {
        let within = |value: f32, low: f32, high: f32, default: f32| {
            if value.is_nan() { default } else { value.clamp(low, high) }
        };
        let default = Style::default();
        Self {
            range: style.range.and_then(ValueRange::if_varied).unwrap_or(own_range),
            opacity: within(style.opacity, 0.0, 1.0, default.opacity),
            gamma: within(style.gamma, *Style::GAMMA.start(), *Style::GAMMA.end(), default.gamma),
            threshold: within(style.threshold, 0.0, 1.0, default.threshold),
        }
    }
}

/// The part of the photo that the model did not see.
pub(super) fn dimmed([r, g, b]: Colour) -> Colour {
    // Rec. 601 luma, the brightness of JPEG.
    let luma = 0.299 * r + 0.587 * g + 0.114 * b;
    [mix(UNSEEN_GREY, luma, UNSEEN_STRENGTH); 3]
}

/// The opacity of one place: all of it from half strength on, and where it is cold only that share of it, so that the
/// dark ends of the colour maps do not bury the photo where nothing is relevant.
fn opacity_at(strength: f32, opacity: f32) -> f32 {
    let rise = (2.0 * strength).min(1.0);
    opacity * mix(opacity, 1.0, rise * rise * (3.0 - 2.0 * rise))
}

/// `base` to the power of `exponent`, exact where the shader's logarithm would not be.
fn power(base: f32, exponent: f32) -> f32 {
    if base <= 0.0 {
        0.0
    } else if exponent == 1.0 {
        base
    } else {
        base.powf(exponent)
    }
}

pub(super) fn mix(a: f32, b: f32, share_of_b: f32) -> f32 {
    a + (b - a) * share_of_b
}

fn mixed(a: Colour, b: Colour, share_of_b: f32) -> Colour {
    std::array::from_fn(|i| mix(a[i], b[i], share_of_b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::ColourMap;
    use crate::size::Size;

    const UNIT: ValueRange = ValueRange { low: 0.0, high: 1.0 };

    fn shading(style: &Style) -> Shading {
        Shading::new(style, UNIT)
    }

    #[test]
    fn cold_places_let_more_of_the_photo_through() {
        assert_eq!([0.0, 0.5, 1.0].map(|heat| opacity_at(heat, 0.5)), [0.25, 0.5, 0.5]);
        assert_eq!([0.0, 0.5, 1.0].map(|heat| opacity_at(heat, 1.0)), [1.0; 3]);
    }

    #[test]
    fn gamma_is_a_power_of_the_position() {
        let heat = |gamma, position| shading(&Style { gamma, ..Style::default() }).heat(position).colour;
        assert_eq!([heat(2.0, 0.5), heat(2.0, 3.0), heat(2.0, -1.0)], [0.25, 1.0, 0.0]);
        // √¼ = ½
        assert_eq!(heat(0.5, 0.25), 0.5);
        assert_eq!(heat(f32::NAN, 0.3), 0.3, "not a number counts as 1");
    }

    #[test]
    fn gamma_and_threshold_of_signed_colours_count_from_zero() {
        let style = Style { colours: ColourMap::Diverging, gamma: 2.0, threshold: 0.5, ..Style::default() };
        let heat = |position| shading(&style).heat(position);
        // −½ and ½ of the way: strength ¼, colours ½ ∓ ½·¼
        assert_eq!(heat(0.25), Heat { colour: 0.375, strength: 0.25, shown: true });
        assert_eq!(heat(0.75), Heat { colour: 0.625, strength: 0.25, shown: true });
        assert_eq!(heat(0.5), Heat { colour: 0.5, strength: 0.0, shown: false });
        assert!(!heat(0.3).shown, "2·0.3 − 1 = −0.4 is nearer to 0 than the threshold");
    }

    #[test]
    fn below_the_threshold_there_is_no_heat() {
        let map = GridMap::new(&[0.39, 0.41], Size::new(1, 2)).unwrap();
        let grey = Style { colours: ColourMap::Grey, opacity: 1.0, threshold: 0.4, ..Style::default() };
        let draw = |blend| {
            let shading = shading(&Style { blend, ..grey.clone() });
            [0.5, 1.5].map(|column| shading.pixel([200.0; 3], &map, [0.5, column], [0.1; 2])[0].round())
        };
        // Above it 0.41·255 = 104.55 and 0.41·200 = 82.
        assert_eq!(draw(Blend::Overlay), [200.0, 105.0]);
        assert_eq!(draw(Blend::Multiply), [0.0, 82.0]);
    }

    #[test]
    fn contours_are_thin_white_lines_in_a_dark_seam() {
        // A ramp of 0…1 over 20 pixels between two centres; the level ½ lies at column 1, between two pixels.
        let map = GridMap::new(&[0.0, 1.0], Size::new(1, 2)).unwrap();
        let shading = shading(&Style { opacity: 0.0, contours: vec![0.5], ..Style::default() });
        let at = |pixels: f32| shading.pixel([100.0; 3], &map, [0.5, 1.0 + pixels / 20.0], [0.05; 2])[0];
        // Line: .75 + .5 − distance, at most 1; seam: ½·(1.75 + .5 − distance), at most ½, under it.
        for (distance, expected) in [(0.0, 255.0), (1.0, 50.0 + 205.0 * 0.25), (1.5, 62.5), (2.5, 100.0)] {
            // Slopes of 0.05 from differences of numbers near ½, each good to 6e-8, and 255 levels: below 0.01.
            assert!((at(distance) - expected).abs() < 0.01, "{distance} px: {} for {expected}", at(distance));
            assert!((at(-distance) - expected).abs() < 0.01, "−{distance} px: {}", at(-distance));
        }
    }

    #[test]
    fn contours_of_patches_run_along_their_edges() {
        let map = GridMap::new(&[0.2, 0.8], Size::new(1, 2)).unwrap();
        let style = Style { opacity: 0.0, interpolation: Interpolation::Patches, ..Style::default() };
        let white = |level: f32| {
            let shading = shading(&Style { contours: vec![level], ..style.clone() });
            let column = |pixel: usize| (pixel as f32 + 0.5) / 10.0;
            let is_white = |pixel| shading.pixel([100.0; 3], &map, [0.5, column(pixel)], [0.1; 2]) == [255.0; 3];
            (0..20).filter(|&pixel| is_white(pixel)).collect::<Vec<_>>()
        };
        assert_eq!(white(0.5), [9, 10], "the pixels on both sides of the edge");
        assert!(white(0.9).is_empty() && white(0.1).is_empty());
    }

    #[test]
    fn a_plateau_on_the_level_is_not_a_line() {
        let map = GridMap::new(&[0.5; 4], Size::square(2)).unwrap();
        for interpolation in Interpolation::ALL {
            let shading = shading(&Style { opacity: 0.0, contours: vec![0.5], interpolation, ..Style::default() });
            assert_eq!(shading.pixel([100.0; 3], &map, [1.0, 1.0], [0.1; 2]), [100.0; 3], "{interpolation:?}");
        }
    }
}
