//! Bad experiments and what is said of them.

use super::*;

fn refusal(text: &str, overrides: &[(&str, &str)]) -> String {
    let overrides: Vec<_> = overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let message = match Experiment::with_overrides(text, "my.toml", &overrides) {
        Ok(_) => panic!("accepted: {text} {overrides:?}"),
        Err(error) => error.to_string(),
    };
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn the_smallest_experiment_is_empty() {
    for text in ["", "\u{feff}", "# nothing\r\n", "[sweep]", "[sweep.model]", "[data]"] {
        let experiment = Experiment::from_toml(text, "my.toml").unwrap();
        assert_eq!(experiment, Experiment::default());
        assert_eq!(experiment.settings().unwrap().len(), 1);
    }
}

#[test]
fn american_spellings_are_accepted() {
    let text = "optimizer.lr = 0.5\n[data]\nnormalize = \"standard\"\n[model]\ninitializer = \"orthogonal\"";
    let experiment = Experiment::from_toml(text, "my.toml").unwrap();
    assert_eq!(experiment.optimiser.lr, 0.5);
    assert_eq!(experiment.data.normalise, Normalise::Standard);
    assert_eq!(experiment.model.init, Init::Orthogonal);
}

/// Text, and what its refusal says, whole or in part.
const BAD: &[(&str, &str)] = &[
    // Malformed.
    ("steps", "my.toml:1:6: not valid TOML"),
    ("a = [1,", "my.toml:1:"),
    ("steps = 1\nsteps = 2", "my.toml:2:1: not valid TOML: duplicate key"),
    ("\0", "not valid TOML"),
    ("name = \"a\nb\"", "my.toml:2:"),
    // Unknown keys.
    (
        "\n\n[optimiser]\n  learning_rate = 3",
        "my.toml:4:3: unknown key `learning_rate` in [optimiser]; did you mean `lr`?",
    ),
    ("learning_rate = 3", "my.toml:1:1: unknown key `learning_rate` at the top level; did you mean `optimiser.lr`?"),
    ("batch_size = 3", "did you mean `batch.size`?"),
    ("batch.batch_size = 3", "did you mean `size`?"),
    ("epochs = 3", "did you mean `steps`?"),
    ("seed = 3", "did you mean `seeds`?"),
    ("[model]\nhidden = [3]", "my.toml:2:1: unknown key `hidden` in [model]; did you mean `layers`?"),
    ("[modle]", "my.toml:1:2: unknown key `modle` at the top level; did you mean `model`?"),
    ("lr = 3", "did you mean `optimiser.lr`?"),
    ("loss.type = \"mse\"", "unknown key `type` in [loss]; did you mean `kind`?"),
    ("[batch]\nqqqqqqqqqqqq = 1", "unknown key `qqqqqqqqqqqq` in [batch]; its keys are mode, size"),
    ("qqqqqqqqqqqq = 1", "the keys there are name, description"),
    ("\"a\\nb\\u001b\" = 1", "unknown key `a\\nb\\u{1b}`"),
    ("[optimiser.schedule]\ngamma = 1", "in [optimiser.schedule]; did you mean `factor`?"),
    ("optimiser.lr.x = 1", "my.toml:1:11: optimiser.lr: expected a number of at least 0, got a table"),
    ("[optimiser]\n[optimizer]", "my.toml:2:2: `optimiser` is given twice, under two spellings"),
    // Wrong types.
    ("[optimiser]\nlr = \"x\"", "my.toml:2:6: optimiser.lr: expected a number of at least 0, got the string \"x\""),
    ("steps = 1.5", "my.toml:1:9: steps: expected a whole number from 0 to 16000000, got 1.5"),
    ("steps = 32.0", "got 32.0"),
    ("steps = true", "got true"),
    ("steps = 1979-05-27", "got 1979-05-27"),
    ("steps = 99999999999999999999", "got 99999999999999999999"),
    ("name = 3", "name: expected a string, got 3"),
    ("model = 3", "my.toml:1:9: model: expected a table, got 3"),
    ("model = []", "model: expected a table, got an empty list"),
    ("model.layers = 64", "model.layers: expected a list, each a whole number from 1 to 65536, or a table, got 64"),
    ("model.layers = [64, \"x\"]", "my.toml:1:21: model.layers[1]: expected a whole number"),
    ("model.bias = 1", "model.bias: expected true or false, got 1"),
    ("optimiser.lr = [0.1, 0.2]", "to try several values put them into [sweep]"),
    ("model.activation = \"rleu\"", "got \"rleu\"; did you mean \"relu\"?"),
    ("model.activation = \"swish\"", "did you mean \"silu\"?"),
    ("model.activation = 3", "model.activation: expected one of identity, relu"),
    ("observe.measures = [\"acuracy\"]", "observe.measures[0]: expected one of loss, accuracy"),
    ("observe.measures = [\"acuracy\"]", "did you mean \"accuracy\"?"),
    ("observe.pairs = [[1, 2, 3]]", "observe.pairs[0]: expected a list of 2 items, got a list of 3 items"),
    ("observe.at = \"log\"", "observe.at: expected a table"),
    ("seeds = \"many\"", "seeds: expected a whole number from 1 to 1000000, or a list"),
    ("sweep = 3", "my.toml:1:9: sweep: expected a table"),
    // Negative, zero and absurd.
    ("steps = -5", "steps: expected a whole number from 0 to 16000000, got -5"),
    ("steps = 16000001", "got 16000001"),
    ("seeds = 0", "seeds: expected a whole number from 1"),
    ("seeds = []", "seeds: expected a list of 1 to 1000000 items, got an empty list"),
    ("seeds = [1, 2, 1]", "my.toml:1:9: seeds: the seed 1 comes twice"),
    ("seeds = [-1]", "seeds[0]: expected a whole number of 0 or more, got -1"),
    ("seeds = [4294967296]", "seeds[0]"),
    ("seeds = 2000000", "seeds: expected a whole number from 1 to 1000000, got 2000000"),
    ("model.layers = [0]", "model.layers[0]: expected a whole number from 1 to 65536, got 0"),
    ("model.layers = [70000]", "got 70000"),
    ("model.dropout = 1", "model.dropout: expected a number of at least 0 and below 1, got 1"),
    ("model.gain = nan", "model.gain: expected a finite number of at least 0, got NaN"),
    ("model.gain = inf", "model.gain: expected a finite number"),
    ("model.slope = 1e300", "model.slope: expected a number that 32 bits can hold, got 1e300"),
    ("optimiser.lr = 1e300", "optimiser.lr: expected a number that 32 bits can hold, got 1e300"),
    ("optimiser.beta2 = 0.999999999999", "of at least 0 and below 1 once rounded to 32 bits, got 0.999999999999"),
    ("optimiser.clip_norm = 1e-300", "a number above 0 once rounded to 32 bits, got 1e-300"),
    ("optimiser.lr = -1", "optimiser.lr: expected a number of at least 0, got -1"),
    ("optimiser.beta1 = 1.0", "optimiser.beta1"),
    ("optimiser.clip_norm = 0", "optimiser.clip_norm: expected a number above 0, got 0"),
    ("data.test_fraction = 1.0", "data.test_fraction: expected a number above 0 and below 1, got 1.0"),
    ("data.classes = 1", "data.classes"),
    ("batch.size = 0", "batch.size: expected a whole number of at least 1, got 0"),
    ("name = \"\"", "name: expected 1 to 100 characters"),
    ("name = \"../x\"", "name: expected"),
    // Keys against each other.
    ("steps = 1000000\nbatch.size = 5000", "my.toml:1:9: steps: expected steps times batch.size below 4294967296"),
    ("data.inputs = \"x\"", "my.toml:1:15: data.inputs: is only read with data.source = \"files\""),
    ("data.source = \"files\"", "my.toml:1:1: data.inputs: expected a file"),
    ("data.source = \"text\"", "data.inputs: expected a file, since data.source is \"text\""),
    ("data.stride = 2", "data.stride: is of windows of tokens, and data.source is \"digits\""),
    ("data.label_column = \"last\"", "data.label_column: is only read with data.source = \"files\" or \"tokens\""),
    ("[data]\nsource = \"files\"\ninputs = \"x\"\ntargets = \"y\"", "loss.kind: expected bce or mse"),
    ("[data]\nsource = \"files\"\ninputs = \"x\"\ntest_labels = \"y\"", "data.test_labels: needs data.test_inputs"),
    ("[data]\nsource = \"files\"\ninputs = \"\"", "got an empty string"),
    ("data.classes = 3", "the digits have ten classes"),
    ("loss.reduction = \"half_sum\"", "loss.reduction: expected mean or sum, since loss.kind is cross_entropy"),
    ("optimiser = { kind = \"sgd\", nesterov = true }", "optimiser.nesterov: expected optimiser.momentum above 0"),
    ("optimiser.momentum = 0.9", "optimiser.momentum: only sgd has momentum, but optimiser.kind is adam"),
    ("optimiser.epsilon = 1e-60", "optimiser.epsilon"),
    ("optimiser.schedule.kind = \"step\"", "optimiser.schedule.every: expected a number of steps"),
    ("optimiser.schedule.warmup = 2000", "optimiser.schedule.warmup: expected at most the 1000 steps"),
    ("observe.measures = [\"loss\", \"loss\"]", "loss comes twice"),
    ("observe.measures = [\"distance\"]", "observe.pairs: expected pairs"),
    ("observe.pairs = [[1, 1]]", "two different examples"),
    ("observe.pairs = [[1, 9]]\nprobe.examples = 5", "expected examples below 5"),
    ("observe.measures = [\"cka_pairs\"]\nprobe.examples = 3", "probe.examples: expected at least 4"),
    ("observe.compare = [\"kernel\"]", "observe.compare: there is no measure or family of them `kernel`"),
    ("observe.compare = [\"kernels\", \"cka:debiased\"]", "cka:debiased comes twice"),
    ("observe.describe = [\"\"]", "observe.describe: expected a name or a family"),
    ("observe.layers = [2]", "observe.layers: expected layers below 2"),
    ("observe.layers = [1, 1]", "the layer 1 comes twice"),
    ("model.layers = []\nobserve.measures = [\"cka_input\"]", "cka_input reads hidden layers"),
    ("observe.layers = [\"layer.1\"]", "no hidden layer is named `layer.1`; did you mean `layers.1`?"),
    ("observe.layers = [\"layers.1\", 1]", "the layer 1 comes twice"),
    // Lists of layers.
    ("model.layers = [64, { kind = \"dense\" }]", "model.layers: expected widths alone or layers alone, got both"),
    ("model.layers = [{ kind = \"dens\" }]", "model.layers[0].kind: expected one of dense, "),
    (
        "[[model.layers]]\nout_featurs = 3",
        "unknown key `out_featurs` in [[model.layers]]; did you mean `out_features`?",
    ),
    (
        "model.layers = [{ p = 0.5 }]",
        "model.layers: layer `layers.0`: dense has no `p`; its keys are kind, name, out_features",
    ),
    ("model.layers = [{ name = \"a.b\" }]", "model.layers: layer `a.b`: expected a name of letters"),
    ("model.layers = [{ name = \"a\", out_features = 2 }, { name = \"a\" }]", "two layers are named `a`"),
    ("model.layers = [{ kind = \"residual\", name = \"b\", body = [{ eps = 1 }] }]", "layer `b.0`: dense has no `eps`"),
    (
        "model.layers = [{ kind = \"residual\", body = [{ epz = 1 }] }]",
        "unknown key `epz` in [[model.layers]]; did you mean `eps`?",
    ),
    ("model.layers = [{ out_features = 3 }, { kind = \"embedding\" }]", "expected it as the first layer"),
    ("model = { input_dropout = 0.5, layers = [{ kind = \"embedding\" }] }", "model.input_dropout: expected 0, since"),
    ("model = { skip = 1, layers = [{}] }", "model.skip: expected 0, since model.layers is not a list of widths"),
    ("model = { dropout = 0.5, layers = [{}] }", "model.dropout: expected a layer of kind dropout"),
    (
        "model.layers = [{}]\nobserve.layers = [0]",
        "observe.layers: expected layers below 0, the number of hidden layers",
    ),
    ("sweep.\"model.layers.a.out_features\" = [1]", "cannot set the key `a` inside a list of 2 items"),
    ("model.layers = [{}]\nsweep.\"model.layers.a.p\" = [0.1]", "has no item with a key inside that is named `a`"),
    ("sweep.\"model.layers.a.b\" = [1]", "unknown key `b` in [model.layers]"),
    // Terms of the loss.
    ("loss.align = [{}]", "my.toml:1:14: loss.align: term `0`: expected the name of a layer as `of`, got none"),
    (
        "loss.align = [{ of = \"layers.0\", to = \"layer.1\" }]",
        "term `0`: no layer is named `layer.1`; did you mean `layers.1`?",
    ),
    (
        "loss.align = [{ name = \"a\", of = \"fc\", to = \"layers.1\" }]",
        "term `a`: no layer is named `fc`; they are layers.0, layers.1, layers.2",
    ),
    ("loss.align = [{ of = \"layers.2\", to = \"layers.2\" }]", "of and to are both `layers.2`"),
    ("loss.align = [{ of = \"layers.0\", to = \"layers.1\", measure = \"ckaa\" }]", "did you mean `cka`?"),
    (
        "loss.align = [{ of = \"layers.0\", to = \"layers.1\", measure = \"rsa\" }]",
        "term `0`: rsa has no gradient at all values: expected one such as rsa:pearson",
    ),
    ("loss.align = [{ of = \"layers.0\", to = \"layers.1\", measure = \"cka:rbf\" }]", "without a median width"),
    ("loss.align = [{ of = \"layers.0\", to = \"layers.1\", measure = \"procrustes\" }]", "procrustes:squared"),
    ("loss.align = [{ of = \"layers.0\", to = \"layers.1\", measure = \"knn\" }]", "knn has no gradient"),
    (
        "loss.align = [{ of = \"layers.0\", to = \"layers.1\", from = 5, until = 5 }]",
        "expected until after from, which is 5, got 5",
    ),
    ("loss.align = [{ of = \"layers.0\", to = \"layers.1\", name = \"3\" }]", "underscores that is no number"),
    (
        "loss.align = [{ of = \"layers.0\", to = \"layers.1\", weight = -1 }]",
        "loss.align[0].weight: expected a number of",
    ),
    (
        "loss.align = [{ of = \"layers.0\", too = \"layers.1\" }]",
        "unknown key `too` in [[loss.align]]; did you mean `to`?",
    ),
    ("loss.align = { of = \"layers.0\" }", "loss.align: expected a list"),
    (
        "[networks.t]\nfreeze = true\n[[loss.align]]\nof = \"layers.0\"\nto = \"t.layer.0\"",
        "no layer is named `t.layer.0`; did you mean `t.layers.0`?",
    ),
    (
        "[networks.t]\nfreeze = true\n[[loss.align]]\nof = \"t.layers.0\"\nto = \"layers.0\"\nstop_gradient = true",
        "term `0`: expected a layer that moves, and `t.layers.0` is of a frozen network",
    ),
    ("networks = 3", "networks: expected a table, got 3"),
    ("[networks]\nt = 3", "my.toml:2:5: networks.t: expected a table, got 3"),
    ("[networks.t]\nfrozen = true", "unknown key `frozen` in [networks.NAME]; did you mean `freeze`?"),
    ("[networks.t]\nfreeze = 1", "my.toml:2:10: networks.t.freeze: expected true or false, got 1"),
    ("[networks.\"a.b\"]", "networks: `a.b`: expected a name of letters, digits and underscores"),
    ("[networks.layers]", "`layers` is a layer of [model] already"),
    ("[networks.t]\nwidth = 3", "my.toml:2:9: networks.t.width: is of networks.t.preset, and none is named"),
    ("[networks.t]\npreset = \"mlp\"\nlayers = [3]", "networks.t.preset: expected either preset or layers, got both"),
    ("[networks.t]\npreset = \"resnet\"", "networks.t.preset: expected one of mlp"),
    ("[networks.t]\nlayers = [{ p = 0.5 }]", "networks.t.layers: layer `layers.0`: dense has no `p`"),
    ("[networks.t]\nlayers = [{ out_featurs = 1 }]", "in [[model.layers]]; did you mean `out_features`?"),
    ("[networks.t]\nloss = false", "networks.t.loss: expected a term of loss.align that moves the network"),
    ("[networks.t]\ninit_from = \"\"", "networks.t.init_from: expected the path of a file"),
    ("[networks.t]\n[sweep]\n\"networks.t\" = [1]", "`networks.t` is a section"),
    (
        "[networks.t]\n[sweep]\n\"networks.t.widht\" = [1]",
        "unknown key `widht` in [networks.NAME]; did you mean `width`?",
    ),
    (
        "observe.gradients = [\"layer.0\"]",
        "observe.gradients: no hidden layer is named `layer.0`; did you mean `layers.0`?",
    ),
    ("observe.gradients = [\"input\", \"input\"]", "observe.gradients: input comes twice"),
    ("sweep.\"loss.align.0.weight\" = [0, 1]", "cannot set"),
    (
        "loss.align = [{ of = \"layers.0\", to = \"layers.1\" }]\nsweep.\"loss.align.1.weight\" = [0, 1]",
        "has no item with a key inside that is named `1`",
    ),
    ("observe.at = { kind = \"list\" }", "observe.at.steps: expected at least one step"),
    ("observe.at = { kind = \"list\", steps = [2000] }", "expected steps up to 1000, got 2000"),
    ("observe.at = { kind = \"linear\", every = 2, count = 2 }", "expected either every or count"),
    ("steps = 1000000\nobserve.at = { kind = \"linear\", every = 1 }", "at most 100000 checkpoints"),
    ("observe.at = { every = 2 }", "observe.at.every: only linear checkpoints have it"),
    // Sweeps.
    (
        "sweep.\"model.gian\" = [1]",
        "my.toml:1:7: sweep.model.gian: unknown key `gian` in [model]; did you mean `gain`?",
    ),
    ("sweep.\"learning_rate\" = [1]", "did you mean `optimiser.lr`?"),
    ("sweep.model = [1]", "`model` is a section"),
    ("sweep.\"model.gain\" = 1", "to fix one value, set `model.gain` itself"),
    ("sweep.\"model.gain\" = []", "expected at least one value"),
    ("sweep.\"model.gain\" = [1, -2]", "my.toml:1:26: sweep.model.gain[1]: expected a number of at least 0, got -2"),
    ("sweep.\"model.gain\" = [1, {}]", "sweep.model.gain[1]: expected a number of at least 0, got a table"),
    ("sweep.\"model.gain\" = [1, 1]", "the value 1 comes twice"),
    ("sweep.\"model.gain\" = [1]\nsweep.model.gain = [2]", "the key is swept twice"),
    ("sweep.\"model.activation\" = [\"tnah\"]", "did you mean \"tanh\"?"),
    ("sweep.\"batch.size\" = [1.5]", "sweep.batch.size[0]: expected a whole number of at least 1, got 1.5"),
    ("sweep.\"model.gain\" = { log = [0, 1, 3] }", "expected log to start and end above 0"),
    ("sweep.\"model.gain\" = { log = [1, 2] }", "expected log = [start, end, count] in numbers, got a list of 2 items"),
    ("sweep.\"model.gain\" = { log = [1, 2, 3], linear = [1, 2, 3] }", "only one of log, linear and range"),
    ("sweep.\"model.gain\" = { range = [0, 1, 0] }", "holds no values"),
    ("sweep.seeds = [1]", "`seeds` cannot be swept"),
    ("sweep.steps = [1]", "the same number of steps"),
    ("sweep.\"data.split_seed\" = [1]", "share one data set"),
    ("sweep.\"observe.debiased\" = [true]", "observed and saved alike"),
    ("sweep.\"probe.examples\" = [1]", "same probe examples"),
    ("sweep.sweep = [1]", "sweep.sweep: "),
    ("sweep.zip = 3", "sweep.zip: expected groups of swept keys"),
    ("sweep.zip = [[\"model.gain\"]]", "`model.gain` has no values in [sweep]"),
    ("[sweep]\nzip = [\"model.gain\", \"model.bias\"]\nmodel.gain = [1]\nmodel.bias = [true, false]", "equally many"),
    ("[sweep]\nzip = [[\"model.gain\"], [\"model.gain\"]]\nmodel.gain = [1]", "named twice"),
    (
        "sweep.\"model.gain\" = { linear = [0, 1, 1000000] }",
        "at most 1000000 replicas, got 1000000 combinations with 8",
    ),
    (
        "[observe]\nlayers = [1]\n[sweep]\n\"model.layers\" = [[8, 8], [8]]",
        "my.toml:2:10: observe.layers: expected layers below 1, the number of model.layers, got 1 (with model.layers = [8])",
    ),
];

#[test]
fn bad_experiments_are_refused_in_one_sentence() {
    let mut wrong = 0;
    for (text, expected) in BAD {
        let message = refusal(text, &[]);
        println!("{message}");
        if !message.contains(expected) || !message.starts_with("my.toml:") {
            println!("^^^ of {text:?} where {expected:?} was expected");
            wrong += 1;
        }
    }
    assert_eq!(wrong, 0);
}

#[test]
fn bad_overrides_are_refused_as_overrides() {
    for (key, value, expected) in [
        (
            "optimiser.lr",
            "x",
            "--set optimiser.lr=x: optimiser.lr: expected a number of at least 0, got the string \"x\"",
        ),
        ("learning_rate", "3", "--set learning_rate=3: unknown key `learning_rate` at the top level"),
        ("optimiser.lr.x", "3", "--set optimiser.lr.x=3: "),
        ("", "3", "expected a dotted key"),
        ("a..b", "3", "expected a dotted key"),
        ("steps", "1\nseeds = 3", "--set steps=1\\nseeds = 3: steps: expected a whole number"),
        ("steps", "", "got the string \"\""),
        ("sweep", "3", "expected a table"),
        ("sweep.zip.x", "[1]", "unknown key"),
        ("sweep.model.gain", "3", "expected a list of values"),
        ("optimiser.nesterov", "true", "--set optimiser.nesterov=true: optimiser.nesterov: expected"),
    ] {
        let message = refusal("", &[(key, value)]);
        assert!(message.contains(expected), "{key}={value}\n  said     {message}\n  expected {expected}");
    }
    assert!(refusal("steps = 3", &[("steps.x", "1")]).contains("cannot set the key `x` inside 3"));
}

#[test]
fn overrides_replace_values_and_sweeps() {
    let text = "steps = 5\n[sweep]\n\"optimizer.lr\" = [1, 2]\n\"model.gain\" = [1, 2]\nzip = [[\"optimizer.lr\", \"model.gain\"]]";
    let with = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Experiment::with_overrides(text, "my.toml", &pairs).unwrap()
    };
    let experiment = with(&[("optimizer.lr", "0.5"), ("name", "2024"), ("model.activation", "tanh"), ("steps", " 7 ")]);
    assert_eq!(experiment.optimiser.lr, 0.5);
    assert_eq!((experiment.name.as_str(), experiment.steps), ("2024", 7));
    assert_eq!(experiment.model.activation, Activation::Tanh);
    assert_eq!(experiment.swept_columns(), ["model.gain"]);
    assert_eq!(experiment.settings().unwrap().len(), 2);

    assert_eq!(with(&[("optimiser", "{ kind = \"sgd\" }")]).swept_columns(), ["model.gain"]);
    assert!(with(&[("sweep", "{}")]).swept_columns().is_empty());
    let experiment = with(&[("sweep.\"model.gain\"", "[3, 4]"), ("sweep.model.bias", "[true, false]")]);
    assert_eq!(experiment.swept_columns(), ["optimiser.lr", "model.gain", "model.bias"]);
    assert_eq!(experiment.settings().unwrap().len(), 4);
    assert_eq!(experiment.settings().unwrap()[3].experiment.model.gain, 4.0);
    // The last of several wins.
    assert_eq!(with(&[("steps", "3"), ("steps", "4")]).steps, 4);
}

#[test]
fn no_cut_or_changed_experiment_panics() {
    let base = builtins()[3].text;
    for end in (0..base.len()).filter(|end| base.is_char_boundary(*end)) {
        let _ = Experiment::from_toml(&base[..end], "cut");
    }
    for (at, _) in base.char_indices() {
        for new in ["\"", "[", "{", "=", ".", "\n", "9", "-", "é", "e"] {
            let _ = Experiment::from_toml(&format!("{}{new}{}", &base[..at], &base[at + 1..]), "changed");
        }
    }
}

#[test]
fn a_million_combinations_are_counted_before_they_are_made() {
    let text = "[sweep]\n".to_owned()
        + &["gain", "slope", "alpha"].map(|key| format!("\"model.{key}\" = {{ linear = [1, 9, 900000] }}\n")).concat();
    assert!(refusal(&text, &[]).contains("replicas"));
}
