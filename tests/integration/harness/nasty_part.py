"""What the parts of the nasty image are made with: see nasty_image.py."""
import dataclasses
import random
import zlib
from collections.abc import Callable, Sequence

from .tar_writer import TarWriter

LEVELS = 8  # so many layers, one above the other, do the parts have to themselves, in the small image too


class Layers(Sequence[TarWriter]):
    """layers[0] … layers[LEVELS - 1], the lowest first. In the large image others lie between them: `every` has them all."""

    def __init__(self, every: Sequence[TarWriter], huge: bool):
        """`huge`: with very many files, and files of many GiB."""
        self.every = every
        self.huge = huge
        self._spacing = len(every) // LEVELS

    def __len__(self) -> int:
        return LEVELS

    def __getitem__(self, level: int) -> TarWriter:
        return self.every[level * self._spacing]


Maker = Callable[[Layers, str], None]


@dataclasses.dataclass(frozen=True)
class Part:
    name: str  # of its folder at the top of the image, where all of it is
    make: Maker  # gets that name
    umoci: str  # why umoci cannot unpack it, or not as it ought to; "" where it can


PARTS: dict[str, Part] = {}


def part(umoci: str = "") -> Callable[[Maker], Maker]:
    def add(make: Maker) -> Maker:
        name = make.__name__.replace("_", "-")
        PARTS[name] = Part(name, make, umoci)
        return make

    return add


def random_bytes(name: str, size: int) -> bytes:
    """The same for the same name."""
    return random.Random(zlib.crc32(name.encode())).randbytes(size)
