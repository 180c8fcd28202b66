"""No secret is ever told: one run with secrets of every kind, in which as much as possible goes wrong."""
import contextlib
import dataclasses
import os
import pathlib
import subprocess
import tempfile
import time
import unittest
import urllib.parse
from collections.abc import Callable

from harness import faults, http_message, programs
from harness.fault_proxy import FaultProxy
from harness.guarded_case import basic
from harness.planted_secrets import CommandLineWatch, PlantedSecrets
from harness.secrets_case import HEADER, NAME, SecretsCase

SERVED = "/manifests/|/blobs/"


@dataclasses.dataclass
class Echo:
    """Tells everything that it was shown: in the body, as a challenge, and as a place to go to."""
    status: int

    async def __call__(self, request: http_message.Request, forward: faults.Forward) -> http_message.Response:
        shown = [value for name, value in request.headers if name.lower() in ("authorization", HEADER.lower())]
        told = " ".join([request.target, *shown]).replace('"', "")
        headers = [("WWW-Authenticate", f'Basic realm="{told}"')] if self.status == 401 else []
        return await http_message.answer(request, self.status, headers, told.encode())


class ScannerTest(unittest.TestCase):
    """What finds nothing below would find something."""

    def test_every_form_is_found(self) -> None:
        planted = PlantedSecrets()
        planted.add_user("password", ("somebody", "pass:wo/rd+="))
        header = "Basic " + basic(("somebody", "pass:wo/rd+="))
        for log in ("pass:wo/rd+=", "pass%3Awo%2Frd%2B%3D", header, "somebody:pass:wo/rd+="):
            found = planted.seen_in("a log", f"2026-01-01 debug: GET {log} failed".encode())
            self.assertEqual(len(found), 1, log)
            self.assertRegex(found[0], "^password in a log: .*GET .* failed'$")
            self.assertNotIn(log, found[0])
        self.assertEqual(planted.seen_in("a log", b"debug: GET somebody failed"), [])

    def test_files_and_command_lines(self) -> None:
        planted = PlantedSecrets()
        secret = planted.new("token")
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "sub").mkdir()
            self.assertEqual(planted.seen_below(folder), [])
            (folder / "sub" / "cache.db").write_bytes(bytes(5000) + secret.encode() + b"\0")
            [found] = planted.seen_below(folder)
            self.assertRegex(found, f"^token in {folder}/sub/cache.db: ")
        watch = CommandLineWatch(os.getpid)
        subprocess.run(["sh", "-c", "sleep 0.5; :", secret], check=True)
        watch.stop()
        self.assertEqual(len(planted.seen_in("a command line", b"\n".join(watch.seen))), 1)


