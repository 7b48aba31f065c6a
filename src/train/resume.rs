//! What a run may be continued with: the same settings, or more steps where nothing that was done would have been different.

use serde_json::Value;

use super::sweep::Sweep;
use crate::config::{self, Experiment, Keep, Measure, ScheduleKind};
use crate::error::{Error, Result};

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    /// Steps done.
    pub step: u32,
    /// Whether that was its end, and its files are whole.
    pub finished: bool,
}

/// Checks that a run of the settings `was` can be continued by a sweep; `same_data` says whether its data are known to be the
/// same.
///
/// # Errors
/// [`Error::Resume`] with the key that stands against it.
pub(super) fn check(was: &Value, sweep: &Sweep, reached: Reached, same_data: bool) -> Result<()> {
    let e = &sweep.experiment;
    let is = serde_json::to_value(e).map_err(|e| Error::config(e.to_string()))?;
    // Of data it is the contents that must be the same, wherever their files stand: see `Prepared::fingerprint`.
    let place = |key: &str| key.starts_with("data.") && config::files().iter().any(|file| file == key);
    // Whether another number of steps would have changed what was done is asked below.
    let free =
        |key: &str| key == "steps" || config::inert().iter().any(|other| other == key) || (same_data && place(key));
    if let Some(difference) = difference("", was, &is, &free) {
        return Err(Error::Resume(format!(
            "{difference}: continue with the run's own settings, or start anew in another folder"
        )));
    }
    let before: Experiment = serde_json::from_value(was.clone())
        .map_err(|e| Error::Resume(format!("the run's settings are not those of this version ({e}): start anew")))?;
    if e.steps == before.steps {
        return Ok(());
    }
    let steps = format!("steps was {}, and now is {}", before.steps, e.steps);
    if e.steps < before.steps {
        return Err(Error::Resume(format!("{steps}: a run is continued to its own end or to a later one")));
    }
    let refuse = |key: &str, why: &str| {
        Err(Error::Resume(format!("{steps}, and {key} depends on it: {why}; start anew in another folder")))
    };
    let through = |e: &Experiment| e.checkpoints().into_iter().filter(|&c| c <= reached.step).collect::<Vec<_>>();
    let (then, now) = (through(&before), through(e));
    if let Some(step) = then.iter().find(|s| !now.contains(s)).or_else(|| now.iter().find(|s| !then.contains(s))) {
        let (with, without) = if then.contains(step) { (before.steps, e.steps) } else { (e.steps, before.steps) };
        return refuse(
            "observe.at",
            &format!("of {with} steps, step {step} is a checkpoint, and of {without} it is none"),
        );
    }
    let unfinished = |e: &Experiment| {
        let schedule = &e.optimiser.schedule;
        matches!(schedule.kind, ScheduleKind::Cosine | ScheduleKind::Linear) && schedule.steps.is_none()
    };
    if sweep.replicas.iter().any(|r| unfinished(&r.experiment)) {
        return refuse(
            "optimiser.schedule.steps",
            "by default the learning rate reaches its end at the run's last step",
        );
    }
    let kept = "of a run that is finished the parameters of its checkpoints are not kept apart";
    if reached.finished && e.observe.has(Measure::CkaLast) {
        return refuse("observe.measures = [\"cka_last\"]", kept);
    }
    for (key, keep) in [("save.parameters", e.save.parameters), ("save.representations", e.save.representations)] {
        if reached.finished && keep == Keep::Checkpoints {
            return refuse(&format!("{key} = \"checkpoints\""), "the file of a run that is finished is closed");
        }
    }
    Ok(())
}

