"""What the engines share: the workloads, the data, the batches of Isogram's replicas, and how time is taken.

Needs NumPy alone. `python common.py FOLDER` writes the drawn data of a workload as FOLDER/medium.npz and so on.
"""

import json
import struct
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
STEPS = 50  # steps of which the losses are compared; the batches of timed steps are these, over and over
AGREE = 2  # replicas of which the losses are compared

# Parameters of `lm`, in the order in which the Python engines take them.
LM = [
    "embedding.weight", "positions.weight",
    *[f"layers.{block}.{layer}{kind}" for block in range(2) for layer, kinds in [
        ("norm1", (".weight", ".bias")), ("self_attn.in_proj", ("_weight", "_bias")), ("self_attn.out_proj", (".weight", ".bias")),
        ("norm2", (".weight", ".bias")), ("linear1", (".weight", ".bias")), ("linear2", (".weight", ".bias")),
    ] for kind in kinds],
    "norm.weight", "norm.bias", "head.weight", "head.bias",
]
LM_HEADS = 4
# The same of `resnet8`: what a convolution and its norm have, block by block.
RESNET8 = [
    f"{at}{name}"
    for at, names in [
        ("", ["conv1.weight", "bn1.weight", "bn1.bias"]),
        *[(f"layer{stage}.0.", [
            *[f"{kind}{i}.{what}" for i in (1, 2) for kind, what in [("conv", "weight"), ("bn", "weight"), ("bn", "bias")]],
            *(["downsample.0.weight", "downsample.1.weight", "downsample.1.bias"] if stage > 1 else []),
        ]) for stage in (1, 2, 3)],
    ]
    for name in names
] + ["head.weight", "head.bias"]
LSTM = [f"lstm.{what}_l0" for what in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")] + ["head.weight", "head.bias"]

# Twenty layers and two examples are soon chaotic: PyTorch in float32 leaves its own float64 by 9 % between steps 12 and 40, so
# that losses of `wide` are compared over `agree_steps`. `loop` is how many replicas an engine trains one after the other where it cannot train them together: its rate per
# replica does not depend on how many follow. `network` is what the Python engines know it by; `names` are its layers with weights and
# biases, or `parameters` all that it has.
WORKLOADS = {
    "tiny": dict(toml="tiny.toml", widths=[64, 32, 32, 10], batch=32, lr=0.002, replicas=256, loop=4),
    "lone": dict(toml="tiny.toml", widths=[64, 32, 32, 10], batch=32, lr=0.002, replicas=1, loop=1),
    "medium": dict(toml="medium.toml", widths=[784, 512, 512, 10], batch=128, lr=0.001, replicas=16, loop=1),
    "cnn": dict(toml="cnn.toml", network="cnn", names=["conv1", "conv2", "fc"], batch=32, lr=0.002, replicas=64, loop=4),
    "lm": dict(toml="lm.toml", network="lm", parameters=LM, batch=32, lr=0.002, replicas=64, loop=4),
    "resnet8": dict(toml="resnet8.toml", network="resnet8", parameters=RESNET8, batch=32, lr=0.002, replicas=16, loop=1),
    "lstm": dict(toml="lstm.toml", network="lstm", parameters=LSTM, batch=16, lr=0.002, replicas=64, loop=4),
    "wide": dict(toml="wide.toml", widths=[64, *[500] * 20, 10], batch=2, lr=0.01, replicas=3, loop=3, sgd=True, agree_steps=12),
}
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

CKA = dict(representations=64, examples=1024, width=256)
MATMUL = 512


# ---- data ---------------------------------------------------------------------------------------------------------


def digits():
    """The bundled digits, divided by their largest value as `normalise = "unit"` does: [1797, 64] and labels."""
    table = np.loadtxt(HERE / "../../data/digits.csv", delimiter=",", dtype=np.float32)
    return table[:, :-1] / table[:, :-1].max(), table[:, -1].astype(np.int64)


def drawn(width=784):
    """1,024 examples of so many numbers in ten classes: a centre per class, and noise that keeps the loss from vanishing.

    RandomState is frozen by NumPy: the numbers are the same everywhere.
    """
    random = np.random.RandomState(20240607)
    labels = np.arange(1024, dtype=np.int64) % 10
    centres = random.standard_normal((10, width))
    inputs = 0.01 * centres[labels] + 0.2 * random.standard_normal((1024, width))
    return inputs.astype(np.float32), labels


def sequences():
    """1,024 sequences of 17 of 64 tokens, each of which is mostly what follows from the two before it: inputs and targets [1024, 16]."""
    random = np.random.RandomState(20261201)
    tokens = random.randint(0, 64, (1024, 17))
    noise = random.random_sample((1024, 17)) < 0.1
    for t in range(2, 17):
        follows = (tokens[:, t - 1] + 3 * tokens[:, t - 2] + 1) % 64
        tokens[:, t] = np.where(noise[:, t], tokens[:, t], follows)
    return tokens[:, :-1].astype(np.int64), tokens[:, 1:].astype(np.int64)


# Numbers of an example of the workloads with such data: images [3, 16, 16], and 8 numbers at each of 20 positions, [8, 20].
DRAWN = {"medium": 784, "resnet8": 3 * 16 * 16, "lstm": 8 * 20}


def data_of(workload):
    if workload in DRAWN:
        return drawn(DRAWN[workload])
    return sequences() if workload == "lm" else digits()


def write_drawn(folder):
    # Of a part for testing the engines know nothing, so it is small.
    def save(name, **arrays):
        np.savez(Path(folder) / f"{name}.npz", **arrays, **{f"test_{key}": array[:32] for key, array in arrays.items()})

    for name, width in DRAWN.items():
        inputs, labels = drawn(width)
        save(name, inputs=inputs, labels=labels)
    inputs, targets = sequences()
    save("lm", inputs=inputs, targets=targets)


def representations():
    """64 representations that share a part of 32 columns, so that their CKA is neither 0 nor 1: [64, 1024, 256]."""
    random = np.random.RandomState(7)
    shared = random.standard_normal((CKA["examples"], 32))
    mixed = random.standard_normal((CKA["representations"], 32, CKA["width"]))
    noise = random.standard_normal((CKA["representations"], CKA["examples"], CKA["width"]))
    return (shared @ mixed / 8 + noise).astype(np.float32)


def square(seed):
    return np.random.RandomState(seed).standard_normal((MATMUL, MATMUL)).astype(np.float32)


# ---- batches: what shaders/random.wgsl draws ----------------------------------------------------------------------


def threefry(key0, key1, count0, count1):
    """First word of threefry2x32 with 20 rounds; all arguments are uint32, arrays or not."""
    u32 = lambda value: np.asarray(value, np.uint32)
    keys = [u32(key0), u32(key1), u32(key0) ^ u32(key1) ^ u32(0x1BD11BDA)]
    a, b = u32(count0) + keys[0], u32(count1) + keys[1]
    for group in range(5):
        for by in [(13, 15, 26, 6), (17, 29, 16, 24)][group % 2]:
            a = a + b
            b = ((b << u32(by)) | (b >> u32(32 - by))) ^ a
        a = a + keys[(group + 1) % 3]
        b = b + keys[(group + 2) % 3] + u32(group + 1)
    return a


def purpose(path):
    """FNV-1a of a path, 32 bits: what keeps the random numbers of one use apart from those of another."""
    number = 0x811C9DC5
    for byte in path.encode():
        number = (number ^ byte) * 0x01000193 % 2**32
    return number


def permuted(seed, epoch, position, count):
    """Places `position` of the permutations of 0..count of the epochs: a Feistel network, walked until inside."""
    half = 1
    while 1 << 2 * half < count:
        half += 1
    mask = np.uint32((1 << half) - 1)
    value, outside = position.astype(np.uint32), np.full(position.shape, True)
    while outside.any():
        left, right = value[outside] >> np.uint32(half), value[outside] & mask
        for turn in range(6):
            mixed = threefry(seed, purpose("batch"), epoch[outside], np.uint32(turn << 16) | right) & mask
            left, right = right, left ^ mixed
        value[outside] = (left << np.uint32(half)) | right
        outside = value >= count
    return value.astype(np.int64)


def batches(seed, steps, size, count):
    """Rows of every batch of a replica, [steps, size]; batches run on across the end of an epoch."""
    with np.errstate(over="ignore"):
        place = np.arange(steps * size, dtype=np.uint32)
        rows = permuted(seed, place // np.uint32(count), place % np.uint32(count), count)
    return rows.reshape(steps, size)


# ---- what ./run hands to the engines ------------------------------------------------------------------------------


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        rest = file.read()
    header.pop("__metadata__", None)
    array = lambda e: np.frombuffer(rest[slice(*e["data_offsets"])], np.float32).reshape(e["shape"])
    assert all(entry["dtype"] == "F32" for entry in header.values())
    return {name: array(entry) for name, entry in header.items()}


class Task:
    """A workload ready to be trained: data, batches, and the initial parameters that Isogram drew."""

    def __init__(self, folder, name):
        self.sgd, self.network = False, "mlp"
        for key, value in WORKLOADS[name].items():
            setattr(self, key, value)
        self.name = name
        self.x, self.y = data_of(name)
        saved = np.load(Path(folder) / f"{self.toml}.npz")
        # w0, b0, w1, b1, ... each [replicas, ...], shaped as in PyTorch
        self.parameters = [saved[f"arr_{i}"][: self.replicas] for i in range(len(saved.files))]
        # [steps, replicas, batch]
        every = [batches(seed, STEPS, self.batch, len(self.x)) for seed in range(self.replicas)]
        self.rows = np.stack(every, axis=1)
        self.agree = min(AGREE, self.replicas)


# ---- time ---------------------------------------------------------------------------------------------------------


def timed(call, work, quick):
    """Rates of a repeated call that does `work` units: 7 repeats (5 with quick) of about a second (0.2 s) each.

    `call` must not return before the work is done.
    """
    repeats, seconds = (5, 0.2) if quick else (7, 1.0)
    call()  # compiles
    start, count = time.perf_counter(), 0
    while count < 2 or time.perf_counter() - start < seconds / 2:  # warms up, and measures how many calls fill a repeat
        call()
        count += 1
    calls = max(1, round(seconds * count / (time.perf_counter() - start)))
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        rates.append(work * calls / (time.perf_counter() - start))
    return rates


def pairs_of(count):
    return count * (count - 1) // 2


if __name__ == "__main__":
    write_drawn(sys.argv[1])
