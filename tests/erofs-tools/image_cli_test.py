"""lacuna-image end to end: real images of mkfs.erofs, a real docker-registry, and servers that answer badly.

Texts, JSON, exit codes, Ctrl-C, progress on and off a terminal. Called with the program:
    image_cli_test.py LACUNA_IMAGE [unittest arguments]
"""

import hashlib
import http.server
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

LACUNA_IMAGE = sys.argv[1]
LIMIT = 60  # seconds until a hang is called one
SKIPPED = 77  # exit status, as CTest is told
DONE, FAILED, USAGE, NOT_FOUND, AUTHENTICATION, INTEGRITY, INTERRUPTED = 0, 1, 2, 4, 6, 7, 130

EROFS_TYPE = "application/vnd.erofs.layer.v1"
DEVICE_TYPE = "application/vnd.lacuna.erofs.device.v1"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def run(*arguments, **options):
    return subprocess.run([LACUNA_IMAGE, *map(str, arguments)], capture_output=True, text=True, timeout=LIMIT,
                          check=False, **options)


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Images:
    """A plain EROFS image, and one whose file bodies are in an external blob."""

    def __init__(self, folder):
        self.folder = folder
        tree = folder / "tree"
        tree.mkdir()
        (tree / "random").write_bytes(os.urandom(300_000))
        (tree / "text").write_text("some text\n" * 5000)
        self.plain, self.bootstrap, self.device = folder / "plain.erofs", folder / "bootstrap.erofs", folder / "blob"
        self.mkfs(self.plain, tree)
        self.mkfs("--chunksize=4096", f"--blobdev={self.device}", self.bootstrap, tree)

    @staticmethod
    def mkfs(*arguments):
        subprocess.run(["mkfs.erofs", "--quiet", *map(str, arguments)], check=True, capture_output=True)


