use super::*;

const COUNT: usize = 100_000;

fn names(classes: &[&str]) -> Arc<ClassNames> {
    let classes: Vec<String> = classes.iter().map(|&class| class.to_owned()).collect();
    Arc::new(ClassNames::of_model(classes.len(), Some(&classes)))
}

fn gallery(paths: &[&str]) -> Gallery {
    let mut gallery = Gallery::default();
    gallery.set_names(&names(&["fox", "cat, tabby", "dog"]));
    gallery.append(Path::new("root"), paths.iter().map(|path| ImageSource::file(format!("root/{path}"))));
    gallery.refresh();
    gallery
}

fn shown(gallery: &mut Gallery) -> Vec<String> {
    gallery.refresh();
    gallery.order().iter().map(|index| gallery.items()[*index as usize].relative().to_owned()).collect()
}

fn predict(gallery: &mut Gallery, path: &str, class: usize, confidence: f32) {
    gallery.set_prediction(&ImageSource::file(format!("root/{path}")), Some(Prediction { class, confidence }));
}

/// Three foxes of which one is mistaken for a cat, a cat that nobody looked at, a file that is no picture.
fn judged() -> Gallery {
    let mut gallery = gallery(&["fox/1.jpg", "fox/2.jpg", "fox/10.jpg", "tabby/1.jpg", "notes.jpg"]);
    predict(&mut gallery, "fox/1.jpg", 0, 0.5);
    predict(&mut gallery, "fox/2.jpg", 1, 0.9);
    predict(&mut gallery, "fox/10.jpg", 0, 0.7);
    gallery.set_state(&ImageSource::file("root/notes.jpg"), ItemState::Broken("no image".into()));
    gallery
}

fn set_filter(gallery: &mut Gallery, filter: Filter) {
    gallery.apply(&GalleryCommand::Filter(filter));
}

fn search(gallery: &mut Gallery, text: &str) -> Vec<String> {
    gallery.apply(&GalleryCommand::Search(text.into()));
    shown(gallery)
}

#[test]
fn chunks_of_any_order_are_sorted_in_and_nothing_comes_twice() {
    let mut gallery = gallery(&["img10.jpg", "B/x.jpg"]);
    gallery.append(
        Path::new("root"),
        ["img2.jpg", "a/y.jpg", "img10.jpg"].map(|n| ImageSource::file(format!("root/{n}"))),
    );
    assert_eq!(shown(&mut gallery), ["a/y.jpg", "B/x.jpg", "img2.jpg", "img10.jpg"]);
    let item = &gallery.items()[gallery.find(&ImageSource::file("root/B/x.jpg")).unwrap()];
    assert_eq!((item.folder(), item.title().as_ref()), ("B", "x.jpg"));
    gallery.clear();
    assert!(shown(&mut gallery).is_empty());
}

#[test]
fn the_folder_tells_the_truth_and_other_class_names_another() {
    let mut gallery = gallery(&["fox/1.jpg", "Tabby/1.jpg", "wolf/1.jpg"]);
    let truths = |gallery: &Gallery| gallery.items().iter().map(|item| item.truth).collect::<Vec<_>>();
    assert_eq!(truths(&gallery), [Some(0), Some(1), None]);
    predict(&mut gallery, "fox/1.jpg", 2, 0.5);
    set_filter(&mut gallery, Filter::Class(2));
    gallery.set_names(&names(&["wolf", "fox"]));
    assert_eq!(truths(&gallery), [Some(1), None, Some(0)]);
    assert_eq!(gallery.items()[0].prediction, None, "index 2 meant another class");
    assert_eq!(gallery.view().filter, Filter::All, "and so did the filter");
}

#[test]
fn equal_class_names_leave_everything_as_it_is() {
    let mut gallery = judged();
    gallery.set_names(&names(&["fox", "cat, tabby", "dog"]));
    assert!(gallery.items()[0].prediction.is_some());
    gallery.clear_predictions();
    assert!(gallery.items()[0].prediction.is_none());
}

