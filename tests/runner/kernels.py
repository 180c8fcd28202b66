"""The kernels that the tests with the label `kernel` boot: made before those run, each with a log of its own in build/logs/."""
import subprocess
import sys
import time

import junit
import preset

ALWAYS = ["6.12"]
ON_DEMAND = ["6.1"]  # used when it is there, made with --all-kernels; its tests say so when they are skipped
BUILDER = preset.SOURCE / "tests" / "kernel" / "build_kernel.py"


def build(all_kernels: bool) -> junit.Results:
    """Makes what is not in LACUNA_CACHE. No results when that went well."""
    results = junit.Results()
    for series in ALWAYS + (ON_DEMAND if all_kernels else []):
        stage = f"build kernel-{series}"
        started = time.monotonic()
        log = preset.LOGS / f"build-kernel-{series}.log"
        with log.open("wb") as output:
            status = subprocess.run([sys.executable, str(BUILDER), series], stdout=output, stderr=subprocess.STDOUT).returncode
        preset.announce(stage, started, "ok" if status == 0 else "FAILED")
        if status != 0:
            results.failed.append((stage, log.read_text(errors="replace")))
    return results
