"""A real systemd of the test's own: PID 1 of new PID, mount, UTS and cgroup namespaces, with the units it is given.

It believes to be in a container. Its /run, /etc/systemd and /var/lib are the test's; all else is the host's, read-write, but
for /proc/sys. What it mounts nobody outside sees: `inside` leads there. It dies with the test, and all it started with it.
"""
import errno
import os
import pathlib
import pty
import shlex
import shutil
import subprocess
import threading

from . import programs
from .process import Process, wait_until

SYSTEMD = "/lib/systemd/systemd"
TARGETS = ("basic", "sysinit", "shutdown", "umount", "local-fs", "network", "multi-user", "final")
SETUP = """
set -e
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount --bind {{console}} /dev/console
mount -t tmpfs tmpfs /run
umount --recursive --lazy /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for empty in /lib/systemd/system-generators /lib/systemd/system-environment-generators /etc/systemd; do
  [ ! -d $empty ] || mount --bind {folder}/empty $empty
done
mount --bind {folder}/machine-id /etc/machine-id
mount --bind {folder}/lib /var/lib
exec env -i PATH="$PATH" container=lacuna SYSTEMD_UNIT_PATH={folder}/units {systemd} \
  --unit=multi-user.target {quietly}
"""
# A Debian of its own: only its kernel, its network and its clock are the host's.
DEBIAN_SETUP = """
set -e
mount --bind {root} {root}
cd {root}
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty fuse loop-control; do
  touch dev/$node
  mount --bind /dev/$node dev/$node
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm
touch dev/console
mount --bind {{console}} dev/console
pivot_root . mnt
umount -l mnt
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=lacuna {systemd} --unit=multi-user.target {quietly}
"""
QUIETLY = "--log-target=console --log-color=no --show-status=no"


def why_not_here() -> str | None:
    if reason := programs.why_not_here():
        return reason
    if not os.path.exists(SYSTEMD) or not shutil.which("systemctl"):
        return "needs systemd"
    missing = [tool for tool in ("unshare", "nsenter") if not shutil.which(tool)]
    if missing or not os.path.exists("/etc/machine-id"):
        return f"needs {', '.join(missing) or '/etc/machine-id'}"
    return None if _cgroup2() else "needs a mounted cgroup2"


def _cgroup2() -> pathlib.Path | None:
    for line in pathlib.Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        if " - cgroup2 " in line:
            return pathlib.Path(line.split()[4])
    return None


class Systemd:
    def __init__(self, folder: pathlib.Path, units: dict[str, str]):
        """`folder`: an empty one. `units`: their texts by path below the unit folder, e.g. "a.service.d/b.conf"."""
        for name in ("empty", "lib", "units"):
            (folder / name).mkdir(parents=True)
        (folder / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        targets = {f"{name}.target": "[Unit]\nDefaultDependencies=no\n" for name in TARGETS}
        for name, text in (targets | units).items():
            path = folder / "units" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self._boot(folder, SETUP.format(folder=shlex.quote(str(folder)), systemd=SYSTEMD, quietly=QUIETLY))

    def _boot(self, folder: pathlib.Path, setup_text: str) -> None:
        self._cgroup = _cgroup2() / f"lacuna-test-{os.getpid()}"
        self._cgroup.mkdir()
        self._console, console = pty.openpty()
        self._log = (folder / "systemd.log").open("wb", buffering=0)
        setup = folder / "setup.sh"
        setup.write_text(setup_text.format(console=os.ttyname(console)))
        threading.Thread(target=self._copy_console, daemon=True).start()
        self._outside = Process(
            ["sh", "-c", f'echo $$ >{self._cgroup}/cgroup.procs && exec unshare --pid --fork --kill-child=KILL --mount --uts '
             f"--cgroup sh {shlex.quote(str(setup))}"], folder / "unshare.log", death_signal="KILL")
        os.set_inheritable(console, False)
        self._console_end = console
        try:
            wait_until("systemd to be up", self._is_up, seconds=20, every=0.1)
        except BaseException:
            self.end()
            raise

    def _copy_console(self) -> None:
        try:
            while data := os.read(self._console, 65536):
                self._log.write(data)
        except (OSError, ValueError):
            pass  # the end

    def _is_up(self) -> bool:
        if not self._outside.running():
            raise AssertionError(f"systemd did not start:\n{self._outside.log()}")
        return bool(self._children()) and self.systemctl("is-active", "multi-user.target", check=False).returncode == 0

    def _children(self) -> list[str]:
        return pathlib.Path(f"/proc/{self._outside.pid}/task/{self._outside.pid}/children").read_text(encoding="ascii").split()

    @property
    def pid(self) -> int:
        """Of PID 1, as the host has it."""
        return int(self._children()[0])

    def inside(self, path: pathlib.Path | str) -> pathlib.Path:
        return pathlib.Path(f"/proc/{self.pid}/root{path}")

    def run(self, command: list[object], check: bool = True, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """In its namespaces."""
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--cgroup"]
        return programs.run([*enter, *command], check, seconds)

    def systemctl(self, *arguments: object, check: bool = True, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        return self.run(["systemctl", *arguments], check, seconds)

    def show(self, unit: str, name: str) -> str:
        return self.systemctl("show", "--value", f"--property={name}", unit).stdout.strip()

    def host_pid(self, pid: int) -> int:
        """Of a process that it knows by `pid`."""
        for entry in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                numbers = next(line for line in entry.read_text().splitlines() if line.startswith("NSpid:")).split()[1:]
            except OSError:
                continue  # it ended
            same = os.readlink(f"/proc/{self.pid}/ns/pid") == _link(entry.with_name("ns") / "pid")
            if same and int(numbers[-1]) == pid:
                return int(entry.parent.name)
        raise ProcessLookupError(f"no process {pid}")

    def end(self) -> None:
        """Everything in it is killed, whatever it does."""
        self._outside.send(9)
        self._outside.wait(20)
        for path in [*sorted((path for path in self._cgroup.rglob("*") if path.is_dir()), reverse=True), self._cgroup]:
            wait_until(f"{path} to be empty", lambda: _remove(path))
        os.close(self._console_end)


class DebianHost(Systemd):
    """A Debian that has systemd, from a root folder: its own users, files and services."""

    def __init__(self, folder: pathlib.Path, root: pathlib.Path):
        folder.mkdir(parents=True)
        self.root = root
        self._boot(folder, DEBIAN_SETUP.format(root=shlex.quote(str(root)), systemd=SYSTEMD, quietly=QUIETLY))

    def run(self, command: list[object], check: bool = True, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--cgroup", "--root", "--wd=/"]
        plain = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
        return programs.run([*enter, *command], check, seconds, env=plain)


def _link(path: pathlib.Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _remove(cgroup: pathlib.Path) -> bool:
    """False while a process in it has not quite ended."""
    try:
        cgroup.rmdir()
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True
