"""What in a kernel's log fails a test, however well the test itself went."""
import re

COMPLAINT = re.compile(
    r"BUG: |kernel BUG at |WARNING: (?:CPU|possible)|Oops: |Kernel panic|general protection fault"
    r"|refcount_t: |blocked for more than \d+ seconds|(?:list_add|list_del) corruption|stack segment:")
HUNG_TASK_SECONDS = 60


def complaints(log: str) -> list[str]:
    """Those lines that tell of a mistake in the kernel, or of a task that we left hanging."""
    return [line.strip() for line in log.splitlines() if COMPLAINT.search(line)]
