"""Parts of the nasty image: file bodies of every length, holes, very many files."""
from .nasty_part import Layers, part, random_bytes
from .tar_writer import Piece, Sparse, TarWriter

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
OLD_SPARSE = "knows no entries of type S"


@part()
def sizes(layers: Layers, top: str) -> None:
    layers[0].directory(top)
    for size in (0, 1, 511, 512, 513, 4095, 4096, 4097, 8191, 65535, 65536, 65537, 131072, MIB + 1, 3 * MIB):
        layers[0].file(f"{top}/random-{size}", random_bytes(top, size))
        layers[1].file(f"{top}/text-{size}", (b"the quick brown fox " * (size // 20 + 1))[:size])
        layers[2].file(f"{top}/zeros-{size}", bytes(size))


@part()
def zeros_within(layers: Layers, top: str) -> None:
    """No hole in the archive, but much that need not be stored."""
    layers[0].file(f"{top}/begin", bytes(MIB) + b"end")
    layers[0].file(f"{top}/end", b"begin" + bytes(MIB))
    layers[0].file(f"{top}/between", b"a" * 5000 + bytes(300_000) + b"b" * 5000)
    layers[0].file(f"{top}/only", bytes(20 * MIB))
    layers[0].file(f"{top}/blocks", b"".join(bytes(4096) if n % 2 else random_bytes(f"{top}{n}", 4096) for n in range(100)))


@part()
def same_bytes(layers: Layers, top: str) -> None:
    for level in range(3):
        for number in range(3):
            layers[level].file(f"{top}/{level}-{number}", random_bytes(top, 100_000))


def _pieces(name: str, count: int, gap: int, length: int) -> list[Piece]:
    return [(gap + number * (gap + length), random_bytes(f"{name}-{number}", length)) for number in range(count)]


def _sparse_files(layer: TarWriter, top: str, kind: Sparse) -> None:
    """As GNU tar writes them: pieces of whole blocks but for the last, and a piece of nothing at the end."""
    layer.directory(top)
    layer.file(f"{top}/before", b"what comes before is whole")
    maps = {"aligned": _pieces(top, 3, 64 * KIB, 4096), "begin": [(0, b"here it begins")], "many": _pieces(top, 60, 8192, 512),
            "dense": _pieces(top, 20, 512, 512), "zeros": [(MIB, bytes(70_000))], "hole": []}
    for name, pieces in maps.items():
        layer.sparse_file(f"{top}/{name}", 2 * MIB + 1, [*pieces, (2 * MIB + 1, b"")], kind, mode=0o640, uid=7)
    layer.sparse_file(f"{top}/{'long-' * 40}/{'name-' * 40}", MIB, [(500_000, b"within"), (MIB, b"")], kind,
                      xattrs={"user.sparse": b"yes"}, mtime_ns=1_234_567_890_123_456_789)
    layer.file(f"{top}/after", b"what comes after is whole")


def _odd_sparse_files(layer: TarWriter, top: str, kind: Sparse) -> None:
    """As others take them, though not GNU tar itself: pieces of any length, one after the other; what comes after the last is a hole."""
    maps = {"odd": _pieces(top, 5, 10_001, 777), "bytes": _pieces(top, 4, 9999, 1), "end": [(2 * MIB - 100, b"x" * 100)],
            "open": _pieces(top, 2, 5000, 5000), "touching": [(100, b"a" * 100), (200, b"b" * 100)]}
    for name, pieces in maps.items():
        layer.sparse_file(f"{top}/{name}", 2 * MIB, pieces, kind)


def _huge_sparse_file(layers: Layers, top: str, kind: Sparse) -> None:
    """More than 4 GiB, of which next to nothing is stored; else as much as a small machine can read through."""
    size = 5 * GIB if layers.huge else 40 * MIB
    pieces = [(0, b"begin".ljust(512)), (size // 5 - 3, random_bytes(top, 512 * 200)), (size // 2 + 12_345, b"middle".ljust(512)),
              (size - 4, b"end.")]
    layers[4].sparse_file(f"{top}/file", size, pieces, kind)


@part()
def sparse_files(layers: Layers, top: str) -> None:
    for level, kind in enumerate((Sparse.PAX_0_0, Sparse.PAX_0_1, Sparse.PAX_1_0)):
        _sparse_files(layers[level], f"{top}/{kind.value}", kind)
        _odd_sparse_files(layers[level], f"{top}/odd-{kind.value}", kind)


@part(umoci=OLD_SPARSE)
def old_sparse_files(layers: Layers, top: str) -> None:
    _sparse_files(layers[0], top, Sparse.OLD)


@part(umoci=OLD_SPARSE)
def odd_old_sparse_files(layers: Layers, top: str) -> None:
    _odd_sparse_files(layers[0], top, Sparse.OLD)


@part()
def huge_sparse_file(layers: Layers, top: str) -> None:
    _huge_sparse_file(layers, top, Sparse.PAX_1_0)


@part(umoci=OLD_SPARSE)
def huge_old_sparse_file(layers: Layers, top: str) -> None:
    _huge_sparse_file(layers, top, Sparse.OLD)


@part()
def many_files(layers: Layers, top: str) -> None:
    """All in one folder. One in 20 has a body."""
    count = 100_000 if layers.huge else 2000
    layers[5].directory(top)
    for number in range(count):
        layers[5].file(f"{top}/file-{number:06}", b"" if number % 20 else b"body of %d" % number, gnu=bool(number % 3))
    for number in range(0, count, 10_000):
        layers[6].whiteout(f"{top}/file-{number:06}")
