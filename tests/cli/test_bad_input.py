"""What a user can do wrong: one sentence, exit 1 or 2, no traceback, nothing half-written."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


def assert_refused(result, code: int, *parts: str) -> None:
    assert result.code == code
    assert "Traceback" not in result.err
    for part in parts:
        assert part in result.err


def written(root: Path) -> list[str]:
    """Artifacts that a later step could take for whole."""
    own = {"pipeline.json", "metadata.sqlite"}
    files = [path for path in root.rglob("*") if path.is_file() and ".system" not in path.parts]
    return [path.as_posix() for path in files if path.name not in own]


@pytest.fixture
def arrays(tmp_path: Path) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "patches_hu": rng.integers(-1000, 400, (12, 40, 40)).astype(np.int16),
        "labels": np.arange(12) % 2,
        "groups": np.arange(12) // 4,
    }


def run_arrays(lungnet: Callable, tmp_path: Path, arrays: dict[str, np.ndarray], *more: str):
    np.savez(tmp_path / "arrays.npz", allow_pickle=False, **arrays)
    return lungnet("run", "--arrays", tmp_path / "arrays.npz", "--root", tmp_path / "root", *more)


def test_no_source_and_two_sources_are_wrong_usage(lungnet: Callable, tmp_path: Path):
    assert_refused(lungnet("run"), 2, "Give either --data FOLDER or --arrays FILE.npz")
    assert_refused(lungnet("run", "--data", tmp_path, "--arrays", tmp_path / "a.npz"), 2, "Give either")
    assert_refused(lungnet("fly"), 2, "fly")


def test_an_empty_folder(lungnet: Callable, tmp_path: Path):
    (tmp_path / "ct").mkdir()
    result = lungnet("run", "--data", tmp_path / "ct", "--root", tmp_path / "root")
    assert_refused(result, 1, "holds no CT series")
    assert written(tmp_path / "root") == []


def test_a_text_file_named_dcm(lungnet: Callable, tmp_path: Path):
    (tmp_path / "ct").mkdir()
    (tmp_path / "ct/a.dcm").write_text("hello")
    result = lungnet("run", "--data", tmp_path / "ct", "--root", tmp_path / "root")
    assert_refused(result, 1, "a.dcm is named .dcm but is not a DICOM file")


def test_an_engine_that_is_not_installed(lungnet: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)  # what `import` finds where it is not installed
    (tmp_path / "ct").mkdir()
    asked = ("run", "--data", tmp_path / "ct", "--root", tmp_path / "root", "--beam-runner", "FlinkRunner")
    assert_refused(lungnet(*asked), 1, "Apache Beam is not installed", "pip install 'lungnet[beam]'")
    assert written(tmp_path / "root") == []


def test_options_of_no_engine(lungnet: Callable, tmp_path: Path):
    (tmp_path / "ct").mkdir()
    asked = ("run", "--data", tmp_path / "ct", "--root", tmp_path / "root")
    assert_refused(lungnet(*asked, "--beam-option", "a=1"), 2, "--beam-option is for a --beam-runner")
    assert_refused(lungnet(*asked, "--workers", "0"), 2, "--workers")


def test_a_folder_that_is_not_there(lungnet: Callable, tmp_path: Path):
    assert_refused(lungnet("run", "--data", tmp_path / "none"), 1, "is no folder")
    assert_refused(lungnet("run", "--arrays", tmp_path / "none.npz"), 1, "is no file")


def test_names_that_would_steer_a_terminal(lungnet: Callable, tmp_path: Path):
    assert_refused(lungnet("run", "--data", tmp_path / "a\x1b[2J\x9b"), 1, "a\\x1b[2J\\x9b")


def test_a_series_without_annotations(lungnet: Callable, tiny_ct, tmp_path: Path):
    result = lungnet("run", "--data", tiny_ct.folder, "--root", tmp_path / "root")
    assert_refused(result, 1, "None of the 1 CT series", "has annotations")
    assert written(tmp_path / "root") == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patches_hu": None}, "patches_hu"),
        ({"labels": None}, "labels"),
        ({"groups": None}, "groups"),
        ({"patches_hu": np.full((12, 40, 40), np.nan)}, "NaN"),
        ({"patches_hu": np.zeros((12, 30, 40), np.int16)}, "40"),
        ({"labels": np.ones(12, int)}, "one class"),
        ({"labels": np.arange(5) % 2}, "12"),
        ({"labels": np.arange(12)}, "within 0 to 1"),
    ],
)
def test_arrays_that_are_not_right(lungnet: Callable, tmp_path: Path, arrays, change, message: str):
    changed = {key: value for key, value in {**arrays, **change}.items() if value is not None}
    assert_refused(run_arrays(lungnet, tmp_path, changed), 1, message)
    assert written(tmp_path / "root") == []


def test_a_text_file_is_no_npz(lungnet: Callable, tmp_path: Path):
    (tmp_path / "a.npz").write_text("hello")
    result = lungnet("run", "--arrays", tmp_path / "a.npz", "--root", tmp_path / "root")
    assert_refused(result, 1, "a.npz")


def test_an_unknown_group(lungnet: Callable, tmp_path: Path, arrays):
    assert_refused(run_arrays(lungnet, tmp_path, arrays, "--eval-groups", "9"), 1, "'9'", "closest")


def test_the_same_image_in_training_and_evaluation(lungnet: Callable, tmp_path: Path, arrays):
    arrays["patches_hu"][9] = arrays["patches_hu"][2]  # of groups 2 and 0
    result = run_arrays(lungnet, tmp_path, arrays, "--eval-groups", "2")
    assert_refused(result, 1, "share the pixels of 1 patch,", "validation.duplicate_across_splits=report")
    assert not (tmp_path / "root/ExampleValidator/anomalies").exists()
    assert not (tmp_path / "root/GanTrainer").exists()


def test_fewer_patches_than_a_batch(lungnet: Callable, tmp_path: Path, arrays):
    result = run_arrays(lungnet, tmp_path, arrays, "--set", "gan.batch_size=500")
    assert_refused(result, 1, "batch_size is 500", "zero steps")
    assert not (tmp_path / "root/GanTrainer/generator").exists()


def test_an_unknown_key_names_the_closest(lungnet: Callable, tmp_path: Path, arrays):
    result = run_arrays(lungnet, tmp_path, arrays, "--set", "gan.latentdim=3")
    assert_refused(result, 1, "gan.latentdim", "did you mean 'latent_dim'")


def test_a_root_that_is_a_file(lungnet: Callable, tmp_path: Path, arrays):
    (tmp_path / "root").write_text("")
    assert_refused(run_arrays(lungnet, tmp_path, arrays), 2, "root")


def test_a_root_that_cannot_be_written(lungnet: Callable, tmp_path: Path, arrays):
    np.savez(tmp_path / "a.npz", allow_pickle=False, **arrays)
    # Not even root makes folders there.
    result = lungnet("run", "--arrays", tmp_path / "a.npz", "--root", "/proc/lungnet")
    assert_refused(result, 1, "Cannot write the pipeline root /proc/lungnet")


def test_a_step_that_does_not_exist(lungnet: Callable, finished):
    result = lungnet("step", "CalmTrainr", "--root", finished.root)
    assert_refused(result, 1, "did you mean 'CalmTrainer'")


def test_a_step_whose_inputs_were_never_made(lungnet: Callable, tmp_path: Path, arrays):
    np.savez(tmp_path / "a.npz", allow_pickle=False, **arrays)
    root = tmp_path / "root"
    result = lungnet("step", "GanTrainer", "--arrays", tmp_path / "a.npz", "--root", root)
    assert_refused(result, 1, "ArrayExampleGen has not run")


def test_a_root_without_a_pipeline(lungnet: Callable, tmp_path: Path):
    result = lungnet("step", "GanTrainer", "--root", tmp_path / "root")
    assert_refused(result, 2, "is no pipeline root yet")
    assert not (tmp_path / "root").exists()


def test_a_model_that_is_not_ours(lungnet: Callable, tiny_ct, tmp_path: Path):
    (tmp_path / "model.onnx").write_text("hello")
    (tmp_path / "c.csv").write_text("seriesuid,coordX,coordY,coordZ\n")
    result = lungnet(
        "predict", tiny_ct.folder, "--candidates", tmp_path / "c.csv", "--model", tmp_path / "model.onnx"
    )
    assert_refused(result, 1, "model.onnx is not an ONNX model")
    assert result.out == ""


def test_two_series_in_one_folder(lungnet: Callable, write_tiny_ct, tmp_path: Path, finished):
    write_tiny_ct(tmp_path / "ct/a")
    write_tiny_ct(tmp_path / "ct/b", series_uid="1.2.3.4")
    (tmp_path / "c.csv").write_text("seriesuid,coordX,coordY,coordZ\n")
    model = finished.output("OnnxExporter", "model") / "classifier.onnx"
    result = lungnet("predict", tmp_path / "ct", "--candidates", tmp_path / "c.csv", "--model", model)
    assert_refused(result, 1, "2 series")


def test_a_second_run_on_a_root_is_refused(finished, lungnet: Callable):
    from lungnet.pipeline.root_lock import root_lock

    with root_lock(finished.root / ".system"):
        result = lungnet("run", "--root", finished.root)
        assert_refused(result, 1, "Another run works on", "process", "--wait")
        assert lungnet("run", "--root", finished.root, "--dry-run").code == 0
    assert lungnet("run", "--root", finished.root, "--until", "StatisticsGen").code == 0


def test_a_part_of_a_pipeline_that_cannot_run(finished, lungnet: Callable, arrays, tmp_path: Path):
    root = finished.root
    assert_refused(lungnet("run", "--root", root, "--only", "GanTrianer"), 1, "did you mean 'GanTrainer'?")
    result = lungnet("run", "--root", root, "--from", "Evaluator", "--until", "GanTrainer")
    assert_refused(result, 1, "GanTrainer comes before Evaluator")
    result = lungnet("run", "--root", root, "--only", "Evaluator", "--from", "Evaluator")
    assert_refused(result, 1, "One step alone excludes")
    result = run_arrays(lungnet, tmp_path, arrays, "--from", "CaeTrainer")
    assert_refused(result, 1, "has not run in", "is needed first")


def test_a_metadata_file_that_is_not_one(finished, lungnet: Callable, arrays, tmp_path: Path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root/metadata.sqlite").write_text("I am a text." * 200)
    result = run_arrays(lungnet, tmp_path, arrays)
    assert_refused(result, 1, "metadata.sqlite cannot be used: file is not a database")
    assert (tmp_path / "root/metadata.sqlite").read_text().startswith("I am a text.")
    result = lungnet("run", "--root", finished.root, "--metadata", "postgres://x")
    assert_refused(result, 1, "SQLAlchemy URL")
