#!/usr/bin/env python3
"""Measures on all pairs of a set, the usual way in Python: the sizes of `isogram bench --suite measures`.

Run both on the idle machine, one after the other. What is missing (scipy, rsatoolbox, netrep) is said and skipped.
"""

import argparse
import importlib.util
import time

import numpy as np


def random_set(count, examples, units):
    rng = np.random.default_rng(0)
    return [rng.uniform(-0.5, 0.5, (examples, units)).astype(np.float32) for _ in range(count)]


def cka_grams(xs):
    """Debiased linear CKA by the best route NumPy has: each centred Gram once, then one product for all pairs."""
    n = len(xs[0])
    rows = []
    for x in xs:
        x = x - x.mean(0)
        k = x @ x.T
        np.fill_diagonal(k, 0)
        s = k.sum(1, keepdims=True)
        k = k - (s + s.T) / (n - 2) + s.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(k, 0)
        rows.append((k / np.linalg.norm(k)).ravel())
    rows = np.stack(rows)
    return rows @ rows.T


def cka_features(xs):
    """Biased linear CKA pair by pair in feature space, as most scripts have it."""
    xs = [x - x.mean(0) for x in xs]
    own = [np.linalg.norm(x.T @ x) for x in xs]
    return [[np.linalg.norm(x.T @ y) ** 2 / (a * b) for y, b in zip(xs, own)] for x, a in zip(xs, own)]


def rsa_scipy(xs):
    from scipy.spatial.distance import pdist
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(pdist(x, "correlation")) for x in xs])
    return np.corrcoef(ranks)


def rsa_toolbox(xs):
    import rsatoolbox

    rdms = [rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(x), method="correlation") for x in xs]
    all_rdms = rsatoolbox.rdm.concat(rdms)
    return rsatoolbox.rdm.compare(all_rdms, all_rdms, method="spearman")


def procrustes_numpy(xs):
    xs = [x - x.mean(0) for x in xs]
    xs = [x / np.linalg.norm(x) for x in xs]
    pairs = [(i, j) for i in range(len(xs)) for j in range(i)]
    return [np.linalg.svd(xs[i].T @ xs[j], compute_uv=False).sum() for i, j in pairs]


def knn_numpy(xs, k=10):
    near = []
    for x in xs:
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        s = x @ x.T
        np.fill_diagonal(s, -np.inf)
        near.append(np.argpartition(-s, k, axis=1)[:, :k])
    masks = []
    for idx in near:
        mask = np.zeros((len(idx), len(idx)), np.float32)
        np.put_along_axis(mask, idx, 1, 1)
        masks.append(mask.ravel())
    masks = np.stack(masks)
    return masks @ masks.T / (k * len(near[0]))


CASES = [
    ("cka:debiased, NumPy, Gram once", cka_grams, (64, 1024, 256), None),
    ("cka:biased, NumPy, by features", cka_features, (64, 1024, 256), None),
    ("rsa, SciPy", rsa_scipy, (16, 1000, 256), "scipy"),
    ("rsa, rsatoolbox", rsa_toolbox, (16, 1000, 256), "rsatoolbox"),
    ("procrustes, NumPy", procrustes_numpy, (16, 1000, 256), None),
    ("knn, NumPy", knn_numpy, (16, 1000, 256), None),
    ("cka:debiased, NumPy, Gram once", cka_grams, (64, 2048, 512), None),
    ("cka:debiased, NumPy, Gram once", cka_grams, (512, 2048, 512), None),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--large", action="store_true", help="512 x [2048, 512] too: needs 12 GiB")
    args = parser.parse_args()
    print(f"numpy {np.__version__}")
    for name, run, size, needs in CASES:
        if size[0] > 100 and not args.large:
            continue
        if needs and importlib.util.find_spec(needs) is None:
            print(f"{name}: needs {needs}, skipped")
            continue
        xs = random_set(*size)
        run(xs) if size[0] < 100 else None
        times = []
        for _ in range(5 if size[0] < 100 else 1):
            begun = time.perf_counter()
            run(xs)
            times.append(time.perf_counter() - begun)
        median = sorted(times)[len(times) // 2]
        pairs = size[0] * (size[0] - 1) / 2
        print(f"{name:<34} {size[0]} x [{size[1]}, {size[2]}]  {median:8.3f} s  {pairs / median:10.1f} pairs/s", flush=True)


if __name__ == "__main__":
    main()
