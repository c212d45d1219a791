import json
import subprocess
import sys
from pathlib import Path

import gpu_inference
import onnxruntime
import pytest

from tests.serving.conftest import build_chest, build_model, build_scanner

needs_no_gpu = pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA"
)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "classifier.onnx").write_bytes(build_model().SerializeToString())
    (folder / "scanner.onnx").write_bytes(build_scanner().SerializeToString())
    return folder


@needs_no_gpu
@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_without_a_gpu_it_says_so_and_measures_nothing(models: Path, tmp_path: Path, provider: str):
    call = [sys.executable, gpu_inference.__file__, "--model-dir", str(models), "--provider", provider]
    result = subprocess.run(
        [*call, "--output", str(tmp_path / "gpu.md")], capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
    (line,) = result.stdout.splitlines()
    assert line.startswith("Nothing was measured: A GPU is required")
    assert not list(tmp_path.iterdir())


def test_the_table_by_hand():
    seconds = {"cpu": [2.0, 4.0, 8.0], "gpu": [1.0, 1.0, 1.0]}
    found = gpu_inference.row("patches, 8 at once", "patches", 8000, seconds, 2.5e-7)
    assert (found["cpu_per_second"], found["gpu_per_second"], found["times_as_fast"]) == (2000, 8000, 4)
    result = {"gpu": "A", "provider": "cuda", "cpus": 2, "onnxruntime": "1", "slices": 9, "rows": [found]}
    assert gpu_inference.table(result).splitlines()[-1] == (
        "| patches, 8 at once | 2,000.0 patches | 8,000.0 patches | 4.0 | 2.5e-07 |"
    )
    json.dumps(result)


def test_both_sides_do_the_same_work(models: Path, monkeypatch: pytest.MonkeyPatch):
    """The CPU stands in for the GPU, so that every line of the comparison runs."""
    import lungnet.serving.providers as providers
    from lungnet.serving import session

    for module in (providers, session):
        monkeypatch.setattr(module, "GPU_PROVIDERS", frozenset({"CPUExecutionProvider"}))
    monkeypatch.setattr(session, "_NO_CPU", "session.no_such_entry")
    monkeypatch.setattr(gpu_inference, "BATCHES", (1, 3))
    chest = build_chest()
    rows = [
        *gpu_inference.compare_patches(models, ["cpu"], chest, 10, 1),
        *gpu_inference.compare_cts(models, ["cpu"], chest, 1),
    ]
    assert [one["unit"] for one in rows] == ["patches", "patches", "slices", "slices"]
    assert all(one["max_difference"] == 0.0 and one["cpu_per_second"] > 0 for one in rows)