#[test]
fn a_label_file_comes_before_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.csv");
    std::fs::write(&path, "fox/1.jpg,dog\nb.jpg,1\nc.jpg,unicorn\n").unwrap();
    let mut gallery = gallery(&["fox/1.jpg", "fox/2.jpg", "b.jpg", "c.jpg"]);
    let found = gallery.set_labels(Some(LabelFile::read(&path).unwrap()));
    assert_eq!(found, LabelsFound { known: 2, unknown: 1 });
    let truths: Vec<_> = gallery.items().iter().map(|item| item.truth).collect();
    assert_eq!(truths, [Some(2), Some(0), Some(1), None]);
    gallery.append(Path::new("root"), [ImageSource::file("root/x/b.jpg")]);
    assert_eq!(gallery.items()[4].truth, Some(1), "labels hold for pictures that come later");
    gallery.set_labels(None);
    assert_eq!(gallery.items()[0].truth, Some(0));
}

#[test]
fn the_search_reads_paths_and_classes_in_any_case() {
    let mut gallery = judged();
    assert_eq!(search(&mut gallery, "NOTES"), ["notes.jpg"]);
    assert_eq!(search(&mut gallery, " fox/1"), ["fox/1.jpg", "fox/10.jpg"]);
    // Predicted as class 1, «cat, tabby», or in its folder.
    assert_eq!(search(&mut gallery, "Cat"), ["fox/2.jpg", "tabby/1.jpg"]);
    assert!(search(&mut gallery, "unicorn").is_empty());
    assert_eq!(search(&mut gallery, "").len(), 5);
}

#[test]
fn filters_show_what_they_say() {
    let mut gallery = judged();
    for (filter, expected) in [
        (Filter::Broken, &["notes.jpg"][..]),
        (Filter::Right, &["fox/1.jpg", "fox/10.jpg"]),
        (Filter::Wrong, &["fox/2.jpg"]),
        (Filter::NotPredicted, &["notes.jpg", "tabby/1.jpg"]),
        (Filter::Class(1), &["fox/2.jpg", "tabby/1.jpg"]),
        (Filter::Class(2), &[]),
    ] {
        set_filter(&mut gallery, filter);
        assert_eq!(shown(&mut gallery), expected, "{filter:?}");
    }
}

#[test]
fn what_becomes_known_moves_into_the_filter() {
    let mut gallery = judged();
    set_filter(&mut gallery, Filter::Right);
    predict(&mut gallery, "tabby/1.jpg", 1, 0.6);
    assert_eq!(shown(&mut gallery), ["fox/1.jpg", "fox/10.jpg", "tabby/1.jpg"]);
    set_filter(&mut gallery, Filter::Broken);
    shown(&mut gallery);
    gallery.set_state(&ImageSource::file("root/notes.jpg"), ItemState::Ready);
    assert!(shown(&mut gallery).is_empty());
}

#[test]
fn sorting_keeps_what_is_unknown_last() {
    use Direction::{Ascending, Descending};
    let mut gallery = judged();
    let unknown = ["notes.jpg", "tabby/1.jpg"];
    for (sort, direction, expected) in [
        (Sort::Confidence, Ascending, ["fox/1.jpg", "fox/10.jpg", "fox/2.jpg"]),
        (Sort::Confidence, Descending, ["fox/2.jpg", "fox/10.jpg", "fox/1.jpg"]),
        // «cat» before «fox» although its index is larger; equal ones by name.
        (Sort::Prediction, Ascending, ["fox/2.jpg", "fox/1.jpg", "fox/10.jpg"]),
        (Sort::Prediction, Descending, ["fox/1.jpg", "fox/10.jpg", "fox/2.jpg"]),
    ] {
        gallery.apply(&GalleryCommand::Sort(sort, direction));
        let order = shown(&mut gallery);
        assert_eq!((&order[..3], &order[3..]), (&expected.map(str::to_owned)[..], &unknown.map(str::to_owned)[..]));
    }
    gallery.apply(&GalleryCommand::Sort(Sort::Truth, Ascending));
    assert_eq!(shown(&mut gallery), ["tabby/1.jpg", "fox/1.jpg", "fox/2.jpg", "fox/10.jpg", "notes.jpg"]);
    gallery.apply(&GalleryCommand::Sort(Sort::Name, Descending));
    assert_eq!(shown(&mut gallery), ["tabby/1.jpg", "notes.jpg", "fox/10.jpg", "fox/2.jpg", "fox/1.jpg"]);
}

