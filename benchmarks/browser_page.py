"""A picture of the page in serving/examples/browser, with a phantom's slice.

python benchmarks/browser_page.py scanner.onnx [--output docs/figures/browser_page.png]

Needs chromium, chromium-driver and `make examples`. The slice is that of the most probable detection.
"""

import argparse
import base64
import subprocess
import sys
import tempfile
from pathlib import Path

import pydicom
from browser import Browser

from lungnet.ct import read_series
from lungnet.phantom import write_phantom
from lungnet.serving import CTScanner

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "serving" / "examples" / "browser" / "serve_page.py"

#: Chooses a file as a user would.
CHOOSE = """
const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
const chosen = new DataTransfer();
chosen.items.add(new File([bytes], "slice.dcm"));
const field = document.getElementById("file");
field.files = chosen.files;
field.dispatchEvent(new Event("change"));
"""
STATE = "return document.documentElement.dataset.state"


def choose_file(window: Browser, content: bytes) -> str:
    """Gives the page a file; returns the state that it ends in, "done" or "failed"."""
    window.run(CHOOSE, base64.b64encode(content).decode())
    return str(window.until(STATE + ".match(/done|failed/)?.[0]", seconds=120.0))


def height_mm(path: Path) -> float:
    """Returns where along the patient a slice lies."""
    return float(pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2])


def main() -> None:
    """Makes the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scanner", type=Path, help="scanner.onnx")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "figures" / "browser_page.png")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_phantom(Path(temporary), 1, seed=3)[0]
        best = CTScanner(options.scanner).scan(read_series(folder))[0]
        assert best.center_zyx is not None
        slices = sorted(folder.rglob("*.dcm"), key=height_mm)
        content = slices[round(best.center_zyx[0])].read_bytes()
    call: list[str | Path] = [sys.executable, PAGE, options.scanner]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            with Browser(1020, 950) as window:
                window.go(server.stdout.readline().strip())
                assert choose_file(window, content) == "done"
                picture = window.screenshot()
        finally:
            server.terminate()
    picture.quantize(128).save(options.output, optimize=True)


if __name__ == "__main__":
    main()
