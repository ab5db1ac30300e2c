//! The report as one page that needs nothing else: pictures inside, no scripts, light and dark.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;

use ::image::codecs::jpeg::JpegEncoder;
use ::image::{Rgb, RgbImage};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fast_image_resize::CropBox;

use crate::eval::{Scene, Truth};
use crate::files::write_atomically;
use crate::image::prepare;
use crate::jobs::evaluate::{Cutouts, Dataset, EvaluateJob, ExplainedClass, Group, Measure, load_photo};
use crate::jobs::model::LoadedModel;
use crate::relevance::RelevanceMap;
use crate::render::{GridMap, Style, overlay};

use super::flips::{Flip, FlipKind, Said};
use super::page::{Verdict, dumbbell, escaped, p_value, range, signed_range, test, value, whisker};
use super::report::{Report, Row};

const CSS: &str = include_str!("../../../assets/report.css");

/// How many pictures of each kind a page shows.
const SHOWN: [(FlipKind, usize); 4] =
    [(FlipKind::Fixed, 24), (FlipKind::Broken, 24), (FlipKind::BothWrong, 12), (FlipKind::BothRight, 12)];

/// How many pictures are shown on their other backgrounds.
const COMPOSED: usize = 3;

/// Where the pictures of a page come from.
pub struct Pictures<'a> {
    pub dataset: &'a Dataset,
    pub job: &'a EvaluateJob,
    pub before: &'a LoadedModel,
    pub after: &'a LoadedModel,
}

/// Writes the page, whole or not at all.
///
/// # Errors
/// What the file system says.
pub fn write(path: &Path, report: &Report, pictures: &Pictures<'_>) -> std::io::Result<()> {
    write_atomically(path, page(report, pictures).as_bytes())
}

fn page(report: &Report, pictures: &Pictures<'_>) -> String {
    let title = format!("{} → {}", report.before, report.after);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{}</title><style>{CSS}</style></head>\n<body><main>{}{}{}{}{}{}</main></body></html>\n",
        escaped(&title),
        header(report),
        headlines(report),
        tables(report, pictures),
        classes(report),
        flips(report, pictures),
        footer(report),
    )
}

fn header(report: &Report) -> String {
    let counts = &report.counts_after;
    let mut about = format!("{} pictures of {} classes", counts.pictures, report.classes);
    for (count, what) in [
        (counts.failed, "could not be read"),
        (counts.without_class, "without a known class"),
        (counts.empty_masks, "whose mask shows no object to the model"),
        (report.counts_before.flat_maps, "with a flat map before"),
        (counts.flat_maps, "with a flat map after"),
    ] {
        if count > 0 {
            about += &format!(", {count} {what}");
        }
    }
    format!(
        "<header><p class=\"over\">Before and after</p><h1><span class=\"model\">{}</span><span class=\"to\">→</span>\
         <span class=\"model\">{}</span></h1>\
         <p class=\"soft\">{about}.</p></header>",
        escaped(&report.before),
        escaped(&report.after),
    )
}

/// The few figures that tell whether it helped.
fn headlines(report: &Report) -> String {
    let chosen =
        [Measure::Top1, Measure::SceneTop1(Scene::OtherClass), Measure::Reliance, Measure::Mass, Measure::Calibration];
    let cards: String = chosen.iter().filter_map(|measure| report.row(*measure)).map(card).collect();
    format!("<section class=\"cards\">{cards}</section>")
}

fn card(row: &Row) -> String {
    let measure = row.figure.measure;
    let spread = signed_range(measure, row.difference);
    let spread = if spread.is_empty() { spread } else { format!(" <span class=\"soft\">({spread})</span>") };
    format!(
        "<div class=\"card\"><div class=\"name\">{}</div>\
         <div class=\"value\"><span class=\"from\">{} →</span> {}</div>\
         <div class=\"change\"><span class=\"{}\">{}</span>{spread}</div></div>",
        escaped(&row.figure.title),
        measure.bare(row.before.value),
        value(measure, row.after.value),
        Verdict::of(row).class(),
        measure.signed(row.difference.value),
    )
}

