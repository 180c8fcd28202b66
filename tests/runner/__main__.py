"""The inner part of tests/run, which see: builds the presets, runs their tests, sums up."""
import argparse
import os
import sys

import junit
import kernels
import preset

# Which tests run where, in this order. What looks at the clock says so to CTest, and runs alone.
CORES = len(os.sched_getaffinity(0))
PLAN = [
    ("release", ["lint"], 1),  # clang-tidy runs in parallel by itself
    ("release", ["unit"], CORES),
    ("asan", ["unit"], CORES),
    ("tsan", ["unit"], CORES),
    ("release", ["integration", "kernel"], CORES),  # the first mostly wait: the machines of the second fill the gaps
    ("release", ["soak"], 1),
]
LABELS = ["lint", "unit", "integration", "kernel", "soak"]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/run", add_help=False, exit_on_error=False)
    parser.add_argument("--label", choices=LABELS)
    parser.add_argument("--filter", default=".")  # to ctest an empty regex matches nothing
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--all-kernels", action="store_true")
    try:
        arguments, unknown = parser.parse_known_args()
    except argparse.ArgumentError as error:
        preset.fail_usage(str(error))
    if unknown:
        preset.fail_usage(f"unknown argument {unknown[0]}")
    return arguments


def list_tests(label: str | None, name_regex: str) -> int:
    failed = preset.Preset("release").build().failed
    if failed:
        print(failed[0][1][-4000:])
        return 1
    for name, labels in preset.Preset("release").tests(name_regex):
        if label is None or label in labels:
            print(f"{','.join(labels):<12} {name}")
    return 0


def run_plan(label: str | None, name_regex: str, all_kernels: bool) -> junit.Results:
    total = junit.Results()
    built: dict[str, bool] = {}
    for preset_name, stage_labels, jobs in PLAN:
        labels = [name for name in stage_labels if label in (None, name)]
        if not labels:
            continue
        current = preset.Preset(preset_name)
        if preset_name not in built:
            outcome = current.build()
            built[preset_name] = not outcome.failed
            total.add(outcome)
        if not built[preset_name]:
            continue
        if "kernel" in labels and current.has_tests("kernel", name_regex):
            total.add(kernels.build(all_kernels))
        total.add(current.test(labels, name_regex, jobs))
    return total


def print_summary(results: junit.Results) -> None:
    for name, output in results.failed:
        print(f"\n---- FAILED {name}\n{output[-6000:].rstrip()}")
    if results.skipped:
        print("\nskipped:")
    for name, reason in results.skipped:
        print(f"  {name}: {reason}")
    if results.failed:
        print("\nfailed:")
    for name, _ in results.failed:
        print(f"  {name}")
    print(f"\n{results.passed} passed, {len(results.failed)} failed, {len(results.skipped)} skipped")


def main() -> int:
    arguments = parse_arguments()
    preset.LOGS.mkdir(parents=True, exist_ok=True)
    if arguments.list:
        return list_tests(arguments.label, arguments.filter)
    results = run_plan(arguments.label, arguments.filter, arguments.all_kernels)
    if results.total == 0:
        results.failed.append(("selection", "no test matches; tests/run --list shows what there is"))
    print_summary(results)
    return 1 if results.failed else 0


try:
    sys.exit(main())
except KeyboardInterrupt:
    print("tests/run: interrupted", file=sys.stderr)
    sys.exit(130)
