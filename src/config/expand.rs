//! From one experiment with a sweep to the list of its settings.

use super::{
    Experiment, Model, SettingValue,
    check::cross,
    schema,
    sweep::Sweep,
    tree::{Complaint, Node},
    values::MOST_REPLICAS,
};

/// One combination of the swept settings; it is trained once with each seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its place in the list of settings, from 0.
    pub index: usize,
    /// Every swept key with its value here, in the order of [`Experiment::swept_columns`].
    pub columns: Vec<(String, SettingValue)>,
    /// The experiment with these values filled in, and nothing left to sweep.
    pub experiment: Experiment,
}

/// All settings, each checked.
pub(super) fn settings(experiment: &Experiment) -> Result<Vec<Setting>, Complaint> {
    let sweep = &experiment.sweep;
    sweep.verify()?;
    let count = sweep.combinations();
    let seeds = experiment.seeds.len().max(1) as u64;
    let replicas = count.saturating_mul(seeds);
    if replicas > MOST_REPLICAS {
        let key = if count > 1 { "sweep" } else { "seeds" };
        let message = format!(
            "expected at most {MOST_REPLICAS} replicas, got {count} combinations with {seeds} seeds each; sweep fewer values"
        );
        return Err(Complaint::of(key, message));
    }
    let fixed = Experiment { sweep: Sweep::default(), ..experiment.clone() };
    let table = toml::Value::try_from(&fixed).map_err(|error| Complaint::of("experiment", error.to_string()))?;
    let base = Node::from_toml(table);
    let groups = sweep.groups();
    (0..count).map(|index| setting(index, sweep, &groups, &base)).collect()
}

fn setting(index: u64, sweep: &Sweep, groups: &[Vec<usize>], base: &Node) -> Result<Setting, Complaint> {
    // The digits of the index, the last group changing fastest.
    let mut left = index;
    let mut chosen = vec![0; sweep.axes.len()];
    for group in groups.iter().rev() {
        let length = group.first().map_or(1, |&axis| sweep.axes[axis].values.len() as u64).max(1);
        for &axis in group {
            chosen[axis] = (left % length) as usize;
        }
        left /= length;
    }
    let columns: Vec<(String, SettingValue)> = sweep
        .axes
        .iter()
        .zip(&chosen)
        .filter_map(|(axis, &value)| Some((axis.key.clone(), axis.values.get(value)?.clone())))
        .collect();
    let experiment = resolve(base, &columns).map_err(|mut complaint| {
        // Which combination is at fault cannot be seen from the key alone.
        if !columns.is_empty() {
            let shown: Vec<String> = columns.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            complaint.message += &format!(" (with {})", shown.join(", "));
        }
        complaint
    })?;
    Ok(Setting { index: index as usize, columns, experiment })
}

fn resolve(base: &Node, columns: &[(String, SettingValue)]) -> Result<Experiment, Complaint> {
    let mut node = base.clone();
    let set = |node: &mut Node, (key, value): &(String, SettingValue)| {
        let path: Vec<&str> = key.split('.').collect();
        node.set(&path, value.to_node()).map_err(|message| Complaint::of(key, message))
    };
    // Layers are there once all is set that a preset is made of.
    let (of_layers, others): (Vec<_>, Vec<_>) = columns.iter().partition(|(key, _)| key.starts_with("model.layers."));
    others.into_iter().try_for_each(|column| set(&mut node, column))?;
    if !of_layers.is_empty() {
        write_out_preset(&mut node)?;
    }
    of_layers.into_iter().try_for_each(|column| set(&mut node, column))?;
    schema::check(&node, schema::json_schema(), "")?;
    let experiment = from_node(&node)?;
    cross(&experiment)?;
    Ok(experiment)
}

/// Puts the layers of a preset in its place, if one is named.
fn write_out_preset(node: &mut Node) -> Result<(), Complaint> {
    let model = from_node(node)?.model;
    model.check_preset().map_err(|(key, message)| Complaint::of(key, message))?;
    if model.preset.is_none() {
        return Ok(());
    }
    let layers = model.network().into_owned();
    let plain = Model { layers, preset: None, width: None, depth: None, ..model };
    let table = toml::Value::try_from(&plain).map_err(|error| Complaint::of("model.preset", error.to_string()))?;
    node.set(&["model"], Node::from_toml(table)).map_err(|message| Complaint::of("model.preset", message))
}

