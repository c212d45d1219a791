"""One patch, judged by Python, Node and a browser; and what each of the examples refuses."""

import base64
import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import browser
import numpy as np
import onnx
import pydicom
import pytest
from browser_page import STATE, choose_file
from onnx import TensorProto, helper, numpy_helper

from lungnet.ct import read_series
from tests.conftest import DEFAULT_DATA
from tests.serving.conftest import PROPERTIES, SCANNER_PROPERTIES

EXAMPLES = Path(__file__).resolve().parents[2] / "serving" / "examples"
INSTALLED = EXAMPLES / "node_modules" / "onnxruntime-node"

needs_node = pytest.mark.skipif(
    not (shutil.which("node") and INSTALLED.is_dir()),
    reason="no Node with onnxruntime-node: install nodejs and npm, then make examples",
)
needs_browser = pytest.mark.skipif(
    bool(browser.missing()) or not INSTALLED.is_dir(),
    reason="no browser (chromium, chromium-driver) or no onnxruntime-web (make examples)",
)


def build_network(kind: str, seed: int = 4) -> onnx.ModelProto:
    """A network of the exported ones' form, 40-36-18-16-8-6-3-1 pixels, with random weights."""
    rng = np.random.default_rng(seed)
    name = "patches_hu" if kind == "classifier" else "slices_hu"
    nodes: list[onnx.NodeProto] = [
        helper.make_node("Cast", [name], ["hu"], to=TensorProto.FLOAT),
        helper.make_node("Clip", ["hu", "low", "high"], ["clipped"]),
        helper.make_node("Sub", ["clipped", "low"], ["above"]),
        helper.make_node("Mul", ["above", "scale"], ["scaled"]),
        helper.make_node("Unsqueeze", ["scaled", "channel"], ["layer0"]),
    ]
    constants: dict[str, Any] = {
        "low": np.float32(-1000),
        "high": np.float32(400),
        "scale": np.float32(1 / 1400),
        "channel": np.array([1]),
    }
    channels = 1
    for number, (size, filters) in enumerate(((5, 12), (3, 12), (3, 12)), 1):
        fan_in = channels * size**2
        constants[f"kernel{number}"] = rng.normal(0, np.sqrt(2 / fan_in), (filters, channels, size, size))
        constants[f"bias{number}"] = rng.normal(0, 0.1, filters)
        nodes += [
            helper.make_node(
                "Conv", [f"layer{number - 1}", f"kernel{number}", f"bias{number}"], [f"conv{number}"]
            ),
            helper.make_node("Relu", [f"conv{number}"], [f"relu{number}"]),
            helper.make_node(
                "MaxPool", [f"relu{number}"], [f"layer{number}"], kernel_shape=[2, 2], strides=[2, 2]
            ),
        ]
        channels = filters
    constants["kernel4"] = rng.normal(0, 0.2, (1, channels, 3, 3))
    constants["bias4"] = np.array([-0.3])
    nodes += [
        helper.make_node("Conv", ["layer3", "kernel4", "bias4"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["one_channel"]),
        helper.make_node("Squeeze", ["one_channel", "squeezed"], ["probability"]),
    ]
    axes: list[int] = [1]
    shape: list[str | int] = ["slices", "height", "width"]
    values = ["slices", "rows", "columns"]
    outputs = [helper.make_tensor_value_info("probability", TensorProto.FLOAT, values)]
    if kind == "classifier":
        axes, shape = [1, 2, 3], ["batch", 40, 40]
        constants["half"] = np.float32(0.5)
        nodes += [
            helper.make_node("Greater", ["probability", "half"], ["positive"]),
            helper.make_node("Cast", ["positive"], ["cluster"], to=TensorProto.INT64),
        ]
        outputs = [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info("cluster", TensorProto.INT64, ["batch"]),
        ]
    constants["squeezed"] = np.array(axes)
    tensors = [
        numpy_helper.from_array(
            np.asarray(value, np.int64 if np.asarray(value).dtype == np.int64 else np.float32), key
        )
        for key, value in constants.items()
    ]
    graph = helper.make_graph(
        nodes, "by_hand", [helper.make_tensor_value_info(name, TensorProto.INT16, shape)], outputs, tensors
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for key, value in (PROPERTIES if kind == "classifier" else SCANNER_PROPERTIES).items():
        model.metadata_props.add(key=key, value=value)
    return model


class Material(NamedTuple):
    """A slice, a patch in it, and the files that the examples take."""

    slice_file: Path
    slice_hu: np.ndarray
    row: int
    column: int
    patches: Path
    classifier: Path
    scanner: Path


@pytest.fixture(scope="module")
def material(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Material:
    """The middle slice of LIDC-IDRI-0001, or of a phantom where the real data are not there."""
    real = DEFAULT_DATA / "lidc" / "LIDC-IDRI-0001"
    with contextlib.suppress(pytest.skip.Exception):
        real = request.getfixturevalue("lungnet_data") / "lidc" / "LIDC-IDRI-0001"
    folder = real if real.is_dir() else request.getfixturevalue("phantom_folder")
    volume = read_series(folder)

    def height_mm(path: Path) -> float:
        return float(pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2])

    files = sorted((path for path in folder.rglob("*.dcm")), key=height_mm)
    assert len(files) == len(volume.hu)
    middle = len(files) // 2
    out = tmp_path_factory.mktemp("applications")
    row, column = 210, 133  # no multiple of the scanner's stride
    np.save(out / "patches.npy", volume.hu[middle, row : row + 40, column : column + 40][None])
    for kind in ("classifier", "scanner"):
        (out / f"{kind}.onnx").write_bytes(build_network(kind).SerializeToString())
    return Material(
        files[middle],
        volume.hu[middle],
        row,
        column,
        out / "patches.npy",
        out / "classifier.onnx",
        out / "scanner.onnx",
    )


def python_says(material: Material) -> float:
    example = EXAMPLES / "python_onnxruntime.py"
    call: list[str | Path] = [sys.executable, "-I", example, material.classifier, material.patches]
    return float(subprocess.run(call, capture_output=True, text=True, check=True).stdout.split()[0])


def node(*arguments: Any) -> subprocess.CompletedProcess[str]:
    call = ["node", EXAMPLES / "node_onnxruntime.mjs", *arguments]
    return subprocess.run(list(map(str, call)), capture_output=True, text=True)


@contextlib.contextmanager
def page(scanner: Path) -> Iterator[str]:
    """The address of the page, served as its README says."""
    call: list[str | Path] = [sys.executable, "-I", EXAMPLES / "browser" / "serve_page.py", scanner]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


TEXT = "return document.getElementById(arguments[0]).textContent"


def judge(window: browser.Browser, row: int, column: int) -> float:
    """Types a place and presses the button; returns the probability that the page then shows."""
    window.run(
        """
        document.getElementById("row").value = arguments[0];
        document.getElementById("column").value = arguments[1];
        document.querySelector("#again button").click();
        """,
        row,
        column,
    )
    window.until(STATE + " === 'done'", seconds=120.0)
    return float(window.run(TEXT, "probability"))


@needs_node
@needs_browser
def test_all_say_the_same_of_a_patch(material: Material):
    told = {"python": python_says(material)}
    result = node(material.classifier, material.patches, PROPERTIES["threshold"])
    assert (result.returncode, result.stderr) == (0, "")
    told["node"] = float(result.stdout.split()[0])
    with page(material.scanner) as url, browser.Browser() as window:
        window.go(url)
        assert choose_file(window, material.slice_file.read_bytes()) == "done"
        told["browser"] = judge(window, material.row, material.column)
        highest = window.run(TEXT, "highest")
    assert max(told.values()) - min(told.values()) < 1e-6, told
    assert 0.01 < told["python"] < 0.99

    # The whole heat map agrees with the runtime in Python: its greatest value and where that is.
    import onnxruntime

    session = onnxruntime.InferenceSession(material.scanner, providers=["CPUExecutionProvider"])
    (cells,) = session.run(None, {"slices_hu": material.slice_hu[None]})
    at = np.unravel_index(cells[0].argmax(), cells[0].shape)
    probability, place = highest.split(" at ")
    assert float(probability) == pytest.approx(cells.max(), abs=1e-6)
    assert place == f"row {8 * at[0]}, column {8 * at[1]}"


@needs_node
def test_node_prints_what_python_prints(classifier_file: Path, tmp_path: Path):
    patches = np.random.default_rng(0).integers(-1000, 400, (3, 40, 40)).astype(np.int16)
    patches[0] = -1000  # of mean -1000 HU, whose logistic function is known
    np.save(tmp_path / "patches.npy", patches)
    lines = node(classifier_file, tmp_path / "patches.npy", "0.4375").stdout.splitlines()
    assert len(lines) == 3
    assert lines[0] == f"{1 / (1 + np.e):.7f} negative cluster 0"


@needs_node
@pytest.mark.parametrize("values", [np.zeros((1, 40, 40), np.float32), np.zeros((40, 40), np.int16)])
def test_node_refuses_other_arrays(classifier_file: Path, tmp_path: Path, values: np.ndarray):
    np.save(tmp_path / "patches.npy", values)
    result = node(classifier_file, tmp_path / "patches.npy")
    assert result.returncode != 0
    assert "expected int16 (n, 40, 40) in Hounsfield units" in result.stderr


@needs_browser
def test_the_page_reads_slices_as_lungnet_does_and_refuses_what_is_none(
    tiny_ct, write_tiny_ct, scanner_file: Path, tmp_path: Path
):
    """The tiny CT has signed pixels, a slope of 0.5 and intercepts in quarters: ties are rounded to even."""

    def without_slope(index: int, dataset: pydicom.Dataset) -> None:
        del dataset.RescaleSlope

    small = write_tiny_ct(tmp_path / "small", stored=np.zeros((3, 39, 50), np.int16))
    bare = write_tiny_ct(tmp_path / "bare", edit=without_slope)
    cases = {
        b"hello, this is text" * 20: "This is not a DICOM file.",
        small.files[0].read_bytes(): "smaller than a patch",
        tiny_ct.files[0].read_bytes().replace(b"10008.1.2.1", b"10008.1.2.5", 1): "compressed or big-endian",
        bare.files[0].read_bytes(): "rescale slope and intercept",
    }
    read = """
        const { readSlice } = await import("./dicom_slice.mjs");
        const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
        return Array.from(readSlice(bytes.buffer).hu);
    """
    with page(scanner_file) as url, browser.Browser() as window:
        window.go(url)
        for index in (0, 1, 2):  # intercepts -1000.25, -1000 and -999.75
            content = base64.b64encode(tiny_ct.files[index].read_bytes()).decode()
            hu = np.array(window.run(f"return (async () => {{{read}}}).apply(null, arguments)", content))
            np.testing.assert_array_equal(hu.reshape(48, 56), tiny_ct.volume.hu[index])
        for content, sentence in cases.items():
            window.run("document.documentElement.dataset.state = 'waiting'")
            assert choose_file(window, content) == "failed"
            assert sentence in window.run(TEXT, "status")


@needs_browser
def test_only_the_page_s_files_are_served_and_only_here(scanner_file: Path):
    with page(scanner_file) as url, browser.Browser() as window:
        assert url.startswith("http://127.0.0.1:")
        window.go(url)
        for path in ("package.json", "../serve_page.py", "%2e%2e/serve_page.py", "vendor/package.json"):
            assert window.run("return fetch(arguments[0]).then((answer) => answer.status)", path) == 404


def test_a_page_without_its_packages_says_what_to_do(tmp_path: Path):
    (tmp_path / "browser").mkdir()
    for file in (EXAMPLES / "browser").iterdir():
        shutil.copy(file, tmp_path / "browser")
    call: list[str | Path] = [sys.executable, "-I", tmp_path / "browser" / "serve_page.py", "scanner.onnx"]
    result = subprocess.run(call, capture_output=True, text=True)
    assert result.returncode == 1
    assert "is missing; run npm ci --ignore-scripts in" in result.stderr
