"""Debian's docker-registry on a free loopback port, its storage in a folder of the caller's."""
import crypt
import pathlib
import re

from .process import Process, wait_until

CONFIG = """version: 0.1
log: {{level: info, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {storage}}}}}
http: {{addr: "127.0.0.1:0"}}
"""
BASIC_AUTH = """auth: {{htpasswd: {{realm: test, path: {htpasswd}}}}}
"""


class Registry:
    def __init__(self, folder: pathlib.Path, user: tuple[str, str] | None = None):
        """Starts it. With `user` (name, password) it wants basic credentials for everything."""
        folder.mkdir(parents=True, exist_ok=True)
        config = CONFIG.format(storage=folder / "storage")
        if user:
            htpasswd = folder / "htpasswd"
            hashed = crypt.crypt(user[1], crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2**4))
            htpasswd.write_text(f"{user[0]}:{hashed}\n")
            config += BASIC_AUTH.format(htpasswd=htpasswd)
        (folder / "config.yml").write_text(config)
        self._process = Process(["docker-registry", "serve", str(folder / "config.yml")], folder / "registry.log",
                                death_signal="KILL")
        self.host = "127.0.0.1"
        try:
            self.port = int(wait_until("docker-registry to listen", self._listening_port))
        except TimeoutError:
            self.stop()
            raise RuntimeError(f"docker-registry does not start:\n{self._process.log()}") from None

    def _listening_port(self) -> str | None:
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", self._process.log())
        return found and found[1]

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def stop(self) -> None:
        self._process.end()
