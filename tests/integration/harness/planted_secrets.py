"""Secrets that a test plants, and where they come out again: in any of the forms in which they go over the wire."""
import base64
import json
import os
import pathlib
import secrets
import threading
import urllib.parse
from collections.abc import Callable


class PlantedSecrets:
    def __init__(self) -> None:
        self._forms: dict[bytes, str] = {}  # what must not be seen, and whose it is

    def new(self, name: str) -> str:
        """A new one, with characters that encodings change."""
        secret = f"{secrets.token_hex(6)}:/+%{secrets.token_hex(6)}"
        self.add(name, secret)
        return secret

    def add(self, name: str, secret: str) -> None:
        encoded = base64.b64encode(secret.encode())
        forms = [secret.encode(), encoded, base64.urlsafe_b64encode(secret.encode()), encoded.rstrip(b"="),
                 urllib.parse.quote(secret, safe="").encode(), urllib.parse.quote_plus(secret).encode(),
                 json.dumps(secret)[1:-1].encode()]
        self._forms |= dict.fromkeys(forms, name)

    def add_user(self, name: str, user: tuple[str, str]) -> None:
        """A password, also with its user before it, as basic credentials are."""
        self.add(name, user[1])
        self.add(name, ":".join(user))

    def add_pem(self, name: str, path: pathlib.Path) -> None:
        """A private key: every line of it, because a message may have only some."""
        for line in path.read_text().splitlines():
            if line and not line.startswith("-----"):
                self.add(name, line)

    def seen_in(self, where: str, content: bytes) -> list[str]:
        """For each secret that `content` has: where it is, and the first line that has it, without it."""
        found = {}
        for form, name in list(self._forms.items()):
            at = content.find(form)
            if at >= 0 and name not in found:
                before, after = content[:at].rpartition(b"\n")[2], content[at + len(form):].partition(b"\n")[0]
                found[name] = f"{name} in {where}: {before[-300:]!r} {after[:100]!r}"
        return sorted(found.values())

    def seen_below(self, folder: pathlib.Path) -> list[str]:
        """The same for each file, and each file's name; not of what is mounted there."""
        found = []
        device = folder.stat().st_dev
        for path in sorted(folder.rglob("*")):
            found += self.seen_in(f"the name {path}", os.fsencode(path))
            if path.is_file() and path.stat().st_dev == device and not os.path.ismount(path):
                found += self.seen_in(str(path), path.read_bytes())
        return found


class CommandLineWatch:
    """The command lines of a process, which may be another after a restart, and of all its descendants."""
    EVERY_SECONDS = 0.01

    def __init__(self, pid: Callable[[], int]):
        self.seen: set[bytes] = set()
        self._pid = pid
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(self.EVERY_SECONDS):
            self._look(str(self._pid()))

    def _look(self, pid: str) -> None:
        try:
            self.seen.add(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
            tasks = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
            children = [child for task in tasks for child in (task / "children").read_text().split()]
        except OSError:
            return  # it ended
        for child in children:
            self._look(child)
