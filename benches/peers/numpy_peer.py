"""NumPy: CKA of all pairs, and a matrix product, for scale."""

from pathlib import Path

import numpy as np

from common import MATMUL, pairs_of, representations, square, timed
from peer import Peer


def cka(x):
    """Linear CKA of all pairs of [n, examples, width], through the Gram matrices of the examples.

    That takes fewer operations than products of columns where there are many representations: n products that grow with
    examples^2, in place of n^2 products.
    """
    x = x - x.mean(1, keepdims=True)
    grams = (x @ x.transpose(0, 2, 1)).reshape(len(x), -1)
    products = grams @ grams.T
    norms = np.sqrt(np.diag(products))
    return products / norms[:, None] / norms[None, :]


def main():
    peer = Peer("NumPy")
    if "cka" in peer.wanted:
        # In float64 where values are compared: this is the reference.
        peer.cka("float64", cka(np.load(Path(peer.args.folder) / "representations.npy").astype(np.float64)))
        x = representations()
        peer.speed("cka", "float32", timed(lambda: cka(x), pairs_of(len(x)), peer.args.quick))
    if "matmul" in peer.wanted:
        a, b = square(1), square(2)
        peer.speed("matmul", "float32", timed(lambda: a @ b, 2e-9 * MATMUL**3, peer.args.quick))
    peer.write("cpu", f"numpy {np.__version__}")


main()
