"""Writes uncompressed EROFS images of any number of devices, which Debian's mkfs.erofs cannot: files in one folder, each one run
of blocks on one device.

Source: fs/erofs/erofs_fs.h (Linux 6.12). Of the bootstrap: superblock and device table, inodes, the root's entries, its own files.
"""
import pathlib
import struct
from collections.abc import Sequence

BLOCK_BITS = 12
BLOCK = 1 << BLOCK_BITS
SUPERBLOCK_OFFSET = 1024
SLOT = 128  # of the device table, and its unit; a superblock is as long
MAGIC = 0xE0F5E1E2
COMPAT_CHECKSUM = 0x1
INCOMPAT_CHUNKED_FILE, INCOMPAT_DEVICE_TABLE = 0x4, 0x8
INODE_UNIT = 32
INODE_STRIDE = 64  # a compact inode with a chunk index after it, in whole units; never across a block
ROOT_NUMBER = 0
LAYOUT_PLAIN, LAYOUT_CHUNKS = 0, 4
CHUNK_INDEXES = 0x20
REGULAR_FILE, DIRECTORY = 1, 2
ENTRY_BYTES = 12
BOOTSTRAP_DEVICE = 0
NO_BLOCK = 0xFFFFFFFF  # a hole

Files = Sequence[tuple[str, bytes]]


def write_image(folder: pathlib.Path, files_per_device: Sequence[Files], own_files: Files = (),
                tags: bool = False, trimmed: bool = False, hole: int = 0) -> tuple[pathlib.Path, list[pathlib.Path]]:
    """Returns the bootstrap and its devices, in order. `own_files` lie in the bootstrap itself. With `tags` the device table
    has names in it; mkfs.erofs leaves them out. With `trimmed` each blob ends with its last byte that is not zero. With `hole`
    there is one more file, "hole", of so many bytes."""
    folder.mkdir(parents=True)
    devices = [folder / f"device-{number}.blob" for number in range(1, len(files_per_device) + 1)]
    placed = []  # (name, size, device, first block)
    for number, (device, files) in enumerate(zip(devices, files_per_device), 1):
        content = _place(files, number, 0, placed)
        device.write_bytes(content.rstrip(b"\0") if trimmed else content)
    if hole:
        placed.append(("hole", hole, BOOTSTRAP_DEVICE, NO_BLOCK))
    meta_block = _blocks(SUPERBLOCK_OFFSET + SLOT * (1 + len(devices)))
    directory_block = meta_block + _blocks(INODE_STRIDE * (1 + len(placed) + len(own_files)))
    names = [name for name, *_ in placed] + [name for name, _ in own_files]
    numbers = {name: number for number, name in enumerate(names, ROOT_NUMBER + 1)}
    directory = _directory(numbers | {".": ROOT_NUMBER, "..": ROOT_NUMBER})
    own_data = _place(own_files, BOOTSTRAP_DEVICE, directory_block + _blocks(len(directory)), placed)

    inodes = _inode(ROOT_NUMBER, 0o40755, 2, len(directory), LAYOUT_PLAIN, directory_block)
    for number, (_, size, device, block) in enumerate(placed, ROOT_NUMBER + 1):
        inodes += _file_inode(number, size, device, block)
    body = _padded(inodes) + _padded(directory) + own_data
    if trimmed:
        body = body.rstrip(b"\0")
    table = b"".join(_device_slot(device, tags) for device in devices)
    bootstrap = folder / "bootstrap.erofs"
    bootstrap.write_bytes(_head(meta_block, len(placed) + 1, meta_block + _blocks(len(body)), table) + body)
    return bootstrap, devices


def _blocks(size: int) -> int:
    return (size + BLOCK - 1) // BLOCK


def _padded(content: bytes) -> bytes:
    return content.ljust(_blocks(len(content)) * BLOCK, b"\0")


def _place(files: Files, device: int, first_block: int, placed: list[tuple[str, int, int, int]]) -> bytes:
    """The files one after the other, each in blocks of its own; where each lies goes to `placed`."""
    parts = []
    for name, content in files:
        placed.append((name, len(content), device, first_block))
        parts.append(_padded(content))
        first_block += _blocks(len(content))
    return b"".join(parts)


