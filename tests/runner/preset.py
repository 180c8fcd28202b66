"""One CMake preset: configure, build, and run its tests, each with a log of its own in build/logs/."""
import json
import os
import pathlib
import subprocess
import sys
import time

import junit

SOURCE = pathlib.Path(__file__).resolve().parents[2]
LOGS = SOURCE / "build" / "logs"
BYTES_PER_COMPILER = 1100 << 20  # what a file that includes gRPC takes at its worst

SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:detect_leaks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


def compile_jobs() -> int:
    """As many compilers as there are cores, or as fit into the memory that is free."""
    meminfo = pathlib.Path("/proc/meminfo").read_text(encoding="ascii")
    available = next(int(line.split()[1]) << 10 for line in meminfo.splitlines() if line.startswith("MemAvailable"))
    return max(1, min(len(os.sched_getaffinity(0)), available // BYTES_PER_COMPILER))


def announce(stage: str, started: float, verdict: str) -> None:
    print(f"{stage:<22} {time.monotonic() - started:7.1f} s  {verdict}", flush=True)


class Preset:
    def __init__(self, name: str):
        self.name = name
        self.directory = SOURCE / "build" / name

    def build(self) -> junit.Results:
        """Configures and builds. No results when that went well."""
        results = junit.Results()
        steps = [("configure", ["cmake", "--preset", self.name]),
                 ("build", ["cmake", "--build", str(self.directory), "-j", str(compile_jobs()), "--", "-k", "0"])]
        for verb, command in steps:
            stage = f"{verb} {self.name}"
            started = time.monotonic()
            log = LOGS / f"{verb}-{self.name}.log"
            with log.open("wb") as output:
                status = subprocess.run(command, cwd=SOURCE, stdout=output, stderr=subprocess.STDOUT).returncode
            announce(stage, started, "ok" if status == 0 else "FAILED")
            if status != 0:
                results.failed.append((stage, log.read_text(errors="replace")))
                break
        return results

    def tests(self, name_regex: str) -> list[tuple[str, list[str]]]:
        """(name, labels) of each test whose name matches. Needs a build."""
        shown = subprocess.run(["ctest", "--show-only=json-v1", "--tests-regex", name_regex], cwd=self.directory,
                               check=True, capture_output=True)
        found = []
        for test in json.loads(shown.stdout)["tests"]:
            labels = [p["value"] for p in test.get("properties", []) if p["name"] == "LABELS"]
            found.append((test["name"], labels[0] if labels else []))
        return found

    def has_tests(self, label: str, name_regex: str) -> bool:
        return any(label in labels for _, labels in self.tests(name_regex))

    def test(self, labels: list[str], name_regex: str, jobs: int) -> junit.Results:
        """Runs the tests with one of these labels whose name matches. No test at all is no result."""
        label = "+".join(labels)
        stage = f"{label} {self.name}"
        started = time.monotonic()
        report = LOGS / f"{label}-{self.name}.xml"
        report.unlink(missing_ok=True)
        command = ["ctest", "--label-regex", f"^({'|'.join(labels)})$", "--tests-regex", name_regex, "-j", str(jobs),
                   "--no-tests=ignore", "--output-on-failure", "--output-junit", str(report),
                   "--test-output-size-passed", "4096", "--test-output-size-failed", "65536"]
        with (LOGS / f"{label}-{self.name}.log").open("wb") as output:
            status = subprocess.run(command, cwd=self.directory, stdout=output, stderr=subprocess.STDOUT,
                                    env=SANITIZER_OPTIONS | os.environ).returncode
        results = junit.read(report, stage) if report.exists() or status != 0 else junit.Results()
        if status != 0 and not results.failed:
            results.failed.append((stage, f"ctest ended with status {status}, yet names no failed test"))
        announce(stage, started, f"{results.passed} passed, {len(results.failed)} failed, {len(results.skipped)} skipped")
        return results


def fail_usage(message: str) -> None:
    print(f"tests/run: {message}; try --help", file=sys.stderr)
    sys.exit(2)
