//! Statistics of the spectrum of the covariance.

use super::{Form, StatisticEntry, count, number, word};
use crate::error::Error;
use crate::measure::describe::{OfSpectrum, OnDevice};
use crate::measure::single::spectrum::{Sampled, Spectrum, participation_ratio_corrected, rank_me};

const FAMILY: &str = "spectrum";

/// A statistic that a spectrum gives.
fn of(statistic: impl Fn(&Spectrum) -> f64 + Send + Sync + 'static, form: OfSpectrum) -> Form {
    Form::of(move |x| Ok(statistic(&Spectrum::of(x)?))).on(OnDevice::Spectrum(form))
}

pub(super) const ENTRIES: &[StatisticEntry] = &[
    StatisticEntry::new(FAMILY, "participation_ratio", "participation ratio of the covariance", |g| {
        let sampled = match g.word("corrected") {
            "examples" => Sampled::Examples,
            "units" => Sampled::Units,
            "both" => Sampled::Both,
            _ => return of(Spectrum::participation_ratio, OfSpectrum::ParticipationRatio),
        };
        let form = OnDevice::Spectrum(OfSpectrum::Corrected(sampled));
        Form::of(move |x| participation_ratio_corrected(x, sampled)).on(form)
    })
    .formula("(Σ λ)² / Σ λ²")
    .source("Gao et al. 2017; corrected: Chun et al. 2026")
    .with(&[word(
        "corrected",
        &["plain", "examples", "units", "both"],
        "bias from few examples, few units, or both removed",
    )]),
    StatisticEntry::new(FAMILY, "effective_rank", "exponential of the spectrum's entropy", |g| match g.word("of") {
        "eigenvalues" => of(Spectrum::effective_rank_eigenvalues, OfSpectrum::EffectiveRankOfEigenvalues),
        _ => of(Spectrum::effective_rank_singular_values, OfSpectrum::EffectiveRank),
    })
    .formula("exp H(s / Σ s), or exp H(λ / Σ λ)")
    .source("Roy and Vetterli 2007 (singular values)")
    .with(&[word("of", &["singular-values", "eigenvalues"], "another number each")]),
    StatisticEntry::new(FAMILY, "rankme", "RankMe", |_| Form::of(rank_me).on(OnDevice::RankMe))
        .formula("exp H of the uncentred singular values, + 1e-7")
        .source("Garrido et al. 2023"),
    StatisticEntry::new(FAMILY, "stable_rank", "stable rank", |_| of(Spectrum::stable_rank, OfSpectrum::StableRank))
        .formula("|X|² / s₁²")
        .source("Rudelson and Vershynin 2007"),
    StatisticEntry::new(FAMILY, "components", "principal components to reach a part of the variance", |g| {
        let part = g.number("variance");
        Form::of(move |x| Ok(Spectrum::of(x)?.components_for(part)? as f64))
            .on(OnDevice::Spectrum(OfSpectrum::Components(part)))
    })
    .formula("least k with Σ_{i≤k} λ / Σ λ above the part")
    .source("scikit-learn's PCA(n_components=part)")
    .with(&[number("variance", 0.95, [1e-9, 1.0 - 1e-12], "part of the variance")]),
    StatisticEntry::new(FAMILY, "explained_variance", "part of the variance in one principal component", |g| {
        let k = g.count("component");
        Form::of(move |x| {
            let all = Spectrum::of(x)?.explained_variance();
            all.get(k - 1)
                .copied()
                .ok_or_else(|| Error::Measure(format!("component {k} was asked for, and there are {}", all.len())))
        })
        .on(OnDevice::Spectrum(OfSpectrum::ExplainedVariance(k)))
    })
    .formula("λ_k / Σ λ")
    .with(&[count("component", 1, 1, "which, from 1")]),
    StatisticEntry::new(FAMILY, "alpha_req", "exponent of the eigenvalues' power law", |g| {
        let (first, last) = (g.count("first"), g.count("last"));
        Form::of(move |x| {
            let spectrum = Spectrum::of(x)?;
            spectrum.power_law_exponent(first, if last == 0 { spectrum.rank() } else { last })
        })
        .on(OnDevice::Spectrum(OfSpectrum::PowerLaw(first, last)))
    })
    .formula("-slope of log λ on log rank, least squares over the ranks given")
    .source("Agrawal et al. 2022; ranks 11 to 500 in Stringer et al. 2019")
    .with(&[count("first", 1, 1, "first rank"), count("last", 0, 0, "last rank; 0: all there are")]),
];
