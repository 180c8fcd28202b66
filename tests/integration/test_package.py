"""The Debian package, in a Debian of its own: installed, upgraded under load, removed while containers run."""
import pathlib
import re
import shutil

from harness import proc, programs
from harness.containerd import PROXY_PLUGIN
from harness.containerd_case import SNAPSHOTTER, ContainerdTest
from harness.debian_image import DEBIAN, Stage, debian_image
from harness.process import wait_until
from harness.systemd import DebianHost

READS = "while find /usr -type f -exec cat {} + >/dev/null; do echo round; sleep 0.1; done"


def make_package(folder: pathlib.Path, version: str = "") -> pathlib.Path:
    options = ["-D", f"CPACK_PACKAGE_VERSION={version}"] if version else []
    programs.run(["cpack", "--config", programs.BUILD / "CPackConfig.cmake", "-B", folder, *options], seconds=300, cwd=programs.BUILD)
    [package] = folder.glob("*.deb")
    return package


def dependencies(package: pathlib.Path) -> tuple[str, ...]:
    said = programs.run(["dpkg-deb", "--field", package, "Depends"]).stdout
    return tuple(sorted(re.sub(r"\(.*?\)", "", entry.partition("|")[0]).strip() for entry in said.split(",")))


class PackageTest(ContainerdTest):
    fixtures = "debian"

    def start_host(self, package: pathlib.Path) -> DebianHost:
        """One that has what the package depends on, containerd, and nothing else."""
        stage = Stage("host", ("systemd", "systemd-sysv", "containerd", "runc", *dependencies(package)), DEBIAN)
        root = debian_image(stage).unpack_with_umoci(self.folder / "host")
        (root / "etc/containerd").mkdir(exist_ok=True)
        (root / "etc/containerd/config.toml").write_text("version = 2\n" + PROXY_PLUGIN.format("/run/lacuna/snapshotter.sock"))
        shutil.copy(shutil.which("ctr-remote"), root / "usr/local/bin")
        host = DebianHost(self.folder / "systemd", root)
        self.addCleanup(host.end)
        return host

    def install(self, host: DebianHost, package: pathlib.Path) -> str:
        shutil.copy(package, host.inside("/tmp/lacuna.deb"))
        installed = host.run(["dpkg", "--install", "/tmp/lacuna.deb"], seconds=120)
        return installed.stdout + installed.stderr

    def test_installed_upgraded_and_removed_under_a_container(self) -> None:
        image = debian_image(DEBIAN)
        self.start_registry()
        [reference] = self.push_images(image, index=True)
        package = make_package(self.folder / "package")
        host = self.start_host(package)
        self.install(host, package)
        self.assertEqual(host.show("lacunad", "ActiveState"), "active")
        self.assertEqual(host.systemctl("is-enabled", "lacunad").stdout, "enabled\n")
        wait_until("containerd to find lacunad", lambda: host.run(["ctr", "snapshots", SNAPSHOTTER, "ls"], check=False).returncode == 0)
        host.run(["ctr-remote", "images", "rpull", "--snapshotter=lacuna", "--plain-http", reference])
        host.run(["ctr", "run", "--detach", "--cpu-shares=0", "--log-uri=file:///tmp/container.log", SNAPSHOTTER, reference, "running", "sh", "-c", READS])
        log = host.root / "tmp/container.log"
        wait_until("the container to read", lambda: log.exists() and "round" in log.read_text(), seconds=60)

        keeper = host.show("lacunad", "MainPID")
        worker = proc.children(host.host_pid(int(keeper)))
        self.assertNotIn("goes on", self.install(host, make_package(self.folder / "newer", "999.0")))
        self.assertEqual(host.show("lacunad", "MainPID"), keeper)
        self.assertNotEqual(proc.children(host.host_pid(int(keeper))), worker)
        for unit in ("", "lacunad", "containerd", "lacunad"):
            if unit:
                host.systemctl("restart", unit)
            rounds = log.read_text().count("round")
            wait_until("the container to read on", lambda: log.read_text().count("round") > rounds + 1, seconds=60)
        self.assertEqual(log.read_text().replace("round\n", ""), "")

        host.run(["dpkg", "--remove", "lacuna"])
        self.assertEqual(host.run(["pidof", "lacunad", "lacunad-worker"], check=False).stdout, "")
        mount_points = [line.split()[4] for line in host.run(["cat", "/proc/self/mountinfo"]).stdout.splitlines()]
        self.assertEqual([point for point in mount_points if point.startswith("/run/lacuna")], [])
        self.assertFalse((host.root / "usr/sbin/lacunad").exists())
        self.assertTrue((host.root / "etc/lacuna/lacunad.toml").exists())
        host.run(["ctr", "tasks", "kill", "--signal=KILL", "running"], check=False)  # its program's own pages may be gone, and it with them
        wait_until("the container to end", lambda: "STOPPED" in host.run(["ctr", "tasks", "ls"]).stdout)
        host.run(["dpkg", "--purge", "lacuna"])
        left = [path for path in ("etc/lacuna", "var/lib/lacuna", "usr/lib/systemd/system/lacunad.service") if (host.root / path).exists()]
        self.assertEqual(left, [])
