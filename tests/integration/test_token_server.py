"""The token server against the real registry: it takes what was granted, for as long as was said, and no longer."""
import base64
import json
import time
import urllib.parse

from harness.process import wait_until
from harness.registry import Registry
from harness.token_server import TokenServer
from harness.wire_case import BLOB, WireTest, blob_path

USER = ("somebody", "pass:word")
PULL = "repository:test:pull"
PUSH = "repository:test:pull,push"


class TokenServerTest(WireTest):
    def setUp(self) -> None:
        super().setUp()
        self.tokens = self.started(TokenServer(self.folder / "tokens", dict([USER]), ["refresh-me"], lifetime=60))
        self.registry = self.started(Registry(self.folder / "registry", token_server=self.tokens))

    def basic(self, name: str, password: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}

    def bearer(self, *scopes: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.token(*scopes)}"}

    def ask(self, *scopes: str, headers: dict[str, str] | None = None, service: str = "registry.test") -> tuple[int, dict]:
        query = urllib.parse.urlencode([("service", service), *(("scope", scope) for scope in scopes)])
        response, body = self.get(self.tokens, f"/token?{query}", headers=headers)
        return response.status, json.loads(body or "{}")

    def post(self, **form: str) -> tuple[int, dict]:
        connection = self.connect(self.tokens)
        content = urllib.parse.urlencode({"service": "registry.test", "client_id": "test", "scope": PUSH} | form)
        connection.request("POST", "/token", content, {"Content-Type": "application/x-www-form-urlencoded"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    def test_the_registry_says_where_to_ask(self) -> None:
        response, _ = self.get(self.registry)
        self.assertEqual(response.status, 401)
        self.assertEqual(response.getheader("WWW-Authenticate"),
                         f'Bearer realm="{self.tokens.origin}/token",service="registry.test",scope="{PULL}"')

    def test_push_and_pull(self) -> None:
        self.push(self.registry, headers=self.bearer(PUSH))
        status, granted = self.ask(PULL)
        self.assertEqual((status, granted["expires_in"], granted["token"]), (200, 60, granted["access_token"]))
        response, body = self.get(self.registry, byte_range=(5, 9), headers={"Authorization": f"Bearer {granted['token']}"})
        self.assertEqual((response.status, body), (206, BLOB[5:10]))

    def test_only_what_was_granted(self) -> None:
        response, _ = self.get(self.registry, headers=self.bearer("repository:other:pull"))
        self.assertEqual(response.status, 401)
        self.assertIn("insufficient_scope", response.getheader("WWW-Authenticate"))
        connection = self.connect(self.registry)
        connection.request("POST", "/v2/test/blobs/uploads/", headers=self.bearer(PULL))
        self.assertEqual(connection.getresponse().status, 401)

    def test_no_longer_than_it_lives(self) -> None:
        self.tokens.lifetime = 1
        self.push(self.registry, headers=self.bearer(PUSH))
        asked = time.time()
        token = self.bearer(PULL)
        self.assertEqual(self.status(self.registry, headers=token), 200)
        wait_until("the token to expire", lambda: self.status(self.registry, headers=token) == 401)
        lived = time.time() - asked
        self.assertGreaterEqual(lived, 1)
        self.assertLess(lived, 3)
        response, _ = self.get(self.registry, headers=token)
        self.assertIn('error="invalid_token"', response.getheader("WWW-Authenticate"))
        self.assertEqual(self.status(self.registry, headers=self.bearer(PULL)), 200)

    def test_a_lifetime_that_is_not_kept(self) -> None:
        self.tokens.promised_lifetime = 300
        self.assertEqual(self.ask(PULL)[1]["expires_in"], 300)

    def test_anyone_may_pull(self) -> None:
        self.assertEqual(self.ask(PUSH, "repository:a/b:push")[1]["scope"], PULL)
        self.tokens.anonymous_pull = False
        self.assertEqual(self.ask(PULL)[0], 401)
        self.assertEqual([(issued.scopes, issued.how) for issued in self.tokens.issued], [((PULL,), "get-anonymous")])

    def test_basic_credentials(self) -> None:
        status, granted = self.ask(PUSH, PULL, headers=self.basic(*USER))
        self.assertEqual((status, granted["scope"]), (200, f"{PUSH} {PULL}"))
        self.push(self.registry, headers={"Authorization": f"Bearer {granted['token']}"})
        for wrong in (self.basic("somebody", "else"), self.basic("nobody", ""), {"Authorization": "Basic !"}, self.bearer(PULL)):
            self.assertEqual(self.ask(PUSH, headers=wrong)[0], 401)
        self.assertEqual([issued.how for issued in self.tokens.issued], ["get-basic"])

    def test_refresh_tokens(self) -> None:
        status, granted = self.post(grant_type="refresh_token", refresh_token="refresh-me")
        self.assertEqual((status, granted["scope"], granted["refresh_token"]), (200, PUSH, "refresh-me"))
        self.push(self.registry, headers={"Authorization": f"Bearer {granted['access_token']}"})
        self.assertEqual(self.post(grant_type="refresh_token", refresh_token="other")[0], 401)
        self.assertEqual(self.post(grant_type="refresh_token")[0], 401)
        self.assertEqual([issued.how for issued in self.tokens.issued], ["post-refresh"])

    def test_a_password_by_post(self) -> None:
        self.assertEqual(self.post(grant_type="password", username=USER[0], password=USER[1])[0], 200)
        self.assertEqual(self.post(grant_type="password", username=USER[0], password="else")[0], 401)
        self.assertEqual([issued.how for issued in self.tokens.issued], ["post-password"])

    def test_another_service(self) -> None:
        self.assertEqual(self.ask(PULL, service="registry.other")[0], 401)
        self.assertEqual(self.post(service="registry.other", grant_type="refresh_token", refresh_token="refresh-me")[0], 401)

    def test_fails_and_delays_when_told_so(self) -> None:
        self.tokens.fail_with = 503
        self.assertEqual(self.ask(PULL)[0], 503)
        self.tokens.fail_with = None
        self.tokens.delay = 0.3
        started = time.monotonic()
        self.assertEqual(self.ask(PULL)[0], 200)
        self.assertGreater(time.monotonic() - started, 0.29)
        self.assertEqual(self.tokens.log.count_by_path(), {"/token": 2})
