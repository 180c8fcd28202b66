"""A service manager as far as lacunad sees one: sd_notify(3), and the store of descriptors as systemd 252 has it
(service_add_fd_store in src/core/service.c). It runs where no systemd can, and may be slow."""
import array
import ctypes
import os
import pathlib
import platform
import socket
import struct
import threading

STORE_MAX = 4097  # FileDescriptorStoreMax of the unit
KCMP = {"x86_64": 312, "aarch64": 272}.get(platform.machine())
KCMP_FILE = 0
_libc = ctypes.CDLL(None, use_errno=True)


class FakeManager:
    def __init__(self, socket_path: pathlib.Path):
        self.path = socket_path
        self.main_pid = 0  # from nobody else anything is taken
        self.told: list[str] = []  # READY=1 and so on
        self.mistakes: list[str] = []
        self._store: list[tuple[str, int]] = []
        self._lock = threading.Lock()
        self._listening = threading.Event()
        self._listening.set()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(str(socket_path))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def pause(self) -> None:
        """It reads at most one datagram more, until `go_on`."""
        self._listening.clear()

    def go_on(self) -> None:
        self._listening.set()

    def names(self) -> list[str]:
        with self._lock:
            return sorted(name for name, _ in self._store)

    def stored(self) -> list[tuple[str, int]]:
        """What a start gets: names and descriptors, the newest first."""
        with self._lock:
            return list(reversed(self._store))

    def plant(self, name: str, descriptor: int) -> None:
        with self._lock:
            self._store.append((name, descriptor))

    def close(self) -> None:
        self.go_on()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()
        self._forget([name for name, _ in self._store])

    def _listen(self) -> None:
        while True:
            self._listening.wait()
            data, control, _, _ = self._socket.recvmsg(4096, 4096)
            if not data and not control:
                return
            with self._lock:
                self._take(data.decode(), control)

    def _take(self, text: str, control: list) -> None:
        descriptors, sender = array.array("i"), 0
        for _, kind, content in control:
            if kind == socket.SCM_RIGHTS:
                descriptors.frombytes(content)
            elif kind == socket.SCM_CREDENTIALS:
                sender = struct.unpack("iii", content)[0]
        fields = dict(line.partition("=")[::2] for line in text.splitlines())
        if not sender:
            return
        if sender != self.main_pid:
            self.mistakes.append(f"from process {sender}: {text}")
        elif "FDSTORE" in fields:
            self._add(fields, descriptors)
        elif "FDSTOREREMOVE" in fields:
            self._forget([fields["FDNAME"]])
        else:
            self.told.append(text)

    def _add(self, fields: dict[str, str], descriptors: array.array) -> None:
        if len(descriptors) != 1 or fields.get("FDPOLL") != "0" or "FDNAME" not in fields:
            self.mistakes.append(f"{fields} with {len(descriptors)} descriptors")
        for descriptor in descriptors:
            if len(self._store) >= STORE_MAX or any(_same(descriptor, other) for _, other in self._store):
                os.close(descriptor)
            else:
                self._store.append((fields["FDNAME"], descriptor))

    def _forget(self, names: list[str]) -> None:
        for name, descriptor in self._store:
            if name in names:
                os.close(descriptor)
        self._store = [entry for entry in self._store if entry[0] not in names]


def _same(one: int, other: int) -> bool:
    """Whether both are one open file."""
    pid = os.getpid()
    return KCMP is not None and _libc.syscall(KCMP, pid, pid, KCMP_FILE, ctypes.c_ulong(one), ctypes.c_ulong(other)) == 0
