"""A certificate authority of the test's own, made by the openssl program in the test's folder, with keys that are made fast."""
import dataclasses
import pathlib
import ssl
from collections.abc import Sequence

from . import programs

CONFIG = """[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
[client]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = clientAuth
"""
LOOPBACK = ("IP:127.0.0.1", "DNS:localhost")


@dataclasses.dataclass(frozen=True)
class Certificate:
    certificate: pathlib.Path
    key: pathlib.Path


@dataclasses.dataclass(frozen=True)
class ServerTls:
    """What a server needs for TLS. With `client_ca`, it wants a certificate of its clients, which that authority signed."""
    own: Certificate
    client_ca: pathlib.Path | None = None

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.own.certificate, self.own.key)
        if self.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.client_ca)
        return context


class Authority:
    """Signs certificates that are good for two days."""

    def __init__(self, folder: pathlib.Path, name: str = "authority"):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._config = folder / f"{name}.cnf"
        self._config.write_text(CONFIG)
        self._own = self._make(name, "authority", [])

    @property
    def certificate(self) -> pathlib.Path:
        """What a client has to trust, as PEM."""
        return self._own.certificate

    def server(self, name: str = "server", alternative_names: Sequence[str] = LOOPBACK) -> Certificate:
        """For a server with these names, each `DNS:…` or `IP:…`; `name` names the files."""
        return self._signed(name, "server", ["-addext", f"subjectAltName={','.join(alternative_names)}"])

    def client(self, name: str = "client") -> Certificate:
        return self._signed(name, "client", [])

    def client_context(self, own: Certificate | None = None) -> ssl.SSLContext:
        """For a client in Python that trusts this authority, and shows `own`."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        if own:
            context.load_cert_chain(own.certificate, own.key)
        return context

    def _signed(self, name: str, extensions: str, more: list[str]) -> Certificate:
        return self._make(name, extensions, ["-CA", str(self._own.certificate), "-CAkey", str(self._own.key), *more])

    def _make(self, name: str, extensions: str, more: list[str]) -> Certificate:
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        programs.run(["openssl", "req", "-x509", "-config", self._config, "-extensions", extensions, "-newkey", "ec",
                      "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2", "-subj", f"/CN={name}",
                      "-out", made.certificate, "-keyout", made.key, *more])
        return made
