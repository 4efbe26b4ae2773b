#!/usr/bin/env python3
"""clang-tidy over every source of a build folder, two at a time; what was clean is not asked again.

A source is asked again when it, a header of the project, .clang-tidy or the tool changed (results: BUILD/tidy/).
Usage: tools/tidy.py BUILD [FILE...]
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIDY = "clang-tidy-19"


def digest_of_headers():
    digest = hashlib.sha256(subprocess.run([TIDY, "--version"], check=True, capture_output=True).stdout)
    for path in sorted([*ROOT.glob("src/**/*.h"), *ROOT.glob("tests/**/*.h"), ROOT / ".clang-tidy"]):
        digest.update(path.read_bytes())
    return digest


def check(build, path, headers):
    digest = headers.copy()
    digest.update(path.read_bytes())
    stamp = build / "tidy" / (path.relative_to(ROOT).as_posix().replace("/", "+") + "." + digest.hexdigest()[:16])
    if stamp.exists():
        return ""
    run = subprocess.run([TIDY, "-p", str(build), "--quiet", str(path)], capture_output=True, text=True)
    if run.returncode == 0:
        stamp.touch()
        return ""
    return run.stdout


def main():
    build = (ROOT / sys.argv[1]).resolve()
    (build / "tidy").mkdir(parents=True, exist_ok=True)
    entries = json.loads((build / "compile_commands.json").read_text())
    wanted = {str((ROOT / name).resolve()) for name in sys.argv[2:]}
    paths = sorted({pathlib.Path(e["file"]) for e in entries if e["file"].endswith(".cc")})
    paths = [p for p in paths if not wanted or str(p) in wanted]
    headers = digest_of_headers()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for output in pool.map(lambda p: check(build, p, headers), paths):
            if output:
                failed += 1
                print(output)
    print(f"clang-tidy: {len(paths)} sources, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
