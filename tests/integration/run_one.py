"""Runs one integration test, as CTest calls it: run_one.py MODULE.CLASS.METHOD.

Exit status: 0 passed, 77 skipped (the reason is in the line `skipped: …`), 1 failed. The daemons under test come from the
folder LACUNA_BUILD_DIR. A test that hangs is interrupted before CTest kills it, so that it cleans up after itself.
"""
import faulthandler
import signal
import sys
import threading
import unittest

from harness.process import Process
from harness.scale import SCALE

SECONDS = round(150 * max(1, SCALE))  # below CTest's TIMEOUT, but for a soak
SKIPPED = 77


def interrupt(number: int, frame: object) -> None:
    faulthandler.dump_traceback()
    raise TimeoutError(f"the test took more than {SECONDS} s")


def main() -> int:
    signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(SECONDS)
    # A thread of its own, because the main one may sit in a read that no signal ends.
    watchdog = threading.Timer(SECONDS + 2, Process.kill_all)
    watchdog.daemon = True
    watchdog.start()
    suite = unittest.defaultTestLoader.loadTestsFromName(sys.argv[1])
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    if not result.wasSuccessful() or result.testsRun == 0:
        return 1
    for _, reason in result.skipped:
        print(f"skipped: {reason}")
    return SKIPPED if result.skipped else 0


sys.stdout.reconfigure(line_buffering=True)
sys.exit(main())
