//! Features as pictures and as sequences: what decides what, the same labels, training on them, and what is refused.

use isogram::config::Experiment;
use isogram::data::features::{Attribute, Colour, Feature, Features, Images, START, Set, Shape, Texture};
use isogram::data::{Dataset, Targets};
use isogram::nn::IGNORED;
use isogram::train::{Options, Quiet, Summary, Sweep};

use super::{labels, trained};

fn feature(name: &str, function: &str, shows: &[Attribute]) -> Feature {
    Feature { shows: shows.to_vec(), ..Feature::new(name, function.parse().unwrap()) }
}

/// Still and solid squares of 16 x 16 pixels, whose middle is all colour.
fn squares() -> Images {
    Images { size: 16, shapes: vec![Shape::Square], rotation: [0.0; 2], ..Images::default() }
}

/// The pixel that differs most from grey, and the mean place of what differs, as parts of the side.
fn looks(image: &[f32], size: usize) -> ([f32; 3], [f32; 2]) {
    let plane = size * size;
    let pixel = |at: usize| [0, 1, 2].map(|channel| image[channel * plane + at]);
    let differs = |at: &usize| pixel(*at).map(|x| (x - 0.5).abs()).iter().sum::<f32>();
    let most = (0..plane).max_by(|a, b| differs(a).total_cmp(&differs(b))).unwrap();
    let weight: f32 = (0..plane).map(|at| differs(&at)).sum();
    let mean = |of: &dyn Fn(usize) -> usize| {
        (0..plane).map(|at| differs(&at) * (of(at) as f32 + 0.5)).sum::<f32>() / weight / size as f32
    };
    (pixel(most), [mean(&|at| at % size), mean(&|at| at / size)])
}

const RED: [f32; 3] = [1.0, 0.0, 0.0];
const GREEN: [f32; 3] = [0.0, 1.0, 0.0];
const BLUE: [f32; 3] = [0.0, 0.0, 1.0];
const YELLOW: [f32; 3] = [1.0, 1.0, 0.0];

#[test]
fn bits_decide_what_they_show() {
    let spec = Features::new(
        vec![
            feature("warm", "linear", &[Attribute::Colour]),
            feature("hard", "xor", &[Attribute::Colour, Attribute::X]),
            feature("low", "linear", &[Attribute::Y]),
        ],
        0,
    );
    let (spec, images, n) = (spec.unwrap(), squares(), 120);
    for set in Set::ALL {
        let made = spec.make_images(set, n, 3, &images).unwrap();
        assert_eq!(made.dataset.inputs.shape, [3, 16, 16]);
        let plain = spec.make(set, n, 3).unwrap();
        assert_eq!(made.dataset.targets, plain.dataset.targets, "labels are those of units");
        for (image, label) in made.dataset.inputs.values.chunks(768).zip(labels(&made).chunks(3)) {
            let (colour, [x, y]) = looks(image, 16);
            let colour = [RED, GREEN, BLUE, YELLOW].iter().position(|c| *c == colour).expect("one of the four");
            // Pixels tell places apart by a quarter of one: nearer the middle than that, halves cannot be told.
            if [x, y].iter().any(|at| (at - 0.5).abs() < 0.02) {
                continue;
            }
            // Two bits show the colour: that of `warm` chooses a half, the first of `hard` one of it. A square of 0.4 of the side in one of
            // 0.5 has its middle between 0.25 and 0.75.
            let bits = [colour / 2, colour % 2, usize::from(x > 0.5), usize::from(y > 0.5)];
            assert_eq!(label, [bits[0], bits[1] ^ bits[2], bits[3]].map(|b| b as f32), "{colour} {x} {y}");
            assert!((0.24..0.76).contains(&x) && (0.24..0.76).contains(&y), "{x} {y}");
        }
    }
}

