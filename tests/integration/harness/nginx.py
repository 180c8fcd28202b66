"""Debian's nginx as a caching mirror in front of a registry: blobs are kept in slices, the rest passes."""
import pathlib
import socket

from .process import Process, wait_until

SLICE_BYTES = 1 << 20
# One process, so that its end is the end of all. Its temporary folders are said, because Debian's are below /var/lib/nginx.
CONFIG = """daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_max_body_size 0;
  client_body_temp_path client-body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  proxy_cache_path cache keys_zone=blobs:1m use_temp_path=off;
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass {upstream}; }}
    location ~ ^/v2/.+/blobs/sha256: {{
      slice {slice_bytes};
      proxy_cache blobs;
      proxy_cache_key $uri$slice_range;
      proxy_cache_lock on;
      proxy_cache_valid 200 206 1h;
      proxy_set_header Range $slice_range;
      add_header X-Cache $upstream_cache_status;
      proxy_pass {upstream};
    }}
  }}
}}
"""


class Nginx:
    def __init__(self, folder: pathlib.Path, upstream: str):
        """`upstream`: the registry's URL, http://host:port. `folder` becomes its prefix."""
        folder.mkdir(parents=True, exist_ok=True)
        self.host = "127.0.0.1"
        self.port = _free_port()
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(port=self.port, upstream=upstream, slice_bytes=SLICE_BYTES))
        self._process = Process(["nginx", "-p", str(folder), "-c", str(config), "-e", "stderr"], folder / "nginx.log",
                                death_signal="KILL")
        try:
            wait_until("nginx to listen", self._listens)
        except TimeoutError:
            self.stop()
            raise RuntimeError(f"nginx does not start:\n{self._process.log()}") from None

    def _listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex((self.host, self.port)) == 0

    def stop(self) -> None:
        self._process.end()


def _free_port() -> int:
    """A port that was free a moment ago: nginx wants a number, and does not tell one that it chose."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
