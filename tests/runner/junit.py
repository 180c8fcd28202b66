"""Reads what ctest wrote with --output-junit, and sums it up. Whatever is not clearly passed or skipped has failed."""
import dataclasses
import pathlib
import re
import xml.etree.ElementTree as ElementTree


@dataclasses.dataclass
class Results:
    passed: int = 0
    failed: list[tuple[str, str]] = dataclasses.field(default_factory=list)  # (test, its output)
    skipped: list[tuple[str, str]] = dataclasses.field(default_factory=list)  # (test, reason)

    def add(self, other: "Results") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    @property
    def total(self) -> int:
        return self.passed + len(self.failed) + len(self.skipped)


def skip_reason(output: str) -> str:
    """The reason in a skipped test's output: GoogleTest's line after `FILE:LINE: Skipped`, or our `skipped: REASON`."""
    found = re.search(r"^skipped: (.+)$|: Skipped\n(.+)$", output, re.MULTILINE)
    return (found.group(1) or found.group(2)).strip() if found else "no reason given"


def read(path: pathlib.Path, stage: str) -> Results:
    """The results in `path`; a file that is missing or torn is one failure of `stage`."""
    results = Results()
    try:
        cases = ElementTree.parse(path).getroot().findall("testcase")
    except (OSError, ElementTree.ParseError) as error:
        results.failed.append((stage, f"ctest left no readable results: {error}"))
        return results
    for case in cases:
        name = f"{stage} {case.get('name')}"
        output = case.findtext("system-out") or ""
        skipped = case.find("skipped")
        if case.get("status") == "run":
            results.passed += 1
        elif case.get("status") == "disabled":
            results.skipped.append((name, "disabled"))
        elif skipped is not None and skipped.get("message", "").startswith("SKIP_"):
            results.skipped.append((name, skip_reason(output)))
        else:
            results.failed.append((name, output or "no output: it crashed, or ran into its timeout"))
    return results