fn tables(report: &Report, pictures: &Pictures<'_>) -> String {
    let groups = [
        (Group::Classification, "Answers", ""),
        (
            Group::Background,
            "Background reliance",
            "The object, cut out along its mask, on other backgrounds. Both models saw the same compositions. A model \
             that reads the object loses little when the background changes, and knows little from the background alone.",
        ),
        (
            Group::Maps,
            "Where it looks",
            "Relevance maps against the masks. Random: a map of random numbers. Centred: a Gaussian in the middle.",
        ),
        (
            Group::Faithfulness,
            "What it needs",
            "Accuracy as pixels turn black in the order of the map, and the truth's probability as they go or come.",
        ),
    ];
    let section = |(group, title, about): (Group, &str, &str)| {
        let rows: Vec<&Row> = report.rows.iter().filter(|row| row.figure.group == group).collect();
        if rows.is_empty() {
            return String::new();
        }
        let shown = if group == Group::Background { compositions(report, pictures) } else { String::new() };
        format!("<section><h2>{title}</h2><p class=\"soft small\">{about}</p>{shown}{}</section>", table(&rows))
    };
    groups.into_iter().map(section).collect()
}

/// What the models were shown, for one picture of each of the first classes.
fn compositions(report: &Report, pictures: &Pictures<'_>) -> String {
    let Pictures { dataset, job, after, .. } = pictures;
    let (truths, preparation) = (dataset.first_truths(), after.preparation(job.profile));
    let (mut cutouts, mut classes) = (Cutouts::default(), HashSet::new());
    let mut by_index: Vec<&Flip> = report.flips.iter().collect();
    by_index.sort_by_key(|flip| flip.index);
    let mut rows = Vec::new();
    for flip in by_index {
        if rows.len() == COMPOSED || classes.contains(&flip.truth) {
            continue;
        }
        let composed = cutouts.compose(dataset, &truths, flip.index, &preparation, job.seed);
        let original = seen(flip, pictures, after).filter(|_| composed.len() == Scene::ALL.len() - 1);
        if let Some((original, _)) = original {
            rows.push(std::iter::once((Scene::Original, original)).chain(composed));
            classes.insert(flip.truth);
        }
    }
    let last = rows.len().saturating_sub(1);
    let figure = |row: usize, scene: Scene, picture: &RgbImage| {
        let (title, picture) = (scene.title(), jpeg(picture).unwrap_or_default());
        let caption = if row == last { title } else { "" };
        format!(
            "<figure><img alt=\"{title}\" src=\"data:image/jpeg;base64,{picture}\">\
             <figcaption>{caption}</figcaption></figure>"
        )
    };
    let in_rows = rows.into_iter().enumerate().flat_map(|(row, scenes)| scenes.map(move |of| (row, of)));
    let figures: String = in_rows.map(|(row, (scene, picture))| figure(row, scene, &picture)).collect();
    if figures.is_empty() { figures } else { format!("<div class=\"scenes\">{figures}</div>") }
}

fn table(rows: &[&Row]) -> String {
    let has_test = rows.iter().any(|row| row.mcnemar.is_some());
    let has_baselines = rows.iter().any(|row| row.figure.random_map.is_some());
    let mut html = "<div class=\"scroll\"><table><thead><tr><th></th><th>n</th><th>before</th><th>after</th>\
                    <th>difference</th><th class=\"plot\">95&#8239;%</th>"
        .to_owned();
    html += if has_test { "<th>fixed / broken</th>" } else { "" };
    html += if has_baselines { "<th>random</th><th>centred</th>" } else { "" };
    html += "</tr></thead><tbody>";
    let ends = |row: &&Row| {
        let of = row.difference.interval.map_or(0.0, |of| of.low.abs().max(of.high.abs()));
        (row.figure.measure.is_share(), of.max(row.difference.value.abs()))
    };
    let reach = |is_share: bool| {
        let of_unit = rows.iter().map(ends).filter(|(share, _)| *share == is_share).map(|(_, end)| end);
        of_unit.fold(1e-3, f64::max) * 1.05
    };
    for row in rows {
        let measure = row.figure.measure;
        // Writing to a string does not fail.
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td title=\"{}\">{}</td><td title=\"{}\">{}</td>\
             <td class=\"{}\" title=\"{}\">{}</td><td class=\"plot\">{}</td>",
            escaped(&row.figure.title),
            row.figure.n,
            range(measure, row.before),
            value(measure, row.before.value),
            range(measure, row.after),
            value(measure, row.after.value),
            Verdict::of(row).class(),
            signed_range(measure, row.difference),
            measure.signed(row.difference.value),
            whisker(row, reach(measure.is_share())),
        );
        if has_test {
            html += &format!("<td>{}</td>", row.mcnemar.as_ref().map_or_else(String::new, test));
        }
        if has_baselines {
            for baseline in [row.figure.random_map, row.figure.centred_map] {
                html += &format!("<td>{}</td>", baseline.map_or_else(String::new, |of| value(measure, of)));
            }
        }
        html += "</tr>";
    }
    html + "</tbody></table></div>"
}

