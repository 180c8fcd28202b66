"""Fails if the systemd unit has a directive that makes a mount namespace, one without a comment, or a mistake.

usage: unit_test.py SOURCE_DIR
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# exec_needs_mount_namespace() of systemd 252 (src/core/execute.c), its options as the unit file has them; and what later
# versions have added.
MAKES_A_MOUNT_NAMESPACE = set("""
RootDirectory RootImage RootImageOptions RootHash RootVerity MountAPIVFS
ReadWritePaths ReadOnlyPaths InaccessiblePaths ExecPaths NoExecPaths ReadWriteDirectories ReadOnlyDirectories InaccessibleDirectories
BindPaths BindReadOnlyPaths TemporaryFileSystem MountImages ExtensionImages ExtensionDirectories MountFlags
PrivateTmp PrivateDevices PrivateMounts PrivateIPC PrivateUsers PrivateNetwork IPCNamespacePath
ProtectSystem ProtectHome ProtectKernelTunables ProtectKernelModules ProtectKernelLogs ProtectControlGroups ProtectProc ProcSubset
DynamicUser LogNamespace LoadCredential LoadCredentialEncrypted SetCredential SetCredentialEncrypted ImportCredential
PrivatePIDs BindLogSockets""".split())
PATHS = {"/usr/sbin/lacunad": "/bin/true", "/usr/bin/lacunactl": "/bin/true"}  # nothing is installed where this runs


def mistakes(unit: pathlib.Path) -> list[str]:
    found = []
    last_comment = False  # a comment is for all directives up to the next empty line or section
    for number, line in enumerate(unit.read_text().splitlines(), 1):
        name = re.match(r"(\w+)=", line)
        if name and name.group(1) in MAKES_A_MOUNT_NAMESPACE:
            found.append(f"{unit.name}:{number}: {name.group(1)} makes a mount namespace, where nobody sees our mounts")
        if name and not last_comment and name.group(1) not in ("Description", "WantedBy"):
            found.append(f"{unit.name}:{number}: {name.group(1)} has no comment above it")
        last_comment = line.startswith("#") or bool(name) and last_comment
    return found


def verify(unit: pathlib.Path) -> list[str]:
    """What systemd itself says."""
    if not shutil.which("systemd-analyze"):
        print("no systemd-analyze here")
        return []
    text = unit.read_text()
    for path, other in PATHS.items():
        text = re.sub(rf"(?m)^(Exec\w+=){path}\b", rf"\g<1>{other}", text)
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / unit.name
        copy.write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, timeout=60)
    return (done.stdout + done.stderr).splitlines() or ([] if done.returncode == 0 else ["systemd-analyze verify fails"])


root = pathlib.Path(sys.argv[1]).resolve()
units = sorted((root / "deploy/systemd").glob("*.service"))
bad = [line for unit in units for line in mistakes(unit) + verify(unit)]
print("\n".join(bad) or f"{len(units)} units are fine")
sys.exit(1 if bad or not units else 0)
