"""Passwords for a registry: from wherever people keep them, and never shown to a server that did not ask."""
import errno

from harness import programs
from harness.case import BLOBS
from harness.guarded_case import FETCH, USER, GuardedTest, basic, readable
from harness.process import wait_until

ADVICE = "--creds USER.*docker login 127.0.0.1:"
OTHER = ("somebody", "another word")


class PasswordTest(GuardedTest):
    def setUp(self) -> None:
        super().setUp()
        self.image, self.image_reference = self.serve_guarded(user=USER)

    def let_in(self, *flags: str, environment: dict[str, str] | None = None, **config: dict[str, object]) -> None:
        """Mounts and reads everything, with nothing shown before the registry asked, and then the password each time."""
        daemon = self.new_daemon(environment=environment, **config).start()
        self.mounts(daemon, self.image, self.image_reference, *flags)
        [first, *more] = self.wire.requests_for()
        self.assertEqual((first.authorization, first.status), (None, 401))
        self.assertEqual({record.authorization for record in more}, {f"Basic {basic(USER)}"})
        daemon.stop()

    def registry_table(self, password: str) -> dict[str, dict[str, object]]:
        file = self.folder / "password"
        file.write_text(password + "\n")
        return {f'registry."{self.registry_host}"': {"username": USER[0], "password_file": str(file)}}

    def test_of_config_json(self) -> None:
        self.log_in()
        self.let_in()

    def test_of_an_auth_file_in_the_configuration(self) -> None:
        self.log_in(OTHER)
        file = self.folder / "auth.json"
        self.log_in(path=file)
        self.let_in(fetch={"auth_file": str(file)})

    def test_of_an_auth_file_in_the_environment(self) -> None:
        self.log_in(OTHER)
        file = self.folder / "auth.json"
        self.log_in(path=file)
        self.let_in(environment={"REGISTRY_AUTH_FILE": str(file)})

    def test_of_the_home_folder(self) -> None:
        self.log_in()
        self.let_in(environment={"DOCKER_CONFIG": ""})

    def test_of_creds_which_go_first(self) -> None:
        self.log_in(OTHER)
        self.let_in("--creds", ":".join(USER))

    def test_of_a_password_file_which_goes_before_config_json(self) -> None:
        self.log_in(OTHER)
        self.let_in(**self.registry_table(USER[1]))

    def test_none(self) -> None:
        daemon = self.new_daemon(fetch=FETCH).start()
        self.fails_to_mount(daemon, self.image_reference, programs.AUTHENTICATION, ADVICE)
        daemon.stop()

    def test_wrong_in_config_json_and_in_creds(self) -> None:
        self.log_in(OTHER)
        daemon = self.new_daemon(fetch=FETCH).start()
        for flags in ([], ["--creds", ":".join(OTHER)], ["--creds", "somebody"]):
            said = self.fails_to_mount(daemon, self.image_reference, programs.AUTHENTICATION, ADVICE, *flags)
            self.assertNotIn(OTHER[1], said)
        self.mounts(daemon, self.image, self.image_reference, "--creds", ":".join(USER))
        daemon.stop()

    def test_wrong_in_a_password_file(self) -> None:
        daemon = self.new_daemon(fetch=FETCH, **self.registry_table(OTHER[1])).start()
        said = self.fails_to_mount(daemon, self.image_reference, programs.AUTHENTICATION, ADVICE)
        self.assertNotIn(OTHER[1], said)
        (self.folder / "password").write_text(USER[1])  # read at each lookup
        self.mounts(daemon, self.image, self.image_reference)
        daemon.stop()

    def test_a_password_file_that_is_gone(self) -> None:
        table = self.registry_table(USER[1])
        (self.folder / "password").unlink()
        daemon = self.new_daemon(fetch=FETCH, **table).start()
        self.fails_to_mount(daemon, self.image_reference, programs.NOT_FOUND, str(self.folder / "password"))
        daemon.stop()

    def test_a_config_json_that_cannot_be_understood(self) -> None:
        (self.docker_config / "config.json").write_text('{"auths": {"secret-in-here')
        daemon = self.new_daemon(fetch=FETCH).start()
        done = self.try_to_mount(daemon, self.image_reference)
        self.assertIn(done.returncode, (programs.FAILED, programs.USAGE), done.stderr)
        self.assertIn(str(self.docker_config / "config.json"), done.stderr)
        self.assertNotIn("secret-in-here", done.stderr)
        self.log_in()
        # What failed is not looked for again for a moment.
        wait_until("the new file", lambda: self.try_to_mount(daemon, self.image_reference).returncode == 0, every=0.3)
        self.assert_equal_trees(self.image, self.mount_point())
        daemon.stop()


class ChangedPasswordTest(GuardedTest):
    """The registry's password changes while an image is mounted: config.json is read again at the next 401."""

    def setUp(self) -> None:
        super().setUp()
        self.image, reference = self.serve_guarded(user=USER)
        self.log_in()
        self.daemon = self.new_daemon(fetch=FETCH | {"read_deadline": "3s"}).start()
        self.mounted = self.daemon.mount(reference, self.mount_point())
        self.wire.clear()

    def test_after_config_json_was_written(self) -> None:
        self.registry.change_user(OTHER)
        self.log_in(OTHER)
        self.assert_equal_trees(self.image, self.mounted)
        shown = [record.authorization for record in self.wire.requests_for(BLOBS) if record.status != 401]
        self.assertEqual(set(shown), {f"Basic {basic(OTHER)}"})
        self.daemon.stop()

    def test_before_config_json_was_written(self) -> None:
        self.registry.change_user(OTHER)
        with self.assertRaises(OSError) as caught:
            (self.mounted / "big").read_bytes()
        self.assertEqual(caught.exception.errno, errno.EIO)
        self.log_in(OTHER)
        wait_until("bytes", lambda: readable(self.mounted / "big"), every=0.3)
        self.assert_equal_trees(self.image, self.mounted)
        self.daemon.stop()


class PublicTest(GuardedTest):
    def test_a_server_that_does_not_ask_is_shown_nothing(self) -> None:
        image, reference = self.serve_guarded()
        self.log_in()
        daemon = self.new_daemon().start()
        self.mounts(daemon, image, reference, "--creds", ":".join(USER))
        self.assertGreater(len(self.wire.requests_for(BLOBS)), 0)
        self.assertEqual({record.authorization for record in self.wire.requests_for()}, {None})
        daemon.stop()
