"""What in a kernel's log fails a test, however well the test itself went: mistakes in the kernel, tasks left hanging."""
import re

COMPLAINT = re.compile(r"BUG: |kernel BUG at |WARNING: |Oops: |Kernel panic|general protection fault|refcount_t: "
                       r"|blocked for more than \d+ seconds|list_(?:add|del) corruption")


def complaints(log: str) -> list[str]:
    return [line.strip() for line in log.splitlines() if COMPLAINT.search(line)]
