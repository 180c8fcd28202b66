"""Runs the fill of a cache (recorded_fill.py) in a test machine whose cache disk is recorded: every write, every flush. And lets another
machine serve from disks as a power cut left them (replayed_states.py).
"""
import pathlib
import subprocess
from collections.abc import Sequence

from vm import machine
from vm.job import PYTHON, SOURCE, Job

DISK_BYTES = 96 << 20
LOG_BYTES = 2 << 30  # sparse: QEMU does not make the file longer
HERE = pathlib.Path(__file__).resolve().parent
FILL = "power.recorded_fill.RecordedFill.test_fill"
SERVE = "power.replayed_states.ReplayedStates.test_serve"


def make_disk(disk: pathlib.Path) -> None:
    """An empty ext4, as mkfs makes it, but for a journal that is used again and again."""
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-J", "size=4", "-E", "lazy_itable_init=0", str(disk)], check=True)


def _job(test: str, seconds: int, needs: tuple[pathlib.Path, ...], environment: dict[str, str]) -> Job:
    command = [PYTHON, str(SOURCE / "tests/integration/run_one.py"), test]
    return Job(command, seconds, environment | {"PYTHONPATH": str(HERE.parent)}, needs)


def record(kernel: pathlib.Path, disk: pathlib.Path, log: pathlib.Path, seconds: int, storage: pathlib.Path,
           **environment: str) -> machine.Outcome:
    """`disk` becomes what the guest left of it; `log` is how it got there. `storage` is the registry's. The machine is cut off, not
    shut down."""
    with log.open("wb") as file:
        file.truncate(LOG_BYTES)
    environment |= {"LACUNA_TEST_STORAGE": str(storage)}
    # The disk of a guest that the host cares little about: what counts is what the guest believes to be flushed.
    files = [argument for name, path in (("disk", disk), ("log", log)) for argument in
             ("-blockdev", f"driver=file,node-name={name}-file,filename={path},cache.no-flush=on")]
    return machine.run(kernel, _job(FILL, seconds, (storage,), environment), 1, [
        *files, "-blockdev", "driver=blklogwrites,node-name=recorded,file=disk-file,log=log-file,log-sector-size=512",
        "-device", "virtio-blk-pci,addr=0x10,drive=recorded,write-cache=on,discard=off,write-zeroes=off"])


def serve(kernel: pathlib.Path, disks: Sequence[pathlib.Path], seconds: int, storage: pathlib.Path, **environment: str) -> machine.Outcome:
    """`disks` are written to."""
    devices = [argument for number, disk in enumerate(disks) for argument in
               ("-drive", f"file={disk},format=raw,if=none,id=state{number},cache=unsafe",
                "-device", f"virtio-blk-pci,addr={0x10 + number:#x},drive=state{number}")]
    environment |= {"LACUNA_TEST_STORAGE": str(storage), "LACUNA_TEST_DISKS": str(len(disks))}
    return machine.run(kernel, _job(SERVE, seconds, (storage,), environment), 1, devices)
