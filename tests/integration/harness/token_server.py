"""An issuer of bearer tokens for docker-registry: GET with basic credentials or none, and POST as OAuth 2 has it."""
import asyncio
import base64
import binascii
import dataclasses
import json
import math
import pathlib
import secrets
import time
import urllib.parse
from collections.abc import Iterable, Mapping

from . import http_message
from .http_message import Request, Response
from .http_server import HttpServer
from .jwt_signer import JwtSigner
from .tls import ServerTls

# docker-registry 2.8 takes a token for 60 s longer than its `exp` says: registry/auth/token/token.go, Leeway.
REGISTRY_LEEWAY_SECONDS = 60
ISSUER = "lacuna-test"


@dataclasses.dataclass(frozen=True)
class Issued:
    time: float  # seconds, time.monotonic()
    scopes: tuple[str, ...]  # as granted
    how: str  # get-anonymous, get-basic, post-password, post-refresh
    token: str


class Refused(Exception):
    """No token for whoever asks so."""


class TokenServer(HttpServer):
    """`issued` has the tokens that were handed out, `log` every request on the wire.

    The registry takes a token for at least `lifetime` seconds and for less than one second more: `exp` is in whole seconds.
    Attributes may be changed at any time, `realm` before the registry starts.
    """

    def __init__(self, folder: pathlib.Path, users: Mapping[str, str] | None = None, refresh_tokens: Iterable[str] = (),
                 lifetime: float = 2.0, anonymous_pull: bool = True, tls: ServerTls | None = None):
        """`users`: password by name. Who shows one, or one of the refresh tokens, may do everything."""
        self.issued: list[Issued] = []
        self.users = dict(users or {})
        self.refresh_tokens = set(refresh_tokens)
        self.lifetime = lifetime
        self.promised_lifetime: float | None = None  # what `expires_in` says; None: the truth
        self.anonymous_pull = anonymous_pull
        self.service = "registry.test"
        self.delay = 0.0  # seconds before an answer
        self.fail_with: int | None = None  # a status instead of tokens
        self._signer = JwtSigner(folder)
        super().__init__("token-server", tls.context() if tls else None)
        self.realm = f"{self.origin}/token"

    def registry_config(self) -> dict[str, str]:
        return {"realm": self.realm, "service": self.service, "issuer": ISSUER, "rootcertbundle": str(self._signer.certificate)}

    def token(self, *scopes: str) -> str:
        """A token for scopes such as `repository:a/b:pull,push`; it does not count as issued."""
        now = time.time()
        claims = {"iss": ISSUER, "sub": "", "aud": self.service, "jti": secrets.token_hex(8),
                  "exp": math.ceil(now + self.lifetime) - REGISTRY_LEEWAY_SECONDS,
                  "iat": int(now) - 2 * REGISTRY_LEEWAY_SECONDS, "nbf": int(now) - 2 * REGISTRY_LEEWAY_SECONDS,
                  "access": [_access(scope) for scope in scopes]}
        return self._signer.sign(claims)

    def handler(self) -> "TokenHandler":
        return TokenHandler(self)


class TokenHandler:
    """One client connection."""

    def __init__(self, server: TokenServer):
        self._server = server

    async def answer(self, request: Request) -> Response:
        form = urllib.parse.parse_qs(b"".join([block async for block in request.body]).decode())
        await asyncio.sleep(self._server.delay)
        if self._server.fail_with:
            return await http_message.answer(request, self._server.fail_with, [])
        try:
            granted = self._post(form) if request.method == "POST" else self._get(request)
        except Refused as refused:
            return await _json(request, 401, {"errors": [{"code": "UNAUTHORIZED", "message": str(refused)}]})
        return await _json(request, 200, granted)

    def _get(self, request: Request) -> dict[str, object]:
        asked = urllib.parse.parse_qs(request.query)
        self._check_service(asked)
        credentials = http_message.find(request.headers, "Authorization")
        if credentials is None:
            granted = self._issue(self._for_anyone(asked.get("scope", [])), "get-anonymous")
        else:
            self._check_user(*_basic(credentials))
            granted = self._issue(asked.get("scope", []), "get-basic")
        return granted | {"token": granted["access_token"]}

    def _post(self, form: dict[str, list[str]]) -> dict[str, object]:
        self._check_service(form)
        field = {name: values[0] for name, values in form.items()}
        if not field.get("client_id"):
            raise Refused("no client_id")
        scopes = field.get("scope", "").split()
        if field.get("grant_type") == "password":
            self._check_user(field.get("username", ""), field.get("password", ""))
            return self._issue(scopes, "post-password")
        if field.get("grant_type") != "refresh_token" or field.get("refresh_token") not in self._server.refresh_tokens:
            raise Refused("no such grant")
        return self._issue(scopes, "post-refresh") | {"refresh_token": field["refresh_token"]}

    def _check_service(self, asked: dict[str, list[str]]) -> None:
        if asked.get("service") != [self._server.service]:
            raise Refused("another service")

    def _check_user(self, name: str, password: str) -> None:
        if name not in self._server.users or self._server.users[name] != password:
            raise Refused("no such user, or another password")

    def _for_anyone(self, scopes: list[str]) -> list[str]:
        """Of these scopes, what needs no credentials."""
        if not self._server.anonymous_pull:
            raise Refused("credentials are wanted")
        resources = [scope.rpartition(":") for scope in scopes]
        return [f"{resource}:pull" for resource, _, actions in resources if "pull" in actions.split(",")]

    def _issue(self, scopes: list[str], how: str) -> dict[str, object]:
        server = self._server
        token = server.token(*scopes)
        server.issued.append(Issued(time.monotonic(), tuple(scopes), how, token))
        promised = server.lifetime if server.promised_lifetime is None else server.promised_lifetime
        issued_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {"access_token": token, "scope": " ".join(scopes), "expires_in": int(promised), "issued_at": issued_at}

    def close(self) -> None:
        pass


def _access(scope: str) -> dict[str, object]:
    resource, _, actions = scope.rpartition(":")
    kind, _, name = resource.partition(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}


def _basic(credentials: str) -> tuple[str, str]:
    scheme, _, encoded = credentials.partition(" ")
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Refused("basic credentials that cannot be read") from None
    if scheme.lower() != "basic":
        raise Refused(f"not basic credentials but {scheme}")
    return name, password


async def _json(request: Request, status: int, content: dict[str, object]) -> Response:
    return await http_message.answer(request, status, [("Content-Type", "application/json")], json.dumps(content).encode())