class SecretsTest(SecretsCase):
    def test_nothing_is_told(self) -> None:
        self.server.start()
        watch = CommandLineWatch(lambda: self.server.process.pid)
        self.addCleanup(watch.stop)
        for part in (self.all_goes_well, self.registries_fail, self.token_server_fails, self.helper_fails, self.files_are_wrong,
                     self.proxy_refuses, self.pushes_fail):
            started = time.monotonic()
            part()
            print(f"{part.__name__}: {time.monotonic() - started:.1f} s")
        self.all_goes_well()  # everything works still, so that it was not for want of secrets
        for question in (["status"], ["mounts", "ls"], ["images", "ls"], ["doctor"]):
            for output in ("json", "table"):
                self.heard(f"lacunactl {question[0]}", self.server.ctl("-o", output, *question, check=False))
        watch.stop()
        self.check(watch)
        self.server.ctl("umount", "-l", "--all")
        self.server.stop()
        self.check(watch)

    def check(self, watch: CommandLineWatch) -> None:
        self.assertGreater(len(self.tokens.issued), 1)
        for issued in self.tokens.issued:
            self.planted.add("a bearer token", issued.token)
        for url in self.store.log.requests_for():
            self.planted.add("a signature", url.target.rpartition("sig=")[2])
        found = self.planted.seen_below(self.server.root) + self.planted.seen_below(self.server.run)
        found += self.planted.seen_in("lacunad's log", self.server.process.log().encode())
        found += self.planted.seen_in("a command line", b"\n".join(watch.seen))
        for what, said in self.said:
            found += self.planted.seen_in(f"what {what} said", said.encode())
        self.assertEqual(found, [])
        self.assertGreater(len(self.store.log.requests_for()), 0)
        self.assertEqual(self.store.leaks, [])
        self.assertTrue(any(b"docker-credential-test" in line for line in watch.seen), "helpers were watched")

    def all_goes_well(self) -> None:
        self.mend()
        for proxy, flags in self.ways():
            self.mount(proxy, *flags, works=True, patiently=True)

    def ways(self) -> list[tuple[FaultProxy, list[str]]]:
        """To each registry, and how."""
        return [(self.by_token, []), (self.by_config, []), (self.by_helper, []),
                (self.by_creds, ["--creds", ":".join(self.user)])]

    def registries_fail(self) -> None:
        echoes = [Echo(401), Echo(403), Echo(404), Echo(500)]  # after the last, a server is left alone
        for proxy, flags in self.ways():
            for answer in [*(self.astray(proxy) if proxy in (self.by_token, self.by_config) else []), *echoes]:
                asked = len(proxy.log.requests_for(SERVED))
                with self.faulty(proxy, answer):
                    self.mount(proxy, *flags, works=False)
                self.assertGreater(len(proxy.log.requests_for(SERVED)), asked, f"nobody met {answer}")
            self.restart()
        self.mount(self.by_creds, "--creds", ":".join(self.wrong_user), works=False)
        self.readers_fail([*self.astray(self.by_token), *echoes, faults.Reset()])

    def astray(self, proxy: FaultProxy) -> list[faults.Fault]:
        """Answers that lead nowhere, with a secret in every part of them."""
        secret = self.planted.new("what a server said")
        scheme, somewhere = proxy.origin.partition(":")[0], f"127.0.0.1:1/x?sig={secret}"
        escaped = urllib.parse.quote(secret, safe="")
        places = [f"{scheme}://{somewhere}", f"ftp://{somewhere}", f"{scheme}://[bad/x?sig={secret}", f"/else?{secret}",
                  f"{scheme}://user:{secret}@127.0.0.1:1/", f"{scheme}://user:{escaped}@127.0.0.1:1/",
                  self.store.sign("/v2/private/blobs/sha256:00", 60)]
        return [faults.Answer(200, body=secret.encode()), faults.RedirectLoop(), faults.Truncate(10),
                *(faults.Redirect(lambda _, place=place: place) for place in places)]

    def readers_fail(self, answers: list[faults.Fault]) -> None:
        """The same, where an image is mounted and its bytes are not here yet: each read is told EIO, and lacunad's log more."""
        point = self.mount(self.by_token, works=True, patiently=True)
        for number, answer in enumerate(answers):
            with self.faulty(self.by_token, answer), (point / "big").open("rb", buffering=0) as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
                with contextlib.suppress(OSError):  # one that redirects well may be served
                    os.pread(file.fileno(), 4096, (number % 15) * (256 << 10))
        self.store.expire_all()

    @contextlib.contextmanager
    def faulty(self, proxy: FaultProxy, fault: faults.Fault):
        with proxy.inject(fault, SERVED), proxy.inject(fault, SERVED, method="HEAD"):
            yield

    def token_server_fails(self) -> None:
        secret = self.planted.new("what the token server said")
        bodies = [(status, secret.encode()) for status in (200, 400, 401, 403, 500)]
        bodies += [(200, b'{"token": "%s\\n"}' % secret.encode()), (200, b'{"token": {"%s": 1}}' % secret.encode())]
        self.restart()  # without the token that it has
        for status, body in bodies:
            fault = faults.Answer(status, body=body)
            with self.token_proxy.inject(fault, method="POST"), self.token_proxy.inject(fault):
                self.mount(self.by_token, works=False)
        with self.token_proxy.inject(faults.Redirect(lambda _: f"/token?{secret}"), method="POST"):
            self.mount(self.by_token, works=False)

    def helper_fails(self) -> None:
        said = self.said_by_helper
        self.restart()
        for lines in ([f"echo '{said}'"], [f"echo '{said}'; exit 1"], [f"echo '{said}'; kill -SEGV $$"],
                      [f"""printf '%s' '{{"Username": "u", "Secret": ["{said}"]}}'"""],
                      [f"""printf '%s' '{{"Username": "{said}", "Secret": 1'"""]):
            self.write_helper(*lines)
            self.mount(self.by_helper, works=False)

    def files_are_wrong(self) -> None:
        secret = self.planted.new("what stood in a file")
        escaped = urllib.parse.quote(secret, safe="")
        (self.folder / "no.pem").write_text(secret)
        wrong: list[Callable[[], object]] = [
            lambda: (self.docker_config / "config.json").write_text('{"auths": {"x": {"auth": "' + secret),
            lambda: self.write_docker_config(auths={f"127.0.0.1:{self.by_token.port}": {"auth": f"!{secret}"}}),
            lambda: self.write_docker_config(auths={f"127.0.0.1:{self.by_token.port}": {"identitytoken": [secret]}}),
            lambda: (self.host_folder / "hosts.toml").write_text(f'[header]\n{HEADER} = "{secret}'),
            lambda: (self.host_folder / "hosts.toml").write_text(f'[header]\n{HEADER} = {secret}\n'),
            lambda: (self.host_folder / "hosts.toml").write_text(f'[header]\n{HEADER} = "{secret}\\n"\n'),
            lambda: (self.host_folder / "hosts.toml").write_text(f'server = "https://u:{secret}@127.0.0.1"\n'),
            lambda: (self.host_folder / "hosts.toml").write_text(f'server = "https://u:{escaped}@127.0.0.1"\n'),
            lambda: (self.host_folder / "hosts.toml").write_text(f'client = "{self.folder}/no.pem"\n')]
        for spoil in wrong:
            self.mend()
            spoil()
            self.restart()
            self.mount(self.by_token, works=False)
        self.mend()
        self.restart()

    def proxy_refuses(self) -> None:
        point = self.mount_point("by-proxy")
        point.mkdir()
        self.heard("lacunactl mount by proxy", self.server.ctl("mount", f"elsewhere.test/{NAME}", point, check=False))
        self.assertGreater(len(self.way.refused), 0)

    def pushes_fail(self) -> None:
        """Two answers of each kind, because lacuna-image asks anew where it may."""
        files = [self.image.bootstrap, self.image.device]
        for fault in (Echo(401), Echo(403), Echo(500), faults.Reset()):
            for method in ("GET", "HEAD", "POST", "PATCH", "PUT"):
                with self.by_config.inject(fault, method=method):
                    self.push_to(self.by_config, *files)
        self.push_to(self.by_creds, "--dest-creds", ":".join(self.wrong_user), *files)
        self.push_to(self.by_creds, "--dest-creds", ":".join(self.user), *files)

    def push_to(self, proxy: FaultProxy, *arguments: object) -> None:
        command = [programs.LACUNA_IMAGE, "push", *arguments, f"127.0.0.1:{proxy.port}/pushed:{len(self.said)}"]
        self.heard("lacuna-image push", programs.run(command, check=False))