/// Gives a checked tree its types.
pub(super) fn from_node(node: &Node) -> Result<Experiment, Complaint> {
    node.to_toml().try_into().map_err(|error: toml::de::Error| Complaint {
        key: String::new(),
        place: super::tree::Place::Nowhere,
        message: error.message().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Seeds;

    fn expand(text: &str) -> Vec<String> {
        let experiment = Experiment::from_toml(text, "t").unwrap();
        let settings = experiment.settings().unwrap();
        for (index, setting) in settings.iter().enumerate() {
            assert_eq!(setting.index, index);
            assert!(setting.experiment.swept_columns().is_empty());
            let keys: Vec<_> = setting.columns.iter().map(|(key, _)| key.clone()).collect();
            assert_eq!(keys, experiment.swept_columns());
        }
        let row = |setting: &Setting| {
            setting.columns.iter().map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(" ")
        };
        settings.iter().map(row).collect()
    }

    #[test]
    fn crossed_in_the_order_of_the_file() {
        let text = "[sweep]\n\"optimiser.lr\" = { log = [1e-3, 1e-1, 3] }\n\"model.activation\" = [\"tanh\", \"relu\"]";
        assert_eq!(expand(text), ["0.001 tanh", "0.001 relu", "0.01 tanh", "0.01 relu", "0.1 tanh", "0.1 relu"]);
    }

    #[test]
    fn zipped_and_nested() {
        let text = "[sweep]\nzip = [[\"model.gain\", \"optimizer.lr\"]]\n[sweep.model]\ngain = [1, 2]\nbias = [true, false]\n[sweep.optimizer]\nlr = [0.1, 0.2]";
        assert_eq!(expand(text), ["1 true 0.1", "1 false 0.1", "2 true 0.2", "2 false 0.2"]);
    }

    #[test]
    fn values_reach_the_settings() {
        let text = "[sweep]\n\"model.layers\" = [[8], [16, 16], []]\n\"batch.size\" = { log = [8, 32, 3] }";
        let settings = Experiment::from_toml(text, "t").unwrap().settings().unwrap();
        assert_eq!(settings.len(), 9);
        assert_eq!(settings[5].experiment.model.layers, vec![16, 16].into());
        assert_eq!(settings[4].experiment.batch.size, 16);
        assert_eq!(settings[5].columns[0].1.to_string(), "[16, 16]");
        assert_eq!(expand(""), [""]);
    }

    #[test]
    fn a_program_s_experiment_is_checked_too() {
        let bad = |change: fn(&mut Experiment)| {
            let mut experiment = Experiment::default();
            change(&mut experiment);
            experiment.settings().unwrap_err().to_string()
        };
        assert!(bad(|e| e.optimiser.lr = f64::NAN).contains("optimiser.lr: expected a finite number"));
        assert!(bad(|e| e.seeds = Seeds::Count(0)).contains("seeds"));
        assert!(bad(|e| e.steps = 16_000_001).contains("steps: expected a whole number from 0"));
        let axis = |key: &str, values| super::super::Axis { key: key.into(), values };
        let mut experiment = Experiment::default();
        experiment.sweep.axes = vec![axis("model.gain", vec![SettingValue::Text("x".into())])];
        assert!(experiment.settings().unwrap_err().to_string().contains("model.gain: expected a number"));
        experiment.sweep.axes = vec![axis("model.gain", vec![])];
        assert!(experiment.settings().is_err());
        experiment.sweep.axes = vec![axis("nothing", vec![SettingValue::Bool(true)])];
        assert!(experiment.settings().is_err());
    }

    #[test]
    fn serde_round_trip() {
        let text = "seeds = [3, 1]\n[sweep]\n\"model.gain\" = [0.5, 2]\n\"optimiser.lr\" = [1, 2]\nzip = [[\"model.gain\", \"optimiser.lr\"]]";
        let experiment = Experiment::from_toml(text, "t").unwrap();
        let json = serde_json::to_string(&experiment).unwrap();
        assert_eq!(serde_json::from_str::<Experiment>(&json).unwrap(), experiment);
        let toml = toml::to_string(&experiment).unwrap();
        assert_eq!(Experiment::from_toml(&toml, "t").unwrap(), experiment);
    }
}