fn classes(report: &Report) -> String {
    if report.per_class.is_empty() {
        return String::new();
    }
    let has_mass = report.per_class.iter().any(|row| row.mass_before.is_some());
    let mut html = "<section><h2>By class</h2><p class=\"legend\">\
                    <span><svg width=\"12\" height=\"12\"><circle class=\"before\" cx=\"6\" cy=\"6\" r=\"4\"/></svg>before</span>\
                    <span><svg width=\"12\" height=\"12\"><circle class=\"after\" cx=\"6\" cy=\"6\" r=\"4\"/></svg>after</span>\
                    <span>0 to 100&#8239;% right</span></p>\
                    <div class=\"scroll\"><table><thead><tr><th></th><th>n</th><th>before</th><th>after</th>\
                    <th class=\"plot\">top-1</th><th>fixed / broken</th><th>p</th>"
        .to_owned();
    html += if has_mass { "<th>on the object before</th><th>after</th>" } else { "" };
    html += "</tr></thead><tbody>";
    for row in &report.per_class {
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"plot\">{}</td>\
             <td>{}&#8239;/&#8239;{}</td><td>{}</td>",
            escaped(&row.name),
            row.n,
            value(Measure::Top1, row.before),
            value(Measure::Top1, row.after),
            dumbbell(row.before, row.after),
            row.mcnemar.fixed,
            row.mcnemar.broken,
            p_value(row.mcnemar.p),
        );
        if has_mass {
            for mass in [row.mass_before, row.mass_after] {
                html += &format!("<td>{}</td>", mass.map_or_else(String::new, |of| value(Measure::Mass, of)));
            }
        }
        html += "</tr>";
    }
    html + "</tbody></table></div></section>"
}

fn flips(report: &Report, pictures: &Pictures<'_>) -> String {
    let mut html = "<section><h2>Picture by picture</h2><p class=\"soft small\">Left the photo as the model sees it, \
                    the mask as a line; then the relevance of the true class before and after, each map on its own \
                    scale.</p>"
        .to_owned();
    for (kind, most) in SHOWN {
        let of_kind: Vec<&Flip> = report.of_kind(kind).collect();
        let (title, order) = match kind {
            FlipKind::Fixed => ("Fixed: wrong before, right after", "the largest gains first"),
            FlipKind::Broken => ("Broken: right before, wrong after", "the largest losses first"),
            FlipKind::BothWrong => ("Wrong before and after", "the largest changes first"),
            FlipKind::BothRight => ("Right before and after", "where the map moved most"),
        };
        let shown = of_kind.len().min(most);
        let about = match of_kind.len() {
            0 => "none".to_owned(),
            all if all == shown => format!("{all}, {order}"),
            all => format!("{shown} of {all}, {order}"),
        };
        html += &format!("<h3>{title} <span class=\"soft\">({about})</span></h3>");
        let cards: String = of_kind.iter().take(most).map(|flip| flip_card(flip, pictures)).collect();
        if !cards.is_empty() {
            html += &format!("<div class=\"flips\">{cards}</div>");
        }
    }
    html + "</section>"
}