#[test]
fn what_no_bit_decides_is_as_likely() {
    let spec = Features::new(vec![feature("warm", "linear", &[Attribute::Colour])], 0).unwrap();
    let n = 1200;
    let made = spec.make_images(Set::Train, n, 0, &Images { size: 8, ..squares() }).unwrap();
    let mut counts = [[0.0f64; 4]; 2];
    let mut right = 0.0f64;
    for (image, label) in made.dataset.inputs.values.chunks(192).zip(labels(&made)) {
        let (colour, [x, _]) = looks(image, 8);
        let colour = [RED, GREEN, BLUE, YELLOW].iter().position(|c| *c == colour).expect("one of the four");
        counts[*label as usize][colour] += 1.0;
        right += f64::from(u8::from(x > 0.5));
    }
    assert_eq!(counts[0][2..], [0.0; 2]);
    assert_eq!(counts[1][..2], [0.0; 2]);
    for [a, b] in [[counts[0][0], counts[0][1]], [counts[1][2], counts[1][3]]] {
        assert!((a - b).abs() < 4.0 * (a + b).sqrt(), "{a} {b}");
    }
    assert!((right - n as f64 / 2.0).abs() < 4.0 * (n as f64 / 4.0).sqrt(), "{right}");
    // A feature that is absent tells nothing of its label; one that is there still does.
    let rare = Feature { presence: 0.5, ..feature("rare", "linear", &[Attribute::Colour]) };
    let made = Features::new(vec![rare], 0).unwrap();
    let made = made.make_images(Set::Train, 400, 0, &Images { size: 8, ..squares() }).unwrap();
    let mut agree = [0, 0];
    for ((image, label), present) in made.dataset.inputs.values.chunks(192).zip(labels(&made)).zip(&made.present.values)
    {
        let blue_or_yellow = [BLUE, YELLOW].contains(&looks(image, 8).0);
        agree[*present as usize] += usize::from(blue_or_yellow == (*label == 1.0));
    }
    assert_eq!(agree[1], 200);
    assert!((60..140).contains(&agree[0]), "{agree:?}");
}

#[test]
fn pictures_that_make_no_sense_are_refused() {
    let refusal = |features: Vec<Feature>, images: Images| {
        Features::new(features, 0).unwrap().make_images(Set::Train, 4, 0, &images).unwrap_err().to_string()
    };
    let colour = || feature("a", "linear", &[Attribute::Colour]);
    assert!(refusal(vec![feature("a", "xor", &[Attribute::X])], squares()).contains("must name 2 of shape, colour"));
    let three = Images { colours: vec![Colour::Red, Colour::Green, Colour::Blue], ..squares() };
    assert!(refusal(vec![colour()], three).contains("expected a multiple of that many, got 3"));
    let still = feature("a", "linear", &[Attribute::Rotation]);
    assert!(refusal(vec![still], squares()).contains("expected a range"));
    assert!(refusal(vec![colour()], Images { scale: [0.5, 0.9], ..squares() }).contains("from 0.1 to 0.7"));
    let textured = feature("a", "linear", &[Attribute::Texture]);
    assert!(refusal(vec![textured], Images { textures: vec![Texture::Dots], ..squares() }).contains("got 1"));
}

#[test]
fn sequences_are_units_then_answers_in_an_order() {
    let spec = Features::new(
        vec![
            Feature { units: 3, copies: 2, ..feature("a", "linear", &[]) },
            Feature { units: 2, ..feature("b", "xor", &[]) },
            Feature { units: 2, copies: 1, ..feature("c", "linear", &[]) },
        ],
        1,
    );
    let (spec, n) = (spec.unwrap(), 30);
    let plain = spec.make(Set::Fit, n, 9).unwrap();
    let order = spec.order(&["c", "a", "b"].map(str::to_owned)).unwrap();
    assert_eq!((order.as_slice(), spec.order(&[]).unwrap().as_slice()), (&[2, 0, 1][..], &[0, 1, 2][..]));
    let Dataset { inputs, targets, .. } = spec.make_sequences(Set::Fit, n, 9, &order).unwrap();
    let Targets::Tokens { tokens, length: 11, classes: 3 } = targets else { panic!("{targets:?}") };
    assert_eq!((inputs.shape.as_slice(), START), (&[11][..], 2));
    for row in 0..n {
        let [a, b, c] = [0, 1, 2].map(|f| labels(&plain)[row * 3 + f]);
        assert_eq!(inputs.row(row)[..8], *plain.dataset.inputs.row(row));
        assert_eq!(inputs.row(row)[8..], [2.0, c, a]);
        assert_eq!(tokens[row * 11..][..8], [IGNORED; 8]);
        assert_eq!(tokens[row * 11 + 8..][..3], [c, a, b].map(|x| x as u32));
    }
    for wrong in [&["a", "b"][..], &["a", "b", "b"], &["a", "b", "d"]] {
        let names: Vec<String> = wrong.iter().map(|name| (*name).to_owned()).collect();
        assert!(spec.order(&names).unwrap_err().to_string().contains("each of a, b, c once"), "{wrong:?}");
    }
}

