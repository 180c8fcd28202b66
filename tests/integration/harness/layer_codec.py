"""What a layer's tar may be packed with, in every way in which it is met in registries."""
import dataclasses
import gzip
import subprocess
import zlib
from collections.abc import Callable

MEMBER_BYTES = 300_000  # of the tar, in each member of a gzip file of several


@dataclasses.dataclass(frozen=True)
class Codec:
    name: str
    suffix: str  # of the media type
    pack: Callable[[bytes], bytes]


def _gzip(level: int) -> Codec:
    return Codec(f"gzip -{level}", "+gzip", lambda tar: gzip.compress(tar, level, mtime=0))


def _members(tar: bytes) -> bytes:
    """As from `cat a.gz b.gz`, with an empty member among them, and one that has a name."""
    parts = [gzip.compress(tar[at:at + MEMBER_BYTES], 1 + number % 9, mtime=0)
             for number, at in enumerate(range(0, len(tar), MEMBER_BYTES))]
    return parts[0] + gzip.compress(b"", mtime=0) + _named_empty_member() + b"".join(parts[1:])


def _named_empty_member() -> bytes:
    """RFC 1952, 2.3: with FEXTRA, FNAME and FCOMMENT."""
    deflated = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (bytes([0x1F, 0x8B, 8, 0x04 | 0x08 | 0x10, 0, 0, 0, 0, 0, 3]) + b"\x06\x00LA\x02\x00hi" + b"name\0" + b"comment\0"
            + deflated.compress(b"") + deflated.flush() + bytes(8))


def _zstd(tar: bytes) -> bytes:
    return subprocess.run(["zstd", "-q", "-3", "--single-thread"], input=tar, capture_output=True, check=True).stdout


PLAIN = Codec("plain", "", lambda tar: tar)
STORED, GZIP_1, GZIP_6, GZIP_9 = (_gzip(level) for level in (0, 1, 6, 9))
MEMBERS = Codec("gzip of several members", "+gzip", _members)
ZSTD = Codec("zstd", "+zstd", _zstd)
