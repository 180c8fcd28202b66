"""The kernel's page cache, which stands between a reader and the file system under test. Root only."""
import os
import pathlib


def drop_page_cache() -> None:
    """So that the next read asks the file system again. What is dirty cannot be dropped, and is synced first."""
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
