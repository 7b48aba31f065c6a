"""Adds to the reference tables what packages give for partial least squares, RV coefficients and geodesic distance.

Run in the folder of the repository: python3 tests/reference/make_pls_rv_geodesic.py
Packages: scikit-learn 1.9.1, hoggorm 0.13.3, pyriemann 0.12, numpy 2.4.
"""

import json
import warnings
from importlib.metadata import version

import numpy as np
from hoggorm.mat_corr_coeff import RV2coeff, RVcoeff
from pyriemann.geometry.distance import distance_riemann
from sklearn.cross_decomposition import PLSRegression
from sklearn.model_selection import KFold

warnings.simplefilter("ignore")
FOLDER = "tests/reference/measures/"
CASES = ["kornblith", "simrepo", "rotated", "ties", "digits_seed0_h1__digits_seed0_h2"]


def predicted(x, y, components, folds=5):
    """Held-out predictions of `y`, folds in a row. The iteration for a component goes on until it does not move."""
    out = np.empty_like(y)
    for train, test in KFold(folds).split(x):
        pls = PLSRegression(n_components=components, scale=False, tol=1e-26, max_iter=200_000)
        out[test] = pls.fit(x[train], y[train]).predict(x[test])
    return out


def scores(y, out):
    """R² of all targets together, and the median over targets of Pearson's r."""
    r2 = 1 - ((y - out) ** 2).sum() / ((y - y.mean(0)) ** 2).sum()
    r = [np.corrcoef(y[:, j], out[:, j])[0, 1] for j in range(y.shape[1]) if y[:, j].std() > 0]
    return [float(r2), float(np.median(r))]


def adjusted_rv(x, y):
    """Mayer, Lorent and Horgan 2011: squared correlations of units replaced by adjusted ones (numpy)."""
    n, p, q = len(x), x.shape[1], y.shape[1]

    def adjusted(r):
        return (1 - (n - 1) / (n - 2) * (1 - r**2)).sum()

    r = np.corrcoef(np.hstack([x, y]), rowvar=False)
    return float(adjusted(r[:p, p:]) / np.sqrt(adjusted(r[:p, :p]) * adjusted(r[p:, p:])))


def regularised(x, shrinkage):
    """The Gram matrix of the centred `x` at mean eigenvalue one, shrunk towards the identity."""
    x = x - x.mean(0)
    gram = x @ x.T
    return (1 - shrinkage) * gram * len(x) / np.trace(gram) + shrinkage * np.eye(len(x))


for case in CASES:
    path = f"{FOLDER}{case}.json"
    table = json.load(open(path))
    x, y = (np.load(FOLDER + table["meta"][side]).astype(float) for side in "XY")
    sklearn = f"scikit-learn=={version('scikit-learn')}"
    hoggorm = f"hoggorm=={version('hoggorm')}"
    pyriemann = f"pyriemann=={version('pyriemann')}"
    found = {}

    def put(key, package, call, value):
        found[key] = {"package": package, "call": call, "value": value}

    for components in [2, 5]:
        call = f"PLSRegression({components}, scale=False) over KFold(5), converged; [R² pooled, median Pearson]"
        put(f"pls{components}_x_to_y_[r2,median_pearson]", sklearn, call, scores(y, predicted(x, y, components)))
    put("pls2_y_to_x_[r2,median_pearson]", sklearn, "the same, x from y", scores(x, predicted(y, x, 2)))
    centred = [m - m.mean(0) for m in (x, y)]
    put("rv", hoggorm, "RVcoeff of centred", float(RVcoeff(centred)[0, 1]))
    put("rv_modified", hoggorm, "RV2coeff of centred", float(RV2coeff(centred)[0, 1]))
    if min(m.std(0).min() for m in (x, y)) > 0:
        put("rv_adjusted", f"numpy=={version('numpy')}", "adjusted_rv", adjusted_rv(x, y))
    for shrinkage in [0.1, 0.5]:
        value = float(distance_riemann(regularised(x, shrinkage), regularised(y, shrinkage)))
        put(f"geodesic_shrinkage{shrinkage}", pyriemann, "distance_riemann of regularised Gram matrices", value)
    table["pairwise"] |= found
    with open(path, "w") as out:
        json.dump(table, out, indent=1)
        out.write("\n" if open(path, "rb").read()[-1:] == b"\n" else "")
    print(case, {key: value["value"] for key, value in found.items()})
