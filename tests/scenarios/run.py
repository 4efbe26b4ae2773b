#!/usr/bin/env python3
"""Runs the scenarios of this folder (README.md has their form). Usage: run.py [--accept] [NAME...]"""
import argparse
import datetime
import difflib
import hashlib
import json
import operator
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = pathlib.Path(__file__).resolve().parent
BUILDS = ("dev", "release")
COMPARE = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
           ">=": operator.ge}
TIMEOUT_SECONDS = 600


class Scenario:
    def __init__(self, path):
        self.path = path
        self.needs, self.expects, self.files, self.repeats, self.copies = [], [], {}, [], []
        self.runs, self.timeline, self.accepted = [], True, None
        text = path.read_text()
        head, line, accepted = text.partition("----\n")
        self.head = head
        if line:
            self.accepted = accepted
        self.parse(head)

    def parse(self, head):
        name = None
        for line in head.splitlines():
            if name is not None and (line.startswith("    ") or not line):
                self.files[name] += line[4:] + "\n"
                continue
            name = None
            if not line or line.startswith("#"):
                continue
            key, _, value = line.partition(":")
            value = value.strip()
            if key == "needs":
                self.needs.append(value)
            elif key == "run":
                self.runs.append(value)
            elif key == "expect":
                self.expects.append(value)
            elif key == "timeline":
                self.timeline = value != "no"
            elif key == "copy":
                self.copies.append(value.split())
            elif key == "repeat":
                self.repeats.append(value.split())
            elif key == "file":
                name = value
                self.files[name] = ""
            else:
                raise SystemExit(f"{self.path}: no such line: {line}")
        if not self.runs:
            raise SystemExit(f"{self.path}: no `run:` line")

    def commands(self, folder):
        for run in self.runs:
            words = [re.sub(r"^@", folder + "/", word) for word in shlex.split(run)]
            yield [*words, "--out", folder + "/out"] if words[0] == "simulate" and "--compare" not in words else words


def execute(build, scenario):
    """(last exit status, stdout+stderr with the folder's name taken out, result or None, events' digest)."""
    # The folder's name is the same in every checkout: it is part of what a run records.
    name = f"build/scenarios/{scenario.path.stem}"
    folder, out = ROOT / name, ROOT / name / "out"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file, text in scenario.files.items():
        (folder / file).write_text(text.replace("$ROOT", "../../.."))
    for file, count, text in scenario.repeats:
        (folder / file).write_text(text * int(count))
    for file, path in scenario.copies:
        (folder / file).write_bytes((ROOT / path).read_bytes())
    environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1"}
    said, status = "", 0
    for words in scenario.commands(name):
        run = subprocess.run([str(ROOT / "build" / build / "bin" / "gputide"), *words], cwd=ROOT,
                             capture_output=True, text=True, timeout=TIMEOUT_SECONDS, env=environment)
        said += run.stdout + run.stderr
        status = run.returncode
    said = said.replace(name + "/", "")
    # The run's own speed is no part of its story.
    said = re.sub(r"^(  time +\S+ in )\S+", r"\1N", said, flags=re.M)
    result, digest = None, ""
    if (out / "result.json").is_file():
        result = json.loads((out / "result.json").read_text())
        digest = hashlib.sha256((out / "events.jsonl").read_bytes()).hexdigest()
    elif out.exists():
        said += "wrote something in spite of its errors\n"
    shutil.rmtree(folder)
    return status, said, result, digest


def holds(expectation, status, result):
    match = re.fullmatch(r"(\S+) (==|!=|<=|>=|<|>) (.+)", expectation)
    if not match:
        raise SystemExit(f"not an expectation: {expectation}")
    path, compare, wanted = match.groups()
    if path == "exit":
        value = status
    else:
        value = result
        for key in path.split("."):
            if not isinstance(value, dict) or key not in value:
                return False, f"no {path}"
            value = value[key]
    return COMPARE[compare](value, json.loads(wanted)), f"{path} is {json.dumps(value)}"


def judge(scenario, accept):
    """The failures of one scenario, as texts."""
    failures = []
    runs = {build: execute(build, scenario) for build in BUILDS}
    status, said, result, digest = runs["release"]
    if runs["dev"][3] != digest:
        failures.append("the sanitizer and the release build wrote different events.jsonl")
    if runs["dev"][0] != status:
        failures.append(f"exit {runs['dev'][0]} in the sanitizer build, {status} in the release build:\n"
                        + runs["dev"][1][-3000:])
    if not any(e.startswith("exit ") for e in scenario.expects) and status != 0:
        failures.append(f"exit {status}\n{said[-3000:]}")
    for expectation in scenario.expects:
        good, found = holds(expectation, status, result)
        if not good:
            failures.append(f"expected {expectation}; {found}")
    lot = int(hashlib.sha256(f"{scenario.path.name} {datetime.date.today()}".encode()).hexdigest(), 16)
    if result is not None and lot % 20 == 0 and execute("release", scenario)[3] != digest:
        failures.append("a second run wrote a different events.jsonl")
    if scenario.timeline:
        if accept:
            scenario.path.write_text(scenario.head + "----\n" + said)
        elif scenario.accepted != said:
            failures.append("".join(difflib.unified_diff((scenario.accepted or "").splitlines(True),
                                                         said.splitlines(True), "accepted", "now", n=2)))
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for path in sorted(HERE.glob("*.test")):
        if arguments.names and path.stem not in arguments.names:
            continue
        scenario = Scenario(path)
        missing = [need for need in scenario.needs if not (ROOT / need).exists()]
        if missing:
            print(f"scenario {path.stem}: skipped, {missing[0]} is not there")
            counts["skipped"] += 1
            continue
        failures = judge(scenario, arguments.accept)
        counts["failed" if failures else "passed"] += 1
        for failure in failures:
            print(f"scenario {path.stem}: {failure}")
    print(f"scenarios: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
