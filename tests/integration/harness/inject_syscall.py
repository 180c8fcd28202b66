"""Makes another process do a system call, as a debugger would (ptrace(2)). x86-64, root."""
import ctypes
import os
import pathlib
import re
import signal
from collections.abc import Iterator

SYSCALL_INSTRUCTION = b"\x0f\x05"
SYS_DUP2 = 33
PTRACE_SINGLESTEP, PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_DETACH = 9, 12, 13, 17
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000  # __WALL
NO_SYSCALL = 2**64 - 1  # as orig_rax: the kernel has no interrupted system call to repeat

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


class Registers(ctypes.Structure):
    """user_regs_struct of <sys/user.h>."""
    _fields_ = [(name, ctypes.c_uint64) for name in (
        "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
        "fs_base gs_base ds es fs gs").split()]


def dup2(pid: int, source: int, target: int) -> None:
    """The process `pid` loses what its descriptor `target` was, and has `source` there too."""
    result = inject(pid, SYS_DUP2, source, target)
    if result != target:
        raise OSError(-result, f"dup2({source}, {target}) in process {pid}: {os.strerror(-result)}")


def inject(pid: int, number: int, first: int, second: int) -> int:
    """What the kernel answers to the system call: -errno for an error. The process's first thread makes it."""
    _ptrace(PTRACE_SEIZE, pid)
    try:
        _ptrace(PTRACE_INTERRUPT, pid)
        _wait_for_stop(pid)
        saved = Registers()
        _ptrace(PTRACE_GETREGS, pid, ctypes.addressof(saved))
        call = Registers.from_buffer_copy(saved)
        call.rip, call.rax, call.orig_rax, call.rdi, call.rsi = _syscall_address(pid), number, NO_SYSCALL, first, second
        _ptrace(PTRACE_SETREGS, pid, ctypes.addressof(call))
        _ptrace(PTRACE_SINGLESTEP, pid)
        _wait_for_stop(pid)
        _ptrace(PTRACE_GETREGS, pid, ctypes.addressof(call))
        _ptrace(PTRACE_SETREGS, pid, ctypes.addressof(saved))
        return ctypes.c_int64(call.rax).value
    finally:
        _ptrace(PTRACE_DETACH, pid)


def descriptors(pid: int, link: str) -> Iterator[int]:
    """The descriptors of a process whose /proc link reads `link`."""
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(entry) == link:
                yield int(entry.name)
        except FileNotFoundError:
            pass  # closed since


def _syscall_address(pid: int) -> int:
    """Of a `syscall` instruction: the vdso has some, in every process."""
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
    begin, end = (int(bound, 16) for bound in re.search(r"^(\w+)-(\w+) .*\[vdso\]$", maps, re.MULTILINE).groups())
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(begin)
        at = memory.read(end - begin).find(SYSCALL_INSTRUCTION)
    if at < 0:
        raise RuntimeError(f"no syscall instruction in the vdso of process {pid}")
    return begin + at


def _wait_for_stop(pid: int) -> None:
    _, status = os.waitpid(pid, WALL)
    if not os.WIFSTOPPED(status) or os.WSTOPSIG(status) != signal.SIGTRAP:
        raise RuntimeError(f"process {pid} did not stop as told: wait status {status:#x}")


def _ptrace(request: int, pid: int, data: int = 0) -> None:
    if _libc.ptrace(request, pid, None, data) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace request {request:#x} of process {pid}")
