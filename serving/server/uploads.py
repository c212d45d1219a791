"""How uploads come in, and where they lie while they are scanned: private, and swept of what others left."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from starlette.requests import ClientDisconnect, Request

from lungnet.errors import InputError
from lungnet.serving.server.refusal import Refusal
from lungnet.serving.server.scan_limits import ScanLimits

_LOCK = ".lock"


class UploadFolder:
    """A folder that nobody else may look into, with a folder in it for each upload.

    Opening it removes what servers left behind that have ended in whatever way; those that still run are
    known by the lock that they hold.

    Args:
        parent: in which the folders of all servers of this user lie; None for one in the system's folder for
            temporary files.

    Raises:
        InputError: it cannot be made, or others may look into it.
    """

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent or Path(tempfile.gettempdir()) / f"lungnet-uploads-{os.getuid()}"
        try:
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = parent.lstat()
            if status.st_uid != os.getuid() or status.st_mode & 0o077:
                raise InputError(f"{parent} is open to others; expected a folder of mode 700 for uploads.")
            with (parent / _LOCK).open("w") as gate:
                # A folder that is not locked yet looks like one whose server has ended.
                fcntl.flock(gate, fcntl.LOCK_EX)
                _sweep(parent)
                self.path = Path(tempfile.mkdtemp(prefix="server-", dir=parent))  # mode 700
                self._lock = (self.path / _LOCK).open("w")
                fcntl.flock(self._lock, fcntl.LOCK_EX)
        except OSError as error:
            raise InputError(f"Cannot use {parent} for uploads: {error.strerror or error}.") from error

    def new(self) -> Path:
        """Makes a folder for one upload."""
        return Path(tempfile.mkdtemp(dir=self.path))

    def close(self) -> None:
        """Removes all of it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _sweep(parent: Path) -> None:
    for folder in parent.glob("server-*"):
        with contextlib.suppress(OSError), (folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while its server runs
            shutil.rmtree(folder, ignore_errors=True)


async def receive(request: Request, path: Path, limits: ScanLimits) -> None:
    """Writes the body of a request to a file.

    Args:
        request: its body is an archive.
        path: of a file that is not there yet.
        limits: of its size and time.

    Raises:
        Refusal: it is too large (413) or too slow (408), or ended early (400). The connection is closed
            then, for the rest of the body is not waited for.
    """
    size = 0
    try:
        with path.open("xb") as file:
            async with asyncio.timeout(limits.upload_seconds):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > limits.max_upload_bytes:
                        limit = f"{limits.max_upload_bytes:,}"
                        raise Refusal(413, f"An archive may have at most {limit} bytes.", "too_large")
                    file.write(chunk)
        return
    except TimeoutError:
        refusal = Refusal(408, f"The archive took longer than {limits.upload_seconds:g} s.", "slow")
    except ClientDisconnect:
        refusal = Refusal(400, "The connection ended within the archive.", "disconnected")
    except Refusal as error:
        refusal = error
    refusal.headers["Connection"] = "close"
    raise refusal
