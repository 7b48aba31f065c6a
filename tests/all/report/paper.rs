//! What figures consist of, and what a page says, whatever the numbers.

use isogram::files::layout;
use isogram::report::paper::*;

use super::{count, folder, published};

/// What must hold of every drawing.
fn sound(svg: &str) {
    assert!(svg.starts_with("<svg xmlns=") && svg.trim_end().ends_with("</svg>"), "{svg}");
    assert!(svg.contains("aria-label=\"") && svg.contains("role=\"img\""));
    for missing in ["NaN", ">inf", "\"inf", " inf"] {
        // Letters may stand in an image.
        let without: String = svg.lines().filter(|line| !line.starts_with("<image")).collect();
        assert!(!without.contains(missing), "no number may be missing its value: {missing}");
    }
}

/// A panel with one solid line through these values.
fn panel(y: Vec<f64>) -> Panel {
    let x = (0..y.len()).map(|i| i as f64).collect();
    Panel { series: vec![Series { marked: false, ..Series::solid("q", x, y) }], ..Panel::default() }
}

fn curves(panels: Vec<Panel>) -> Curves {
    Curves { label: "curves".to_owned(), panels, ..Curves::default() }
}

/// The lines of the first colour of the palette that are as wide as curves are.
fn lines(svg: &str) -> usize {
    count(svg, "stroke=\"#0072B2\" stroke-width=\"1.9\"")
}

#[test]
fn curves_break_where_values_are_missing() {
    let values: Vec<f64> = (0..40).map(|i| f64::from(i % 7)).collect();
    let whole = curves(vec![panel(values.clone())]).draw().svg();
    let mut broken = values;
    broken[20] = f64::NAN;
    let broken = curves(vec![panel(broken)]).draw().svg();
    sound(&whole);
    sound(&broken);
    assert_eq!((lines(&whole), lines(&broken)), (1, 2));
}

#[test]
fn theory_is_dashed_and_bands_are_filled() {
    let x: Vec<f64> = (0..50).map(f64::from).collect();
    let straight = |by: f64| x.iter().map(|x| x * by).collect::<Vec<_>>();
    let network = Series::solid("h", x.clone(), straight(1.0)).band(straight(0.9), straight(1.1));
    let one = |series| curves(vec![Panel { series, ..Panel::default() }]).draw().svg();
    let solid = one(vec![network.clone()]);
    let both = one(vec![network, Series::dashed("h", x.clone(), straight(1.05))]);
    let bands = |svg: &str| count(svg, "opacity=\"0.2\"");
    assert_eq!((lines(&solid), bands(&solid)), (1, 1));
    assert_eq!(count(&both, "stroke=\"#0072B2\" stroke-width=\"1.9\" stroke-dasharray"), 1, "theory is dashed");
    assert_eq!(bands(&both), 1, "theory has no band");
}

#[test]
fn lines_are_cut_at_the_frame_and_logarithms_have_no_zero() {
    let far = Panel { y: Axis::linear("y").within(0.0, 1.0), ..panel(vec![0.5, 900.0, 0.5, 0.4]) };
    sound(&curves(vec![far]).draw().svg());
    let zero = Panel { y: Axis::log("y"), ..panel(vec![1.0, 0.1, 0.0, 0.1, -1.0]) };
    let svg = curves(vec![zero]).draw().svg();
    sound(&svg);
    assert_eq!(lines(&svg), 1);
    assert_eq!(count(&svg, "<circle"), 1, "a lone point is a mark");
}

#[test]
fn panels_share_what_is_the_same() {
    let values = |top: f64| (0..20).map(|i| f64::from(i) * top).collect();
    let named = |mut panel: Panel| {
        (panel.x.label, panel.y.label) = ("epoch".to_owned(), "loss".to_owned());
        panel
    };
    let mut figure = curves((1..=20).map(|i| named(panel(values(f64::from(i))))).collect());
    let apart = figure.draw().svg();
    figure.shared_y = true;
    let shared = figure.draw().svg();
    assert_eq!(count(&apart, ">epoch<"), 5, "only beneath the lowest panels");
    assert_eq!(count(&apart, ">loss<"), 4, "only beside the first panels");
    assert!(count(&shared, "<text") + 30 < count(&apart, "<text"));
}

