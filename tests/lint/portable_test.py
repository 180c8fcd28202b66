"""Fails if a file names a path of the machine it was written on: this checkout, or somebody's home folder.

usage: portable_test.py SOURCE_DIR
"""
import pathlib
import re
import sys

import source_tree

root = pathlib.Path(sys.argv[1]).resolve()
patterns = [r"/home/[a-z][\w-]*/", r"/Users/\w+/"]
if len(root.parts) > 2:  # a checkout directly below / would forbid an ordinary word
    patterns.append(re.escape(str(root)) + r"\b")
machine_path = re.compile("|".join(patterns))
bad = []
for file in source_tree.files(root):
    text = file.read_bytes().decode(errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        if found := machine_path.search(line):
            bad.append(f"{file.relative_to(root)}:{number}: path of one machine: {found.group(0)}")
print("\n".join(bad) or "no machine paths")
sys.exit(1 if bad else 0)
