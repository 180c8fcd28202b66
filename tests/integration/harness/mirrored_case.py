"""The base of tests with more than one server for a registry: each a docker-registry of its own behind a proxy of its own."""
from .case import IntegrationTest
from .daemon import Daemon
from .fault_proxy import FaultProxy
from .hosts_toml import HostsToml
from .images import Image
from .registry import Registry
from .request_log import RequestLog
from .trees import TreeSpec


class MirroredTest(IntegrationTest):
    """`self.proxy` (its log: self.wire) leads to the registry itself, which is asked last, `self.mirror` to its mirror."""

    def start_servers(self, spec: TreeSpec) -> Image:
        """A registry and a mirror that have the same image; self.hosts has their hosts.toml, in which the mirror is."""
        image = self.images.get(spec)
        self.start_registry()
        self.push(image)
        mirror, self.mirror = self.registry, self.proxy
        self.start_registry()
        self.push(image)
        self.assertNotEqual(mirror.port, self.registry.port)
        self.hosts = HostsToml(self.folder / "certs", "127.0.0.1", self.proxy.port)
        self.hosts.write(self.mirror.origin)
        return image

    def start_daemon(self, **fetch: object) -> Daemon:
        """One that knows of those servers."""
        return self.new_daemon(fetch=fetch | {"certs_dirs": str(self.hosts.certs_dir)}).start()

    def more_proxy(self, registry: Registry | None = None) -> FaultProxy:
        """One more way to the registry."""
        registry = registry or self.registry
        proxy = FaultProxy(registry.host, registry.port)
        self.addCleanup(proxy.stop)
        return proxy

    @property
    def mirror_wire(self) -> RequestLog:
        return self.mirror.log
