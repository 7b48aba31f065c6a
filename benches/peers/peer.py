"""The frame of a peer program in Python: its arguments, and the one JSON file that it writes."""

import argparse
import json
import sys

from common import Task, WORKLOADS


class Peer:
    def __init__(self, engine):
        self.engine = engine
        parser = argparse.ArgumentParser()
        parser.add_argument("--folder", required=True, help="where ./run put the initial parameters")
        parser.add_argument("--workloads", default=",".join([*WORKLOADS, "cka", "matmul"]))
        parser.add_argument("--quick", action="store_true")
        parser.add_argument("--json", required=True)
        self.args = parser.parse_args()
        self.wanted = self.args.workloads.split(",")
        self.out = dict(device="", version="", measurements=[], losses=[], cka=[])

    def tasks(self):
        for name in WORKLOADS:
            if name in self.wanted:
                yield Task(self.args.folder, name)

    def speed(self, workload, variant, rates):
        print(f"{self.engine}, {variant}: {workload}", file=sys.stderr)
        self.out["measurements"].append(dict(workload=workload, engine=f"{self.engine}, {variant}", rates=rates))

    def losses(self, workload, variant, values):
        """Loss of each step's batch before its update, a list per replica."""
        values = [[float(value) for value in replica] for replica in values]
        self.out["losses"].append(dict(workload=workload, engine=f"{self.engine}, {variant}", values=values))

    def cka(self, variant, matrix):
        """CKA of the representations that Isogram saved."""
        self.out["cka"].append(dict(engine=f"{self.engine}, {variant}", values=[[float(v) for v in r] for r in matrix]))

    def write(self, device, version):
        self.out["device"], self.out["version"] = device, version
        with open(self.args.json, "w") as file:
            json.dump(self.out, file)
