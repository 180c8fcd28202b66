"""File trees to make images of: the same tree for the same seed, with everything in it that a file system can get wrong."""
import dataclasses
import os
import pathlib
import random
import shutil

WORDS = b"the quick brown fox jumps over a lazy dog and reads the same bytes again ".split()


@dataclasses.dataclass(frozen=True)
class TreeSpec:
    seed: int = 1
    files: int = 200
    mean_bytes: int = 48 << 10  # of the random files
    big_bytes: int = 4 << 20  # one large incompressible file, `big`; 0: none
    oddities: bool = True  # links, holes, empty files, deep folders, xattrs, strange names
    program: bool = False  # one that runs: a copy of cat


def make_tree(root: pathlib.Path, spec: TreeSpec) -> None:
    random_source = random.Random(spec.seed)
    root.mkdir(parents=True)
    for number in range(spec.files):
        folder = root / f"d{number % 13}" / f"e{number % 5}"
        folder.mkdir(parents=True, exist_ok=True)
        size = int(random_source.expovariate(1 / spec.mean_bytes)) + 1
        (folder / f"f{number:05}").write_bytes(_content(random_source, number, size))
    if spec.big_bytes:
        (root / "big").write_bytes(random_source.randbytes(spec.big_bytes))
    if spec.program:
        shutil.copy(shutil.which("cat"), root / "program")
    if spec.oddities:
        _add_oddities(root, random_source)


def _content(random_source: random.Random, number: int, size: int) -> bytes:
    """Incompressible, compressible, or zeros, in turn."""
    if number % 3 == 0:
        return random_source.randbytes(size)
    if number % 3 == 1:
        text = b" ".join(random_source.choices(WORDS, k=256))
        return (text * (size // len(text) + 1))[:size]
    return bytes(size)


def _add_oddities(root: pathlib.Path, random_source: random.Random) -> None:
    (root / "four-kib").write_bytes(random_source.randbytes(4096))
    (root / "empty").touch()
    (root / "empty-folder").mkdir(mode=0o700)
    deep = root / "deep"
    for level in range(40):
        deep = deep / f"level-{level}"
    deep.mkdir(parents=True)
    (deep / "bottom").write_text("here\n")
    (root / "link").symlink_to("deep/level-0")
    (root / "dangling").symlink_to("nowhere/" + "x" * 3000)
    os.link(root / "four-kib", root / "hard-link")
    with (root / "sparse").open("wb") as sparse:
        sparse.seek(3 << 20)
        sparse.write(b"in the middle")
        sparse.truncate(6 << 20)
    (root / "Ünïcode and spaces\n.txt").write_text("names are bytes\n")
    (root / "executable").write_bytes(b"#!/bin/sh\n")
    (root / "executable").chmod(0o6755)
    os.mkfifo(root / "fifo")
    os.setxattr(root / "four-kib", "user.lacuna", b"value\0with a zero")
    os.chown(root / "empty", 1234, 70000)


def file_facts(path: pathlib.Path) -> tuple:
    """What must be equal between an original and its image, but for the bytes of a file."""
    stat = path.lstat()
    target = os.readlink(path) if path.is_symlink() else None
    xattrs = {name: os.getxattr(path, name, follow_symlinks=False)
              for name in os.listxattr(path, follow_symlinks=False) if name.startswith("user.")}
    size = None if path.is_dir() and not path.is_symlink() else stat.st_size
    return stat.st_mode, stat.st_uid, stat.st_gid, size, int(stat.st_mtime), target, xattrs


def differences(original: pathlib.Path, image: pathlib.Path) -> list[str]:
    """What is not equal between two trees: names, attributes, and every byte of every file."""
    found = []
    names = [_names(root) for root in (original, image)]
    found += [f"only in one: {name}" for name in sorted(names[0] ^ names[1])]
    for name in sorted(names[0] & names[1]):
        one, other = original / name, image / name
        if file_facts(one) != file_facts(other):
            found.append(f"{name}: {file_facts(one)} != {file_facts(other)}")
        elif one.is_file() and not one.is_symlink() and one.read_bytes() != other.read_bytes():
            found.append(f"{name}: other bytes")
    return found


def _names(root: pathlib.Path) -> set[str]:
    return {os.path.relpath(os.path.join(folder, name), root)
            for folder, folders, files in os.walk(root) for name in folders + files}
