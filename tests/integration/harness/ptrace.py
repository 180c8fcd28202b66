"""A debugger's hold on another process's thread (ptrace(2)). x86-64, root. A tracer is a thread: it keeps to one of ours."""
import contextlib
import ctypes
import os
import signal
from collections.abc import Iterator

SINGLESTEP, GETREGS, SETREGS, DETACH, SEIZE, INTERRUPT = 9, 12, 13, 17, 0x4206, 0x4207
WALL = 0x40000000  # __WALL

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


def request(number: int, thread: int, data: int = 0) -> None:
    if _libc.ptrace(number, thread, None, data) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace request {number:#x} of thread {thread}")


def wait_for_stop(thread: int) -> None:
    _, status = os.waitpid(thread, WALL)
    if not os.WIFSTOPPED(status) or os.WSTOPSIG(status) != signal.SIGTRAP:
        raise RuntimeError(f"thread {thread} did not stop as told: wait status {status:#x}")


@contextlib.contextmanager
def stopped(thread: int) -> Iterator[None]:
    """The thread stands still, and all others of its process go on. It may be killed meanwhile."""
    request(SEIZE, thread)
    try:
        request(INTERRUPT, thread)
        wait_for_stop(thread)
        yield
    finally:
        try:
            request(DETACH, thread)
        except ProcessLookupError:
            os.waitpid(thread, WALL)  # killed: it stays until its tracer knows