def _inode(number: int, mode: int, links: int, size: int, layout: int, union: int) -> bytes:
    """struct erofs_inode_compact, in a whole stride: owned by root, as old as the superblock."""
    return struct.pack("<HHHHIIIIHHI", layout << 1, 0, mode, links, size, 0, union, number, 0, 0, 0).ljust(INODE_STRIDE, b"\0")


def _file_inode(number: int, size: int, device: int, block: int) -> bytes:
    """One chunk that is as large as the file, and where it lies."""
    chunk_bits = max(0, (_blocks(size) - 1).bit_length())
    inode = _inode(number, 0o100644, 1, size, LAYOUT_CHUNKS, chunk_bits | CHUNK_INDEXES)
    index = struct.pack("<HHI", 0, device, block)  # struct erofs_inode_chunk_index
    return (inode[:INODE_UNIT] + index).ljust(INODE_STRIDE, b"\0")


def _directory(numbers: dict[str, int]) -> bytes:
    """struct erofs_dirent: blocks of entries in the order of their names' bytes, then those names."""
    blocks, current, used = [], [], 0
    for name in sorted(name.encode() for name in numbers):
        if used + ENTRY_BYTES + len(name) > BLOCK:
            blocks.append(current)
            current, used = [], 0
        current.append(name)
        used += ENTRY_BYTES + len(name)
    blocks.append(current)
    # The last name of a block ends at a NUL or the block's end, that of the last block at the directory's size.
    return b"".join(_padded(_directory_block(names, numbers)) for names in blocks[:-1]) + _directory_block(blocks[-1], numbers)


def _directory_block(names: list[bytes], numbers: dict[str, int]) -> bytes:
    entries, name_offset = b"", ENTRY_BYTES * len(names)
    for name in names:
        kind = DIRECTORY if name in (b".", b"..") else REGULAR_FILE
        entries += struct.pack("<QHBB", numbers[name.decode()] * INODE_STRIDE // INODE_UNIT, name_offset, kind, 0)
        name_offset += len(name)
    return entries + b"".join(names)


def _device_slot(device: pathlib.Path, tags: bool) -> bytes:
    """struct erofs_deviceslot: tag, length in blocks, and no place in a common address space."""
    tag = device.name.encode() if tags else b""
    return struct.pack("<64sII56x", tag, _blocks(device.stat().st_size), 0)


def _head(meta_block: int, inodes: int, blocks: int, table: bytes) -> bytes:
    """What comes before the inodes. The checksum covers what follows the superblock's offset in the first block."""
    table_slot = (SUPERBLOCK_OFFSET + SLOT) // SLOT
    incompat = INCOMPAT_CHUNKED_FILE | (INCOMPAT_DEVICE_TABLE if table else 0)
    root_number = ROOT_NUMBER * INODE_STRIDE // INODE_UNIT

    def superblock(checksum: int) -> bytes:
        # magic, checksum, compat, block size, extensions, root, inodes, epoch (s, ns), blocks, inodes' and xattrs' first block
        return struct.pack("<IIIBBHQQIIII", MAGIC, checksum, COMPAT_CHECKSUM, BLOCK_BITS, 0, root_number, inodes, 0, 0, blocks,
                           meta_block, 0) + struct.pack(
            "<16s16sIHHH38x",  # uuid, volume name, incompat, compression, devices, their table
            b"", b"", incompat, 0, len(table) // SLOT, table_slot)

    unsigned = _padded(bytes(SUPERBLOCK_OFFSET) + superblock(0) + table)
    checksum = _crc32c(unsigned[SUPERBLOCK_OFFSET:BLOCK])
    return unsigned[:SUPERBLOCK_OFFSET] + superblock(checksum) + unsigned[SUPERBLOCK_OFFSET + SLOT:]


def _crc32c(content: bytes) -> int:
    """As the kernel has it: without the final inversion of RFC 3720."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc
