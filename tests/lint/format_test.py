"""Fails if clang-format would change a C++ file, and names those files.

usage: format_test.py SOURCE_DIR
"""
import pathlib
import subprocess
import sys

import source_tree

root = pathlib.Path(sys.argv[1]).resolve()
paths = [f.relative_to(root).as_posix() for f in source_tree.cxx_files(root)]
done = subprocess.run(["clang-format", "--dry-run", "-Werror", "--ferror-limit=1", *paths], cwd=root, text=True,
                      stderr=subprocess.PIPE)
wrong = sorted({line.split(":")[0] for line in done.stderr.splitlines() if ": error: " in line})
if done.returncode == 0:
    print("format ok")
else:
    print(f"run: clang-format -i {' '.join(wrong)}" if wrong else done.stderr)
sys.exit(done.returncode)
