//! Every measure and statistic of the catalogue against the values that published packages give, on the CPU in f64 and,
//! where it has such a form, on every executor in f32; and the committed table of agreement.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use isogram::gpu::Gpu;
use isogram::measure::catalogue::{Measure, Statistic, measures, statistics};
use isogram::measure::compare::{Named, Place, Table, all_pairs};
use isogram::measure::describe::on_device;
use isogram::measure::pairwise::rdm::{Dissimilarity, rdm};

use crate::reference::{CASES, case, labels, of, value};
use crate::support;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/agreement.md");

/// Whether a case is tried in f32 too. The largest takes half of the time.
fn in_single(case: &str) -> bool {
    support::full() || case != "digits_pixels__digits_seed0_h1"
}

/// Which of the pair comes first, and which of several values of the entry is meant.
#[derive(Clone, Copy)]
enum Of {
    Pair,
    Turned,
    Part(usize),
    TurnedPart(usize),
}

/// Entries of the reference, the measure's name here, and what of the entry.
fn pairwise() -> Vec<(&'static str, String, Of)> {
    use Of::{Pair, Part, Turned, TurnedPart};
    let mut all: Vec<(&'static str, String, Of)> = [
        ("cka_linear_biased", "cka:biased", Pair),
        ("cka_linear_debiased_song", "cka", Pair),
        ("cka_linear_lange", "cka:lange", Pair),
        ("cka_rbf_biased_t0.2", "cka:biased:rbf:threshold=0.2", Pair),
        ("cka_rbf_biased_t0.5", "cka:biased:rbf:threshold=0.5", Pair),
        ("cka_rbf_biased_t1.0", "cka:biased:rbf", Pair),
        ("cka_rbf_biased_sigma1", "cka:biased:rbf:sigma=1", Pair),
        ("cka_rbf_debiased_sigma1", "cka:rbf:sigma=1", Pair),
        ("cka_rbf_repsim_default", "cka:biased:rbf:pairs", Pair),
        ("hsic_linear_gretton", "hsic:biased", Pair),
        ("hsic_linear_song", "hsic", Pair),
        ("cka_minibatch_b8", "minibatch_cka:batch=8", Pair),
        ("cka_minibatch_b16", "minibatch_cka:batch=16", Pair),
        ("cka_minibatch_b32", "minibatch_cka:batch=32", Pair),
        ("cka_minibatch_b64", "minibatch_cka", Pair),
        ("rv", "rv", Pair),
        ("rv_modified", "rv:modified", Pair),
        ("rv_adjusted", "rv_adjusted", Pair),
        ("distance_correlation", "distance_correlation:biased", Pair),
        ("distance_correlation_sqr_unbiased", "distance_correlation", Pair),
        ("rsa_euclidean_pearson", "rsa:euclidean:pearson", Pair),
        ("rsa_euclidean_spearman", "rsa:euclidean", Pair),
        ("rsa_cosine_pearson", "rsa:cosine:pearson", Pair),
        ("rsa_cosine_spearman", "rsa:cosine", Pair),
        ("rsa_cityblock_pearson", "rsa:cityblock:pearson", Pair),
        ("rsa_cityblock_spearman", "rsa:cityblock", Pair),
        ("procrustes_euclidean", "procrustes:euclidean", Pair),
        ("procrustes_normalized", "procrustes:normalised", Pair),
        ("procrustes_angular", "procrustes", Pair),
        ("procrustes_disparity", "procrustes:disparity", Pair),
        ("nbs", "nbs", Pair),
        ("shape_metric_alpha0.0_angular", "shape:alpha=0", Pair),
        ("shape_metric_alpha0.0_euclidean", "shape:alpha=0:euclidean-netrep", Pair),
        ("shape_metric_alpha0.5_angular", "shape:alpha=0.5", Pair),
        ("shape_metric_alpha0.5_euclidean", "shape:alpha=0.5:euclidean-netrep", Pair),
        ("permutation_angular", "permutation_procrustes", Pair),
        ("permutation_euclidean", "permutation_procrustes:euclidean", Pair),
        ("geodesic_shrinkage0.1", "geodesic", Pair),
        ("geodesic_shrinkage0.5", "geodesic:shrinkage=0.5", Pair),
        ("cca_mean", "cca", Pair),
        ("cca_mean_squared", "cca:mean-squared", Pair),
        ("svcca_var0.9", "svcca:variance=0.9", Pair),
        ("svcca_var0.99", "svcca", Pair),
        ("pwcca_x_weighted", "pwcca", Pair),
        ("pwcca_y_weighted", "pwcca", Turned),
        ("pwcca_mean_of_both", "pwcca:mean", Pair),
        ("linreg_r2_x_to_y", "linear_regression", Pair),
        ("linreg_r2_y_to_x", "linear_regression", Turned),
        ("svcca_repsim_yanai", "svcca:repsim", Pair),
        ("cca_correlations_top10", "cca:component=1", Part(0)),
        ("cca_correlations_top10", "cca:component=2", Part(1)),
        ("cca_correlations_top10", "cca:component=6", Part(5)),
        ("cca_correlations_top10", "cca:component=10", Part(9)),
        ("ridgecv_loo_x_to_y_[alpha,best_neg_mse]", "ridge_loo:alpha", Part(0)),
        ("ridgecv_loo_x_to_y_[alpha,best_neg_mse]", "ridge_loo", Part(1)),
        ("gulp_squared_lambda0.01", "gulp:squared", Pair),
        ("gulp_squared_lambda1.0", "gulp:lambda=1:squared", Pair),
        ("ridge_alpha1_5fold_x_to_y_[r2,median_pearson]", "ridge", Part(0)),
        ("ridge_alpha1_5fold_x_to_y_[r2,median_pearson]", "ridge:median-pearson", Part(1)),
        ("ridge_alpha1_5fold_y_to_x_[r2,median_pearson]", "ridge", TurnedPart(0)),
        ("mutual_knn_cosine_k5", "knn:k=5", Pair),
        ("mutual_knn_cosine_k10", "knn", Pair),
        ("mutual_knn_euclidean_k5", "knn:k=5:euclidean", Pair),
        ("mutual_knn_euclidean_k10", "knn:euclidean", Pair),
        ("knn_jaccard_cosine_k5", "knn_jaccard:k=5", Pair),
        ("knn_jaccard_cosine_k10", "knn_jaccard", Pair),
        ("knn_jaccard_euclidean_k5", "knn_jaccard:k=5:euclidean", Pair),
        ("knn_jaccard_euclidean_k10", "knn_jaccard:euclidean", Pair),
        ("cknna_k10_l2norm", "cknna", Pair),
        ("cknna_k10_raw", "cknna:raw", Pair),
        ("match_bipartite_corr", "bipartite_match", Pair),
        ("match_semi_x_to_y", "semi_match", Pair),
        ("match_semi_y_to_x", "semi_match", Turned),
        ("match_soft_corr", "soft_match", Pair),
        ("match_soft_distance", "soft_match_distance", Pair),
        ("eigenspace_overlap", "eigenspace_overlap", Pair),
        ("pls2_x_to_y_[r2,median_pearson]", "pls:components=2:pooled", Part(0)),
        ("pls2_x_to_y_[r2,median_pearson]", "pls:components=2", Part(1)),
        ("pls5_x_to_y_[r2,median_pearson]", "pls:components=5:pooled", Part(0)),
        ("pls5_x_to_y_[r2,median_pearson]", "pls:components=5", Part(1)),
        ("pls2_y_to_x_[r2,median_pearson]", "pls:components=2:pooled", TurnedPart(0)),
        ("pls2_y_to_x_[r2,median_pearson]", "pls:components=2", TurnedPart(1)),
        ("output_jsd_bits", "output_jsd", Pair),
        ("rtd_h1_full_[xy,yx,mean]", "rtd", Part(0)),
        ("rtd_h1_full_[xy,yx,mean]", "rtd", TurnedPart(1)),
        ("rtd_h1_full_[xy,yx,mean]", "rtd:mean", Part(2)),
    ]
    .into_iter()
    // As files have it.
    .map(|(key, name, of)| (key, Measure::parse(name).unwrap().name(), of))
    .collect();
    let forms = [
        ("cosine", "cosine-of"),
        ("corr", "pearson"),
        ("spearman", "spearman"),
        ("rho-a", "rho-a"),
        ("tau-a", "tau-a"),
        ("tau-b", "tau-b"),
        ("cosine_cov", "whitened-cosine"),
        ("corr_cov", "whitened-pearson"),
    ];
    for (theirs, ours) in
        [("sqeuclidean_over_p", "sqeuclidean"), ("correlation", "correlation"), ("poisson", "poisson")]
    {
        for (key, by) in forms {
            let key: &'static str = format!("rsa_{theirs}_{key}").leak();
            all.push((key, format!("rsa:{ours}:{by}"), Pair));
        }
        all.push((format!("rsa_{theirs}_bures").leak(), format!("rsa_bures:{ours}:rsatoolbox"), Pair));
        all.push((
            format!("rsa_{theirs}_bures_metric").leak(),
            format!("rsa_bures_distance:{ours}:squared:rsatoolbox"),
            Pair,
        ));
    }
    all
}

