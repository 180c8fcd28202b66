"""JSON Web Tokens as docker-registry's token authentication takes them: RS256, the certificate in the header."""
import base64
import json
import pathlib
import ssl
import subprocess

from . import programs


class JwtSigner:
    """A key and its certificate in `folder`, made by openssl; each token costs one run of it, about 10 ms."""

    def __init__(self, folder: pathlib.Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / "tokens.pem"
        self._key = folder / "tokens.key"
        programs.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2", "-subj", "/CN=tokens",
                      "-out", self.certificate, "-keyout", self._key])
        chain = [base64.b64encode(ssl.PEM_cert_to_DER_cert(self.certificate.read_text())).decode()]
        self._header = {"typ": "JWT", "alg": "RS256", "x5c": chain}

    def sign(self, claims: dict[str, object]) -> str:
        content = ".".join(_encode(json.dumps(part).encode()) for part in (self._header, claims))
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(self._key)], input=content.encode(),
                                capture_output=True, check=True)
        return f"{content}.{_encode(signed.stdout)}"


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