#[test]
fn references_and_notes_are_written() {
    let mut panel = panel((0..30).map(f64::from).collect());
    panel.note = "R² .99\n<w>".to_owned();
    panel.rules =
        vec![Rule::across(12.0, "plateau & more"), Rule::across(f64::NAN, "nowhere"), Rule::upright(14.0, "critical")];
    let svg = curves(vec![panel]).draw().svg();
    sound(&svg);
    for text in ["R² .99", "&lt;w&gt;", "plateau &amp; more", "critical"] {
        assert!(svg.contains(&format!(">{text}<")), "{text}");
    }
    assert!(!svg.contains("nowhere") && !svg.contains("<w>"));
}

#[test]
fn long_runs_make_small_drawings() {
    let svg = published::trajectories(6000).draw().svg();
    sound(&svg);
    assert!(svg.len() < 1_500_000, "{} bytes", svg.len());
}

#[test]
fn scatters_have_error_bars_and_say_what_they_leave_out() {
    let figure = published::distances().draw();
    sound(&figure.svg());
    assert!(figure.caption.contains("10 points have no place on these axes"), "{}", figure.caption);
    let dots = vec![Dot::new(1.0, 1.1).between(0.9, 1.3).named("a<b"), Dot::new(2.0, f64::NAN)];
    let groups = vec![Group { name: "all".to_owned(), dots }];
    let panels = vec![ScatterPanel { groups, ..ScatterPanel::default() }];
    let figure = Scatter { panels, ..Scatter::default() }.draw();
    sound(&figure.svg());
    assert_eq!(figure.caption, "1 point has no place on these axes (not finite, or not positive).");
    assert!(figure.svg().contains(">a&lt;b<"));
    // A bar has a stem and two ends.
    let bar = figure.svg().lines().find(|line| line.contains("stroke-width=\"1.1\"")).map(|bar| count(bar, "M"));
    assert_eq!(bar, Some(3));
}

#[test]
fn names_of_points_do_not_cover_each_other() {
    let dots = (0..60).map(|i| Dot::new(1.0 + 0.001 * f64::from(i), 1.0).named(format!("a long name {i}")));
    let groups = vec![Group { name: String::new(), dots: dots.collect() }];
    let panels = vec![ScatterPanel { groups, ..ScatterPanel::default() }];
    let figure = Scatter { panels, ..Scatter::default() }.draw();
    let named = count(&figure.svg(), ">a long name");
    assert!((5..60).contains(&named), "{named}");
    assert!(figure.caption.contains(&format!("{} names without room are left out", 60 - named)), "{}", figure.caption);
}

/// A map of two columns and two rows.
fn map(values: Vec<f64>) -> Map {
    let setting = |label: &str| Setting { label: label.to_owned(), values: vec![1.0, 2.0], ..Setting::default() };
    let panel = MapPanel { x: setting("gain"), y: setting("depth"), values, numbers: true, ..MapPanel::default() };
    Map { label: "map".to_owned(), panels: vec![panel], shared: true, ..Map::default() }
}

/// The number of cells: only they are filled with a height and a width of their own, less the gap.
fn filled(svg: &str) -> usize {
    svg.lines().filter(|line| line.starts_with("<rect") && line.contains("height=\"33\"")).count()
}

#[test]
fn cells_without_a_value_are_hatched_and_not_filled() {
    let (whole, holed) = (map(vec![1.0, 2.0, 3.0, 4.0]).draw().svg(), map(vec![1.0, f64::NAN, 3.0]).draw().svg());
    sound(&whole);
    sound(&holed);
    assert_eq!((count(&whole, "<path"), count(&holed, "<path")), (0, 1), "all strokes of a hatch are one element");
    assert_eq!((filled(&whole), filled(&holed)), (4, 2));
    let none = map(vec![]).draw().svg();
    sound(&none);
    assert_eq!((filled(&none), count(&none, "<path")), (0, 1));
}