/// Entries for single representations.
fn single() -> Vec<(&'static str, &'static str, Option<usize>)> {
    vec![
        ("participation_ratio", "participation_ratio", None),
        ("participation_ratio_[naive,row,col,both]", "participation_ratio:examples", Some(1)),
        ("participation_ratio_[naive,row,col,both]", "participation_ratio:units", Some(2)),
        ("participation_ratio_[naive,row,col,both]", "participation_ratio:both", Some(3)),
        ("effective_rank_eig", "effective_rank:eigenvalues", None),
        ("effective_rank_sv", "effective_rank", None),
        ("rankme", "rankme", None),
        ("stable_rank", "stable_rank", None),
        ("n_pcs_[90,95,99]", "components:variance=0.9", Some(0)),
        ("n_pcs_[90,95,99]", "components", Some(1)),
        ("n_pcs_[90,95,99]", "components:variance=0.99", Some(2)),
        ("explained_variance_ratio_top10", "explained_variance", Some(0)),
        ("explained_variance_ratio_top10", "explained_variance:component=2", Some(1)),
        ("lpca_participation_ratio", "participation_ratio", None),
        ("ridge_onehot_5fold_r2", "label_r2", None),
        ("alpha_req_ols_rank1-6", "alpha_req:last=6", None),
        ("alpha_req_ols_rank1-24", "alpha_req:last=24", None),
        ("alpha_req_ols_rank1-25", "alpha_req:last=25", None),
        ("alpha_req_ols_rank1-29", "alpha_req:last=29", None),
        ("alpha_req_ols_rank11-24", "alpha_req:first=11:last=24", None),
        ("alpha_req_ols_rank11-25", "alpha_req:first=11:last=25", None),
        ("alpha_req_ols_rank11-29", "alpha_req:first=11:last=29", None),
        ("alpha_req_ols_rank1-10", "alpha_req:last=10", None),
        ("alpha_req_ols_rank1-50", "alpha_req:last=50", None),
        ("alpha_req_ols_rank11-50", "alpha_req:first=11:last=50", None),
        ("twonn_discard0.1", "two_nn", None),
        ("twonn_discard0.5", "two_nn:discard=0.5", None),
        ("twonn_mle", "two_nn:likelihood", None),
        ("corrint", "correlation_dimension", None),
        ("mle_levina_bickel_k10", "levina_bickel:k=10", None),
        ("uniformity_t2", "uniformity", None),
        ("mean_pairwise_euclidean", "mean_distance", None),
        ("median_pairwise_euclidean", "median_distance", None),
        ("ridge_classifier_alpha1_5fold_acc", "linear_probe:ridge", None),
        ("logreg_5fold_[acc,logloss_bits,H(Y)_bits,V_information_bits]", "linear_probe", Some(0)),
        ("logreg_5fold_[acc,logloss_bits,H(Y)_bits,V_information_bits]", "v_information", Some(3)),
        ("knn5_5fold_acc", "knn_probe", None),
        ("silhouette_euclidean", "silhouette", None),
        ("davies_bouldin", "davies_bouldin", None),
        ("calinski_harabasz", "calinski_harabasz", None),
        ("kta_centered_linear", "label_alignment", None),
        ("kta_uncentered_linear", "label_alignment:uncentred", None),
        ("neural_collapse_nc1", "neural_collapse", None),
    ]
}

