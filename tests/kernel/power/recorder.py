"""Runs the fill of a cache (recorded_fill.py) in a test machine whose cache disk is recorded: every write, every flush."""
import pathlib
import subprocess

from vm import machine
from vm.job import PYTHON, SOURCE, Job

DISK_BYTES = 96 << 20
LOG_BYTES = 2 << 30  # sparse: QEMU does not make the file longer
HERE = pathlib.Path(__file__).resolve().parent
FILL = "power.recorded_fill.RecordedFill.test_fill"


def make_disk(disk: pathlib.Path) -> None:
    """An empty ext4, as mkfs makes it, but for a journal that is used again and again."""
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-J", "size=4", "-E", "lazy_itable_init=0", str(disk)], check=True)


def record(kernel: pathlib.Path, disk: pathlib.Path, log: pathlib.Path, seconds: int, storage: pathlib.Path,
           **environment: str) -> machine.Outcome:
    """`disk` becomes what the guest left of it; `log` is how it got there. `storage` is the registry's. The machine is cut off, not
    shut down."""
    with log.open("wb") as file:
        file.truncate(LOG_BYTES)
    command = [PYTHON, str(SOURCE / "tests/integration/run_one.py"), FILL]
    environment |= {"PYTHONPATH": str(HERE.parent), "LACUNA_TEST_STORAGE": str(storage)}
    job = Job(command, seconds, environment, needs=(storage,))
    # The disk of a guest that the host cares little about: what counts is what the guest believes to be flushed.
    files = [argument for name, path in (("disk", disk), ("log", log)) for argument in
             ("-blockdev", f"driver=file,node-name={name}-file,filename={path},cache.no-flush=on")]
    return machine.run(kernel, job, 1, [
        *files, "-blockdev", "driver=blklogwrites,node-name=recorded,file=disk-file,log=log-file,log-sector-size=512",
        "-device", "virtio-blk-pci,addr=0x10,drive=recorded,write-cache=on,discard=off,write-zeroes=off"])
