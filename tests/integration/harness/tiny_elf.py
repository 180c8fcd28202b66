"""Programs of a few bytes, for x86-64: they do one thing, whatever arguments and environment they get."""
import pathlib
import struct

BASE = 0x400000
HEADERS = 64 + 56  # of the file, and of its one segment
NANOSLEEP, PAUSE, EXIT = 35, 34, 60


def exits(path: pathlib.Path, status: int, after_seconds: int = 0) -> None:
    """It sleeps, and exits with this status."""
    time = struct.pack("<qq", after_seconds, 0)  # in front of the code
    code = _sets("edi", BASE + HEADERS) + b"\x31\xf6" + _calls(NANOSLEEP) + _sets("edi", status) + _calls(EXIT)
    _write(path, time, code)


def hangs(path: pathlib.Path) -> None:
    code = _calls(PAUSE)
    _write(path, b"", code + b"\xeb" + struct.pack("b", -(len(code) + 2)))


def _sets(register: str, value: int) -> bytes:
    return {"eax": b"\xb8", "edi": b"\xbf"}[register] + struct.pack("<i", value)


def _calls(number: int) -> bytes:
    return _sets("eax", number) + b"\x0f\x05"


def _write(path: pathlib.Path, data: bytes, code: bytes) -> None:
    """In place of what is there, as an installation does."""
    size = HEADERS + len(data) + len(code)
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, BASE + HEADERS + len(data), 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x1000)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(header + segment + data + code)
    new.chmod(0o755)
    new.replace(path)
