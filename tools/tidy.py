#!/usr/bin/env python3
"""clang-tidy over the sources below src/, tests/ and bench/; what was clean is not asked again.

The sources of a folder are read as one, and the unit tests of all folders as another: most of the time goes to headers,
which so are read once. Names in unnamed namespaces must therefore differ within a folder, among its sources and among
its tests, which helps people too. Those of bench/ belong to several programs and are read one by one. Such a unit is
asked again when one of its sources, a header of the project, .clang-tidy or the tool changed (results: BUILD/tidy/).
Of a FOLDER that is named the tests are a unit of their own.
Usage: tools/tidy.py BUILD [FOLDER...]
"""
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIDY = "clang-tidy-19"
FOLDERS = ("src", "tests", "bench")


def digest_of_headers():
    digest = hashlib.sha256(subprocess.run([TIDY, "--version"], check=True, capture_output=True).stdout)
    headers = [path for folder in FOLDERS for path in (ROOT / folder).glob("**/*.h")]
    for path in sorted([*headers, ROOT / ".clang-tidy", pathlib.Path(__file__)]):
        digest.update(path.read_bytes())
    return digest


def flags(commands):
    """What the compiler is told of any of the sources, less the compiler, the source and the output."""
    found = {}
    for command in commands:
        words = shlex.split(command.replace("-isystem ", "-isystem"))
        first = next(i for i, word in enumerate(words) if "clang++" in word) + 1
        found.update(dict.fromkeys(words[first:words.index("-o")]))
    return list(found)


def unit_of(path, by_folder):
    folder = path.parent.relative_to(ROOT).as_posix().replace("/", "+")
    if folder == "bench":
        return f"{folder}+{path.stem}"
    if not path.stem.endswith("_test"):
        return folder
    return f"{folder}+tests" if by_folder else "tests"


def check(build, name, sources, commands, headers):
    digest = headers.copy()
    for source in sources:
        digest.update(source.read_bytes())
    stamp = build / "tidy" / f"{name}.{digest.hexdigest()[:16]}"
    if stamp.exists():
        return ""
    together = build / "tidy" / f"{name}.cc"
    together.write_text("".join(f'#include "{source}"\n' for source in sources))
    run = subprocess.run([TIDY, "--quiet", "--checks=-bugprone-suspicious-include",
                          f"--header-filter=/({'|'.join(FOLDERS)})/", f"--config-file={ROOT / '.clang-tidy'}",
                          str(together), "--", *flags(commands)],
                         cwd=build, capture_output=True, text=True)
    if run.returncode == 0:
        stamp.touch()
        return ""
    return run.stdout or run.stderr


def main():
    build = (ROOT / sys.argv[1]).resolve()
    (build / "tidy").mkdir(parents=True, exist_ok=True)
    wanted = {(ROOT / name).resolve() for name in sys.argv[2:]}
    units, commands = collections.defaultdict(list), collections.defaultdict(list)
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if (path.suffix != ".cc" or path.stem.endswith("_fuzz")
                or path.relative_to(ROOT).parts[0] not in FOLDERS):
            continue
        if not wanted or path.parent in wanted:
            unit = unit_of(path, bool(wanted))
            units[unit].append(path)
            commands[unit].append(entry["command"])
    headers = digest_of_headers()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        largest_first = sorted(units, key=lambda unit: -len(units[unit]))
        for output in pool.map(lambda u: check(build, u, sorted(set(units[u])), commands[u], headers), largest_first):
            if output:
                failed += 1
                print(output)
    print(f"clang-tidy: {len(units)} units, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
