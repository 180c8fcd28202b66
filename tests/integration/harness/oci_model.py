"""What the layers of an OCI image come to, trivially right: a tree in memory, to which the entries of one archive after the other are
applied. Source: OCI image-spec, layer.md, "Applying Changesets"; where it is silent, as containerd and umoci unpack.

- What a layer whites out is gone from the layers below, and never from the layer itself, in whatever order it says so.
- A directory without an entry of its own is what it was below, else 0755, root's, of 1970.
- A symlink on the way to a file is followed, and never leads out of the image.
- The last of several entries wins; a directory keeps what is in it, and takes all attributes from the new entry.
- A hard link is to what its target was at that moment, else to what layers below have there.
- A PAX record without a value is one that is not there (POSIX.1-2017 pax, and Go's archive/tar): so there are no empty xattrs.
- What only a kernel or overlayfs may say is dropped: 0:0 devices, overlay's xattrs, xattrs of other namespaces than the kernel's.
"""
import dataclasses
import io
import os
import pathlib
import stat
import tarfile
from collections.abc import Iterator

from .tar_writer import OPAQUE, SECOND, WHITEOUT, XATTR
from .tree_compare import Facts, Tree, digest_of_pieces

MOST_SYMLINKS = 40  # on one way, as Linux has it
KEPT_XATTRS = ("user.", "trusted.", "security.", "system.posix_acl_access", "system.posix_acl_default")
DROPPED_XATTRS = ("user.overlay.", "trusted.overlay.")
TYPES = {tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK, tarfile.FIFOTYPE: stat.S_IFIFO,
         tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK}


@dataclasses.dataclass(slots=True, eq=False)
class Node:
    mode: int
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    size: int = 0
    digest: str = ""
    target: bytes = b""
    device: int = 0
    xattrs: dict[str, bytes] = dataclasses.field(default_factory=dict)
    children: dict[bytes, "Node"] | None = None  # of a directory
    unsure_mtime: bool = False

    @property
    def is_directory(self) -> bool:
        return self.children is not None


@dataclasses.dataclass(slots=True)
class Entry:
    path: tuple[bytes, ...]
    node: Node | None  # None: a hard link
    link: tuple[bytes, ...] = ()


class ModelError(Exception):
    """What no image may say."""


class OciModel:
    def __init__(self) -> None:
        self._root = _implied_directory()

    def apply(self, tar: bytes) -> None:
        """The next layer, from below."""
        entries = list(_entries(tar))
        whiteouts = [entry for entry in entries if entry.path and entry.path[-1].startswith(WHITEOUT)]
        below = _copy(self._root) if whiteouts and any(entry.node is None for entry in entries) else self._root
        for entry in whiteouts:
            self._hide(entry.path)
        for entry in entries:
            if not (entry.path and entry.path[-1].startswith(WHITEOUT)):
                self._add(entry, below)
        for entry in whiteouts:
            self._note_removal(entry.path)

    def tree(self) -> Tree:
        found: dict[bytes, Node] = {}
        names: dict[int, list[bytes]] = {}
        pending = [(b"", self._root)]
        while pending:
            path, node = pending.pop()
            found[path] = node
            names.setdefault(id(node), []).append(path)
            pending += [(os.path.join(path, name), child) for name, child in (node.children or {}).items()]
        return {path: _facts(node, names[id(node)]) for path, node in found.items()}

    def _hide(self, path: tuple[bytes, ...]) -> None:
        folder = _walk(self._root, path[:-1])
        if folder is None or not folder.is_directory:
            return
        if path[-1] == OPAQUE:
            folder.children.clear()
        else:
            folder.children.pop(path[-1].removeprefix(WHITEOUT), None)

    def _note_removal(self, path: tuple[bytes, ...]) -> None:
        """Unpackers that remove something there change the mtimes of directories."""
        for changed in (path[:-1], (*path[:-1], path[-1].removeprefix(WHITEOUT))):
            node = _walk(self._root, changed)
            if node and node.is_directory:
                node.unsure_mtime = True

    def _add(self, entry: Entry, below: Node) -> None:
        node = entry.node or self._link_target(entry, below)
        if not entry.path:
            self._describe(self._root, node)
            return
        if stat.S_ISCHR(node.mode) and node.device == 0:
            return
        folder = _walk(self._root, entry.path[:-1], make=True)
        old = folder.children.get(entry.path[-1])
        if node.is_directory and old is not None and old.is_directory:
            self._describe(old, node)
        else:
            folder.children[entry.path[-1]] = node

    def _link_target(self, entry: Entry, below: Node) -> Node:
        for root in (self._root, below):
            folder = _walk(root, entry.link[:-1])
            node = folder and folder.is_directory and folder.children.get(entry.link[-1])
            if node and not node.is_directory:
                return node
        raise ModelError(f"{entry.path} is a hard link to {entry.link}, which is nowhere")

    @staticmethod
    def _describe(directory: Node, new: Node) -> None:
        for field in ("mode", "uid", "gid", "mtime_ns", "xattrs"):
            setattr(directory, field, getattr(new, field))
        directory.unsure_mtime = False


