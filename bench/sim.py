#!/usr/bin/env python3
"""How fast the simulator is: two months of a real job trace on a cluster that grows from zero to its peak and back.

Usage (by `./dev bench sim`): bench/sim.py [--only CASE] [--clusters N]
Cases: `two-months` (all ten clusters of the trace), and `one-cluster`, `three-clusters` to show how it grows.
The trace is read by its path and not part of the project; README.md says where to get it.
"""
import argparse
import csv
import io
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRACE = ROOT / "../shared/data/itp-jobs/raw-traces.tar.gz"
BENCH = ROOT / "build/bench"
CASES = {"one-cluster": ["02"], "three-clusters": ["02", "05", "06"], "two-months": [f"{n:02}" for n in range(1, 11)]}
CPU_PER_GPU, MEMORY_PER_GPU = "12", "48Gi"  # the averages of another trace (openb); this one names none

CLUSTER = """\
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: bench, region: us-west-2, version: "1.34"}
availabilityZones: [us-west-2a, us-west-2b, us-west-2c]
nodeGroups:
  - name: system
    instanceType: m5.xlarge
    minSize: 1
    maxSize: 1
    desiredCapacity: 1
    iam: {withAddonPolicies: {autoScaler: true}}
"""
GROUP = """\
  - name: gpu-%(zone)s
    instanceType: g5.48xlarge
    availabilityZones: [us-west-2%(zone)s]
    minSize: 0
    maxSize: 400
    desiredCapacity: 0
    volumeSize: 200
    iam: {withAddonPolicies: {autoScaler: true}}
    labels: {k8s.amazonaws.com/accelerator: nvidia}
    tags: {k8s.io/cluster-autoscaler/node-template/label/k8s.amazonaws.com/accelerator: nvidia}
"""
AUTOSCALER = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: autoscaler, namespace: kube-system}
spec:
  replicas: 1
  selector: {matchLabels: {app: autoscaler}}
  template:
    metadata: {labels: {app: autoscaler}}
    spec:
      containers:
        - name: autoscaler
          image: gputide:latest
          command:
            - gputide
            - autoscaler
            - --node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/bench
            - --balance-similar-node-groups
            - --skip-nodes-with-system-pods=false
          resources: {requests: {cpu: 100m, memory: 300Mi}}
"""


def jobs(clusters):
    """(arrival, duration, gpus) in seconds and whole GPUs, in order of arrival."""
    rows = []
    with tarfile.open(TRACE) as archive:
        for member in archive.getmembers():
            name = pathlib.Path(member.name).name
            if name.startswith("cluster") and name.endswith(".csv") and name[7:9] in clusters:
                text = io.TextIOWrapper(archive.extractfile(member), encoding="utf-8")
                for row in csv.DictReader(text):
                    rows.append((int(float(row["submission_time"])), int(float(row["duration"])), int(row["num_gpu"])))
    return sorted(rows)


def write_case(folder, clusters):
    folder.mkdir(parents=True, exist_ok=True)
    rows = jobs(clusters)
    with open(folder / "jobs.csv", "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["arrival", "duration", "gpus"])
        writer.writerows(rows)
    (folder / "cluster.yaml").write_text(CLUSTER + "".join(GROUP % {"zone": zone} for zone in "abc"))
    (folder / "autoscaler.yaml").write_text(AUTOSCALER)
    plugin = (ROOT / "examples/zero-to-ten/device-plugin.yaml").read_text()
    plugin = plugin.replace('nvidia.com/gpu.present: "true"', "k8s.amazonaws.com/accelerator: nvidia")
    (folder / "device-plugin.yaml").write_text(plugin)
    (folder / "scenario.yaml").write_text(
        "apiVersion: gputide.dev/v1alpha1\nkind: Scenario\nseed: 1\nsteps:\n"
        "  - {at: 0s, apply: [cluster.yaml, autoscaler.yaml, device-plugin.yaml]}\n"
        f"traces:\n  - {{path: jobs.csv, cpuPerGpu: '{CPU_PER_GPU}', memoryPerGpu: {MEMORY_PER_GPU}}}\n")
    return len(rows)


def run(folder):
    """(result object, wall seconds, peak resident MiB) of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    process = subprocess.Popen([str(ROOT / "build/release/bin/gputide"), "simulate", "-f", str(folder / "scenario.yaml"),
                                "--market", "calm", "--no-lower-bound", "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=1800)
    if process.returncode != 0:
        raise SystemExit(f"gputide simulate: exit {process.returncode}\n{err.decode()[-3000:]}")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return json.loads(out), usage.ru_utime - before, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=CASES)
    arguments = parser.parse_args()
    if not TRACE.is_file():
        print("bench sim: skipped, the job trace is not there (bench/README.md says where to get it)")
        return 0
    BENCH.mkdir(parents=True, exist_ok=True)
    lines = []
    print(f"{'case':16} {'jobs':>7} {'events':>10} {'CPU s':>8} {'events/s':>10} {'virtual/real':>13} {'peak MiB':>9} {'GPU nodes':>10}")
    for case, clusters in CASES.items():
        if arguments.only not in (None, case):
            continue
        folder = BENCH / "sim" / case
        count = write_case(folder, clusters)
        runs = [run(folder) for _ in range(1 if case == "two-months" else 3)]
        result, seconds, mib = runs[0][0], statistics.median(r[1] for r in runs), max(r[2] for r in runs)
        rate, speed = result["events"] / seconds, result["virtual_seconds"] / seconds
        print(f"{case:16} {count:7} {result['events']:10} {seconds:8.2f} {rate:10.0f} {speed:12.0f}x {mib:9.0f} "
              f"{result['nodes']['gpu_peak']:10}")
        simkube = "real time by design (SimKube docs/intro/concepts.md; kwok README)"
        lines += [(case, "events per second", f"{rate:.0f}", "", "", 1000000, "1/s"),
                  (case, "virtual seconds per second", f"{speed:.0f}", 1, simkube, "", "s/s"),
                  (case, "peak memory", f"{mib:.0f}", "", "", 1024, "MiB")]
    with open(BENCH / "sim.csv", "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["case", "metric", "ours", "peer", "peer_source", "bound", "unit"])
        writer.writerows(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
