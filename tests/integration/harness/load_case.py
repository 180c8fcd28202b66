"""The base of tests in which something is done to lacunad while many read, and no read may fail."""
import contextlib
import pathlib
from collections.abc import Iterator

from .case import IntegrationTest
from .images import Image
from .scale import fresh_seed
from .trees import TreeSpec

READERS = 8
STRIDE = 32 << 10
BIG = TreeSpec(seed=2, files=60, big_bytes=24 << 20)


class LoadTest(IntegrationTest):
    @contextlib.contextmanager
    def under_readers(self, image: Image, mounted: pathlib.Path, seconds: int) -> Iterator[None]:
        """For `seconds`, and as long as the block takes, eight readers read all of the big file: every read has to be right."""
        seed = fresh_seed()
        readers = self.start_readers("spread", seed, READERS, seconds, STRIDE, f"{image.tree}/big={mounted}/big")
        yield
        found = self.finish_readers(readers)
        print(f"{found['reads']} reads, the slowest took {found['slowest']:.2f} s")
        self.assertEqual(found["wrong"], [], f"seed {seed}")
