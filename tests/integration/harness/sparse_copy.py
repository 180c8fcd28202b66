"""Copies of files that are mostly holes."""
import errno
import os
import pathlib


def copy_sparse(source: pathlib.Path, target: pathlib.Path) -> None:
    """Makes `target` a file of the same bytes, with the same holes."""
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        size = os.fstat(reader.fileno()).st_size
        writer.truncate(size)
        end = 0
        while (begin := _next_data(reader.fileno(), end, size)) < size:
            end = min(size, os.lseek(reader.fileno(), begin, os.SEEK_HOLE))
            _copy(reader.fileno(), writer.fileno(), begin, end)


def _next_data(descriptor: int, at: int, size: int) -> int:
    if at >= size:
        return size
    try:
        return os.lseek(descriptor, at, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return size  # a hole to the end


def _copy(reader: int, writer: int, at: int, end: int) -> None:
    while at < end:
        # By hand: copy_file_range(2) of a file that somebody writes may share what is written later, on file systems that do.
        part = os.pread(reader, min(end - at, 1 << 20), at)
        if not part:
            return  # cut short meanwhile
        at += os.pwrite(writer, part, at)
