"""Writes tar archives byte by byte, odd ones too, in the dialects that there are: ustar, GNU, PAX.

Sources: POSIX.1-2017 pax; GNU tar manual, "Basic Tar Format", "Storing Sparse Files"; star's SCHILY.xattr.
"""
import enum
import posixpath
import struct
from collections.abc import Mapping, Sequence

BLOCK = 512
USTAR = b"ustar\x0000"
GNU = b"ustar  \x00"
NAME_BYTES, PREFIX_BYTES = 100, 155
MTIME = 1_600_000_000  # of what nobody gave another
SECOND = 1_000_000_000  # nanoseconds
XATTR = "SCHILY.xattr."
WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
OLD_SPARSE_PIECES, EXTENSION_PIECES = 4, 21  # of a map: in a header of the old kind, in each block after it

Piece = tuple[int, bytes]  # offset in the file, and what is there
Record = tuple[str, bytes]  # of PAX


class Type(bytes, enum.Enum):
    FILE, OLD_FILE, CONTIGUOUS = b"0", b"\0", b"7"
    HARD_LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO = b"1", b"2", b"3", b"4", b"5", b"6"
    GNU_SPARSE, GNU_LONG_NAME, GNU_LONG_LINK = b"S", b"L", b"K"
    PAX, PAX_GLOBAL = b"x", b"g"


class Sparse(enum.Enum):
    OLD, PAX_0_0, PAX_0_1, PAX_1_0 = "old", "0.0", "0.1", "1.0"


class TarWriter:
    """An archive in memory. Paths and targets are bytes, or text for what is UTF-8; they go in as they are.

    `attributes`, of each entry: mode, uid, gid, mtime_ns (int), xattrs (a mapping), pax (more records), gnu (True: what does not fit
    a ustar header is said as GNU does, not in PAX records), header_size (what the header says, whatever the body's size is).
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def finish(self, end: bytes = bytes(2 * BLOCK)) -> bytes:
        return b"".join(self._parts) + end

    def raw(self, content: bytes) -> None:
        self._parts.append(content)

    def file(self, path: str | bytes, content: bytes = b"", type_: Type = Type.FILE, **attributes: object) -> None:
        self._add(path, type_, size=len(content), **attributes)
        self._body(content)

    def directory(self, path: str | bytes, mode: int = 0o755, **attributes: object) -> None:
        self._add(_bytes(path) + b"/", Type.DIRECTORY, mode=mode, **attributes)

    def symlink(self, path: str | bytes, target: str | bytes, **attributes: object) -> None:
        self._add(path, Type.SYMLINK, target, **({"mode": 0o777} | attributes))

    def hard_link(self, path: str | bytes, target: str | bytes, **attributes: object) -> None:
        self._add(path, Type.HARD_LINK, target, **attributes)

    def device(self, path: str | bytes, type_: Type, major: int, minor: int, **attributes: object) -> None:
        self._add(path, type_, device=(major, minor), **attributes)

    def fifo(self, path: str | bytes, **attributes: object) -> None:
        self._add(path, Type.FIFO, **attributes)

    def whiteout(self, path: str | bytes, **attributes: object) -> None:
        folder, name = posixpath.split(_bytes(path))
        self._add(posixpath.join(folder, WHITEOUT + name), Type.FILE, **attributes)

    def opaque(self, directory: str | bytes) -> None:
        self._add(posixpath.join(_bytes(directory), OPAQUE), Type.FILE)

    def global_records(self, records: Sequence[Record]) -> None:
        """PAX records for all that follows."""
        self._extension(b"pax_global_header", Type.PAX_GLOBAL, _pax_body(records))

    def sparse_file(self, path: str | bytes, size: int, pieces: Sequence[Piece], kind: Sparse, **attributes: object) -> None:
        """A file of `size` bytes that are zero but for `pieces`, which ascend and lie apart."""
        stored = b"".join(content for _, content in pieces)
        numbers = [(offset, len(content)) for offset, content in pieces]
        if kind is Sparse.OLD:
            extensions = _old_sparse_extensions(numbers[OLD_SPARSE_PIECES:])
            self._add(path, Type.GNU_SPARSE, size=len(stored), gnu=True, sparse=(numbers, size), **attributes)
            self.raw(extensions)
            self._body(stored)
            return
        name, pax, body = _bytes(path), _sparse_records(_bytes(path), numbers, size, kind), stored
        if kind is not Sparse.PAX_0_0:
            # So that who does not know sparse files does not take it for the file.
            name = posixpath.join(posixpath.dirname(name), b"GNUSparseFile.0", posixpath.basename(name))
        if kind is Sparse.PAX_1_0:
            lines = b"".join(b"%d\n" % number for number in [len(numbers), *(n for pair in numbers for n in pair)])
            body = _padded(lines) + stored
        self._add(name, Type.FILE, size=len(body), pax=pax, **attributes)
        self._body(body)

    def _body(self, content: bytes) -> None:
        self.raw(_padded(content))

    def _add(self, path: str | bytes, type_: Type, target: str | bytes = b"", *, mode: int = 0o644, uid: int = 0, gid: int = 0,
             size: int = 0, header_size: int | None = None, mtime_ns: int = MTIME * SECOND,
             xattrs: Mapping[str, bytes] | None = None, pax: Sequence[Record] = (), device: tuple[int, int] | None = None,
             gnu: bool = False, sparse: tuple[list[tuple[int, int]], int] | None = None) -> None:
        name, link = _bytes(path), _bytes(target)
        prefix = b""
        records = [*pax, *((XATTR + key, value) for key, value in (xattrs or {}).items())]
        seconds, nanoseconds = divmod(mtime_ns, SECOND)
        if nanoseconds or (not gnu and not 0 <= seconds < 1 << 33):
            records.append(("mtime", _decimal(mtime_ns)))
        if gnu:
            self._gnu_long(name, link)
        else:
            prefix, name, more = _ustar_name(name)
            records += more
            records += [("linkpath", link)] if len(link) > NAME_BYTES else []
            records += [(key, b"%d" % value) for key, value in (("uid", uid), ("gid", gid)) if value >= 1 << 21]
            records += [("size", b"%d" % size)] if size >= 1 << 33 else []
        if records:
            self._extension(b"PaxHeaders/" + posixpath.basename(name)[:NAME_BYTES - 12], Type.PAX, _pax_body(records))
        whole = seconds if gnu or 0 <= seconds < 1 << 33 else 0
        told = size if header_size is None else header_size
        self.raw(_header(name, type_, link, mode, uid, gid, told, whole, device, prefix, GNU if gnu else USTAR, sparse))

    def _gnu_long(self, name: bytes, link: bytes) -> None:
        for text, type_ in ((link, Type.GNU_LONG_LINK), (name, Type.GNU_LONG_NAME)):
            if len(text) > NAME_BYTES:
                self._extension(b"././@LongLink", type_, text + b"\0", GNU)

    def _extension(self, name: bytes, type_: Type, body: bytes, magic: bytes = USTAR) -> None:
        self.raw(_header(name, type_, size=len(body), magic=magic))
        self._body(body)


def _header(name: bytes, type_: Type, link: bytes = b"", mode: int = 0o644, uid: int = 0, gid: int = 0, size: int = 0,
            mtime: int = 0, device: tuple[int, int] | None = None, prefix: bytes = b"", magic: bytes = USTAR,
            sparse: tuple[list[tuple[int, int]], int] | None = None) -> bytes:
    major, minor = device or (0, 0)
    if sparse:
        numbers, real_size = sparse
        tail = (bytes(41) + b"".join(_number(offset, 12) + _number(length, 12) for offset, length in numbers[:OLD_SPARSE_PIECES])
                .ljust(96, b"\0") + bytes([len(numbers) > OLD_SPARSE_PIECES]) + _number(real_size, 12))
    else:
        tail = prefix
    packed = struct.pack("100s8s8s8s12s12s8s1s100s8s32s32s8s8s155s12x", name[:NAME_BYTES], _number(mode, 8), _number(uid, 8),
                         _number(gid, 8), _number(size, 12), _number(mtime, 12), b" " * 8, type_.value, link[:NAME_BYTES], magic,
                         b"", b"", _number(major, 8), _number(minor, 8), tail)
    checksum = b"%06o\0 " % sum(packed)
    return packed[:148] + checksum + packed[156:]


def _number(value: int, width: int) -> bytes:
    """Octal where it fits, else GNU's base 256."""
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    encoded = bytearray(value.to_bytes(width, "big", signed=True))
    encoded[0] |= 0x80
    return bytes(encoded)


def _ustar_name(name: bytes) -> tuple[bytes, bytes, list[Record]]:
    """(prefix, name, records): split at a "/" where that does, else in a record."""
    if len(name) <= NAME_BYTES:
        return b"", name, []
    cut = name.rfind(b"/", 0, min(len(name) - 1, PREFIX_BYTES + 1))
    if cut > 0 and len(name) - cut - 1 <= NAME_BYTES:
        return name[:cut], name[cut + 1:], []
    return b"", name, [("path", name)]


def _pax_body(records: Sequence[Record]) -> bytes:
    return b"".join(_pax_record(key.encode(), value) for key, value in records)


def _pax_record(key: bytes, value: bytes) -> bytes:
    """Begins with its own length, in decimal."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest


def _decimal(nanoseconds: int) -> bytes:
    sign = "-" if nanoseconds < 0 else ""
    seconds, rest = divmod(abs(nanoseconds), SECOND)
    return f"{sign}{seconds}.{rest:09}".rstrip("0").rstrip(".").encode()


def _sparse_records(path: bytes, numbers: list[tuple[int, int]], size: int, kind: Sparse) -> list[Record]:
    count = ("GNU.sparse.numblocks", b"%d" % len(numbers))
    real_size = b"%d" % size
    if kind is Sparse.PAX_0_0:
        pairs = [(f"GNU.sparse.{key}", b"%d" % number) for pair in numbers for key, number in zip(("offset", "numbytes"), pair)]
        return [("GNU.sparse.size", real_size), count, *pairs]
    if kind is Sparse.PAX_0_1:
        joined = ",".join(str(number) for pair in numbers for number in pair).encode()
        return [("GNU.sparse.size", real_size), count, ("GNU.sparse.name", path), ("GNU.sparse.map", joined)]
    return [("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0"), ("GNU.sparse.name", path), ("GNU.sparse.realsize", real_size)]


def _old_sparse_extensions(numbers: list[tuple[int, int]]) -> bytes:
    blocks = []
    while numbers:
        now, numbers = numbers[:EXTENSION_PIECES], numbers[EXTENSION_PIECES:]
        packed = b"".join(_number(offset, 12) + _number(length, 12) for offset, length in now)
        blocks.append((packed.ljust(EXTENSION_PIECES * 24, b"\0") + bytes([bool(numbers)])).ljust(BLOCK, b"\0"))
    return b"".join(blocks)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
