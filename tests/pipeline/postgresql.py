"""A PostgreSQL server of the tests' own, from Debian's package, on loopback."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

#: The server refuses to run as root; this user has nothing.
_USER = "nobody"


def binaries() -> Path | None:
    """The newest installed server's programs, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    return found[-1].parent if found else None


@contextlib.contextmanager
def running_server() -> Iterator[str]:
    """Starts a server in a temporary folder, and gives the SQLAlchemy URL of its database."""
    programs = binaries()
    assert programs is not None
    # Not below pytest's folders, which another user may not enter.
    with tempfile.TemporaryDirectory(prefix="lungnet-postgresql-") as temporary:
        folder, password = Path(temporary), secrets.token_hex(8)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (folder / "password").write_text(password)
        as_user: list[str] = []
        if os.geteuid() == 0:
            as_user = ["runuser", "-u", _USER, "--"]
            shutil.chown(folder, _USER)
            shutil.chown(folder / "password", _USER)

        def call(program: str, *arguments: str) -> None:
            command = [*as_user, str(programs / program), *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)

        data = str(folder / "data")
        call(
            "initdb", "-D", data, "-U", "lungnet", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}",
            "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        call("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", settings, "start")
        try:
            yield f"postgresql+psycopg://lungnet:{password}@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-D", data, "-m", "immediate", "stop")