fn is_ranked(name: &str) -> bool {
    name.starts_with("rsa:") && !["pearson", "cosine-of", "whitened"].iter().any(|w| name.contains(w))
}

/// Whether dissimilarities of a representation differ by less than single precision tells apart, though they differ: their
/// ranks may then be exchanged.
fn has_near_ties(x: &Named, name: &str) -> bool {
    let dissimilarity = match name.split(':').nth(1) {
        Some("sqeuclidean") => Dissimilarity::SquaredEuclidean,
        Some("euclidean") => Dissimilarity::Euclidean,
        Some("cosine") => Dissimilarity::Cosine,
        Some("cityblock") => Dissimilarity::Cityblock,
        Some("poisson") => Dissimilarity::Poisson { prior_rate: 1.0, prior_weight: 0.1 },
        _ => Dissimilarity::Correlation,
    };
    let mut all = rdm(x.values.as_ref(), dissimilarity).unwrap().values().to_vec();
    all.sort_by(f64::total_cmp);
    let largest = all.last().copied().unwrap_or(0.0);
    all.windows(2).any(|w| w[1] > w[0] && w[1] - w[0] < 1e-6 * largest)
}

/// How exact a measure must be in f32.
fn tolerance(name: &str, near_ties: bool) -> f64 {
    if is_ranked(name) && !near_ties {
        return 1e-12;
    }
    let family = name.split(':').next().unwrap_or("");
    match family {
        "cka" | "procrustes" | "cca" | "nbs" => 1e-5,
        "knn" | "knn_jaccard" | "bipartite_match" | "semi_match" | "soft_match" | "soft_match_distance" => 1e-12,
        _ => 1e-4,
    }
}

