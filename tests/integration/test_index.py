"""`lacuna-image index` and `check`: of folders and of real registries, and what is not what it says."""
import gzip
import io
import json
import random
import shutil
import subprocess
import tarfile
import urllib.request

from harness import programs
from harness.case import IntegrationTest
from harness.faults import Corrupt, Truncate
from harness.oci_layout import CONFIG, EMPTY, EROFS_BOOTSTRAP, INDEX, LAYER, MANIFEST, Descriptor, OciLayout, digest_of

ARTIFACT = "application/vnd.lacuna.index.v1"
LAYER_INDEX = "application/vnd.lacuna.index.layer.v1+zstd"
INDEXED_LAYER = "vnd.lacuna.layer.digest"
GZIP = LAYER + "+gzip"


def tar_of(*members: tuple[str, object]) -> bytes:
    """Of files (bytes), directories (None) and symbolic links (str)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.mode = 0o755
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


BASE = tar_of(("bin", None), ("bin/tool", random.Random(1).randbytes(3_000_000)), ("bin/alias", "tool"),
              ("etc", None), ("etc/gone", b"x"), ("etc/zeros", bytes(500_000)), ("etc/text", b"line\n" * 50_000))
TOP = tar_of(("etc/.wh.gone", b""), ("etc/text", b"another\n"), ("empty", b""))


class IndexCase(IntegrationTest):
    def setUp(self) -> None:
        super().setUp()
        self.start_registry()
        self.layout = OciLayout(self.folder / "layout")

    def image(self, *layers: tuple[bytes, bytes, str], architecture: str = "amd64") -> Descriptor:
        """Of layers, each as (tar that the config names, blob, media type)."""
        config = {"architecture": architecture, "os": "linux", "config": {},
                  "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar, _, _ in layers]}}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self.layout.document(config, CONFIG),
                    "layers": [self.layout.blob(blob, media_type) for _, blob, media_type in layers]}
        return self.layout.document(manifest, MANIFEST, platform={"os": "linux", "architecture": architecture})

    def usual_image(self, tag: str = "v1") -> Descriptor:
        """Of four layers, of which two are the same blob."""
        base, top = (BASE, gzip.compress(BASE, mtime=0), GZIP), (TOP, TOP, LAYER)
        image = self.image(base, top, base, top)
        self.layout.tag(image, tag)
        return image

    def run_image(self, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        return programs.run([programs.LACUNA_IMAGE, *arguments], check=check)

    def json_of(self, *arguments: object) -> dict:
        return json.loads(self.run_image(*arguments, "-o", "json").stdout)

    def copy_in(self, tag: str = "v1", name: str = "app") -> str:
        reference = self.reference(f"{name}:{tag}")
        self.run_image("copy", "-q", self.layout.name(tag), reference)
        return reference

    def get(self, path: str) -> dict:
        request = urllib.request.Request(f"http://{self.registry.address}/v2/{path}", headers={"Accept": f"{MANIFEST}, {INDEX}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def fails(self, status: int, pattern: str, *arguments: object) -> None:
        done = self.run_image(*arguments, check=False)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, rf"\Alacuna-image: {arguments[0]} .*{pattern}.*\n\Z")


class RegistryTest(IndexCase):
    def test_each_layer_is_read_once_and_its_index_found(self) -> None:
        image = self.usual_image()
        reference = self.copy_in()
        self.wire.clear()
        made = self.json_of("index", "--push", reference)
        self.wire.settle()
        self.assertEqual((made["digest"], made["stored"]), (image["digest"], True))
        self.assertEqual([layer["tar_size"] for layer in made["layers"]], [len(BASE), len(TOP)])
        for layer in made["layers"]:
            self.assertEqual(self.wire.bytes_for(layer["digest"]), layer["size"])
            self.assertEqual(layer["device_size"] % 4096, 0)
        shown = self.json_of("inspect", reference)["index"]
        self.assertEqual(shown["digest"], made["artifact"])
        self.assertEqual([entry["digest"] for entry in shown["layers"]],
                         [made["layers"][i]["index_digest"] for i in (0, 1, 0, 1)])
        self.assertRegex(self.run_image("inspect", reference).stdout, r"(?m)^index 1 +sha256:\w+  .* \(\d+\.\d\d%\)$")
        self.check_artifact(self.get(f"app/manifests/{made['artifact']}"), image, made)

    def check_artifact(self, artifact: dict, image: Descriptor, made: dict) -> None:
        self.assertEqual((artifact["mediaType"], artifact["artifactType"]), (MANIFEST, ARTIFACT))
        self.assertEqual(artifact["config"], {"mediaType": EMPTY, "digest": digest_of(b"{}"), "size": 2})
        self.assertEqual(artifact["subject"], {key: image[key] for key in ("mediaType", "digest", "size")})
        self.assertEqual(artifact["layers"], [
            {"mediaType": LAYER_INDEX, "digest": layer["index_digest"], "size": layer["index_size"],
             "annotations": {INDEXED_LAYER: layer["digest"]}} for layer in made["layers"]])

    def test_again_sends_nothing(self) -> None:
        self.usual_image()
        reference = self.copy_in()
        first = self.json_of("index", "--push", reference)
        again = self.run_image("index", "--push", "-o", "json", reference)
        self.assertEqual([line.split()[0] for line in again.stderr.splitlines()], ["present"] * 3)
        self.assertEqual(json.loads(again.stdout)["artifact"], first["artifact"])
        self.assertEqual(len(self.json_of("inspect", reference)["referrers"]), 1)

    def test_without_push_it_is_measured_only(self) -> None:
        self.usual_image()
        reference = self.copy_in()
        done = self.run_image("index", reference)
        self.assertRegex(done.stdout, r"(?m)^index .*\(not pushed; try --push\)$")
        shown = self.json_of("inspect", reference)
        self.assertEqual(shown["referrers"], [])
        self.assertNotIn("index", shown)

    def test_a_connection_that_breaks_costs_little(self) -> None:
        self.usual_image()
        reference = self.copy_in()
        blob = gzip.compress(BASE, mtime=0)
        self.wire.clear()
        with self.proxy.inject(Truncate(1_000_000), digest_of(blob), times=1):
            self.run_image("index", reference)
        self.wire.settle()
        self.assertLess(self.wire.bytes_for(digest_of(blob)), len(blob) + 500_000)

    def test_one_platform_of_an_index(self) -> None:
        layers = [tar_of(("file", architecture.encode())) for architecture in ("amd64", "arm64")]
        images = [self.image((tar, tar, LAYER), architecture=name) for name, tar in zip(("amd64", "arm64"), layers)]
        self.layout.tag(self.layout.index(images), "v1")
        reference = self.copy_in()
        made = self.json_of("index", "--push", "--platform", "linux/arm64", reference)
        self.assertEqual(made["digest"], images[1]["digest"])
        self.assertIn("index", self.json_of("inspect", "--platform", "linux/arm64", reference))
        self.assertNotIn("index", self.json_of("inspect", "--platform", "linux/amd64", reference))


class FolderTest(IndexCase):
    def test_the_index_lies_beside_the_image(self) -> None:
        image = self.usual_image()
        made = self.json_of("index", self.layout.name("v1"))
        [entry] = [entry for entry in self.layout.read_index()["manifests"] if entry["digest"] == made["artifact"]]
        self.assertEqual((entry["artifactType"], entry.get("annotations")), (ARTIFACT, None))
        self.assertEqual(self.layout.wrong_blobs(), [])
        for name in (self.layout.name("v1"), self.layout.name()):  # there is still one image only
            copied = self.json_of("copy", name, f"oci:{self.folder}/copy:v1")
            self.assertEqual(copied["digest"], image["digest"])
        before = self.layout.read_index()
        self.run_image("index", self.layout.name("v1"))
        self.assertEqual(self.layout.read_index(), before)

    def test_skopeo_still_copies_the_image(self) -> None:
        if not shutil.which("skopeo"):
            self.skipTest("needs skopeo")
        image = self.usual_image()
        self.run_image("index", "--bind", "bound", self.layout.name("v1"))
        for tag in ("v1", "bound"):
            programs.run(["skopeo", "--insecure-policy", "--override-arch", "amd64", "copy", "--preserve-digests",
                          self.layout.name(tag), f"oci:{self.folder}/by-skopeo:{tag}"])
            self.assertEqual(OciLayout(self.folder / "by-skopeo").tagged(tag)["digest"], image["digest"])


class BindTest(IndexCase):
    def test_one_digest_names_image_and_index(self) -> None:
        image = self.usual_image()
        reference = self.copy_in()
        made = self.json_of("index", "--bind", "bound", "--platform", "linux/amd64", reference)
        bound = self.get("app/manifests/bound")
        self.assertEqual(bound["mediaType"], INDEX)
        [first, second] = bound["manifests"]
        self.assertEqual(first, {key: image[key] for key in ("mediaType", "digest", "size", "platform")})
        self.assertEqual((second["digest"], second["artifactType"]), (made["artifact"], ARTIFACT))
        self.assertEqual(second["platform"], {"os": "unknown", "architecture": "unknown"})
        self.assertEqual(second["annotations"], {"vnd.lacuna.subject": image["digest"]})
        name = f"{self.reference('app')}@{made['bound']['digest']}"
        shown = self.json_of("inspect", "--platform", "linux/amd64", name)
        self.assertEqual((shown["digest"], shown["index"]["digest"]), (image["digest"], made["artifact"]))

    def test_an_index_keeps_its_images_and_travels_whole(self) -> None:
        images = [self.image((TOP, TOP, LAYER), architecture=name) for name in ("amd64", "arm64")]
        self.layout.tag(self.layout.index(images), "v1")
        reference = self.copy_in()
        # Onto the tag itself, for one platform after the other.
        for architecture in ("amd64", "arm64", "arm64"):
            self.run_image("index", "--bind", "v1", "--platform", f"linux/{architecture}", reference)
        manifests = self.get("app/manifests/v1")["manifests"]
        self.assertEqual(manifests[:2], images)
        self.assertEqual([entry["annotations"]["vnd.lacuna.subject"] for entry in manifests[2:]],
                         [image["digest"] for image in images])
        # Where nobody refers to anything, what is bound is there.
        elsewhere = self.reference("elsewhere:v1")
        self.run_image("copy", "-q", reference, f"oci:{self.folder}/travel:v1")
        for name in (f"oci:{self.folder}/travel:v1", elsewhere):
            if name == elsewhere:
                self.run_image("copy", "-q", reference, elsewhere)
            self.run_image("check", "--platform", "linux/arm64", name)


class CheckTest(IndexCase):
    def test_what_index_made_is_sound(self) -> None:
        self.usual_image()
        reference = self.copy_in()
        for name, flags in ((self.layout.name("v1"), []), (reference, ["--push"])):
            made = self.json_of("index", *flags, name)
            checked = self.json_of("check", name)
            self.assertEqual(checked["artifact"], made["artifact"])
            self.assertEqual(checked["inodes"], 8)  # of all but what the whiteout and the replaced file hid
            self.assertRegex(self.run_image("check", name).stdout, r"(?m)^bootstrap +\S+ KiB, 8 inodes$")

    def test_without_an_index(self) -> None:
        self.usual_image()
        self.fails(programs.NOT_FOUND, "has no index; make one with lacuna-image index", "check", self.layout.name("v1"))

    def test_an_index_of_something_else(self) -> None:
        other = tar_of(("other", b"x"))
        self.layout.tag(self.image((other, other, LAYER)), "other")
        [theirs] = self.json_of("index", self.layout.name("other"))["layers"]
        self.lie(self.layout.path(theirs["index_digest"]).read_bytes(), "its index is not what the layer says: diffID differs")

    def test_an_index_that_is_none(self) -> None:
        self.lie(b"nonsense", "its index cannot be read: ")

    def lie(self, index: bytes, problem: str) -> None:
        image = self.image((TOP, TOP, LAYER))
        self.layout.tag(image, "lied")
        blob = self.layout.blob(index, LAYER_INDEX, annotations={INDEXED_LAYER: digest_of(TOP)})
        subject = {key: image[key] for key in ("mediaType", "digest", "size")}
        artifact = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": ARTIFACT, "config": self.layout.blob(b"{}", EMPTY),
                    "layers": [blob], "subject": subject}
        self.layout.tag(self.layout.document(artifact, MANIFEST, artifactType=ARTIFACT), "artifact")
        self.fails(programs.INTEGRITY, rf"layer 1 \({digest_of(TOP)}\): {problem}", "check", self.layout.name("lied"))


class WrongLayerTest(IndexCase):
    def index_fails(self, pattern: str, *layers: tuple[bytes, bytes, str]) -> None:
        self.layout.tag(self.image(*layers), "v1")
        before = self.layout.read_index()
        self.fails(programs.INTEGRITY, pattern, "index", "-q", self.layout.name("v1"))
        self.assertEqual(self.layout.read_index(), before)
        reference = self.copy_in()
        self.fails(programs.INTEGRITY, pattern, "index", "-q", "--push", reference)
        self.assertEqual(self.json_of("inspect", reference)["referrers"], [])

    def test_a_truncated_layer(self) -> None:
        blob = gzip.compress(BASE, mtime=0)[:-1000]
        self.index_fails(rf"layer 2 \({digest_of(blob)}\): .*cut short", (TOP, TOP, LAYER), (BASE, blob, GZIP))

    def test_a_corrupt_gzip(self) -> None:
        blob = bytearray(gzip.compress(BASE, mtime=0))
        blob[2_000_000:2_000_100] = bytes(100)
        self.index_fails(r"layer 1 \(sha256:\w+\): ", (BASE, bytes(blob), GZIP))

    def test_a_wrong_diff_id(self) -> None:
        self.index_fails(rf"layer 1 \(sha256:\w+\): its tar has digest {digest_of(TOP)}, the config says {digest_of(BASE)}",
                         (BASE, gzip.compress(TOP, mtime=0), GZIP))

    def test_what_is_no_tar(self) -> None:
        self.layout.tag(self.image((TOP, b"x" * 4096, EROFS_BOOTSTRAP)), "v1")
        self.fails(programs.FAILED, r"layer sha256:\w+: it is EROFS already", "index", self.layout.name("v1"))

    def test_a_blob_that_is_not_what_the_manifest_says(self) -> None:
        self.usual_image()
        reference = self.copy_in()
        for layer, at in ((gzip.compress(BASE, mtime=0), 1_000_000), (TOP, 100)):
            with self.proxy.inject(Corrupt(at), digest_of(layer)):
                self.fails(programs.INTEGRITY, f"the blob has digest sha256:.*, the manifest says {digest_of(layer)}",
                           "index", "-q", reference)
