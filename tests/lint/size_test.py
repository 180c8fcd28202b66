"""Prints the sizes that matter (C++ lines per file, tests against product) and fails where a target is missed.

Function length is clang-tidy's part (readability-function-size in .clang-tidy).
usage: size_test.py SOURCE_DIR
"""
import pathlib
import statistics
import sys

import source_tree

MEDIAN_LINES_AT_MOST = 120
TEST_LINES_PER_PRODUCT_LINE_AT_LEAST = 0.6

root = pathlib.Path(sys.argv[1]).resolve()
lines = {f: len(f.read_text().splitlines()) for f in source_tree.cxx_files(root)}
product = {f: n for f, n in lines.items() if source_tree.is_product(root, f)}
# Integration tests are Python and count too.
tests = sum(len(f.read_text().splitlines()) for f in source_tree.files(root)
            if f.suffix in (".h", ".cc", ".py") and f.relative_to(root).parts[0] == "tests")
median = statistics.median(product.values())
ratio = tests / sum(product.values())
print(f"product: {len(product)} files, {sum(product.values())} lines, median {median:.0f}; tests: {tests} lines, "
      f"{ratio:.2f} per product line")
print("longest: " + ", ".join(f"{f.relative_to(root)} {n}" for f, n in
                              sorted(product.items(), key=lambda item: -item[1])[:5]))
ok = median <= MEDIAN_LINES_AT_MOST and ratio >= TEST_LINES_PER_PRODUCT_LINE_AT_LEAST
print("sizes ok" if ok else f"wanted: median <= {MEDIAN_LINES_AT_MOST}, tests per product line >= "
      f"{TEST_LINES_PER_PRODUCT_LINE_AT_LEAST}")
sys.exit(0 if ok else 1)
