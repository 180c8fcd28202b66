"""A test machine: QEMU without KVM, the host's root read-only in it, an empty disk, one command.

The guest's files are the host's, over 9p: what was built on the host runs in the guest as it is. QEMU dies with its parent.
"""
import dataclasses
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence

from harness.process import Process

from .job import PYTHON, Job
from .kernel_log import complaints

CPU = "max,-erms,-fsrm"  # without KVM the instructions for long copies go byte by byte
MEMORY = "1G"
DISK_BYTES = 4 << 30  # sparse
GRACE_SECONDS = 45  # for the boot, and for the guest's own way to end a hang
INIT = pathlib.Path(__file__).with_name("guest_init.py")
TEMPORARY = os.environ.get("TMPDIR", "/var/tmp")  # the disk may grow: not in memory


@dataclasses.dataclass(frozen=True)
class Outcome:
    status: int | None  # of the command; 124: it was not done in time; None: the machine ended without saying
    output: str
    kernel_log: str

    @property
    def complaints(self) -> list[str]:
        return complaints(self.kernel_log)


def why_not_here() -> str | None:
    """Why there can be no machine on this host; None where there can."""
    if os.geteuid() != 0:
        return "needs root"
    if platform.machine() != "x86_64":
        return "needs an x86-64 host"
    missing = [tool for tool in ("qemu-system-x86_64", "mkfs.ext4", "setpriv") if not shutil.which(tool)]
    return f"needs {', '.join(missing)}; try deploy/install-packages" if missing else None


def run(kernel: pathlib.Path, job: Job, cpus: int = 1, more_devices: Sequence[str] = ()) -> Outcome:
    """Boots, runs the job, and takes everything away again. `more_devices`: QEMU's arguments for them, in slots from 0x10 on."""
    with tempfile.TemporaryDirectory(prefix="lacuna-vm-", dir=TEMPORARY) as name:
        folder = pathlib.Path(name)
        job.write(folder)
        _make_disk(folder / "disk")
        qemu = Process([*_command(kernel, folder, cpus), *more_devices], folder / "qemu.log", death_signal="KILL")
        try:
            status = qemu.wait(job.seconds + GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            status = 0
        finally:
            qemu.end()
        return Outcome(_exit_status(status), _text(folder / "output"), _text(folder / "kernel.log") + qemu.log())


def _make_disk(path: pathlib.Path) -> None:
    with path.open("wb") as disk:
        disk.truncate(DISK_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(path)], check=True)


def _exit_status(qemu_status: int) -> int | None:
    """The guest says its status plus one, which isa-debug-exit makes 2 * (status + 1) + 1. All else is QEMU's own end."""
    return (qemu_status >> 1) - 1 if qemu_status > 1 and qemu_status % 2 == 1 else None


def _text(path: pathlib.Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _command(kernel: pathlib.Path, folder: pathlib.Path, cpus: int) -> list[str]:
    """The devices lie four slots apart, where they share one interrupt line: each line costs a tenth of a second to set up."""
    return ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", CPU,
            "-smp", str(cpus), "-m", MEMORY, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", str(kernel), "-append", _kernel_command_line(folder),
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
            "-chardev", f"file,id=log,path={folder}/kernel.log", "-serial", "chardev:log",
            "-chardev", f"file,id=output,path={folder}/output", "-device", "virtio-serial-pci,addr=0x4",
            "-device", "virtserialport,chardev=output",
            "-drive", f"file={folder}/disk,format=raw,if=none,id=disk,cache=unsafe", "-device", "virtio-blk-pci,addr=0x8,drive=disk",
            "-fsdev", "local,id=root,path=/,readonly=on,security_model=passthrough,multidevs=remap",
            "-device", "virtio-9p-pci,addr=0xc,fsdev=root,mount_tag=root"]


def _kernel_command_line(folder: pathlib.Path) -> str:
    return " ".join([
        "console=ttyS0 printk.time=1",
        "root=root rootfstype=9p rootflags=trans=virtio,version=9p2000.L,cache=loose,msize=512000 ro",
        "clocksource=hpet",  # QEMU's own time; how fast the CPU's clock runs is measured badly on a busy host
        "norandmaps",  # QEMU translates code by its address: programs start several times faster
        "sysctl.kernel.hung_task_timeout_secs=40",
        "oops=panic panic=-1 reboot=t",  # a panic ends the machine at once: the log says the rest
        f"init={PYTHON} -- -I -S {INIT} {folder}"])
