"""`lacuna-image copy`: between folders and real registries, the same bytes everywhere, whatever breaks on the way."""
import base64
import dataclasses
import json
import pathlib
import subprocess
import urllib.error
import urllib.request

from harness import http_message, programs
from harness.case import IntegrationTest
from harness.faults import Answer, Corrupt, Fault, Forward, Truncate
from harness.http_message import Request, Response
from harness.oci_layout import INDEX, MANIFEST, OciLayout, digest_of, tar_layer
from harness.process import Process

MIB = 1 << 20
CHUNK = 32 * MIB  # of an upload
UPLOADS = "/blobs/uploads/"


class Watch:
    """Notes the requests that pass, and how many bytes they bring."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.body_bytes = 0

    async def __call__(self, request: Request, forward: Forward) -> Response:
        self.targets.append(request.target)
        return await forward(dataclasses.replace(request, body=self._count(request.body)))

    async def _count(self, body):
        async for block in body:
            self.body_bytes += len(block)
            yield block


@dataclasses.dataclass
class CutUpload:
    """Closes the connection, on both sides, after so many bytes of the request's body."""
    after: int

    async def __call__(self, request: Request, forward: Forward) -> Response:
        return await forward(dataclasses.replace(request, body=self._cut(request.body)))

    async def _cut(self, body):
        left = self.after
        async for block in body:
            yield block[:left]
            left -= min(left, len(block))
            if left == 0:
                raise http_message.CloseConnection


@dataclasses.dataclass
class SecondOnly:
    """Lets the first request pass, and all after the second."""
    fault: Fault
    seen: int = 0

    async def __call__(self, request: Request, forward: Forward) -> Response:
        self.seen += 1
        return await (self.fault(request, forward) if self.seen == 2 else forward(request))


