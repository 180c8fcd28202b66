"""What the kernel tells of a process by its id (proc(5)). Root, where the process is another user's."""
import collections
import os
import pathlib
import re
import select
import struct
from collections.abc import Iterator

ZOMBIE = "Z"
STOPPED = "T"
SYS_POLL = 7
POLLFD = struct.Struct("ihh")


def _stat(pid: int) -> tuple[str, list[str]]:
    """Its name, and the fields from the third on."""
    name, _, rest = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").partition("(")[2].rpartition(")")
    return name, rest.split()


def name_of(pid: int) -> str:
    return _stat(pid)[0]


def program_of(pid: int) -> str:
    """The path of what it executes. Its name may be another: older kernels do not know it where a descriptor is executed."""
    return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")


def state_of(pid: int) -> str:
    return _stat(pid)[1][0]


def children(pid: int) -> list[int]:
    """But for zombies; the oldest first."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = _stat(int(entry.name))[1]
        except OSError:
            continue  # it ended
        if int(fields[1]) == pid and fields[0] != ZOMBIE:
            found.append((int(fields[19]), int(entry.name)))
    return [child for _, child in sorted(found)]


def threads(pid: int) -> list[int]:
    return [int(name) for name in os.listdir(f"/proc/{pid}/task")]


def cpu_seconds(pid: int) -> float:
    """Used so far, by all threads, in user mode and in the kernel."""
    fields = _stat(pid)[1]
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status_of(pid: int, field: str) -> str:
    """A line of /proc/PID/status; PID may be a thread's."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(f"{field}:"))


def resident_bytes(pid: int) -> int:
    return int(status_of(pid, "VmRSS").split()[0]) << 10


def peak_memory(pid: int) -> int:
    """The most bytes that were ever resident."""
    return int(status_of(pid, "VmHWM").split()[0]) << 10


def links(pid: int) -> Iterator[tuple[int, str]]:
    """Each descriptor, and what its link says."""
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield int(entry.name), os.readlink(entry)
        except FileNotFoundError:
            pass  # closed since


def descriptors(pid: int, link: str) -> list[int]:
    """Those whose link says so."""
    return [number for number, found in links(pid) if found == link]


def count_links(pid: int) -> collections.Counter[str]:
    """How many descriptors of each kind: numbers of sockets and pipes are left out."""
    return collections.Counter(re.sub(r":\[\d+\]$", "", link) for _, link in links(pid))


def system_call(thread: int) -> list[int]:
    """The number of the system call that the thread waits in, and its arguments; nothing when it runs. x86-64."""
    try:
        words = pathlib.Path(f"/proc/{thread}/syscall").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):
        return []  # it ended
    return [int(word, 0) for word in words[:7]] if len(words) > 7 else []


def polled(thread: int) -> list[int]:
    """The descriptors that the thread waits for in poll(2)."""
    call = system_call(thread)
    if not call or call[0] != SYS_POLL:
        return []
    with open(f"/proc/{thread}/mem", "rb", buffering=0) as memory:
        memory.seek(call[1])
        return [descriptor for descriptor, _, _ in POLLFD.iter_unpack(memory.read(call[2] * POLLFD.size))]


def wait_until_gone(pid: int, seconds: float) -> None:
    """Until every thread of it has ended, and with it what it held; TimeoutError when that does not come."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([descriptor], [], [], seconds)[0]:
            raise TimeoutError(f"process {pid} ({name_of(pid)}, state {state_of(pid)}) is there after {seconds} s")
    finally:
        os.close(descriptor)
