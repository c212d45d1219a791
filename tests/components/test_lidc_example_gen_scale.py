"""The same records from one process and from many, and from a run that was killed."""

import contextlib
import importlib.util
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lungnet.pipeline import ExecutorContext, TaskResults
from tests.components.lidc_example_gen_run import SETTINGS, run


def made(out: Path) -> dict[str, bytes]:
    """Every byte of the outputs."""
    files = [path for part in ("examples", "cohort") for path in (out / part).rglob("*") if path.is_file()]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def records(out: Path, split: str) -> list[bytes]:
    from lungnet.patches.shards import iterate_records, shard_files

    return [record for shard in shard_files(out / "examples", split) for record in iterate_records(shard)]


@pytest.fixture(scope="module")
def one_process(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ExecutorContext]:
    out = tmp_path_factory.mktemp("alone")
    return out, run(phantoms, out, {"workers": 1})


@pytest.fixture(scope="module")
def alone(one_process: tuple[Path, ExecutorContext]) -> Path:
    """What one process makes."""
    return one_process[0]


@pytest.mark.parametrize("workers", [2, 3])
def test_the_number_of_workers_changes_no_byte(phantoms: Path, alone: Path, tmp_path: Path, workers: int):
    run(phantoms, tmp_path, {"workers": workers})
    assert made(tmp_path) == made(alone)
    assert len(made(alone)) == 3 * 4 + 1


def test_the_number_of_shards_changes_no_record(phantoms: Path, alone: Path, tmp_path: Path):
    run(phantoms, tmp_path, {"workers": 1}, (*SETTINGS, "patches.shards=7"))
    assert len(list((tmp_path / "examples").rglob("*.gz"))) == 3 * 7
    for split in ("train", "validation", "eval"):
        assert sorted(records(tmp_path, split)) == sorted(records(alone, split))
        assert records(alone, split)


def test_lineage_ends_in_the_series_that_were_read(one_process: tuple[Path, ExecutorContext]):
    alone, context = one_process
    cohort = json.loads((alone / "cohort/cohort.json").read_text("utf-8"))
    kept = [scan["series_uid"] for scan in cohort["scans"] if scan["series_uid"] not in cohort["unreadable"]]
    assert context.series_uids == kept
    assert len(kept) >= 3 and len(cohort["unreadable"]) == 1


def test_what_an_attempt_left_is_not_done_again(phantoms: Path, alone: Path, tmp_path: Path):
    data = tmp_path / "ct"
    shutil.copytree(phantoms, data)
    run(data, tmp_path / "first", {"workers": 1})
    # Without its slices no series could be read again; the folders are walked each time.
    for slice_file in data.rglob("*.dcm"):
        slice_file.unlink()
    (tmp_path / "second").mkdir()
    (tmp_path / "first/checkpoints").rename(tmp_path / "second/checkpoints")
    run(data, tmp_path / "second", {"workers": 2})
    assert made(tmp_path / "second") == made(alone)


def test_killed_and_run_again(phantoms: Path, alone: Path, tmp_path: Path):
    results = TaskResults(tmp_path / "checkpoints/patches")
    program = Path(__file__).with_name("lidc_example_gen_run.py")
    arguments = [str(phantoms), str(tmp_path), json.dumps({"workers": 2})]
    with subprocess.Popen([sys.executable, program, *arguments], stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not whole(results):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    time.sleep(2.0)  # a worker learns of it when its series is done
    before = {path: path.stat().st_mtime_ns for path in whole(results)}
    assert before
    shutil.rmtree(tmp_path / "examples")  # a launcher gives each attempt new folders to write to
    run(phantoms, tmp_path, {"workers": 1})
    assert made(tmp_path) == made(alone)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def whole(results: TaskResults) -> list[Path]:
    with contextlib.suppress(OSError):  # a folder may come and go while it is listed
        return [path for path in results.folder.glob("[0-9a-f][0-9a-f]/*") if path.is_file()]
    return []


def test_a_worker_loads_no_tensorflow(phantoms: Path):
    code = f"""
import json, sys
from lungnet.ct import find_series
from lungnet.components.lidc_example_gen.annotated import annotate
from lungnet.components.lidc_example_gen.sample import counts_from, sample
from lungnet.components.lidc_example_gen.survey import series_to_json
from lungnet.config import PatchRules
series = series_to_json(find_series({str(phantoms)!r})[0])
known = json.loads(annotate(series))
ids = [nodule["nodule_id"] for nodule in known["nodules"]]
print(*counts_from(sample(series, known["scan"], ids, PatchRules().model_dump(), 0, "nodule")))
print(*({{"tensorflow", "keras", "matplotlib", "pandas", "sklearn"}} & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    counts, heavy = ran.stdout.splitlines()
    positives, negatives = map(int, counts.split())
    assert positives > 0 and positives % 5 == 0
    assert negatives == -(-positives * 3 // 2)
    assert heavy == ""


@pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None, reason="no Apache Beam here: pip install 'lungnet[beam]'"
)
def test_apache_beam_changes_no_byte(phantoms: Path, alone: Path, tmp_path: Path):
    options = {"direct_num_workers": 2, "direct_running_mode": "multi_threading"}
    run(phantoms, tmp_path, {"beam_runner": "DirectRunner", "beam_options": options})
    assert made(tmp_path) == made(alone)