class CopyTest(IntegrationTest):
    def setUp(self) -> None:
        super().setUp()
        self.start_registry()
        self.layout = OciLayout(self.folder / "layout")

    def copy(self, source: str, target: str, *flags: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return programs.run([programs.LACUNA_IMAGE, "copy", *flags, source, target], check=check)

    def copy_json(self, source: str, target: str, *flags: str) -> dict:
        return json.loads(self.copy(source, target, "-o", "json", *flags).stdout)

    def get(self, path: str) -> bytes:
        """What the registry itself says."""
        request = urllib.request.Request(f"http://{self.registry.address}/v2/{path}",
                                         headers={"Accept": f"{MANIFEST}, {INDEX}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def is_there(self, path: str) -> bool:
        try:
            self.get(path)
        except urllib.error.HTTPError as error:
            self.assertEqual(error.code, 404)
            return False
        return True

    def two_platforms(self, tag: str = "v1") -> dict:
        images = [self.layout.image([tar_layer(300_000, seed), tar_layer(10_000, 9)], architecture)
                  for seed, architecture in ((1, "amd64"), (2, "arm64"))]
        index = self.layout.index(images)
        self.layout.tag(index, tag)
        return index


class RoundTripTest(CopyTest):
    def test_folder_to_registry_to_folder(self) -> None:
        index = self.two_platforms()
        pushed = self.copy_json(self.layout.name("v1"), self.reference("a/b:v1"))
        self.assertEqual(pushed["digest"], index["digest"])
        self.assertEqual(pushed["reference"], self.reference("a/b:v1"))
        self.assertEqual(digest_of(self.get("a/b/manifests/v1")), index["digest"])
        self.assertEqual([blob["sent"] for blob in pushed["blobs"]], [True] * 5)  # one layer is shared

        back = OciLayout(self.folder / "back")
        pulled = self.copy_json(f"docker://{self.reference('a/b:v1')}", back.name("mine"))
        self.assertEqual(pulled["digest"], index["digest"])
        self.assertEqual(back.tagged("mine")["digest"], index["digest"])
        self.assertEqual(back.wrong_blobs(), [])
        for file in (back.folder / "blobs/sha256").iterdir():
            self.assertEqual(file.read_bytes(), self.layout.path(file.name).read_bytes())

    def test_again_sends_nothing(self) -> None:
        self.two_platforms()
        for target in (self.reference("a/b:v1"), f"oci:{self.folder}/other:v1"):
            self.copy(self.layout.name("v1"), target)
            again = self.copy(self.layout.name("v1"), target)
            self.assertEqual([line.split()[0] for line in again.stderr.splitlines()], ["present"] * 5)

    def test_registry_to_registry(self) -> None:
        index = self.two_platforms()
        self.copy(self.layout.name("v1"), self.reference("a/b:v1"))
        source = self.reference("a/b:v1")
        self.start_registry()
        copied = self.copy_json(source, self.reference("c/d:v2"))
        self.assertEqual(copied["digest"], index["digest"])
        self.assertEqual(digest_of(self.get("c/d/manifests/v2")), index["digest"])

    def test_push_takes_a_folder_too(self) -> None:
        image = self.layout.image([tar_layer(1000)])
        self.layout.tag(image, "only")
        done = programs.run([programs.LACUNA_IMAGE, "push", "-q", self.layout.name(), self.reference("p:x")])
        self.assertEqual(done.stdout, f"{self.reference('p:x')}@{image['digest']}\n")
        self.assertEqual(done.stderr, "")

    def test_one_platform_of_an_index(self) -> None:
        self.two_platforms()
        copied = self.copy_json(self.layout.name("v1"), self.reference("one:arm"), "--platform", "linux/arm64")
        manifest = json.loads(self.get("one/manifests/arm"))
        self.assertEqual(manifest["mediaType"], MANIFEST)
        self.assertEqual(copied["digest"], digest_of(self.get("one/manifests/arm")))
        self.assertEqual(len(copied["blobs"]), 3)
        config = json.loads(self.get(f"one/blobs/{manifest['config']['digest']}"))
        self.assertEqual(config["architecture"], "arm64")

    def test_two_copies_into_one_folder_lose_nothing(self) -> None:
        for number in range(8):
            self.layout.tag(self.layout.image([tar_layer(1000, number)]), f"t{number}")
        target = self.folder / "shared"
        started = [Process([str(programs.LACUNA_IMAGE), "copy", self.layout.name(f"t{n}"), f"oci:{target}:t{n}"],
                           self.folder / f"copy-{n}.log") for n in range(8)]
        self.assertEqual([process.wait(30) for process in started], [0] * 8, [p.log() for p in started])
        shared = OciLayout(target)
        self.assertEqual({shared.tagged(f"t{n}")["digest"] for n in range(8)},
                         {self.layout.tagged(f"t{n}")["digest"] for n in range(8)})
        self.assertEqual(shared.wrong_blobs(), [])
        self.assertEqual([file.name for file in target.rglob(".new-*")], [])


class AccessTest(CopyTest):
    def setUp(self) -> None:
        super().setUp()
        self.start_registry(user=("me", "geheim"))
        self.layout.tag(self.layout.image([tar_layer(1000)]), "v1")

    def auth_file(self, password: str) -> pathlib.Path:
        path = self.folder / "auth.json"
        entry = base64.b64encode(f"me:{password}".encode()).decode()
        path.write_text(json.dumps({"auths": {f"127.0.0.1:{self.proxy.port}": {"auth": entry}}}))
        path.chmod(0o600)
        return path

    def test_an_auth_file(self) -> None:
        flags = ("--authfile", str(self.auth_file("geheim")))
        self.copy(self.layout.name("v1"), self.reference("a:v1"), *flags)
        self.copy(self.reference("a:v1"), f"oci:{self.folder}/back", *flags)
        self.assertEqual(OciLayout(self.folder / "back").wrong_blobs(), [])

    def test_credentials_for_each_side(self) -> None:
        self.copy(self.layout.name("v1"), self.reference("a:v1"), "--dest-creds", "me:geheim")
        self.copy(self.reference("a:v1"), self.reference("b:v1"), "--src-creds", "me:geheim", "--dest-creds", "me:geheim")

    def test_without_or_with_wrong_ones(self) -> None:
        for flags in ((), ("--dest-creds", "me:falsch"), ("--authfile", str(self.auth_file("falsch")))):
            done = self.copy(self.layout.name("v1"), self.reference("a:v1"), *flags, check=False)
            self.assertEqual(done.returncode, programs.AUTHENTICATION, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertNotIn("falsch", done.stderr)
            self.assertRegex(done.stderr, "--authfile FILE|check the credentials")


class FaultTest(CopyTest):
    def test_a_blob_of_another_repository_is_mounted(self) -> None:
        self.two_platforms()
        self.copy(self.layout.name("v1"), self.reference("from/here:v1"))
        posts, puts = Watch(), Watch()
        with self.proxy.inject(posts, UPLOADS, "POST"), self.proxy.inject(puts, UPLOADS, "PUT"):
            copied = self.copy_json(self.reference("from/here:v1"), self.reference("to/there:v1"))
        self.assertEqual([blob["mounted"] for blob in copied["blobs"]], [True] * 5)
        self.assertEqual(len(posts.targets), 5)
        for target in posts.targets:
            self.assertRegex(target, r"/to/there/blobs/uploads/\?mount=sha256%3A\w{64}&from=from%2Fhere$")
        self.assertEqual(puts.targets, [])

    def test_an_upload_that_breaks_goes_on(self) -> None:
        layer = tar_layer(100 * MIB)
        self.layout.tag(self.layout.image([layer]), "big")
        sent, kept = Watch(), Watch()
        # Nothing of the chunk reaches the registry: docker-registry 2.8 gives up a session of which it kept a part.
        refuse = SecondOnly(Answer(503))
        with self.proxy.inject(kept, UPLOADS, "PATCH"), self.proxy.inject(refuse, UPLOADS, "PATCH"), \
                self.proxy.inject(sent, UPLOADS, "PATCH"):
            self.copy(self.layout.name("big"), self.reference("big:x"))
        self.assertEqual(len(sent.targets), 5)
        self.assertEqual(kept.body_bytes, len(layer))
        self.assertEqual(sent.body_bytes, len(layer) + CHUNK, "more than the broken chunk was sent again")
        self.assertEqual(digest_of(self.get(f"big/blobs/{digest_of(layer)}")), digest_of(layer))

    def test_an_upload_cut_in_the_middle_of_a_chunk_arrives(self) -> None:
        layer = tar_layer(100 * MIB)
        self.layout.tag(self.layout.image([layer]), "big")
        with self.proxy.inject(CutUpload(5 * MIB), UPLOADS, "PATCH", times=1):
            self.copy(self.layout.name("big"), self.reference("big:x"))
        self.assertEqual(digest_of(self.get(f"big/blobs/{digest_of(layer)}")), digest_of(layer))

    def test_a_download_that_breaks_goes_on(self) -> None:
        layer = tar_layer(20 * MIB)
        self.layout.tag(self.layout.image([layer]), "v1")
        self.copy(self.layout.name("v1"), self.reference("down:v1"))
        self.wire.clear()
        with self.proxy.inject(Truncate(7 * MIB), digest_of(layer), times=1):
            self.copy(self.reference("down:v1"), f"oci:{self.folder}/back")
        self.assertEqual(OciLayout(self.folder / "back").wrong_blobs(), [])
        self.assertLess(self.wire.bytes_for(digest_of(layer)), len(layer) + 2 * MIB)

    def test_a_corrupt_blob_in_a_folder_goes_nowhere(self) -> None:
        layer = tar_layer(100_000)
        self.layout.tag(self.layout.image([layer]), "v1")
        path = self.layout.path(digest_of(layer))
        path.write_bytes(layer[:-1] + b"x")
        for target in (self.reference("bad:v1"), f"oci:{self.folder}/bad:v1"):
            done = self.copy(self.layout.name("v1"), target, check=False)
            self.assertEqual(done.returncode, programs.INTEGRITY, done.stderr)
            self.assertIn(digest_of(layer), done.stderr)
        self.assertFalse(self.is_there("bad/manifests/v1"))
        self.assertFalse(self.is_there(f"bad/blobs/{digest_of(layer)}"))
        self.assertEqual(OciLayout(self.folder / "bad").read_index()["manifests"], [])

    def test_a_corrupt_blob_of_a_registry_goes_nowhere(self) -> None:
        layer = tar_layer(100_000)
        self.layout.tag(self.layout.image([layer]), "v1")
        self.copy(self.layout.name("v1"), self.reference("good:v1"))
        with self.proxy.inject(Corrupt(50_000), digest_of(layer)):
            done = self.copy(self.reference("good:v1"), f"oci:{self.folder}/bad:v1", check=False)
        self.assertEqual(done.returncode, programs.INTEGRITY, done.stderr)
        bad = OciLayout(self.folder / "bad")
        self.assertEqual(bad.read_index()["manifests"], [])
        self.assertFalse(bad.path(digest_of(layer)).exists())

    def test_what_is_no_layout_is_left_alone(self) -> None:
        self.layout.tag(self.layout.image([tar_layer(10)]), "v1")
        other = self.folder / "other"
        other.mkdir()
        (other / "precious").write_text("x")
        done = self.copy(self.layout.name("v1"), f"oci:{other}", check=False)
        self.assertEqual(done.returncode, programs.FAILED)
        self.assertRegex(done.stderr, "no OCI image layout.*not empty; name a new folder")
        self.assertEqual([file.name for file in other.iterdir()], ["precious"])
        done = self.copy(self.layout.name("v2"), f"oci:{self.folder}/new", check=False)
        self.assertEqual(done.returncode, programs.NOT_FOUND)
        self.assertRegex(done.stderr, r"it has no image v2; its tags: v1\n$")


class ReferrersTest(CopyTest):
    def setUp(self) -> None:
        super().setUp()
        self.image = self.layout.image([tar_layer(1000)])
        self.layout.tag(self.image, "v1")
        self.copy(self.layout.name("v1"), self.reference("app:v1"))

    def artifacts(self, count: int) -> set[str]:
        """As many artifacts about the image, tagged artifact-N; their digests."""
        digests = set()
        for number in range(count):
            artifact = self.layout.artifact(self.image, "application/vnd.example.note", str(number))
            self.layout.tag(artifact, f"artifact-{number}")
            digests.add(artifact["digest"])
        return digests

    def referrers(self) -> list[dict]:
        shown = programs.run([programs.LACUNA_IMAGE, "inspect", "-o", "json", self.reference("app:v1")])
        return json.loads(shown.stdout)["referrers"]

    def test_pushes_at_once_all_survive(self) -> None:
        digests = self.artifacts(4)
        started = [Process([str(programs.LACUNA_IMAGE), "copy", self.layout.name(f"artifact-{n}"),
                            self.reference(f"app:artifact-{n}")], self.folder / f"copy-{n}.log") for n in range(4)]
        self.assertEqual([process.wait(60) for process in started], [0] * 4, [p.log() for p in started])
        index = json.loads(self.get("app/manifests/" + self.image["digest"].replace(":", "-")))
        self.assertEqual({entry["digest"] for entry in index["manifests"]}, digests)
        self.assertEqual({entry["annotations"]["note"] for entry in index["manifests"]}, set("0123"))

    def test_inspect_lists_them(self) -> None:
        self.assertEqual(self.referrers(), [])
        [digest] = self.artifacts(1)
        self.copy(self.layout.name("artifact-0"), self.reference("app:note"))
        self.copy(self.layout.name("artifact-0"), self.reference("app:note"))
        [found] = self.referrers()
        self.assertEqual((found["digest"], found["artifact_type"]), (digest, "application/vnd.example.note"))
        self.assertEqual(found["size"], self.layout.path(digest).stat().st_size)
        text = programs.run([programs.LACUNA_IMAGE, "inspect", self.reference("app:v1")]).stdout
        self.assertRegex(text, rf"(?m)^referrer +{digest}  .* application/vnd.example.note$")