#[test]
fn maps_of_many_cells_are_images_and_still_hatched() {
    // Many strokes, of which each goes on in the next cell.
    let hatches = |svg: &str| svg.lines().filter(|line| line.starts_with("<path") && count(line, "M") > 60).count();
    let svg = published::fine_phases().draw().svg();
    sound(&svg);
    assert_eq!((count(&svg, "<image"), hatches(&svg)), (1, 1));
    let svg = published::phases().draw().svg();
    sound(&svg);
    assert_eq!((count(&svg, "<image"), hatches(&svg)), (0, 2));
    assert!(svg.contains(">critical 1.41<") && svg.contains(">critical 1.00<"));
}

#[test]
fn the_first_row_of_a_map_lies_at_the_bottom() {
    let svg = map(vec![0.0, 0.0, 1.0, 1.0]).draw().svg();
    let top: Vec<f64> = svg
        .lines()
        .filter(|line| line.starts_with("<rect") && line.contains("height=\"33\""))
        .filter(|line| line.contains("fill=\"#FBF8E6\""))
        .filter_map(|line| line.split(" y=\"").nth(1)?.split('"').next()?.parse().ok())
        .collect();
    assert_eq!(top.len(), 2, "the lowest value is the palest");
    assert!(top.iter().all(|y| *y > 40.0), "{top:?}");
}

#[test]
fn matrices_share_a_bar_or_have_their_own() {
    let (xor, images) = published::pairs();
    let (small, large) = (xor.draw().svg(), images.draw().svg());
    sound(&small);
    sound(&large);
    assert_eq!((count(&small, ">squared distance<"), count(&large, ">squared distance<")), (1, 2));
    assert_eq!((count(&small, "<image"), count(&large, "<image")), (0, 2));
    assert_eq!(count(&small, "<path"), 1, "one pair has no value");
    assert_eq!(count(&large, ">7<"), 4, "a class is named once a side");
}

#[test]
fn clouds_draw_every_point_that_there_is() {
    let condition = Condition {
        name: "one".to_owned(),
        points: vec![(0.0, 0.0), (4.0, 1.0), (f64::NAN, 0.0)],
        values: vec![vec![0.0, 1.0, 1.0], vec![0.5, f64::NAN, 0.5]],
    };
    let names = vec!["a".to_owned(), "<b>".to_owned()];
    let colourings =
        vec![Colouring::Categories { label: "class".to_owned(), names }, Colouring::Continuous(Axis::linear("value"))];
    let cloud = Cloud { colourings, conditions: vec![condition], ..Cloud::default() };
    let svg = cloud.draw().svg();
    sound(&svg);
    let points = |svg: &str| -> usize { svg.lines().filter(|l| l.starts_with("<path")).map(|l| count(l, "M")).sum() };
    assert_eq!(points(&svg), 4);
    assert!(svg.contains(">&lt;b&gt;<"));
    let svg = published::projections().draw().svg();
    sound(&svg);
    assert_eq!(points(&svg), 6 * 1800 - 6);
    assert!(svg.len() < 800_000, "{} bytes", svg.len());
}

#[test]
fn figures_of_nothing_and_of_nonsense_are_still_drawings() {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 1e300, -1e300, 1e-300];
    let series = Series::solid("q", odd.to_vec(), odd.iter().rev().copied().collect()).band(odd.to_vec(), vec![1.0]);
    for spacing in [Spacing::Linear, Spacing::Log, Spacing::LogFromZero] {
        let axis = Axis { spacing, ..Axis::default() };
        let (x, y) = (axis.clone(), axis.clone());
        sound(&curves(vec![Panel { x, y, series: vec![series.clone()], ..Panel::default() }]).draw().svg());
        let dots = odd.iter().map(|value| Dot { x_range: Some((*value, 1.0)), ..Dot::new(*value, 1.0) }).collect();
        let groups = vec![Group { name: "g".to_owned(), dots }];
        sound(
            &Scatter { panels: vec![ScatterPanel { spacing, groups, ..Default::default() }], ..Default::default() }
                .draw()
                .svg(),
        );
        sound(&Map { colours: axis.clone(), ..map(odd[..4].to_vec()) }.draw().svg());
        let matrix = Matrix { columns: 3, values: odd.to_vec(), numbers: true, ..Matrix::default() };
        let rows = vec![MatrixRow { name: "row".to_owned(), matrices: vec![matrix, Matrix::default()] }];
        sound(&Matrices { colours: axis.clone(), rows, ..Matrices::default() }.draw().svg());
        let points = odd.iter().map(|value| (*value, 1.0)).collect();
        let conditions = vec![Condition { points, values: vec![odd.to_vec()], ..Condition::default() }];
        sound(&Cloud { colourings: vec![Colouring::Continuous(axis)], conditions, ..Cloud::default() }.draw().svg());
    }
    for svg in [
        Curves::default().draw().svg(),
        curves(vec![Panel::default()]).draw().svg(),
        Scatter::default().draw().svg(),
        Matrices::default().draw().svg(),
        Map::default().draw().svg(),
        Map { panels: vec![MapPanel::default()], ..Map::default() }.draw().svg(),
        Cloud::default().draw().svg(),
    ] {
        sound(&svg);
    }
}

