"""Serves the page on this machine alone, with the scanner that it runs.

python serve_page.py scanner.onnx [PORT]        then open the address that it prints
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = HERE.parent / "node_modules"
RUNTIME = MODULES / "onnxruntime-web" / "dist"

#: Path -> file and its type: nothing else is served.
FILES = {
    "/": (HERE / "index.html", "text/html; charset=utf-8"),
    "/page.css": (HERE / "page.css", "text/css"),
    "/vendor/dicomParser.min.js": (MODULES / "dicom-parser/dist/dicomParser.min.js", "text/javascript"),
    "/vendor/ort-wasm-simd-threaded.wasm": (RUNTIME / "ort-wasm-simd-threaded.wasm", "application/wasm"),
    "/scanner.onnx": (Path(sys.argv[1]), "application/octet-stream"),
    **{
        f"/{name}": (HERE / name, "text/javascript")
        for name in ("page.mjs", "dicom_slice.mjs", "drawing.mjs", "scanner.mjs")
    },
    **{
        f"/vendor/{name}": (RUNTIME / name, "text/javascript")
        for name in ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs")
    },
}

HEADERS = {
    # The page can load nothing from elsewhere, and can send nothing there.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob:; "
    "worker-src 'self' blob:",
    "Cache-Control": "no-cache",
}


class Page(BaseHTTPRequestHandler):
    """Answers with the files above."""

    def do_GET(self) -> None:
        """Sends a file, or 404."""
        found = FILES.get(self.path.partition("?")[0])
        if found is None:
            self.send_error(404)
            return
        path, kind = found
        content = path.read_bytes()
        self.send_response(200)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *values: object) -> None:
        """Keeps quiet."""


if missing := [str(path) for path, _ in FILES.values() if not path.is_file()]:
    sys.exit(f"{missing[0]} is missing; run npm ci --ignore-scripts in {HERE.parent} first.")
port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
with ThreadingHTTPServer(("127.0.0.1", port), Page) as server:
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