/// The first setting in which two runs differ, as a phrase, but for those that are free to.
fn difference(path: &str, was: &Value, is: &Value, free: &dyn Fn(&str) -> bool) -> Option<String> {
    if free(path) {
        return None;
    }
    if let (Value::Object(a), Value::Object(b)) = (was, is) {
        let keys = a.keys().chain(b.keys().filter(|k| !a.contains_key(*k)));
        return keys
            .filter_map(|key| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                difference(&path, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), free)
            })
            .next();
    }
    (was != is).then(|| format!("{path} was {was}, and now is {is}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Experiment;

    #[test]
    fn a_difference_is_named_by_its_key() {
        let was = json!({"optimiser": {"lr": 0.1, "kind": "sgd"}, "steps": 3});
        let is = json!({"optimiser": {"lr": 0.2, "kind": "sgd"}, "steps": 4});
        let of = |was, is, free: &str| difference("", was, is, &|key| key == free);
        assert_eq!(of(&was, &is, "steps").unwrap(), "optimiser.lr was 0.1, and now is 0.2");
        assert_eq!(of(&was, &is, "optimiser.lr").unwrap(), "steps was 3, and now is 4");
        assert_eq!(of(&was, &is, "optimiser").unwrap(), "steps was 3, and now is 4");
        assert_eq!(of(&was, &was, ""), None);
    }

    const LISTED: &str = "observe.at = { kind = 'list', steps = [2] }\n";
    const EVERY: &str = "observe.at = { kind = 'linear', every = 5 }\n";

    fn sweep(settings: &str, steps: u32) -> Sweep {
        let text = format!("steps = {steps}\nseeds = 1\n{settings}");
        Sweep::new(Experiment::from_toml(&text, "t").unwrap()).unwrap()
    }

    /// What is said of a run of 10 steps that is continued to `steps`.
    fn said(settings: &str, step: u32, finished: bool, steps: u32) -> String {
        let was = serde_json::to_value(sweep(settings, 10).experiment()).unwrap();
        let outcome = check(&was, &sweep(settings, steps), Reached { step, finished }, true);
        outcome.map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn more_steps_are_taken_where_nothing_done_would_have_been_different() {
        for settings in [
            EVERY.to_owned(),
            format!("{EVERY}optimiser.schedule = {{ kind = 'step', every = 3, warmup = 2 }}"),
            format!("{EVERY}optimiser.schedule = {{ kind = 'cosine', steps = 8 }}"),
            format!("{EVERY}save.parameters = 'final'"),
        ] {
            assert_eq!(said(&settings, 10, true, 20), "", "{settings}");
        }
        // The old end is no checkpoint of the longer run; before it is reached nothing differs.
        assert!(said(LISTED, 10, true, 20).contains("observe.at depends on it: of 10 steps, step 10 is a checkpoint"));
        assert_eq!(said(LISTED, 9, false, 20), "");
        // Log-spaced checkpoints move with the end: each of 10 steps, and 0, 1, 2, 3, 4, 6 ... of 1000.
        let log = "observe.at = { kind = 'log', count = 20 }";
        assert!(said(log, 7, false, 1000).contains("of 10 steps, step 5 is a checkpoint, and of 1000 it is none"));
        assert_eq!(said(log, 4, false, 1000), "");
        for kind in ["cosine", "linear"] {
            let schedule = format!("{EVERY}optimiser.schedule = {{ kind = '{kind}' }}");
            assert!(said(&schedule, 5, false, 20).contains("optimiser.schedule.steps depends on it"), "{kind}");
        }
        // Also where only some of the swept settings have one.
        let swept = format!("{EVERY}sweep = {{ 'optimiser.schedule.kind' = ['constant', 'cosine'] }}");
        assert!(said(&swept, 5, false, 20).contains("optimiser.schedule.steps"));
        let last = format!("{EVERY}observe.measures = ['loss', 'cka_last']");
        assert!(said(&last, 10, true, 20).contains("cka_last"));
        assert_eq!(said(&last, 5, false, 20), "");
        assert!(
            said(&format!("{EVERY}save.representations = 'checkpoints'"), 10, true, 20)
                .contains("save.representations")
        );
        assert!(said(EVERY, 10, true, 5).contains("steps was 10, and now is 5"));
    }

    #[test]
    fn only_what_changes_nothing_may_differ() {
        let was = serde_json::to_value(sweep(EVERY, 10).experiment()).unwrap();
        let with = |more: &str| {
            let reached = Reached { step: 5, finished: false };
            check(&was, &sweep(&format!("{EVERY}{more}"), 10), reached, true).map_err(|e| e.to_string())
        };
        assert_eq!(with("name = 'other'\ndescription = 'x'\nsave.snapshot_every = 3"), Ok(()));
        for (more, said) in [
            ("check_every = 3", "check_every was 64, and now is 3"),
            ("optimiser.lr = 0.5", "optimiser.lr was 0.001, and now is 0.5"),
            ("loss.kind = 'bce'", "loss.kind was "),
            ("sweep = { 'model.gain' = [1, 2] }", "sweep.model.gain was null, and now is [1"),
        ] {
            let error = with(more).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        let mut elsewhere = was.clone();
        elsewhere["data"]["test_labels"] = json!("elsewhere.npy");
        let of = |same_data| check(&elsewhere, &sweep(EVERY, 10), Reached { step: 5, finished: false }, same_data);
        assert!(of(true).is_ok());
        assert!(of(false).unwrap_err().to_string().contains("data.test_labels was \"elsewhere.npy\""));
    }
}
