"""Indexes that say something else than the layer they are for, and a registry that serves them as if they were the image's.

The format is proto/lacuna/index/v1/index.proto, zstd-compressed, read and written here without our own code.
"""
import http.client
import json
import subprocess
from collections.abc import Callable

from .oci_layout import INDEX, MANIFEST, digest_of

ARTIFACT = "application/vnd.lacuna.index.v1"
INDEXED_LAYER = "vnd.lacuna.layer.digest"
# Numbers of fields.
DIFF_ID, STRUCTURE, CHUNK_SUMS = 3, 10, 12
_VARINT, _BYTES = 0, 2
BLOCK = 512


def zstd(*flags: str, content: bytes) -> bytes:
    return subprocess.run(["zstd", "-qc", *flags], input=content, capture_output=True, check=True).stdout


class IndexFile:
    """Fields in order, each (number, wire type, value)."""

    def __init__(self, content: bytes):
        message = zstd("-d", content=content)
        self.fields: list[tuple[int, int, int | bytes]] = []
        at = 0
        while at < len(message):
            key, at = _varint(message, at)
            value, at = _varint(message, at)
            if key & 7 == _BYTES:
                value, at = message[at:at + value], at + value
            self.fields.append((key >> 3, key & 7, value))

    def change(self, number: int, change: Callable[[bytes], bytes]) -> "IndexFile":
        self.fields = [(n, kind, change(value) if n == number else value) for n, kind, value in self.fields]
        return self

    def content(self) -> bytes:
        out = b""
        for number, kind, value in self.fields:
            out += _encoded(number << 3 | kind)
            out += _encoded(value) if kind == _VARINT else _encoded(len(value)) + value
        return zstd(content=out)


def with_mode(structure: bytes, name: str, mode: int) -> bytes:
    """A compressed structure in which the file has another mode."""
    tar = bytearray(zstd("-d", content=structure))
    at = tar.index(name.encode() + b"\0")
    header = tar[at:at + BLOCK]
    header[100:108] = b"%07o\0" % mode
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    tar[at:at + BLOCK] = header
    return zstd(content=bytes(tar))


class RegistryWriter:
    """Puts into a repository what no well-behaved client would."""

    def __init__(self, address: str, repository: str):
        self._address = address
        self._repository = repository

    def _send(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        headers = {"Accept": f"{MANIFEST}, {INDEX}"} | ({"Content-Type": content_type} if content_type else {})
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {answer.read(1000)}")
        return answer

    def put_blob(self, content: bytes, media_type: str, **fields: object) -> dict:
        where = self._send("POST", f"/v2/{self._repository}/blobs/uploads/").headers["Location"]
        path = where[where.index("/v2/"):]
        digest = digest_of(content)
        self._send("PUT", f"{path}{'&' if '?' in path else '?'}digest={digest}", content, "application/octet-stream")
        return {"mediaType": media_type, "digest": digest, "size": len(content), **fields}

    def put_manifest(self, document: dict, media_type: str, tag: str = "", **fields: object) -> dict:
        content = json.dumps(document).encode()
        digest = digest_of(content)
        self._send("PUT", f"/v2/{self._repository}/manifests/{tag or digest}", content, media_type)
        return {"mediaType": media_type, "digest": digest, "size": len(content), **fields}

    def get_manifest(self, tag: str) -> dict:
        return json.loads(self._send("GET", f"/v2/{self._repository}/manifests/{tag}").read())

    def get_blob(self, digest: str) -> bytes:
        return self._send("GET", f"/v2/{self._repository}/blobs/{digest}").read()

    def indexes(self, image: str) -> dict:
        """The manifest of the artifact about the image with this digest: registries here know the tag scheme only."""
        [entry] = self.get_manifest(image.replace(":", "-"))["manifests"]
        return self.get_manifest(entry["digest"])

    def replace_indexes(self, image: str, layers: list[dict]) -> None:
        """The artifact about the image has these layers from now on."""
        self.put_indexes(image, self.indexes(image) | {"layers": layers})

    def put_indexes(self, image: str, artifact: dict) -> None:
        """This is the artifact about the image, and there is no other."""
        entry = self.put_manifest(artifact, MANIFEST, artifactType=ARTIFACT)
        self.put_manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}, INDEX, image.replace(":", "-"))


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _encoded(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])