def _implied_directory() -> Node:
    return Node(stat.S_IFDIR | 0o755, children={}, unsure_mtime=True)


def _copy(root: Node) -> Node:
    """Its directories; their files are the same ones."""
    copied = dataclasses.replace(root, children=dict(root.children))
    pending = [copied]
    while pending:
        directory = pending.pop()
        for name, child in directory.children.items():
            if child.is_directory:
                directory.children[name] = dataclasses.replace(child, children=dict(child.children))
                pending.append(directory.children[name])
    return copied


def _walk(root: Node, path: tuple[bytes, ...], make: bool = False) -> Node | None:
    """Where the path leads, symlinks followed, ".." of the root being the root. With `make`, missing directories are made; else
    None where nothing is."""
    way, rest, followed = [root], list(reversed(path)), 0
    while rest:
        name = rest.pop()
        if name == b"..":
            way = way[:-1] or way
            continue
        if not way[-1].is_directory:
            if make:
                raise ModelError(f"{path} goes through what is no directory")
            return None
        child = way[-1].children.get(name)
        if child is None:
            if not make:
                return None
            child = way[-1].children[name] = _implied_directory()
            way[-1].unsure_mtime = True
        if stat.S_ISLNK(child.mode):
            followed += 1
            if followed > MOST_SYMLINKS:
                raise ModelError(f"{path} goes through too many symlinks")
            if child.target.startswith(b"/"):
                way = [root]
            rest += reversed(_parts(child.target))
        else:
            way.append(child)
    return way[-1]


def _parts(path: bytes) -> list[bytes]:
    return [name for name in path.split(b"/") if name not in (b"", b".")]


def _clean(path: bytes) -> tuple[bytes, ...]:
    """An entry's own path: ".." means what it says in the text, and nothing is above the root."""
    cleaned: list[bytes] = []
    for name in _parts(path):
        cleaned = cleaned[:-1] if name == b".." else [*cleaned, name]
    return tuple(cleaned)


def _entries(tar: bytes) -> Iterator[Entry]:
    if not tar:
        return  # which tarfile takes for a mistake
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:", encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            # The path that a sparse file has besides is not its own, as in Go's archive/tar; tarfile takes the last record.
            path = _clean(_encoded(member.pax_headers.get("GNU.sparse.name", member.name)))
            if member.islnk():
                yield Entry(path, None, _clean(_encoded(member.linkname)))
            else:
                yield Entry(path, _node(member, tar))


def _node(member: tarfile.TarInfo, tar: bytes) -> Node:
    node = Node(TYPES.get(member.type, stat.S_IFREG) | member.mode & 0o7777, member.uid, member.gid, _mtime_ns(member))
    node.xattrs = {key.removeprefix(XATTR): _encoded(value) for key, value in member.pax_headers.items()
                   if value and key.startswith(XATTR) and _is_kept(key.removeprefix(XATTR))}
    if member.isdir():
        node.children = {}
    elif member.issym():
        node.target = _encoded(member.linkname)
        node.size = len(node.target)
    elif member.isdev() and not member.isfifo():
        node.device = os.makedev(member.devmajor, member.devminor)
    elif member.isreg():
        node.size = member.size
        node.digest = digest_of_pieces(member.size, _pieces(member, tar))
    return node


def _pieces(member: tarfile.TarInfo, tar: bytes) -> Iterator[tuple[int, bytes]]:
    at = member.offset_data
    for offset, length in member.sparse if member.issparse() else [(0, member.size)]:
        yield offset, tar[at:at + length]
        at += length


def _mtime_ns(member: tarfile.TarInfo) -> int:
    """tarfile makes a float of it, which has no nanoseconds."""
    text = member.pax_headers.get("mtime")
    if text is None:
        return int(member.mtime) * SECOND
    whole, _, fraction = text.lstrip("-").partition(".")
    nanoseconds = int(whole) * SECOND + int(fraction[:9].ljust(9, "0"))
    return -nanoseconds if text.startswith("-") else nanoseconds


def _is_kept(name: str) -> bool:
    return name.startswith(KEPT_XATTRS) and not name.startswith(DROPPED_XATTRS)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _facts(node: Node, names: list[bytes]) -> Facts:
    links = len(names)
    if node.is_directory:
        links = 2 + sum(child.is_directory for child in node.children.values())
    first_name = min(names) if len(names) > 1 else b""
    return Facts(node.mode, node.uid, node.gid, node.mtime_ns, links, node.size, node.digest, node.target, node.device,
                 node.xattrs, first_name, node.unsure_mtime)
