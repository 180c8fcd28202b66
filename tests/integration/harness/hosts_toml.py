"""The hosts.toml files that tell a daemon which servers answer for a registry."""
import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Mirror:
    url: str
    capabilities: Sequence[str] = ("pull", "resolve")
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


class HostsToml:
    """The file of one registry, below a folder for `[fetch] certs_dirs`; it may be written again while a daemon runs."""

    def __init__(self, certs_dir: pathlib.Path, host: str, port: int):
        self.certs_dir = certs_dir
        self._server = f"http://{host}:{port}"
        self._path = certs_dir / f"{host}_{port}_" / "hosts.toml"
        self._path.parent.mkdir(parents=True)
        self.write()

    def write(self, *mirrors: Mirror | str) -> None:
        """These mirrors in this order, and the registry itself behind them."""
        sections = [_section(Mirror(mirror) if isinstance(mirror, str) else mirror) for mirror in mirrors]
        new = self._path.with_suffix(".new")
        new.write_text("\n".join([f"server = {json.dumps(self._server)}", *sections]))
        os.rename(new, self._path)  # so that nobody reads half of it


def _section(mirror: Mirror) -> str:
    # JSON's strings and arrays are TOML's too.
    url = json.dumps(mirror.url)
    lines = [f"[host.{url}]", f"capabilities = {json.dumps(list(mirror.capabilities))}"]
    if mirror.headers:
        lines += [f"[host.{url}.header]", *(f"{name} = {json.dumps(value)}" for name, value in mirror.headers.items())]
    return "\n".join(lines)