/// A row of the table: the package and its value, ours in f64, ours in f32 on each executor if there is such a form.
struct Row {
    package: String,
    expected: f64,
    cpu: f64,
    single: Single,
    /// Whether ranks may be exchanged by rounding to single precision.
    near_ties: bool,
}

/// A value in f32 of each executor that tried, by its name, or nothing where it has none.
type Single = Vec<(&'static str, Option<f64>)>;

type Agreement = BTreeMap<(String, &'static str), BTreeMap<&'static str, Row>>;

fn gather() -> Agreement {
    let entries = pairwise();
    let mut table: Agreement = BTreeMap::new();
    for name in CASES {
        let case = case(name);
        let reference = &case.json;
        let pair = [("X", &case.x), ("Y", &case.y)].map(|(name, x)| Named { name: name.into(), values: x.clone() });
        let executors = if in_single(name) { support::executors() } else { Vec::new() };
        let here: Vec<&(&str, String, Of)> = entries
            .iter()
            .filter(|(key, measure, _)| {
                // What the reference lacks here, or the data do not determine.
                let missing = reference["pairwise"][*key].is_null();
                let near = measure.starts_with("knn") || measure.starts_with("cknna");
                let tied = near && neighbours_are_tied(name, measure);
                let weighted = measure.starts_with("pwcca") && pwcca_is_undetermined(&pair, measure);
                !(missing || tied || weighted || undetermined(name, key))
            })
            .collect();
        let measures: Vec<Measure> = here.iter().map(|(_, m, _)| Measure::parse(m).unwrap()).collect();
        let on_cpu = all_pairs(&pair, &measures, None, &mut |_, _| {}).unwrap();
        let compared =
            |gpu: Option<&Arc<Gpu>>| all_pairs(&pair, &measures, support::single(gpu), &mut |_, _| {}).unwrap();
        let in_single: Vec<_> = executors.iter().map(|(place, gpu)| (*place, compared(gpu.as_ref()))).collect();
        for (i, (key, measure, of)) in here.iter().enumerate() {
            let (at, part) = match of {
                Of::Pair => (1, None),
                Of::Turned => (2, None),
                Of::Part(p) => (1, Some(*p)),
                Of::TurnedPart(p) => (2, Some(*p)),
            };
            let Some(expected) = case.value("pairwise", key, part) else { continue };
            let cpu = on_cpu[i].cells[at].or_nan();
            assert!(!cpu.is_nan(), "{name} {measure}: {:?}", on_cpu[i].cells[at]);
            let of_table = |t: &Table| {
                let own = t.place == Place::Gpu && !t.completed.contains(&(at / 2, at % 2));
                own.then(|| t.cells[at].or_nan())
            };
            let single = in_single.iter().map(|(place, tables)| (*place, of_table(&tables[i]))).collect();
            let near_ties = is_ranked(measure) && pair.iter().any(|x| has_near_ties(x, measure));
            let package = reference["pairwise"][*key]["package"].as_str().unwrap_or("").to_owned();
            table
                .entry((measure.clone(), key))
                .or_default()
                .insert(name, Row { package, expected, cpu, single, near_ties });
        }
        for (side, x) in ["X", "Y"].iter().zip(&pair) {
            let labels = Some(labels()).filter(|l| l.len() == x.values.nrows()).unwrap_or_default();
            let statistics: Vec<Statistic> = single().iter().map(|(_, s, _)| Statistic::parse(s).unwrap()).collect();
            let described = |gpu: Option<&Arc<Gpu>>| {
                on_device(gpu, std::slice::from_ref(x), &statistics, &labels).unwrap().remove(0)
            };
            let in_single: Vec<_> = executors.iter().map(|(place, gpu)| (*place, described(gpu.as_ref()))).collect();
            if !labels.is_empty() {
                for (key, name_here, cpu, single) in generalisation(x, &labels, &executors) {
                    let entry = &reference[format!("supervised_{side}").as_str()][key];
                    let Some(expected) = entry["value"].as_f64() else { continue };
                    let place: &'static str = format!("{name} {side}").leak();
                    let package = entry["package"].as_str().unwrap_or("").to_owned();
                    let row = Row { package, expected, cpu, single, near_ties: false };
                    table.entry((name_here.to_owned(), key)).or_default().insert(place, row);
                }
            }
            for (i, (key, statistic, part)) in single().into_iter().enumerate() {
                for section in [format!("single_{side}"), format!("supervised_{side}")] {
                    let Some(expected) = case.value(&section, key, part) else { continue };
                    if name == "ties" && key == "mle_levina_bickel_k10" {
                        // The package takes the logarithm of a distance of zero, and gives a dimension of zero.
                        continue;
                    }
                    let cpu = match statistics[i].of(x.values.as_ref(), &labels) {
                        Ok(value) => value,
                        // Whole numbers put first and second neighbours at equal distances: a package gives a number
                        // all the same.
                        Err(_) if name == "ties" => continue,
                        Err(error) => panic!("{name} {side} {statistic}: {error}"),
                    };
                    let package = reference[&section][key]["package"].as_str().unwrap_or("").to_owned();
                    let place: &'static str = format!("{name} {side}").leak();
                    let single = in_single.iter().map(|(place, values)| (*place, values[i])).collect();
                    let row = Row { package, expected, cpu, single, near_ties: false };
                    table.entry((statistic.to_owned(), key)).or_default().insert(place, row);
                }
            }
        }
    }
    table
}

/// What is of a design, which the labels number: whether a digit is 5 or more, across parities.
fn generalisation(
    x: &Named,
    labels: &[usize],
    executors: &[(&'static str, Option<Arc<Gpu>>)],
) -> Vec<(&'static str, &'static str, f64, Single)> {
    let cells: Vec<usize> = labels.iter().map(|l| 2 * usize::from(*l >= 5) + l % 2).collect();
    let named =
        [("ccgp_a=label>=5_b=parity", "ccgp:logistic:contexts=2"), ("parallelism_score_a|b", "parallelism:contexts=2")];
    let of = |(key, name): (&'static str, &'static str)| {
        let statistic = Statistic::parse(name).unwrap();
        let on_cpu = statistic.of(x.values.as_ref(), &cells).unwrap();
        let here = std::slice::from_ref(x);
        let on = |gpu: Option<&Arc<Gpu>>| on_device(gpu, here, std::slice::from_ref(&statistic), &cells).unwrap()[0][0];
        (key, name, on_cpu, executors.iter().map(|(place, gpu)| (*place, on(gpu.as_ref()))).collect())
    };
    named.into_iter().map(of).collect()
}

/// Whether canonical correlations are tied, or units depend on each other: the reference keeps directions without variance then,
/// but for the mean of both ways.
fn pwcca_is_undetermined([x, y]: &[Named; 2], measure: &str) -> bool {
    let full = |x: &Named| rank(x) == x.values.ncols();
    of(measure, &x.values, &y.values).is_err() || (measure == "pwcca" && !(full(x) && full(y)))
}

/// The rank of a representation once it is centred: Pillai's trace of it with itself.
fn rank(x: &Named) -> usize {
    value("cca:pillai", &x.values, &x.values).round() as usize
}

/// Cases whose whole numbers put examples at equal distances about the last neighbour: any of them may be taken.
fn neighbours_are_tied(case: &str, measure: &str) -> bool {
    let whole = measure.contains("euclidean") || measure == "cknna:raw";
    case == "ties" || (case.starts_with("digits_pixels") && whole)
}

/// Values that the packages' own rounding decides: exact ties of whole numbers that quotients break, and a distance of
/// nearly zero.
fn undetermined(case: &str, key: &str) -> bool {
    let quotient = ["correlation", "cosine", "poisson"].iter().any(|w| key.starts_with(&format!("rsa_{w}_")));
    let ranked = ["spearman", "rho-a", "tau-a", "tau-b"].iter().any(|w| key.ends_with(w));
    (case == "ties" && quotient && ranked) || (case == "rotated" && key.ends_with("bures_metric"))
}

/// How exact a measure must be in f64: as a part of the value, or of 1e-5 if it is smaller. What a package's own rounding limits is said.
fn allowed_of_pairs(case: &str, name: &str, key: &str) -> f64 {
    match (name, key) {
        // The package's Bures similarity is of eigenvalues: 1.00000004 of a representation with itself.
        ("nbs", _) => 3e-7,
        // At an angle of zero the references carry the rounding of an arc cosine, 3e-8, and other distances that of sums near one.
        ("procrustes" | "shape", k) if case == "rotated" && (k.contains("angular") || k.ends_with("normalized")) => {
            5e-3
        }
        ("procrustes", "procrustes_disparity") if case == "rotated" => 1e-9,
        ("gulp", _) if case == "rotated" => 1e-8,
        // Zero but for the rounding of eigenvalues near one, 1e-13, on both sides.
        ("geodesic", _) if case == "rotated" => 1e-7,
        // Eigenvalues of a Gram product lose half the digits. The exact values are checked in `measures`.
        (_, k) if k.ends_with("bures") => 1e-6,
        (_, k) if k.ends_with("bures_metric") => 1e-5,
        // Ripser keeps distances as f32. With ours rounded in the same way the values agree in full: see `measures`.
        ("rtd", _) => 1e-6,
        ("bipartite_match" | "semi_match" | "soft_match" | "soft_match_distance", _) => 1e-12,
        ("knn" | "knn_jaccard", _) => 1e-13,
        _ => 1e-9,
    }
}

#[test]
fn the_catalogue_agrees_with_published_packages() {
    let table = gather();
    let mut wrong = Vec::new();
    let mut tried = 0;
    for ((name, key), cases) in &table {
        for (case, row) in cases {
            tried += 1;
            let scale = row.expected.abs().max(1.0);
            let family = name.split(':').next().unwrap_or("");
            let (least, allowed) = match case.contains(' ') {
                false => (1e-5, allowed_of_pairs(case, family, key)),
                // The package's solver ends at its own tolerance.
                true if family == "v_information" => (1.0, 1e-6),
                true => (1.0, 1e-9),
            };
            let off = (row.cpu - row.expected).abs() / row.expected.abs().max(least);
            if off.is_nan() || off > allowed {
                wrong.push(format!("{name} ({key}) on {case}, f64: {} against {}", row.cpu, row.expected));
            }
            // Ranks of what single precision does not tell apart are left to double precision.
            let decided = !row.near_ties && Measure::parse(name).map_or(true, |m| m.made.device.is_some());
            for (place, single) in &row.single {
                match single {
                    None if decided => {
                        wrong.push(format!("{name} ({key}) on {case}: {place} leaves it to double precision"));
                    }
                    None => {}
                    Some(value) => {
                        let off = (value - row.expected).abs() / scale;
                        if off.is_nan() || off > tolerance(name, row.near_ties) {
                            wrong.push(format!(
                                "{name} ({key}) on {case}, f32 on {place}: {value} against {}",
                                row.expected
                            ));
                        }
                    }
                }
            }
        }
    }
    assert!(tried > 700, "{tried} values");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    let text = written(&table);
    if std::env::var_os("ISOGRAM_BLESS").is_some() {
        assert!(support::full(), "the table is of all cases: write it with ISOGRAM_FULL=1 too");
        std::fs::write(TABLE, &text).unwrap();
    }
    let committed = std::fs::read_to_string(TABLE).unwrap_or_default();
    let names = |text: &str| -> Vec<String> {
        text.lines().filter(|l| l.starts_with("| `")).map(|l| l.split('|').nth(1).unwrap_or("").to_owned()).collect()
    };
    assert_eq!(names(&committed), names(&text), "docs/agreement.md is out of date: run this test with ISOGRAM_BLESS=1");
}

/// The table as it stands in the docs: the first case of each measure, and the largest deviation over all.
fn written(table: &Agreement) -> String {
    let mut text = String::from(
        "# Agreement with published packages\n\n\
         Values of the catalogue beside those of published packages, computed in double precision on the same arrays\n\
         (`tests/reference/measures`). *Off* is the largest deviation over all cases, relative to the larger of 1 and the\n\
         reference; the f32 column is of Mesa's software adapter, which computes every case: where a difference of numbers near one\n\
         would lose what is asked for, as in the distance of a representation to its own rotation, it sums what remains, or takes\n\
         exact products. Written by `ISOGRAM_FULL=1 ISOGRAM_BLESS=1 cargo test --test all catalogue`.\n\n\
         Left out, because the data do not determine them:\n\n\
         - PWCCA where canonical correlations are tied (`simrepo`, `digits_pixels`), and its one-sided forms where units depend\n\
         on each other (`ties`, `digits_seed0_h1__digits_seed0_h2`): the reference keeps directions without variance.\n\
         - Nearest neighbours of `ties`, and those of `digits_pixels` that are Euclidean or by inner product: whole numbers at equal\n\
         distances, among which the packages take those of the lower row, and ours are what random ties give in the mean.\n\
         - Rank comparisons of correlation, cosine and Poisson RDMs of `ties`: rounding breaks the\n\
         packages' exact ties. Ours are held to exact rational values instead (`tests/all/measures/pairwise`).\n\
         - `levina_bickel` of `ties`, where the package takes the logarithm of a distance of zero, and `two_nn:discard=0.5` of its\n\
         first representation, where more than half of the ratios are one.\n\
         - The Bures metric of RDMs of `rotated`, which is zero but for the package's rounding.\n\n\
         The package's own rounding limits `nbs` (2e-7; 1.00000004 of a representation with itself) and the angles of `rotated`\n\
         (3e-8 by the arccosine); the solver of logistic regression ends at its tolerance.\n\n\
         | measure | convention | package | case | value | ours | off, f64 | off, f32 | cases |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for ((name, key), cases) in table {
        let Some((case, row)) = cases.iter().next() else { continue };
        let off = |value: &dyn Fn(&Row) -> Option<f64>| -> Option<f64> {
            cases
                .values()
                .filter_map(|row| value(row).map(|v| (v - row.expected).abs() / row.expected.abs().max(1.0)))
                .max_by(f64::total_cmp)
        };
        let shown = |x: Option<f64>| x.map_or("".to_owned(), |x| format!("{x:.0e}"));
        let _ = writeln!(
            text,
            "| `{name}` | {} | {} | {case} | {:.8} | {:.8} | {} | {} | {} |",
            key.replace('|', "/"),
            row.package,
            row.expected,
            row.cpu,
            shown(off(&|r: &Row| Some(r.cpu))),
            shown(off(&|r: &Row| r.single.iter().find(|(place, _)| *place == "the adapter")?.1)),
            cases.len()
        );
    }
    text
}

#[test]
fn the_page_of_measures_is_the_catalogue() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/measures.md");
    let text = isogram::measure::catalogue::documentation();
    if std::env::var_os("ISOGRAM_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == text, "docs/measures.md is out of date: run this test with ISOGRAM_BLESS=1");
}

#[test]
fn names_are_unique_and_defaults_parse() {
    let mut names: Vec<&str> = measures().map(|e| e.name).chain(statistics().map(|e| e.name)).collect();
    for e in measures() {
        let name = Measure::parse(e.name).unwrap().name();
        // The short name, but for what is always written.
        let estimator = e.parameters.iter().any(|p| p.key == "estimator");
        assert_eq!(name, if estimator { format!("{}:debiased", e.name) } else { e.name.to_owned() });
        assert_eq!(Measure::parse(&name).unwrap().name(), name);
    }
    for e in statistics() {
        assert_eq!(Statistic::parse(e.name).unwrap().name(), e.name);
    }
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn unknown_names_come_with_the_nearest() {
    let said = Measure::parse("procrustse").unwrap_err().to_string();
    assert!(said.contains("`procrustes`"), "{said}");
    let said = Statistic::parse("participation").unwrap_err().to_string();
    assert!(said.contains("`participation_ratio`"), "{said}");
}