class Registry:
    """docker-registry on a free loopback port."""

    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        configuration = folder / "registry.yml"
        configuration.write_text(
            f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: '{folder}/data'}}}}\n"
            f"http: {{addr: '{self.host}'}}\n")
        self.process = subprocess.Popen(["docker-registry", "serve", configuration],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + LIMIT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def get(self, path, accept="*/*"):
        request = urllib.request.Request(f"http://{self.host}/v2/{path}", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            return answer.read(), answer.headers

    def stop(self):
        self.process.kill()
        self.process.wait()


class BadServer:
    """Answers every request with one status and body, or never."""

    def __init__(self, status, body=b""):
        outer = self
        self.requests = []
        self.arrived = threading.Event()
        self.release = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                outer.requests.append((self.command, self.path, self.headers.get("Authorization")))
                outer.arrived.set()
                if status is None:
                    outer.release.wait(LIMIT)
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="test"')
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET = do_POST = do_PUT = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        missing = [tool for tool in ("mkfs.erofs", "docker-registry") if not shutil.which(tool)]
        if missing:
            print(f"skipped: needs {', '.join(missing)}")
            raise unittest.SkipTest("see above")
        cls.temporary = tempfile.TemporaryDirectory(prefix="lacuna_image_cli_test.")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.images = Images(cls.folder)
        cls.registry = Registry(cls.folder)
        cls.addClassCleanup(cls.registry.stop)

    def bad_server(self, status, body=b""):
        server = BadServer(status, body)
        self.addCleanup(server.stop)
        return server

    def check_fails(self, result, status, pattern):
        """One line on stderr, nothing on stdout."""
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertRegex(result.stderr, rf"\Alacuna-image: {pattern}\n\Z")


class PushTest(Case):
    def reference(self, name):
        return f"{self.registry.host}/{name}"

    def check_pushed(self, name, tag, files):
        """What the registry now has under the tag: the files, with their types, and a config of them."""
        body, headers = self.registry.get(f"{name}/manifests/{tag}", MANIFEST_TYPE)
        self.assertEqual(headers["Content-Type"], MANIFEST_TYPE)
        manifest = json.loads(body)
        types = [EROFS_TYPE] + [DEVICE_TYPE] * (len(files) - 1)
        self.assertEqual([layer["mediaType"] for layer in manifest["layers"]], types)
        for layer, file in zip(manifest["layers"], files):
            self.assertEqual(layer["digest"], digest_of(file.read_bytes()))
            self.assertEqual(layer["size"], file.stat().st_size)
            self.assertEqual(self.registry.get(f"{name}/blobs/{layer['digest']}")[0], file.read_bytes())
        config = json.loads(self.registry.get(f"{name}/blobs/{manifest['config']['digest']}")[0])
        self.assertEqual(config["rootfs"]["diff_ids"], [layer["digest"] for layer in manifest["layers"]])
        self.assertEqual(config["rootfs"]["type"], "layers")
        return digest_of(body), config

    def test_bootstrap_and_device(self):
        result = run("push", self.images.bootstrap, self.images.device, self.reference("demo:v1"))
        self.assertEqual(result.returncode, DONE, result.stderr)
        digest, config = self.check_pushed("demo", "v1", [self.images.bootstrap, self.images.device])
        self.assertEqual(result.stdout, f"{self.registry.host}/demo:v1@{digest}\n")
        self.assertEqual(config["os"], "linux")
        self.assertNotIn("\r", result.stderr)

    def test_one_file_quietly_for_another_platform(self):
        result = run("push", "-q", "--platform", "linux/arm/v7", self.images.plain, self.reference("plain"))
        digest, config = self.check_pushed("plain", "latest", [self.images.plain])
        self.assertEqual(result.stdout, f"{self.registry.host}/plain:latest@{digest}\n")
        self.assertEqual(result.stderr, "")
        self.assertEqual((config["architecture"], config["variant"]), ("arm", "v7"))

    def test_again_in_json_sends_nothing(self):
        arguments = ("push", self.images.bootstrap, self.images.device, self.reference("again:x"), "-o", "json")
        first, second = json.loads(run(*arguments).stdout), json.loads(run(*arguments).stdout)
        self.assertEqual(first["schema"], 1)
        self.assertEqual(first["digest"], second["digest"])
        self.assertEqual([blob["sent"] for blob in second["blobs"]], [False] * 3)
        self.assertEqual([blob["media_type"] for blob in first["blobs"]][:2], [EROFS_TYPE, DEVICE_TYPE])

    def test_progress_on_a_terminal(self):
        controller, terminal = pty.openpty()
        with subprocess.Popen([LACUNA_IMAGE, "push", self.images.plain, self.reference("tty")], stderr=terminal,
                              stdout=subprocess.DEVNULL) as process:
            os.close(terminal)
            shown = b""
            try:
                while piece := os.read(controller, 4096):
                    shown += piece
            except OSError:  # the terminal's other end is gone
                pass
        os.close(controller)
        self.assertEqual(process.returncode, DONE, shown)
        self.assertRegex(shown.decode(), r"\rpushing [^\r]*100%")
        self.assertTrue(shown.endswith(b"  config\r\n"), shown)

    def test_what_is_no_image_is_not_sent(self):
        server = self.bad_server(500)
        text = self.folder / "tree" / "text"
        target = f"{server.host}/x"
        push = f"push {target}: "
        self.check_fails(run("push", text, target), FAILED, push + f"{text}: not an EROFS image: no EROFS magic at offset 1024")
        self.check_fails(run("push", self.images.bootstrap, target), FAILED, push + ".* has 1 entry, but 0 device files were given; .*")
        self.check_fails(run("push", self.images.plain, self.images.device, target), FAILED,
                         push + ".* has 0 entries, but 1 device file was given; .*")
        self.check_fails(run("push", self.images.bootstrap, text, target), FAILED, push + f"{text} is no device of this image: .*")
        self.check_fails(run("push", self.folder / "none", target), NOT_FOUND, push + ".*/none: No such file or directory; .*")
        self.check_fails(run("push", self.folder, target), FAILED, push + ".* is not a regular file")
        damaged = bytearray(self.images.plain.read_bytes())
        damaged[2000] ^= 1
        (self.folder / "damaged").write_bytes(damaged)
        self.check_fails(run("push", self.folder / "damaged", target), INTEGRITY, push + ".*checksum is wrong.*")
        self.assertEqual(server.requests, [])

    def test_a_device_shorter_than_the_table_says(self):
        bootstrap = bytearray(self.images.bootstrap.read_bytes())
        slot = int.from_bytes(bootstrap[1024 + 88:1024 + 90], "little") * 128
        bootstrap[slot + 64:slot + 68] = (self.images.device.stat().st_size // 4096 + 1).to_bytes(4, "little")
        bootstrap[1024 + 8] &= 0xfe  # no checksum
        path = self.folder / "longer.erofs"
        path.write_bytes(bootstrap)
        self.check_fails(run("push", path, self.images.device, self.reference("short")), FAILED,
                         "push .* is too short: .*; it may be another image's, .*")

    def test_references(self):
        pinned = self.reference("x@" + digest_of(b""))
        self.check_fails(run("push", self.images.plain, pinned), FAILED, "push .*: a push goes to a tag; .*")
        self.check_fails(run("push", self.images.plain, "127.0.0.1:1/UPPER"), FAILED, "push 127.0.0.1:1/UPPER: .*")

    def test_credentials(self):
        server = self.bad_server(401)
        reference = f"{server.host}/x"
        self.check_fails(run("push", self.images.plain, reference), AUTHENTICATION,
                         f"push {reference}: {server.host}: push blob x@sha256:.* wants a user name and a password, .*; pass --dest-creds USER:PASSWORD, or --authfile .*")
        result = run("push", "--dest-creds", "me:geheim", self.images.plain, reference)
        self.check_fails(result, AUTHENTICATION, "push .*; check the credentials.*")
        shown = [authorization for *_, authorization in server.requests]
        self.assertEqual(shown[:2], [None, None])  # nothing before it is asked for
        self.assertEqual(set(shown[2:]), {"Basic bWU6Z2VoZWlt"})
        self.assertNotIn("geheim", result.stderr)
        self.assertNotIn("bWU6Z2VoZWlt", result.stderr)

    def test_a_registry_that_is_not_there(self):
        self.check_fails(run("push", self.images.plain, "127.0.0.1:1/x"), FAILED,
                         "push 127.0.0.1:1/x: 127.0.0.1:1: push blob .*refused.*; check host and port.*")

    def test_ctrl_c(self):
        server = self.bad_server(None)
        with subprocess.Popen([LACUNA_IMAGE, "push", self.images.plain, f"{server.host}/x"], stderr=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as process:
            self.assertTrue(server.arrived.wait(LIMIT))
            process.send_signal(signal.SIGINT)
            out, error = process.communicate(timeout=LIMIT)
        self.assertEqual((process.returncode, out), (INTERRUPTED, ""))
        self.assertIn("lacuna-image: interrupted\n", error)


class InspectTest(Case):
    def test_a_file(self):
        shown = json.loads(run("inspect", "-o", "json", self.images.bootstrap).stdout)
        self.assertEqual(shown["schema"], 1)
        self.assertEqual(shown["file"], str(self.images.bootstrap))
        self.assertEqual(shown["size"], self.images.bootstrap.stat().st_size)
        self.assertEqual(shown["erofs"]["block_size"], 4096)
        self.assertEqual(shown["erofs"]["inodes"], 3)
        self.assertEqual(len(shown["erofs"]["devices"]), 1)
        self.assertIn("chunked_file", shown["erofs"]["features"]["incompat"])
        self.assertRegex(shown["erofs"]["build_time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")
        text = run("inspect", self.images.bootstrap).stdout
        self.assertRegex(text, r"(?m)^needs +chunked_file device_table\|compr_head2$")
        self.assertRegex(text, r"(?m)^uuid +" + shown["erofs"]["uuid"] + "$")

    def test_a_volume_name_of_any_bytes(self):
        image = bytearray(self.images.plain.read_bytes())
        image[1024 + 64:1024 + 72] = b"\x1b[2J\xff\xfe\n\x00"
        image[1024 + 8] &= 0xfe  # no checksum
        path = self.folder / "named.erofs"
        path.write_bytes(image)
        self.assertNotIn("\x1b", run("inspect", path).stdout)
        self.assertEqual(json.loads(run("inspect", "-o", "json", path).stdout)["erofs"]["volume_name"],
                         "\x1b[2J\ufffd\ufffd\n")

    def test_a_reference(self):
        reference = f"{self.registry.host}/inspected:v1"
        pushed = json.loads(run("push", "-o", "json", self.images.bootstrap, self.images.device, reference).stdout)
        for spelled in (reference, f"docker://{reference}"):
            shown = json.loads(run("inspect", "-o", "json", spelled).stdout)
            self.assertEqual(shown["reference"], reference)
            self.assertEqual(shown["digest"], pushed["digest"])
            self.assertEqual([layer["media_type"] for layer in shown["layers"]], [EROFS_TYPE, DEVICE_TYPE])
            self.assertEqual(shown["erofs"],
                             json.loads(run("inspect", "-o", "json", self.images.bootstrap).stdout)["erofs"])
        self.assertRegex(run("inspect", reference).stdout, rf"(?m)^layer 2 +sha256:\w+ .*{re.escape(DEVICE_TYPE)}$")

    def test_an_image_without_erofs(self):
        config = b"{}"
        layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest_of(b"x"), "size": 1}
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "layers": [layer],
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(config), "size": 2}})
        server = self.bad_server(200, manifest.encode())
        shown = json.loads(run("inspect", "-o", "json", f"{server.host}/x").stdout)
        self.assertNotIn("erofs", shown)
        self.assertEqual([path for _, path, _ in server.requests],
                         ["/v2/x/manifests/latest", f"/v2/x/referrers/{digest_of(manifest.encode())}"])

    def test_failures(self):
        self.check_fails(run("inspect", f"{self.registry.host}/none"), NOT_FOUND, "inspect .*HTTP 404: not found; check the name")
        self.check_fails(run("inspect", "./none"), NOT_FOUND, "inspect ./none: ./none: No such file or directory; check the name")
        self.check_fails(run("inspect", self.folder / "tree" / "text"), FAILED, "inspect .*: not an EROFS image: .*")
        server = self.bad_server(403)
        self.check_fails(run("inspect", f"{server.host}/x"), AUTHENTICATION, "inspect .*; pass --src-creds USER:PASSWORD, .*")
        with open("/dev/full", "w", encoding="ascii") as full:
            result = subprocess.run([LACUNA_IMAGE, "inspect", self.images.plain], stdout=full, stderr=subprocess.PIPE,
                                    text=True, check=False)
        self.assertEqual(result.returncode, FAILED)
        self.assertIn("No space left", result.stderr)


class CheckFilesTest(Case):
    def test_what_mkfs_made_is_sound(self):
        for files in ([self.images.plain], [self.images.bootstrap, self.images.device]):
            shown = json.loads(run("check", "-o", "json", *files).stdout)
            self.assertEqual((shown["schema"], shown["image"]), (1, str(files[0])))
            self.assertEqual((shown["inodes"], shown["names"], shown["regular_files"], shown["directories"]), (3, 3, 2, 1))
            self.assertEqual(shown["file_bytes"], 350_000)
            self.assertRegex(run("check", *files).stdout, r"(?m)^files +2, 341.7 KiB of which 0 B are holes$")

    def test_what_is_wrong_is_named(self):
        image = bytearray(self.images.bootstrap.read_bytes())
        name = image.index(b"text")
        image[name:name + 4] = b"te\n/"
        image[1024 + 8] &= 0xfe  # no checksum
        (self.folder / "damaged.erofs").write_bytes(image)
        self.check_fails(run("check", self.folder / "damaged.erofs", self.images.device), INTEGRITY,
                         r"check .*/damaged.erofs: /: .*te\\x0a/.*")

    def test_failures(self):
        self.check_fails(run("check", self.images.bootstrap), FAILED, "check .* has 1 entry, but 0 device files were given; .*")
        self.check_fails(run("check", "./none"), NOT_FOUND, "check ./none: ./none: No such file or directory; check the name")
        self.check_fails(run("check", "none", self.images.device), NOT_FOUND, "check none: none: No such file or .*")


class UsageTest(unittest.TestCase):
    def test_help_and_version(self):
        for arguments in (["--help"], *([verb, "--help"] for verb in ("push", "inspect", "index", "check", "extract"))):
            result = run(*arguments)
            self.assertEqual((result.returncode, result.stderr), (DONE, ""))
            self.assertIn("Exit status: 0 done", result.stdout)
        self.assertIn("BOOTSTRAP [DEVICE]... REF", run("push", "--help").stdout)
        self.assertIn("Needs root", run("extract", "--help").stdout)
        self.assertRegex(run("--version").stdout, r"^lacuna-image \d+\.\d+\.\d+\n$")

    def test_errors(self):
        for arguments in ([], ["push"], ["push", "one"], ["inspect"], ["inspect", "a", "b"], ["verify", "x"],
                          ["inspect", "x", "--nope"], ["inspect", "x", "-o", "yaml"], ["push", "a", "b", "--src-creds", "x"], ["check"], ["extract", "one"]):
            result = run(*arguments)
            self.assertEqual((result.returncode, result.stdout), (USAGE, ""), arguments)
            self.assertRegex(result.stderr, r"\Alacuna-image: .*; try lacuna-image --help\n\Z")


if __name__ == "__main__":
    outcome = unittest.main(argv=sys.argv[:1] + sys.argv[2:], exit=False).result
    sys.exit(1 if not outcome.wasSuccessful() else SKIPPED if outcome.skipped else 0)
