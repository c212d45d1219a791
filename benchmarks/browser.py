"""Chromium without a screen, driven over the WebDriver protocol."""

import base64
import contextlib
import http.client
import io
import json
import shutil
import socket
import subprocess
import tempfile
import time
from types import TracebackType
from typing import Any, Self

from PIL import Image

#: Names that distributions give the browser.
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",  # WebGL without a GPU
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


def missing() -> str:
    """Returns what has to be installed first, or nothing."""
    if not shutil.which("chromedriver"):
        return "chromedriver"
    return "" if any(map(shutil.which, _BROWSERS)) else "chromium"


class Browser:
    """One window; use it as a context manager.

    Args:
        width, height: of the window, in pixels.

    Raises:
        RuntimeError: the driver does not answer, or refuses.
    """

    def __init__(self, width: int = 1280, height: int = 900) -> None:
        self.width, self.height = width, height
        self._open = contextlib.ExitStack()
        self._session = ""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opening:
            profile = opening.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self._port = free.getsockname()[1]
            driver = subprocess.Popen(
                ["chromedriver", f"--port={self._port}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            opening.callback(driver.wait)
            opening.callback(driver.terminate)
            self._await_driver()
            flags = [*_FLAGS, f"--user-data-dir={profile}", f"--window-size={self.width},{self.height}"]
            binary = next(found for found in map(shutil.which, _BROWSERS) if found)
            options = {"binary": binary, "args": flags}
            capabilities = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
            answer = self._ask("POST", "/session", {"capabilities": capabilities})
            self._session = f"/session/{answer['sessionId']}"
            opening.callback(self._ask, "DELETE", self._session)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def go(self, url: str) -> None:
        """Opens a page and waits until it is loaded."""
        self._ask("POST", f"{self._session}/url", {"url": url})

    def resize(self, width: int, height: int) -> None:
        """Gives the window another size, in pixels."""
        self._ask("POST", f"{self._session}/window/rect", {"width": width, "height": height})

    def run(self, script: str, *arguments: Any) -> Any:
        """Returns what the body of a JavaScript function returns; a promise is waited for."""
        body = {"script": script, "args": list(arguments)}
        return self._ask("POST", f"{self._session}/execute/sync", body)

    def until(self, script: str, *arguments: Any, seconds: float = 30.0) -> Any:
        """Runs a script until it returns something that is true in Python.

        Raises:
            TimeoutError: it does not.
        """
        end = time.monotonic() + seconds
        while not (result := self.run(script, *arguments)):
            if time.monotonic() > end:
                raise TimeoutError(f"not there after {seconds:g} s: {script.strip()}")
            time.sleep(0.2)
        return result

    def screenshot(self) -> Image.Image:
        """Returns what the window shows, RGB."""
        png = base64.b64decode(self._ask("GET", f"{self._session}/screenshot"))
        return Image.open(io.BytesIO(png)).convert("RGB")

    def _await_driver(self) -> None:
        for _ in range(200):
            with contextlib.suppress(OSError):
                if self._ask("GET", "/status")["ready"]:
                    return
            time.sleep(0.05)
        raise RuntimeError("chromedriver does not answer")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        with contextlib.closing(connection):
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"})
            response = connection.getresponse()
            value = json.loads(response.read())["value"]
        if response.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{value['error']}: {value['message']}")
        return value
