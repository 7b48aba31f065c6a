"""Isogram's side of the comparison: initial parameters, losses and CKA from `isogram run`, speed from `isogram bench`."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from common import AGREE, DRAWN, HERE, MATMUL, STEPS, WORKLOADS, CKA, Task, pairs_of, read_safetensors, write_drawn

CKA_REPLICAS = 8


class Isogram:
    def __init__(self, program, adapter, folder, quick):
        if not program.exists():
            sys.exit(f"run: {program} is missing: cargo build --release")
        self.program, self.folder, self.quick = program, folder, quick
        self.adapter = ["--adapter", adapter] if adapter else []
        self.version = self.call("--version").strip()
        self.device = ""
        self.lowering = {name: "auto" for name in WORKLOADS}
        write_drawn(folder)

    def call(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"isogram {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return done.stdout

    def run(self, toml, out, *arguments, **settings):
        """`isogram run`, with keys set; returns what it says as JSON, and its folder."""
        out = self.folder / out
        workload = Path(toml).stem
        files = {
            **dict.fromkeys(DRAWN, ("inputs", "labels", "test_inputs", "test_labels")),
            "lm": ("inputs", "targets", "test_inputs", "test_targets"),
        }
        for key in files.get(workload, ()):
            settings[f"data.{key}"] = f"{self.folder}/{workload}.npz:{key}"
        pairs = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        said = self.call("run", HERE / toml, "--out", out, "--json", *self.adapter, *arguments, *pairs)
        return json.loads(said), out

    # ---- the same start for all, and what must come of it ----

    def prepare(self, workloads):
        """Writes what the engines start from. Returns Isogram's losses per workload, and its CKA."""
        curves, cka = {}, None
        trained = [name for name in workloads if name in WORKLOADS]
        for toml in dict.fromkeys(WORKLOADS[name]["toml"] for name in trained):
            self.save_start(toml, next(WORKLOADS[name] for name in trained if WORKLOADS[name]["toml"] == toml))
        for name in trained:
            curves[name] = self.losses(name)
            if "widths" in WORKLOADS[name]:  # what the engines in Rust know
                save_raw(self.folder, Task(self.folder, name))
        if "cka" in workloads:
            cka = self.cka()
        return curves, cka

    def save_start(self, toml, workload):
        """The parameters of every replica before the first step, as NumPy arrays by layer."""
        keys = {"save.parameters": "checkpoints"}
        _, out = self.run(toml, f"start-{toml}", "--steps", 1, **keys)
        saved = read_safetensors(out / "parameters.safetensors")
        replicas = 1 + max(int(name.split("/")[1]) for name in saved)
        count = sum(name.startswith("0/0/") for name in saved) // 2
        layers = workload.get("names") or [f"layers.{i}" for i in range(count)]
        names = workload.get("parameters") or [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
        arrays = [np.stack([saved[f"0/{r}/{name}"] for r in range(replicas)]) for name in names]
        np.savez(self.folder / f"{toml}.npz", *arrays)

    def losses(self, name):
        """Loss of the batch of each step before its update, [replicas, steps]: `loss_train` at every step."""
        import pyarrow.parquet

        replicas = min(AGREE, WORKLOADS[name]["replicas"])
        keys = {"observe.at.steps": list(range(STEPS + 1))}
        _, out = self.run(WORKLOADS[name]["toml"], f"losses-{name}", "--steps", STEPS, "--seeds", replicas, **keys)
        table = pyarrow.parquet.read_table(out / "metrics.parquet").to_pylist()
        curve = np.full((replicas, STEPS), np.nan)
        for row in table:
            if row["name"] == "loss_train":
                curve[row["replica"], row["step"] - 1] = row["value"]
        return curve

    def cka(self):
        """CKA of the last hidden layer of eight trained replicas; writes their representations for the engines."""
        import pyarrow.parquet

        keys = {"observe.measures": '["cka_pairs"]', "save.representations": "final"}
        _, out = self.run("tiny.toml", "cka", "--seeds", CKA_REPLICAS, **keys)
        saved = read_safetensors(out / "representations.safetensors")
        table = pyarrow.parquet.read_table(out / "pairs.parquet").to_pylist()
        layer = max(row["layer_a"] for row in table)
        matrix = np.eye(CKA_REPLICAS)
        for row in table:
            if row["name"] == "cka:biased" and row["step"] == STEPS and row["layer_a"] == layer:
                a, b = row["replica_a"], row["replica_b"]
                matrix[a, b] = matrix[b, a] = row["value"]
        found = np.stack([saved[f"{r}/{layer}"] for r in range(CKA_REPLICAS)])
        np.save(self.folder / "representations.npy", found)
        return matrix

    # ---- speed ----

    def speed(self, workloads):
        """Rows of the table: workload, engine, median, lowest and highest rate. "Isogram" is what others are held to."""
        device = self.bench(workloads)
        return [self.runs(name) for name in workloads if name in WORKLOADS] + device

    def runs(self, name):
        """Rates of `isogram run` of the same file, on the wall clock, as the other engines are timed.

        A long run less a short one: what starting takes is in both. Both are lowered as a very long run would be, which
        `isogram bench` has found out; by itself Isogram lowers a run of few steps in the way that compiles faster.
        """
        replicas = WORKLOADS[name]["replicas"]
        turn = 0

        def training(steps):
            nonlocal turn
            turn += 1
            arguments = ["--steps", steps, "--seeds", replicas, "--lowering", self.lowering[name]]
            said, _ = self.run(WORKLOADS[name]["toml"], f"speed-{name}-{turn}", *arguments)
            self.device = said["adapter"]
            return said["seconds"]["training"]

        wanted = 1.0 if self.quick else 3.0
        short = dict(tiny=10, lone=200, medium=2, cnn=4, lm=4, resnet8=2, lstm=8, wide=2)[name]
        before = statistics.median(training(short) for _ in range(3))
        long = 10 * short
        while (taken := training(long) - before) < wanted / 2:
            long = short + round((long - short) * min(10.0, wanted / max(taken, wanted / 100)))
        rates = [replicas * (long - short) / (training(long) - before) for _ in range(5)]
        print(f"Isogram: {name}", file=sys.stderr)
        return row(name, "Isogram", statistics.median(rates), min(rates), max(rates))

    def bench(self, workloads):
        """What `isogram bench` says: time on the device for training and matrix products, the wall clock for CKA."""
        # workload: (suite, name, size, work done in the seconds given, engine in the table)
        wanted = {}
        for name, w in ((name, w) for name, w in WORKLOADS.items() if "widths" in w):
            size = f"{w['replicas']} x {'-'.join(map(str, w['widths']))}, batch {w['batch']}"
            wanted[name] = ("training", name, size, w["replicas"], "Isogram, device time")
        n, rows, width = CKA["representations"], CKA["examples"], CKA["width"]
        wanted["cka"] = ("cka", "all pairs", f"{n} x [{rows}, {width}]", pairs_of(n), "Isogram")
        wanted["matmul"] = ("matmul", "square", f"{MATMUL}x{MATMUL}x{MATMUL}", 2e-9 * MATMUL**3, "Isogram")
        wanted = {name: entry for name, entry in wanted.items() if name in workloads}
        path = self.folder / "bench.json"
        if not wanted:
            return []
        suites = ",".join(dict.fromkeys(entry[0] for entry in wanted.values()))
        self.call("bench", "--quiet", "--suite", suites, "--json", path, *self.adapter, *(["--quick"] * self.quick))
        said = json.loads(path.read_text())
        self.device = self.device or said["adapter"]["name"]
        found = []
        for name, (suite, called, size, work, engine) in wanted.items():
            for m in said["measurements"]:
                if m["suite"] == "training" and m["name"] == name:
                    self.lowering[name] = m["note"].split(",")[0]
                # Where the bench picked another size for this adapter, there is nothing to compare.
                if (m["suite"], m["name"], m["size"]) == (suite, called, size):
                    found.append(row(name, engine, work / m["seconds"], work / m["high"], work / m["low"]))
        return found


def row(workload, engine, median, low, high):
    return dict(workload=workload, engine=engine, median=median, low=low, high=high)


def save_raw(folder, task):
    """A task as raw little-endian files, for the engines in Rust: weights are in x out there."""
    out = folder / task.name
    out.mkdir()
    shape = dict(widths=task.widths, batch=[task.batch], steps=[STEPS], replicas=[task.agree])
    lines = [f"{key} {' '.join(map(str, values))}\n" for key, values in (shape | dict(lr=[task.lr])).items()]
    (out / "shape.txt").write_text("".join(lines))
    task.x.astype("<f4").tofile(out / "x.f32")
    task.y.astype("<u4").tofile(out / "y.u32")
    task.rows[:, : task.agree].transpose(1, 0, 2).astype("<u4").tofile(out / "rows.u32")
    with open(out / "parameters.f32", "wb") as file:
        for r in range(task.agree):
            for p in task.parameters:
                p[r].T.astype("<f4").tofile(file)


def largest_relative(found, expected):
    found, expected = np.array(found), np.array(expected)
    return float(np.max(np.abs(found - expected) / np.abs(expected)))


def largest_absolute(found, expected):
    return float(np.max(np.abs(np.array(found) - np.array(expected))))
