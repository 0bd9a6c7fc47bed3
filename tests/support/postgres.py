"""A PostgreSQL server of the tests' own: started once, on a free port, gone afterwards; also where tests run as root."""

import itertools
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy

from hansa.rehearsal import server as own

OWNER = own.OWNER
PASSWORD = "hunter2 & co/@?"  # every character that an address must spell otherwise
HOW = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_COUNT = itertools.count()


def is_installed():
    return all(map(own.find_program, ("initdb", "postgres")))


class Server(own.Server):
    """A server; `make_database` gives each test a database of its own. This one listens at loopback too, and wants a password there."""

    def __init__(self, folder):
        super().__init__(folder)
        self.port = free_port()
        self._process = None

    def initialise(self):
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        super().initialise("--no-sync", "--auth-host=scram-sha-256", f"--pwfile={secret}")

    def start(self):
        settings = {"listen_addresses": "127.0.0.1", "shared_buffers": "16MB", "max_connections": "40"}
        with (self.folder / "messages").open("ab") as messages:
            self._process = subprocess.Popen(
                self.spell_command(settings), stdout=messages, stderr=messages, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + 60
        while not self.is_ready(self._process.pid):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError((self.folder / "messages").read_text())
            time.sleep(0.02)

    def stop(self, *, how="fast"):
        """Stop the server; `immediate` is what a machine without power does to it."""
        self._process.send_signal(HOW[how])
        self._process.wait(timeout=60)

    def run(self, statement, database="postgres"):
        """Run one statement as somebody else than the store."""
        return run_statement(self.address(database), statement)

    def make_database(self):
        name = f"log{next(_COUNT)}"
        self.run(f"CREATE DATABASE {name}")
        return self.address(name)


def run_statement(address, statement, parameters=None):
    url = sqlalchemy.make_url(address).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(
        url,
        poolclass=sqlalchemy.pool.NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": 5},
    )
    with engine.connect() as connection:
        result = connection.execute(sqlalchemy.text(statement), parameters or {})
        return result.all() if result.returns_rows else None


@contextmanager
def run_server():
    # Beside pytest's own folders, into which only the user who runs the tests can look.
    folder = Path(tempfile.mkdtemp(prefix="hansa-postgres-"))
    folder.chmod(0o755)
    server = Server(folder)
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        if server._process is not None and server._process.poll() is None:
            server.stop(how="immediate")
        shutil.rmtree(folder, ignore_errors=True)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
