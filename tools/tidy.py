#!/usr/bin/env python3
"""clang-tidy over the sources below src/, tests left out; what was clean is not asked again.

The sources of a folder are read as one: most of the time goes to headers, which so are read once a folder. Names in
unnamed namespaces must therefore differ within a folder, which helps people too. A folder is asked again when one of
its sources, a header of the project, .clang-tidy or the tool changed (results: BUILD/tidy/).
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


def digest_of_headers():
    digest = hashlib.sha256(subprocess.run([TIDY, "--version"], check=True, capture_output=True).stdout)
    for path in sorted([*ROOT.glob("src/**/*.h"), ROOT / ".clang-tidy", pathlib.Path(__file__)]):
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


def check(build, folder, sources, commands, headers):
    digest = headers.copy()
    for source in sources:
        digest.update(source.read_bytes())
    name = folder.relative_to(ROOT).as_posix().replace("/", "+")
    stamp = build / "tidy" / f"{name}.{digest.hexdigest()[:16]}"
    if stamp.exists():
        return ""
    together = build / "tidy" / f"{name}.cc"
    together.write_text("".join(f'#include "{source}"\n' for source in sources))
    run = subprocess.run([TIDY, "--quiet", "--checks=-bugprone-suspicious-include", "--header-filter=/(src|tests)/",
                          f"--config-file={ROOT / '.clang-tidy'}", str(together), "--", *flags(commands)],
                         cwd=build, capture_output=True, text=True)
    if run.returncode == 0:
        stamp.touch()
        return ""
    return run.stdout or run.stderr


def main():
    build = (ROOT / sys.argv[1]).resolve()
    (build / "tidy").mkdir(parents=True, exist_ok=True)
    wanted = {(ROOT / name).resolve() for name in sys.argv[2:]}
    folders, commands = collections.defaultdict(list), collections.defaultdict(list)
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if path.suffix != ".cc" or path.stem.endswith(("_test", "_fuzz")) or ROOT / "src" not in path.parents:
            continue
        if not wanted or path.parent in wanted:
            folders[path.parent].append(path)
            commands[path.parent].append(entry["command"])
    headers = digest_of_headers()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        largest_first = sorted(folders, key=lambda folder: -len(folders[folder]))
        for output in pool.map(lambda f: check(build, f, sorted(set(folders[f])), commands[f], headers), largest_first):
            if output:
                failed += 1
                print(output)
    print(f"clang-tidy: {len(folders)} folders, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
