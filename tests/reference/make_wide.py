#!/usr/bin/env python3
"""Print the values of tanh networks that the tests of `theory::wide` compare with: Gauss-Hermite quadrature in f64.

    python make_wide.py
"""

import numpy as np

nodes, weights = np.polynomial.hermite_e.hermegauss(200)
weights = weights / np.sqrt(2 * np.pi)


def mean(variance, f):
    return float(weights @ f(np.sqrt(variance) * nodes))


kernel, vertex, tangent = 1.0, 0.0, 2.0
for layer in range(1, 34):
    if layer in (2, 3, 5, 9, 17, 33):
        print(f"({layer}, {kernel:.12}, {vertex / kernel**2:.12}, {tangent:.12}),")
    square = lambda z: np.tanh(z) ** 2
    squares, fourth = mean(kernel, square), mean(kernel, lambda z: square(z) ** 2)
    parallel = mean(kernel, lambda z: square(z) * (z**2 - kernel)) / (2 * kernel**2)
    perpendicular = mean(kernel, lambda z: (1 - square(z)) ** 2)
    vertex = fourth - squares**2 + parallel**2 * vertex
    tangent = 1 + squares + perpendicular * tangent
    kernel = squares