const PICTURES: &str = r#"
name = "pictures"
steps = 160
seeds = 2
[data]
source = "features"
form = "image"
seed = 1
examples = 128
fit_examples = 40
test_examples = 40
normalise = "channel"
[data.image]
size = 8
shapes = ["square", "circle"]
rotation = [0.0, 0.0]
[[data.features]]
name = "colour"
function = "linear"
shows = ["colour"]
[[data.features]]
name = "right"
function = "linear"
shows = ["x"]
presence = 0.75
[model]
layers = [
  { kind = "conv2d", name = "conv", out_channels = 4, kernel_size = 3, stride = 2, activation = "relu" },
  { kind = "flatten" },
  { name = "head" },
]
[loss]
kind = "bce"
[optimiser]
lr = 0.02
[batch]
size = 16
[observe]
at = { kind = "list", steps = [30] }
measures = ["accuracy", "variance_explained"]
"#;

const SEQUENCE: &str = r#"
name = "sequence"
steps = 160
seeds = 2
[data]
source = "features"
form = "sequence"
output_order = ["b", "a"]
seed = 1
examples = 128
fit_examples = 40
test_examples = 40
[[data.features]]
name = "a"
function = "linear"
units = 3
copies = 3
[[data.features]]
name = "b"
function = "linear"
units = 3
copies = 3
[model]
layers = [
  { kind = "embedding", name = "embedding", embedding_dim = 8 },
  { kind = "positions", name = "positions" },
  { kind = "transformer", name = "layers", num_heads = 2, norm_first = true, causal = true },
  { name = "head" },
]
[optimiser]
lr = 0.02
[batch]
size = 16
[observe]
at = { kind = "list", steps = [2] }
measures = ["accuracy", "variance_explained"]
"#;

fn train(text: &str) -> Summary {
    let options: Options = trained::options(isogram::graph::Lowering::Layered);
    Sweep::new(Experiment::from_toml(text, "forms.toml").unwrap()).unwrap().run(&options, &mut Quiet).unwrap()
}

#[test]
fn a_network_learns_from_pictures_and_from_sequences() {
    for (text, names, sizes) in
        [(PICTURES, ["colour", "right"], (128, 40, 192, 2)), (SEQUENCE, ["a", "b"], (128, 40, 8, 3))]
    {
        let summary = train(text);
        let data = &summary.manifest.data;
        assert_eq!((data.train, data.test, data.inputs, data.outputs), sizes);
        let first = |name: &str, step| summary.values(name, step)[0];
        for name in names {
            let learned = summary.values(&format!("accuracy_{name}"), 160);
            assert!(learned.len() == 2 && learned.iter().all(|a| *a > 0.85), "{name}: {learned:?}");
            // Of tokens the units themselves show the label; little of a layer of places is of what stands anywhere.
            let explained = summary.metrics.iter().filter(|r| r.name == format!("explained_{name}") && r.step == 160);
            let most = explained.fold(f64::NEG_INFINITY, |most, r| most.max(r.value));
            let least = if text == SEQUENCE { 0.05 } else { -0.5 };
            assert!(most > least && most <= 1.0, "{name}: {most}");
        }
        let step = if names[0] == "a" { 2 } else { 30 };
        let parts = names.map(|name| first(&format!("accuracy_{name}"), step));
        assert!((first("accuracy", step) - (parts[0] + parts[1]) / 2.0).abs() < 1e-6, "{parts:?}");
    }
}

#[test]
fn settings_of_forms_that_make_no_sense_are_refused() {
    let refused = |text: &str, words: &str| {
        let error = Experiment::from_toml(text, "forms.toml").unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(&PICTURES.replace("seed = 1\n", ""), "data.seed: expected a number");
    refused(&PICTURES.replace("form = \"image\"\n", ""), "data.form = \"image\"");
    refused(&PICTURES.replace("shows = [\"x\"]", "units = 20\nshows = [\"x\"]"), "no units, copies or distractors");
    refused(&PICTURES.replace("shows = [\"x\"]", "shows = [\"color\"]"), "did you mean \"colour\"?");
    refused(&PICTURES.replace("\"variance_explained\"", "\"substructure\""), "substructure");
    let digits =
        PICTURES.replace("source = \"features\"", "source = \"digits\"").replace(", \"variance_explained\"", "");
    refused(&digits, "data.form: needs data.source");
    refused(&SEQUENCE.replace("[optimiser]", "[loss]\nkind = \"bce\"\n[optimiser]"), "expected cross_entropy");
    refused(&SEQUENCE.replace("[\"b\", \"a\"]", "[\"b\"]"), "each of a, b once, got b");
    refused(&SEQUENCE.replace("\"variance_explained\"", "\"interventions\""), "interventions is not of features");
    refused(&SEQUENCE.replace("copies = 3", "copies = 3\npresence = 0.5"), "presence of 1");
}
