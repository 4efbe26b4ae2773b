#!/usr/bin/env python3
"""House rules that no compiler checks. Prints file:line: rule for each breach; exit 1 if there is any.

- Layers: a file includes only what its layer may use (cmake/layers.cmake says which).
- Purity: no clock, thread, socket, global randomness or stream in the layers that must be functions of their input.
- Size: files of at most 700 lines, lines of at most 100 columns (tables and data apart).
- No left-over markers, no absolute paths of somebody's machine; every source folder has a README.md.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PURE = ("base", "model", "codec", "state", "decide", "port", "control", "serve")
IMPURE = re.compile(
    r"#include <(thread|mutex|random|iostream|fstream|filesystem|atomic|future|condition_variable|ctime)>"
    r"|system_clock|steady_clock|boost/asio|openssl/|\brand\(|std::random_device")
MARKERS = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]))
MACHINE = re.compile(r"(^|[\s\"'(=])/(work|farm|home/\w+|Users)/")


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [line for line in out.splitlines() if (ROOT / line).is_file()]


def layers():
    """{target: (folder, direct uses)} from cmake/layers.cmake."""
    found = {}
    text = (ROOT / "cmake/layers.cmake").read_text()
    for name, folder, uses in re.findall(r"gputide_library\((\S+) (\S+)([^)]*)\)", text):
        found[name] = (folder, uses.split())
    return found


def allowed_folders(target, graph, seen=None):
    seen = set() if seen is None else seen
    if target in seen or target not in graph:
        return set()
    seen.add(target)
    folder, uses = graph[target]
    result = {folder}
    for use in uses:
        result |= allowed_folders(use, graph, seen)
    return result


def folder_of(path, graph):
    folders = sorted((folder for folder, _ in graph.values()), key=len, reverse=True)
    return next((f for f in folders if path.startswith(f + "/")), None)


def main():
    graph = layers()
    target_of = {folder: name for name, (folder, _) in graph.items()}
    breaches = []
    for name in tracked("src/*.h", "src/*.cc", "src/**/*.h", "src/**/*.cc"):
        inside = name[len("src/"):]
        folder = folder_of(inside, graph)
        lines = (ROOT / name).read_text().splitlines()
        if folder is None:
            breaches.append(f"{name}:1: in no layer of cmake/layers.cmake")
            continue
        may_use = allowed_folders(target_of[folder], graph)
        is_test = name.endswith(("_test.cc", "_fuzz.cc", "/testing.h"))
        for number, line in enumerate(lines, 1):
            include = re.match(r'#include "([^"]+)"', line)
            if include and not is_test:
                other = folder_of(include.group(1), graph)
                if other is not None and other not in may_use:
                    breaches.append(f"{name}:{number}: {folder} may not use {other}")
            if inside.split("/")[0] in PURE and not is_test and IMPURE.search(line):
                breaches.append(f"{name}:{number}: a clock, thread or stream in a pure layer")
        if len(lines) > 700:
            breaches.append(f"{name}:700: {len(lines)} lines; would two rooms be clearer than one?")
    for name in tracked("src", "tests", "tools", "ui", "bench", "docs", "examples", "*.md", "dev", ".ci/run"):
        path = ROOT / name
        if path.suffix in (".gz", ".png", ".tsv", ".csv"):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if MARKERS.search(line) and name != "tools/lint.py":
                breaches.append(f"{name}:{number}: a left-over marker")
            if MACHINE.search(line) and name != "tools/lint.py":
                breaches.append(f"{name}:{number}: a path of somebody's machine")
    for folder, _ in graph.values():
        if tracked(f"src/{folder}/*.h") and not (ROOT / "src" / folder / "README.md").is_file():
            breaches.append(f"src/{folder}/README.md:1: missing")
    print("\n".join(breaches))
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
