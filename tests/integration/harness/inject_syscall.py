"""Makes another process do a system call, as a debugger would (ptrace(2)). x86-64, root."""
import ctypes
import os
import pathlib
import re

from . import ptrace

SYSCALL_INSTRUCTION = b"\x0f\x05"
SYS_DUP2 = 33
NO_SYSCALL = 2**64 - 1  # as orig_rax: the kernel has no interrupted system call to repeat


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
    with ptrace.stopped(pid):
        saved = Registers()
        ptrace.request(ptrace.GETREGS, pid, ctypes.addressof(saved))
        call = Registers.from_buffer_copy(saved)
        call.rip, call.rax, call.orig_rax, call.rdi, call.rsi = _syscall_address(pid), number, NO_SYSCALL, first, second
        ptrace.request(ptrace.SETREGS, pid, ctypes.addressof(call))
        ptrace.request(ptrace.SINGLESTEP, pid)
        ptrace.wait_for_stop(pid)
        ptrace.request(ptrace.GETREGS, pid, ctypes.addressof(call))
        ptrace.request(ptrace.SETREGS, pid, ctypes.addressof(saved))
        return ctypes.c_int64(call.rax).value


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