#[test]
fn the_selection_survives_sorting_growing_and_hiding() {
    let mut gallery = judged();
    let two = gallery.find(&ImageSource::file("root/fox/2.jpg")).unwrap();
    gallery.select(two);
    assert_eq!(gallery.selected_position(), Some(1));
    gallery.apply(&GalleryCommand::Sort(Sort::Confidence, Direction::Descending));
    gallery.refresh();
    assert_eq!((gallery.selected(), gallery.selected_position()), (Some(two), Some(0)));
    gallery.apply(&GalleryCommand::Sort(Sort::Name, Direction::Ascending));
    gallery.append(Path::new("root"), [ImageSource::file("root/a.jpg")]);
    gallery.refresh();
    assert_eq!(gallery.selected_position(), Some(2));
    search(&mut gallery, "notes");
    assert_eq!((gallery.selected(), gallery.selected_position()), (Some(two), None));
    search(&mut gallery, "");
    assert_eq!(gallery.selected_item().unwrap().relative(), "fox/2.jpg");
}

#[test]
fn steps_stay_within_what_is_shown() {
    let mut gallery = judged();
    let mut step = |step| {
        gallery.apply(&GalleryCommand::Move(step));
        gallery.selected_position().unwrap()
    };
    assert_eq!(step(Move::By(-1)), 0, "nothing was selected");
    assert_eq!(step(Move::By(1)), 1);
    assert_eq!(step(Move::By(2)), 3);
    assert_eq!(step(Move::By(100)), 4);
    assert_eq!(step(Move::By(-100)), 0);
    assert_eq!(step(Move::Last), 4);
    assert_eq!(step(Move::First), 0);
    search(&mut gallery, "unicorn");
    gallery.step(Move::By(1));
    assert!(gallery.selected().is_some(), "with nothing shown the selection stays");
    gallery.select(99);
    assert_eq!(gallery.selected(), None);
}

#[test]
fn each_change_of_the_view_is_counted_once() {
    let mut gallery = judged();
    let before = gallery.view_revision();
    search(&mut gallery, "fox");
    search(&mut gallery, "fox");
    assert_eq!(gallery.view_revision(), before + 1);
    gallery.apply(&GalleryCommand::CellSide(1e9));
    assert_eq!((gallery.cell_side(), gallery.view_revision()), (*CELL_SIDES.end(), before + 1));
}

#[test]
fn a_hundred_thousand_pictures_are_all_found() {
    let mut gallery = Gallery::default();
    gallery.set_names(&Arc::new(ClassNames::imagenet1k()));
    let source = |index: usize| ImageSource::file(format!("train/{}/photo_{index}.JPEG", index % 1000));
    gallery.set_listing(true);
    for chunk in 0..COUNT / 1000 {
        gallery.append(Path::new("train"), (0..1000).map(|i| source(chunk * 1000 + i)));
        gallery.refresh();
    }
    gallery.set_listing(false);
    // Itself and its tenfold with one more digit.
    assert_eq!(search(&mut gallery, "photo_1234").len(), 11);
    gallery.append(Path::new("train"), [ImageSource::file("train/late/photo_1234.png")]);
    assert_eq!(shown(&mut gallery).len(), 12, "what comes after the listing is found as well");
    for index in 0..COUNT {
        let prediction = Prediction { class: index * 7 % 1000, confidence: (index * 31 % 997) as f32 / 997.0 };
        gallery.set_prediction(&source(index), Some(prediction));
    }
    search(&mut gallery, "");
    gallery.apply(&GalleryCommand::Sort(Sort::Confidence, Direction::Descending));
    gallery.refresh();
    let confidence = |index: &u32| gallery.items()[*index as usize].prediction.map(|prediction| prediction.confidence);
    // «None» is smaller than any number, and the late one has none.
    assert!(gallery.order().is_sorted_by(|a, b| confidence(a) >= confidence(b)));
    assert_eq!(gallery.order().len(), COUNT + 1);
}

#[test]
fn a_cleared_gallery_offers_nothing_to_draw() {
    let mut gallery = gallery(&["a.jpg", "b.jpg"]);
    gallery.select(1);
    gallery.clear();
    // Before the next refresh too: the panel indexes the items with the shown order.
    assert_eq!((gallery.order(), gallery.selected_position()), (&[][..], None));
}
