"""PID 1 of a test machine: makes the guest habitable, runs one command, and ends the machine with its exit status.

The kernel starts it as `python3 -I -S guest_init.py FOLDER`, on the host's root, which is mounted read-only. FOLDER/job.py
says what to run (see job.py here). What the command prints goes to the port that machine.py reads, the kernel's log to ttyS0.
Imports little, because each module costs a machine without KVM 50 ms.
"""
import ctypes
import fcntl
import os
import resource
import signal
import struct
import sys

WORK_DISK = "/dev/vda"
OUTPUT_PORT = "/dev/vport0p1"
EXIT_PORT = 0xF4  # isa-debug-exit
TIMED_OUT = 124  # as timeout(1)
INTERRUPT_SECONDS = 15  # for a test that ran out of time to say where, and to show its daemons' logs
MS_BIND = 4096
AF_INET, SOCK_DGRAM, SIOCSIFFLAGS, IFF_UP = 2, 2, 0x8914, 1

libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    os.makedirs(target, exist_ok=True)
    if libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), f"mount {kind} on {target}")


def mount_system() -> None:
    mount("proc", "/proc", "proc")
    mount("sysfs", "/sys", "sysfs")
    mount("fusectl", "/sys/fs/fuse/connections", "fusectl")
    mount("devpts", "/dev/pts", "devpts")
    mount("tmpfs", "/dev/shm", "tmpfs")
    mount("tmpfs", "/run", "tmpfs")
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(f"/proc/self/{target}", f"/dev/{name}")


def mount_work_disk(keep: list[str]) -> None:
    """An empty disk at /tmp. What a test needs from the host below /tmp or /run stays where it is."""
    kept = {path: os.open(path, os.O_PATH) for path in keep if path.startswith(("/tmp/", "/run/"))}
    mount(WORK_DISK, "/tmp", "ext4")
    os.chmod("/tmp", 0o1777)
    for path, descriptor in kept.items():
        mount(f"/proc/self/fd/{descriptor}", path, flags=MS_BIND)
        os.close(descriptor)


def start_loopback() -> None:
    fcntl.ioctl(libc.socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def start(command: list[str], directory: str, environment: dict[str, str]) -> int:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.chdir(directory)
        os.execvpe(command[0], command, environment)
    return pid


def wait_for(pid: int) -> int:
    """The exit status of the command; other children are orphans that came to PID 1."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if 0 <= code < 126 else 1


def dump_blocked_tasks() -> None:
    for key in "wl":  # blocked tasks; what each CPU does
        with open("/proc/sysrq-trigger", "w") as trigger:
            trigger.write(key)


def end_machine(code: int) -> None:
    with open("/dev/port", "r+b", buffering=0) as ports:
        ports.seek(EXIT_PORT)
        ports.write(bytes([code + 1]))  # plus one: what QEMU exits with when it fails would be a 0


def limit(pid: int, seconds: int) -> None:
    """After `seconds` the machine shows what hangs, and ends."""

    def time_out(number: int, frame: object) -> None:
        print(f"the machine: not done after {seconds} s", flush=True)
        dump_blocked_tasks()
        signal.signal(signal.SIGALRM, lambda number, frame: end_machine(TIMED_OUT))
        signal.alarm(INTERRUPT_SECONDS)
        os.kill(pid, signal.SIGALRM)  # run_one.py says where it is, and cleans up
        wait_for(pid)
        end_machine(TIMED_OUT)

    signal.signal(signal.SIGALRM, time_out)
    signal.alarm(seconds)


def main() -> int:
    sys.path.insert(0, sys.argv[1])
    import job  # before /tmp and /run are covered
    mount_system()
    output = os.open(OUTPUT_PORT, os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    mount_work_disk(job.keep)
    start_loopback()
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1 << 19))  # as systemd has it
    pid = start(job.command, job.directory, job.environment)
    limit(pid, job.seconds)
    return wait_for(pid)


end_machine(main())