#[test]
fn a_page_is_one_file_with_everything_in_it() {
    let dir = folder("paper");
    let path = published::page().write(&dir.path).unwrap();
    assert_eq!(path, dir.path.join(layout::REPORT));
    let page = std::fs::read_to_string(path).unwrap();
    for outside in ["src=\"http", "href=\"http", "url(", "@import", "<link", "<script"] {
        assert!(!page.contains(outside), "the page must not need a network: {outside}");
    }
    assert_eq!(count(&page, "<figure>"), 10);
    assert_eq!(std::fs::read_dir(dir.path.join(layout::FIGURES)).unwrap().count(), 20, "as SVG and as Vega-Lite");
    assert!(page.contains("<b>12 of 14 claims reproduced; 2 not tested.</b>"));
    assert!(page.contains("href=\"#claim-C7\"") && page.contains("href=\"#claim-C12\""));
    assert_eq!([count(&page, "✓</span> reproduced"), count(&page, "✗</span> not reproduced")], [12, 2]);
    assert_eq!(count(&page, "○</span> not tested"), 2);
    assert_eq!(count(&page, "class=\"why\""), 2);
    for kind in ["prediction", "check of the observers", "control", "known to be weaker than published"] {
        assert_eq!(count(&page, &format!("\"origin\">{kind} ·")), 4, "{kind}");
    }
    assert!(page.contains("&lt;Align&gt;: Universality &amp; Dynamics") && !page.contains("<Align>"));
    assert!(page.contains("No figure: MNIST was not found; &lt;pass&gt;"));
    assert!(page.contains("<b>Figure 10.</b>") && !page.contains("Figure 11"));
    let at = |what: &str| page.find(what).unwrap();
    assert!(at("class=\"summary\"") < at("<svg") && at("<svg") < at("class=\"claims\""));
    assert!(at("class=\"claims\"") < at("id=\"depth\""));
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
}

#[test]
fn figures_that_could_not_be_drawn_again_are_removed() {
    let dir = folder("paper_again");
    let figure = |figure| Page { sections: vec![Section::new("one", "One", figure)], ..Page::default() };
    figure(Ok(Curves::default().draw())).write(&dir.path).unwrap();
    let file = dir.path.join(layout::FIGURES).join("one.svg");
    assert!(file.exists());
    figure(Err("nothing was trained.".to_owned())).write(&dir.path).unwrap();
    assert!(!file.exists());
}

#[test]
fn names_that_make_no_file_are_refused() {
    let page = |names: &[&str]| {
        let section = |name: &&str| Section::new(*name, "", Err("no".to_owned()));
        Page { sections: names.iter().map(section).collect(), ..Page::default() }
    };
    for (names, expected) in
        [(&["a/b"][..], "letters"), (&[""], "letters"), (&["..", "x"], "letters"), (&["a", "b", "a"], "two figures")]
    {
        let said = page(names).html().unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }
    let bare = page(&["a"]).html().unwrap();
    assert!(!bare.contains("<table") && !bare.contains("class=\"summary\"") && !bare.contains("Resolved settings"));
}
