"""What is in a tree of files, and what is not equal between two: every byte, every attribute, which names are one file.

Holes cost nothing where the file system can tell of them: a file's digest is made of those units of it that are not zero. Paths are
bytes, relative to the tree's root, which is b"". Not compared: atime, ctime, inode numbers, a directory's size.
"""
import dataclasses
import hashlib
import os
import pathlib
import stat
from collections.abc import Iterable, Iterator

UNIT = 64 << 10
READ_BYTES = 16 * UNIT
ZEROS = bytes(UNIT)
UNREADABLE = "cannot be read"
MOST = 40  # differences that are told


@dataclasses.dataclass(slots=True)
class Facts:
    mode: int  # type and permissions, as st_mode
    uid: int
    gid: int
    mtime_ns: int
    links: int  # of a directory 2 and its subdirectories
    size: int = 0  # of a regular file or a symlink
    digest: str = ""  # of a regular file
    target: bytes = b""
    device: int = 0  # st_rdev
    xattrs: dict[str, bytes] = dataclasses.field(default_factory=dict)
    first_name: bytes = b""  # of a file with several names: the first of them in the tree
    unsure_mtime: bool = False  # of a directory in which unpackers change something that no entry describes


Tree = dict[bytes, Facts]


def digest_of_pieces(size: int, pieces: Iterable[tuple[int, bytes]]) -> str:
    """Of a file of that size that is zero but for `pieces`, which ascend and lie apart."""
    return _digest(size, _units(pieces))


def scan(root: pathlib.Path, overlay: bool = False) -> Tree:
    """The tree that is there, an overlay's of several file systems or a single one's. Files are read once for all their names."""
    tree: Tree = {}
    seen: dict[tuple[int, int], bytes] = {}
    top = os.fsencode(root)
    device = os.lstat(top).st_dev
    pending = [b""]
    while pending:
        folder = pending.pop()
        tree[folder] = _facts(os.path.join(top, folder) if folder else top)
        with os.scandir(os.path.join(top, folder)) as entries:
            for entry in entries:
                path = os.path.join(folder, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                else:
                    tree[path] = _file_facts(entry, seen, tree, path)
                    if not overlay and entry.stat(follow_symlinks=False).st_dev != device:
                        raise AssertionError(f"{path!r} lies on another file system")
    _name_links(tree)
    return tree


def differences(expected: Tree, found: Tree, unsure_mtimes: bool = True, most: int = MOST) -> list[str]:
    """What is not equal, one line each, the first `most` of them; without `unsure_mtimes`, no mtime that `expected` says is unsure."""
    told = [f"missing: {_shown(path)}" for path in sorted(expected.keys() - found.keys())]
    told += [f"not expected: {_shown(path)}" for path in sorted(found.keys() - expected.keys())]
    for path in sorted(expected.keys() & found.keys()):
        one, other = expected[path], found[path]
        for field in dataclasses.fields(Facts):
            if field.name == "unsure_mtime" or (field.name == "mtime_ns" and one.unsure_mtime and not unsure_mtimes):
                continue
            if (wanted := getattr(one, field.name)) != (got := getattr(other, field.name)):
                told.append(f"{_shown(path)}: {_told(field.name, wanted, got)}")
    return told[:most] + ([f"… {len(told) - most} more"] if len(told) > most else [])


def _file_facts(entry: os.DirEntry, seen: dict[tuple[int, int], bytes], tree: Tree, path: bytes) -> Facts:
    status = entry.stat(follow_symlinks=False)
    if status.st_nlink == 1:
        return _facts(entry.path, status)
    number = status.st_dev, status.st_ino
    if number not in seen:
        seen[number] = path
        return dataclasses.replace(_facts(entry.path, status), first_name=path)
    return tree[seen[number]]


def _name_links(tree: Tree) -> None:
    """Files of several names share their facts: those get the name that is first in order, not the first that was found."""
    named: set[int] = set()
    for path in sorted(path for path, facts in tree.items() if facts.first_name):
        if id(tree[path]) not in named:
            named.add(id(tree[path]))
            tree[path].first_name = path


def _facts(path: bytes, status: os.stat_result | None = None) -> Facts:
    status = status or os.lstat(path)
    facts = Facts(status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_nlink)
    if stat.S_ISREG(status.st_mode):
        facts.size = status.st_size
        try:
            facts.digest = _digest_of_file(path, status.st_size)
        except OSError as error:  # the other files are looked at all the same
            facts.digest = f"{UNREADABLE}: {error.strerror}"
    elif stat.S_ISLNK(status.st_mode):
        facts.size = status.st_size
        facts.target = os.readlink(path)
    elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        facts.device = status.st_rdev
    if names := os.listxattr(path, follow_symlinks=False):
        facts.xattrs = {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
    return facts


def _digest_of_file(path: bytes, size: int) -> str:
    if size == 0:
        return _digest(0, ())
    opened = os.open(path, os.O_RDONLY)
    try:
        return _digest(size, _stored_units(opened, size))
    finally:
        os.close(opened)


def _stored_units(opened: int, size: int) -> Iterator[tuple[int, bytes]]:
    """The units in which the file system says that there is something."""
    offset = 0
    while offset < size:
        try:
            offset = os.lseek(opened, offset, os.SEEK_DATA) // UNIT * UNIT
        except OSError:  # ENXIO: a hole up to the end
            return
        content = os.pread(opened, min(READ_BYTES, size - offset), offset)
        if not content:
            raise AssertionError(f"the file ends at {offset}, before its size of {size}")
        for start in range(0, len(content), UNIT):
            yield (offset + start) // UNIT, content[start:start + UNIT]
        offset += len(content)


def _units(pieces: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The units that hold a byte of a piece; the last ends with the last piece."""
    number, unit = -1, b""
    for offset, content in pieces:
        done = 0
        while done < len(content):
            at, within = divmod(offset + done, UNIT)
            if at != number:
                if unit:
                    yield number, unit
                number, unit = at, b""
            part = content[done:done + UNIT - within]
            unit = unit.ljust(within, b"\0") + part
            done += len(part)
    if unit:
        yield number, unit


def _digest(size: int, units: Iterable[tuple[int, bytes]]) -> str:
    """Over the numbers and bytes of the units that are not zero. A unit counts without the zeros at its end, as of a piece."""
    hashed = hashlib.sha256(size.to_bytes(8, "big"))
    for number, unit in units:
        if unit != ZEROS[:len(unit)]:
            unit = unit.rstrip(b"\0")
            hashed.update(number.to_bytes(8, "big") + len(unit).to_bytes(4, "big"))
            hashed.update(unit)
    return hashed.hexdigest()


def _told(field: str, wanted: object, got: object) -> str:
    if field == "digest":
        return got if got.startswith(UNREADABLE) else "other bytes"
    if field == "mode":
        return f"mode {wanted:o}, found {got:o}"
    if field == "xattrs":
        names = sorted(name for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name))
        return "xattrs " + ", ".join(f"{name} {_short(wanted.get(name))}, found {_short(got.get(name))}" for name in names[:4])
    if field == "first_name":
        return f"is one file with {_shown(wanted)}, found with {_shown(got)}"
    return f"{field} {_short(wanted)}, found {_short(got)}"


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) < 80 else f"{shown[:60]}… ({len(shown)})"


def _shown(path: bytes) -> str:
    shown = os.fsdecode(path).encode("unicode_escape", "surrogateescape").decode()
    return shown if len(shown) < 200 else f"{shown[:100]}…{shown[-90:]}"
