#!/usr/bin/env python3
"""Runs one test of this folder on a real kernel, as CTest calls it: run_in_vm.py SERIES MODULE.CLASS.METHOD.

By hand: run_in_vm.py SERIES -- COMMAND…  runs any command there, as root, on the host's files (read-only; /tmp is a disk).
Exit status: 0 passed, 77 skipped (the reason is in the line `skipped: …`), 1 failed.
"""
import argparse
import pathlib
import signal
import sys

HERE = pathlib.Path(__file__).resolve().parent
INTEGRATION = HERE.parent / "integration"
sys.path.insert(0, str(INTEGRATION))  # its harness is used here too

from vm import kernel, machine
from vm.job import PYTHON, Job

SECONDS = 120  # for the test; with what the machine needs besides, below CTest's TIMEOUT
LOG_TAIL_CHARACTERS = 12000
PASSED, FAILED, SKIPPED = 0, 1, 77


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(usage="%(prog)s [--cpus N] [--seconds N] SERIES (TEST | -- COMMAND…)")
    parser.add_argument("--cpus", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("series", choices=kernel.ALL)
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def job_of(arguments: argparse.Namespace) -> Job:
    command = arguments.command
    if command[0].startswith("test_"):
        command = [PYTHON, str(INTEGRATION / "run_one.py"), command[0]]
    return Job(command, arguments.seconds, more_environment={"PYTHONPATH": str(HERE)})


def main() -> int:
    arguments = parse_arguments()
    wanted = kernel.Kernel(arguments.series)
    if reason := machine.why_not_here() or wanted.why_missing():
        print(f"skipped: {reason}")
        return SKIPPED
    outcome = machine.run(wanted.path, job_of(arguments), arguments.cpus)
    print(outcome.output, end="")
    if outcome.status in (PASSED, SKIPPED) and not outcome.complaints:
        return outcome.status
    print(f"---- the kernel's log\n{outcome.kernel_log[-LOG_TAIL_CHARACTERS:]}")
    for line in outcome.complaints:
        print(f"the kernel complained: {line}")
    print(f"the command in the machine ended with {outcome.status}")
    return FAILED


signal.signal(signal.SIGTERM, lambda *_: sys.exit("run_in_vm.py: terminated"))  # a way out that takes the machine along
sys.stdout.reconfigure(line_buffering=True)
sys.exit(main())
