"""Runs clang-tidy over the product's sources whose content changed since it last found nothing.

"Content" is the file, everything of ours it includes, its compile command, .clang-tidy, and clang-tidy's version and arguments;
the hashes of what was clean are kept in LACUNA_CACHE. usage: tidy_test.py SOURCE_DIR BUILD_DIR
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import resource
import subprocess
import sys
import time

import source_tree

SLOWEST_NAMED = 5  # how many files are named with their (elapsed) seconds
# The compile commands are g++'s: clang's own warnings are the asan build's part. The analyzer follows calls into small functions
# only: following all of them is two thirds of the whole time.
EXTRA_ARGUMENTS = ["-Wno-everything", "-Xclang", "-analyzer-config", "-Xclang", "mode=shallow"]


class ContentHash:
    """SHA-256 over a source and all of ours that it includes, however deep."""

    def __init__(self, root: pathlib.Path, common: bytes):
        self._root = root
        self._common = common

    def of(self, source: pathlib.Path, command: str) -> str:
        digest = hashlib.sha256(self._common + command.encode())
        seen: set[pathlib.Path] = set()
        waiting = [source]
        while waiting:
            path = waiting.pop()
            if path in seen or not path.is_file():  # generated headers follow from proto/, which is in `common`
                continue
            seen.add(path)
            text = path.read_text()
            digest.update(path.relative_to(self._root).as_posix().encode() + b"\0" + text.encode())
            waiting += [self._root / include for include in source_tree.own_includes(text)]
        return digest.hexdigest()


def common_content(root: pathlib.Path) -> bytes:
    version = subprocess.run(["clang-tidy", "--version"], check=True, capture_output=True).stdout
    protos = [f.read_bytes() for f in sorted((root / "proto").rglob("*.proto"))]
    return version + " ".join(EXTRA_ARGUMENTS).encode() + (root / ".clang-tidy").read_bytes() + b"".join(protos)


def product_commands(root: pathlib.Path, build: pathlib.Path) -> dict[pathlib.Path, str]:
    """Compile command by source, of the product's sources that this build compiles."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        # The checks that CMake generates for headers live in the build folder.
        if path.is_relative_to(root) and not path.is_relative_to(build) and source_tree.is_product(root, path):
            commands[path] = entry["command"]
    return commands


def tidy(build: pathlib.Path, source: pathlib.Path) -> tuple[int, str, float]:
    started = time.monotonic()
    extra = [f"--extra-arg={argument}" for argument in EXTRA_ARGUMENTS]
    done = subprocess.run(["clang-tidy", "--quiet", "-p", str(build), *extra, str(source)], capture_output=True, text=True)
    return done.returncode, done.stdout, time.monotonic() - started


def main() -> int:
    root, build = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
    cache = pathlib.Path(os.environ.get("LACUNA_CACHE", pathlib.Path.home() / ".cache/lacuna")) / "clang-tidy"
    cache.mkdir(parents=True, exist_ok=True)
    content = ContentHash(root, common_content(root))
    commands = product_commands(root, build)
    changed = {path: digest for path, command in sorted(commands.items())
               if not (cache / (digest := content.of(path, command.replace(str(root), ".")))).exists()}
    status, seconds = 0, {}
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for path, (code, output, took) in zip(changed, pool.map(lambda p: tidy(build, p), changed)):
            seconds[path.relative_to(root).as_posix()] = took
            if code == 0:
                (cache / changed[path]).touch()
            else:
                status = 1
                print(output, flush=True)
    slowest = sorted(seconds.items(), key=lambda item: -item[1])[:SLOWEST_NAMED]
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"clang-tidy: {len(changed)} of {len(commands)} files changed; {spent.ru_utime + spent.ru_stime:.0f} s of CPU; "
          + "slowest: " + ", ".join(f"{name} {took:.0f} s" for name, took in slowest))
    return status


sys.exit(main())
