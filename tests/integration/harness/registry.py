"""Debian's docker-registry on a free loopback port, its storage in a folder of the caller's."""
import crypt
import json
import pathlib
import re

from .process import Process, wait_until
from .tls import ServerTls
from .token_server import TokenServer


class Registry:
    def __init__(self, folder: pathlib.Path, user: tuple[str, str] | None = None, token_server: TokenServer | None = None,
                 tls: ServerTls | None = None, proxy_of: str = "", storage: pathlib.Path | None = None):
        """Starts it. With `user` (name, password) it wants basic credentials for everything, with `token_server` tokens
        of that one. With `proxy_of`, the URL of another registry, it is a pull-through cache of it. `storage` may be the
        folder of a registry that ran before, without a guard: what was pushed there is here.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        config: dict[str, object] = {
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(storage or folder / "storage")}},
            "http": {"addr": "127.0.0.1:0"} | _tls_config(tls),
        }
        if user:
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(_password_file(folder, user))}}
        if token_server:
            config["auth"] = {"token": token_server.registry_config()}
        if proxy_of:
            config["proxy"] = {"remoteurl": proxy_of}
        (folder / "config.yml").write_text(json.dumps(config))  # which is YAML too
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

    def change_user(self, user: tuple[str, str]) -> None:
        """Another password, or another user: the registry reads its password file again when it was written."""
        _password_file(self._folder, user)

    def stop(self) -> None:
        self._process.end()


def _password_file(folder: pathlib.Path, user: tuple[str, str]) -> pathlib.Path:
    file = folder / "htpasswd"
    hashed = crypt.crypt(user[1], crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2**4))
    file.write_text(f"{user[0]}:{hashed}\n")
    return file


def _tls_config(tls: ServerTls | None) -> dict[str, object]:
    if tls is None:
        return {}
    client_ca = {"clientcas": [str(tls.client_ca)]} if tls.client_ca else {}
    return {"tls": {"certificate": str(tls.own.certificate), "key": str(tls.own.key)} | client_ca}
