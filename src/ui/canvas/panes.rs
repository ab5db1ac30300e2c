//! What the canvas shows in which part of its area.

use std::sync::Arc;

use eframe::egui::{Rect, pos2, vec2};

use crate::app::difference::{self, DifferenceMap};
use crate::app::panes::Shows;
use crate::app::settings::View;
use crate::app::views::{self, ViewState};
use crate::app::{Session, Slot};
use crate::jobs::engine_thread::ViewId;
use crate::render::{HeatMap, Photo, Style};

/// One look at the photo.
pub struct Pane {
    /// The area the look is fitted to.
    pub rect: Rect,
    /// The visible part of it; the wipe shows two panes in one area.
    pub clip: Rect,
    pub title: String,
    pub photo: Arc<Photo>,
    pub heat: Option<(Arc<HeatMap>, Style)>,
    /// Whose result it is, for the inspector.
    pub view: ViewId,
    /// The result of this pane is still being computed.
    pub waiting: bool,
    pub error: Option<String>,
    /// The map is one model's minus the other's.
    pub is_difference: bool,
}

/// Space between panes in points.
const GAP: f32 = 6.0;

/// The panes of the chosen view inside of `area`; none while there is no photo.
pub fn arrange(session: &Session, area: Rect, wipe: f32, blink: bool, difference: &mut DifferenceMap) -> Vec<Pane> {
    let mut contents = session.contents();
    if session.settings.view == View::Blink {
        contents = contents.into_iter().skip(usize::from(blink)).take(1).collect();
    }
    let rects = match session.settings.view {
        View::Wipe => {
            let x = area.left() + area.width() * wipe;
            let (left, right) = area.split_left_right_at_x(x);
            vec![(area, left), (area, right)]
        }
        View::SideBySide => row(area, contents.len()).into_iter().map(|rect| (rect, rect)).collect(),
        _ => tiles(area, contents.len()).into_iter().map(|rect| (rect, rect)).collect(),
    };
    let heat = session.settings.show_heat;
    let mut panes: Vec<Pane> = Vec::new();
    for (content, (rect, clip)) in contents.into_iter().zip(rects) {
        let waiting = session.is_waiting(content.view);
        // The photo is the same in all views; a view whose own is not there yet borrows the main one's.
        let photo = session.view(content.view).and_then(drawn).or_else(|| session.main_view().and_then(drawn));
        let Some(photo) = photo else { continue };
        let map = session.heat(content.view).filter(|_| content.shows == Shows::Heat && heat).cloned();
        let error = session.view(content.view).and_then(|view| view.error.clone());
        panes.push(Pane {
            rect,
            clip,
            title: content.title,
            photo,
            heat: map.map(|map| (map, Style::default())),
            view: content.view,
            waiting,
            error,
            is_difference: content.shows == Shows::Difference,
        });
    }
    if let [first, second, third] = panes.as_mut_slice()
        && third.is_difference
        && let (Some((a, _)), Some((b, _))) = (&first.heat, &second.heat)
    {
        third.heat = difference.of(a, b).map(|map| (map, Style::default()));
    }
    set_styles(session, &mut panes);
    panes
}

fn drawn(view: &ViewState) -> Option<Arc<Photo>> {
    view.photo.as_ref().map(|photo| photo.drawn.clone())
}

/// How much of the opacity a map keeps that is not what is asked for now.
const STALE: f32 = 0.35;

/// Ranges and colours.
fn set_styles(session: &Session, panes: &mut [Pane]) {
    for pane in panes {
        let is_stale = pane.waiting && is_of_another_method(session, pane.view);
        let Some((map, style)) = &mut pane.heat else { continue };
        *style = session.settings.style.clone();
        if pane.is_difference {
            *style = difference::style(style, map);
            if let Some(range) = style.range {
                pane.title += &format!(", ±{:.2}", range.high);
            }
        } else {
            style.range = session.range_of(map);
        }
        if is_stale {
            style.opacity *= STALE;
        }
    }
}

fn is_of_another_method(session: &Session, view: ViewId) -> bool {
    let shown = session.view(view).and_then(|view| view.result.as_ref()).map(|result| result.request.method);
    Slot::ALL.map(views::of_slot).contains(&view) && shown.is_some_and(|method| method != session.explain.method)
}

/// Equal tiles beside each other.
fn row(area: Rect, count: usize) -> Vec<Rect> {
    tiled(area, count, count.max(1))
}

/// Equal tiles, row by row, so that a square picture in each is as large as can be; of equals the fewest columns.
fn tiles(area: Rect, count: usize) -> Vec<Rect> {
    let columns =
        (1..=count.max(1)).min_by(|&a, &b| side(area, count, b).total_cmp(&side(area, count, a))).unwrap_or(1);
    tiled(area, count, columns)
}

fn tiled(area: Rect, count: usize, columns: usize) -> Vec<Rect> {
    let rows = count.div_ceil(columns).max(1);
    let size = vec2(
        (area.width() - GAP * (columns - 1) as f32) / columns as f32,
        (area.height() - GAP * (rows - 1) as f32) / rows as f32,
    );
    (0..count)
        .map(|i| {
            let (row, column) = ((i / columns) as f32, (i % columns) as f32);
            Rect::from_min_size(pos2(area.left() + column * (size.x + GAP), area.top() + row * (size.y + GAP)), size)
        })
        .collect()
}

/// The side of the largest square in each of `count` tiles in that many columns.
fn side(area: Rect, count: usize, columns: usize) -> f32 {
    (area.width() / columns as f32).min(area.height() / count.div_ceil(columns) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_do_not_overlap_and_fill_the_area() {
        let area = Rect::from_min_size(pos2(10.0, 20.0), vec2(900.0, 600.0));
        for count in 1..=10 {
            let tiles = tiles(area, count);
            assert_eq!(tiles.len(), count);
            assert!(tiles.iter().all(|tile| area.expand(0.01).contains_rect(*tile)));
            let overlaps = |a: usize, b: usize| tiles[a].shrink(0.1).intersects(tiles[b].shrink(0.1));
            assert!((0..count).all(|a| (0..a).all(|b| !overlaps(a, b))), "{count}");
        }
        // Four tiles of a wide area: two by two, although three columns would hold squares of the same size.
        assert_eq!(tiles(area, 4)[3].min, pos2(463.0, 323.0));
        // A strip holds them in one row.
        assert!(tiles(Rect::from_min_size(area.min, vec2(900.0, 200.0)), 4).iter().all(|tile| tile.top() == 20.0));
    }
}
