"""A kubelet's side of the Container Runtime Interface, as far as tests need it: one pod, and containers in it, on the host's network."""
import functools
import importlib
import pathlib
import subprocess
import sys
import tempfile
import types

PROTO = pathlib.Path(__file__).with_name("cri.proto")
SECONDS = 300


@functools.cache
def _messages() -> types.ModuleType:
    """cri.proto as Python."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", "-I", PROTO.parent, f"--python_out={folder}", PROTO], check=True)
        sys.path.insert(0, folder)
        try:
            return importlib.import_module("cri_pb2")
        finally:
            sys.path.remove(folder)


class Cri:
    """Calls containerd's CRI plugin; each failure is a grpc.RpcError with its text."""

    def __init__(self, socket: pathlib.Path):
        import grpc  # only these tests need it
        self._channel = grpc.insecure_channel(f"unix://{socket}")

    def close(self) -> None:
        self._channel.close()

    def _call(self, service: str, method: str, **fields: object) -> object:
        messages = _messages()
        request = getattr(messages, f"{method}Request")(**fields)
        call = self._channel.unary_unary(f"/runtime.v1.{service}/{method}", type(request).SerializeToString,
                                         getattr(messages, f"{method}Response").FromString)
        return call(request, timeout=SECONDS)

    def pull(self, reference: str) -> str:
        return self._call("ImageService", "PullImage", image={"image": reference}).image_ref

    def remove_image(self, reference: str) -> None:
        self._call("ImageService", "RemoveImage", image={"image": reference})

    def run_pod(self, name: str, logs: pathlib.Path) -> "Pod":
        host = {"network": 2, "pid": 1, "ipc": 0}  # network: the node's, pid: the container's, ipc: the pod's
        config = {"metadata": {"name": name, "uid": name, "namespace": "test"}, "log_directory": str(logs),
                  "linux": {"security_context": {"namespace_options": host}}}
        sandbox = self._call("RuntimeService", "RunPodSandbox", config=config).pod_sandbox_id
        return Pod(self, sandbox, config)


class Pod:
    def __init__(self, cri: Cri, sandbox: str, config: dict):
        self._cri = cri
        self._id = sandbox
        self._config = config

    def start(self, name: str, reference: str, *command: str) -> str:
        """A container that runs: its id."""
        container = self._cri._call("RuntimeService", "CreateContainer", pod_sandbox_id=self._id, sandbox_config=self._config, config={
            "metadata": {"name": name}, "image": {"image": reference}, "command": command, "log_path": f"{name}.log"}).container_id
        self._cri._call("RuntimeService", "StartContainer", container_id=container)
        return container

    def execute(self, container: str, *command: str) -> tuple[int, str, str]:
        """(exit status, stdout, stderr)"""
        done = self._cri._call("RuntimeService", "ExecSync", container_id=container, cmd=command, timeout=60)
        return done.exit_code, done.stdout.decode(), done.stderr.decode()

    def remove(self) -> None:
        """With its containers."""
        self._cri._call("RuntimeService", "StopPodSandbox", pod_sandbox_id=self._id)
        self._cri._call("RuntimeService", "RemovePodSandbox", pod_sandbox_id=self._id)
