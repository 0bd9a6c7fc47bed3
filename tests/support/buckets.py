"""An S3 server of the tests' own: rclone serves a folder."""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import obstore
from obstore.store import S3Store
from postgres import free_port

BUCKET = "coalition"
SECRET = "a-secret-that-nobody-may-read"


def find_program():
    beside = Path(sys.executable).with_name("rclone")
    return str(beside) if beside.exists() else shutil.which("rclone")


class Bucket:
    """A bucket that is served: its address, what its client finds in the environment, and another client."""

    def __init__(self, port):
        self.address = f"s3://{BUCKET}/some/prefix"
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "eu-north-1",
            "AWS_ACCESS_KEY_ID": "hansa",
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }
        self._store = S3Store(
            BUCKET,
            prefix="some/prefix",
            endpoint=self.environment["AWS_ENDPOINT_URL"],
            region="eu-north-1",
            access_key_id="hansa",
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )

    def read(self, name):
        return bytes(obstore.get(self._store, name).bytes())

    def write(self, name, data):
        obstore.put(self._store, name, data)

    def names(self):
        return [found["path"] for page in obstore.list(self._store) for found in page]


class Folder:
    """The same view of a folder."""

    def __init__(self, path):
        self._path = path

    def read(self, name):
        return (self._path / name).read_bytes()

    def write(self, name, data):
        (self._path / name).write_bytes(data)

    def names(self):
        return [path.name for path in self._path.iterdir()] if self._path.exists() else []


@contextmanager
def serve_bucket(folder):
    (folder / BUCKET).mkdir(parents=True)
    port = free_port()
    environment = {"PATH": os.environ.get("PATH", ""), "RCLONE_CONFIG": "", "HOME": str(folder)}
    with subprocess.Popen(
        [find_program(), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"hansa,{SECRET}", folder],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            wait_for_port(port, process)
            yield Bucket(port)
        finally:
            process.kill()


def wait_for_port(port, process):
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        else:
            return