fn flip_card(flip: &Flip, pictures: &Pictures<'_>) -> String {
    let shots = Shots::take(flip, pictures);
    let name = pictures.dataset.pictures.get(flip.index).map_or(flip.image.as_str(), |picture| &picture.name);
    let said = |said: &Said, verdict: bool| {
        let mass =
            said.relevance_mass.map_or_else(String::new, |mass| format!(", {:.0}&#8239;% on the object", 100.0 * mass));
        let class = if verdict { "better" } else { "worse" };
        format!(
            "<span class=\"{class}\">{}</span> {:.2}<br>{:.0}&#8239;% {}{mass}",
            escaped(&said.name),
            said.confidence,
            100.0 * said.truth_probability,
            escaped(&flip.truth_name)
        )
    };
    let shot = |source: &Option<String>, alt: &str, caption: &str| {
        let picture = source
            .as_ref()
            .map_or_else(String::new, |source| format!("<img alt=\"{alt}\" src=\"data:image/jpeg;base64,{source}\">"));
        format!("<figure>{picture}<figcaption>{caption}</figcaption></figure>")
    };
    let right_before = matches!(flip.kind, FlipKind::Broken | FlipKind::BothRight);
    let right_after = matches!(flip.kind, FlipKind::Fixed | FlipKind::BothRight);
    format!(
        "<div class=\"flip\"><div class=\"shots\">{}{}{}</div><div class=\"file\">{}</div></div>",
        shot(&shots.photo, "photo", &format!("<b>{}</b>", escaped(&flip.truth_name))),
        shot(&shots.before, "relevance before", &said(&flip.before, right_before)),
        shot(&shots.after, "relevance after", &said(&flip.after, right_after)),
        escaped(name),
    )
}

fn footer(report: &Report) -> String {
    let mut html = format!(
        "<footer><p>Intervals: 95&#8239;%, {} bootstrap resamples of the pictures, seed {}; both models on the same \
         resamples. p: McNemar's exact test, two-sided. Coloured differences are those whose interval does not hold 0. \
         Maps: {}, of the {} class. Flat maps count as chance; masks without object are excluded.</p>",
        report.bootstrap.resamples,
        report.bootstrap.seed,
        report.method.title(),
        match report.explained {
            ExplainedClass::Truth => "true",
            ExplainedClass::Predicted => "predicted",
        },
    );
    for note in &report.notes {
        html += &format!("<p>{}</p>", escaped(note));
    }
    for failure in report.failures.iter().take(20) {
        html += &format!("<p>Not judged: {}</p>", escaped(&failure.error));
    }
    if report.failures.len() > 20 {
        html += &format!("<p>… and {} more.</p>", report.failures.len() - 20);
    }
    html + "</footer>"
}

/// JPEGs of one picture, in base64. What cannot be drawn any more (the file is gone) is left out.
#[derive(Default)]
struct Shots {
    photo: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

impl Shots {
    fn take(flip: &Flip, pictures: &Pictures<'_>) -> Self {
        let Some((after, outline)) = seen(flip, pictures, pictures.after) else { return Self::default() };
        let before = seen(flip, pictures, pictures.before);
        let heat = |seen: &RgbImage, said: &Said, outline: &[bool]| {
            let heated = heated(seen, said.map.as_ref()?)?;
            jpeg(&outlined(heated, outline))
        };
        Self {
            photo: jpeg(&outlined(after.clone(), &outline)),
            before: before.and_then(|(seen, outline)| heat(&seen, &flip.before, &outline)),
            after: heat(&after, &flip.after, &outline),
        }
    }
}

/// The picture as a model sees it, and the pixels just inside of the mask's border.
fn seen(flip: &Flip, pictures: &Pictures<'_>, model: &LoadedModel) -> Option<(RgbImage, Vec<bool>)> {
    let labelled = pictures.dataset.pictures.get(flip.index)?;
    let (picture, mask) = load_photo(labelled, &pictures.dataset.masks).ok()?;
    let prepared = prepare(&picture, &model.preparation(pictures.job.profile)).ok()?;
    let coverage = mask.and_then(|mask| mask.resampled(&prepared.framing));
    let truth = coverage.and_then(|coverage| Truth::new(&coverage, coverage.size));
    let outline = truth.map(|truth| truth.outline()).unwrap_or_default();
    Some((prepared.preview().clone(), outline))
}

fn heated(seen: &RgbImage, map: &RelevanceMap) -> Option<RgbImage> {
    let crop = CropBox { left: 0.0, top: 0.0, width: f64::from(seen.width()), height: f64::from(seen.height()) };
    overlay(seen, GridMap::new(&map.values, map.grid).ok()?, crop, &Style::default()).ok()
}

/// White on the mask's border, for photos and heat are rarely white there.
fn outlined(mut picture: RgbImage, outline: &[bool]) -> RgbImage {
    picture.pixels_mut().zip(outline).filter(|(_, edge)| **edge).for_each(|(pixel, _)| *pixel = Rgb([255; 3]));
    picture
}

fn jpeg(picture: &RgbImage) -> Option<String> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 85).encode_image(picture).ok()?;
    Some(STANDARD.encode(bytes))
}
