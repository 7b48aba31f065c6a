//! The headline.

use super::networks::{Flavour, spread};
use super::settings::{EASY, HARD};
use super::shared::Shared;
use crate::error::Result;
use crate::papers::claim::{Claim, Kind};
use crate::papers::{Lab, Outcome};

pub fn run(lab: &mut Lab<'_>, shared: &mut Shared) -> Result<Outcome> {
    let base = shared.base(lab)?;
    let layer = base.depth() - 1;
    let [easy, hard] = [EASY, HARD].map(|f| base.explained(Flavour::Variance, f, layer));
    let claim =
        Claim::new("start.share", Kind::Prediction, "The easy feature fills more of the representation than the hard")
            .predicted("easy .50 to .68, hard .04 to .20", "means")
            .measured(
                format!(
                    "{} / {}; uniform {:?}; epochs {:?}",
                    spread(&easy),
                    spread(&hard),
                    base.pair(Flavour::Uniform),
                    base.epochs()
                ),
                shared.seeds,
                true,
            );
    Ok(Outcome { claims: vec![claim], sections: Vec::new() })
}
