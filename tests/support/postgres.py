"""A PostgreSQL server of the tests' own: started once, on a free port, gone afterwards; also where tests run as root."""

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy

OWNER = "hansa"
PASSWORD = "hunter2 & co/@?"  # every character that an address must spell otherwise
_COUNT = itertools.count()


def find_program(name):
    """Return where one of PostgreSQL's programs is; Debian keeps the server's off the path."""
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    return next((str(place / name) for place in places if (place / name).exists()), shutil.which(name))


def is_installed():
    return all(map(find_program, ("initdb", "postgres", "pg_ctl")))


class Server:
    """A server; `make_database` gives each test a database of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.user = unprivileged_user()
        self._process = None

    def initialise(self):
        if self.user is not None:
            shutil.chown(self.folder, self.user)
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        subprocess.run(
            [find_program("initdb"), "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", f"--username={OWNER}",
             "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={secret}", self.folder / "data"],
            check=True, capture_output=True, user=self.user, cwd="/", timeout=120,
        )  # fmt: skip

    def start(self):
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "shared_buffers": "16MB",
            "max_connections": 40,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "messages").open("ab") as messages:
            self._process = subprocess.Popen(
                [find_program("postgres"), "-D", self.folder / "data", *options],
                stdout=messages, stderr=messages, stdin=subprocess.DEVNULL, user=self.user, cwd="/",
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                self.run("SELECT 1")
            except sqlalchemy.exc.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError((self.folder / "messages").read_text()) from None
                time.sleep(0.05)
            else:
                return

    def stop(self, *, how="fast"):
        """Stop the server; `immediate` is what a machine without power does to it."""
        subprocess.run(
            [find_program("pg_ctl"), "-D", self.folder / "data", "-m", how, "-w", "stop"],
            check=True, capture_output=True, user=self.user, cwd="/", timeout=60,
        )  # fmt: skip
        self._process.wait(timeout=60)

    def address(self, database):
        """Return the address by the socket, which asks for no password."""
        return f"postgresql://{OWNER}@/{database}?host={self.folder}&port={self.port}"

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


def unprivileged_user():
    """Return whom the server runs as when the tests run as root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)
