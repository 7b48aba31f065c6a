"""Cross-condition generalisation and shattering dimensionality by scikit-learn, on whole numbers that any program can make: the
values of `conditions_generalise_and_shatter_as_in_scikit_learn` in tests/all/measures/statistic/closed.rs.

Dichotomies, the conditions that are left out, and the means are written out here; the decoders and folds are scikit-learn's."""
from itertools import combinations

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import NearestCentroid

n, p, number = 66, 5, 6
conditions = np.array([(i + i // 7 + 2 * (i // 11)) % number for i in range(n)])
noise = lambda i, j: (i * 7919 + j * 104729 + i * i * 31 + i * j * 17) % 1009
x = np.array([[noise(i, j) + 300 * (conditions[i] >> (j % 3) & 1) + 180 * (conditions[i] * (j + 2) % 5)
               for j in range(p)] for i in range(n)]) / 512.0
sides = [{0, *rest} for rest in combinations(range(1, number), number // 2 - 1)]


def threefry(draw, position):
    """threefry2x32 with 20 rounds and a key of zeros (Salmon et al. 2011), as a number of 64 bits."""
    mask, keys = 0xFFFFFFFF, [0, 0, 0x1BD11BDA]
    a, b = draw, position
    for block in range(5):
        for turn in [(13, 15, 26, 6), (17, 29, 16, 24)][block % 2]:
            a = (a + b) & mask
            b = ((b << turn | b >> (32 - turn)) & mask) ^ a
        a, b = (a + keys[(block + 1) % 3]) & mask, (b + keys[(block + 2) % 3] + block + 1) & mask
    return a << 32 | b


def drawn(count):
    """The dichotomies of which the mean is taken, where there are more: the first of a shuffled list."""
    order, position = list(range(len(sides))), 0
    for i in range(len(sides) - 1, 0, -1):
        other, position = threefry(0, position) % (i + 1), position + 1
        order[i], order[other] = order[other], order[i]
    return [sides[i] for i in sorted(order[:count])]


def ccgp(decoder, count):
    scores = []
    for side in drawn(count):
        label = np.isin(conditions, list(side))
        for a in side:
            for b in set(range(number)) - side:
                out = np.isin(conditions, [a, b])
                scores.append((decoder.fit(x[~out], label[~out]).predict(x[out]) == label[out]).mean())
    return np.mean(scores)


def contexts(decoder, count):
    value, context = conditions // count, conditions % count
    return np.mean([(decoder.fit(x[context != c], value[context != c]).predict(x[context == c]) == value[context == c]).mean()
                    for c in range(count)])


def shattering(folds, count):
    scores = []
    for side in drawn(count):
        label = np.isin(conditions, list(side))
        right = sum((RidgeClassifier(alpha=1.0).fit(x[f], label[f]).predict(x[t]) == label[t]).sum()
                    for f, t in StratifiedKFold(folds).split(x, conditions))
        scores.append(right / n)
    return np.mean(scores)


print("scikit-learn", sklearn.__version__, np.bincount(conditions), drawn(3))
decoders = {"": RidgeClassifier(alpha=1.0), ":strength=30": RidgeClassifier(alpha=30.0), ":centroid": NearestCentroid(),
            ":logistic": LogisticRegression(C=1.0, tol=1e-12, max_iter=10000)}
for name, decoder in decoders.items():
    for count in [1, 3, 10]:
        print(f'("ccgp{name}:dichotomies={count}", {float(ccgp(decoder, count))!r}),')
    for count in [2, 3]:
        print(f'("ccgp{name}:contexts={count}", {float(contexts(decoder, count))!r}),')
for folds, count in [(2, 10), (5, 10), (5, 3)]:
    print(f'("shattering:folds={folds}:dichotomies={count}", {float(shattering(folds, count))!r}),')
