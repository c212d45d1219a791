"""TensorBoard beside a run: that it is served, ends with the run, and shows what it should."""

import http.client
import importlib.util
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
import tensorflow as tf

from lungnet.cli.tensorboard import serve_tensorboard
from lungnet.errors import InputError

REPOSITORY = Path(__file__).parents[2]
ROWS = ("gan_cae_calm", "gan_cae_nn", "gan_cae_lr", "gan_cae_svm", "ae", "cnn", "brightness", "size")

SCALARS = {
    "GanTrainer": {
        f"gan/{name}"
        for name in (
            "critic_loss",
            "generator_loss",
            "wasserstein_distance",
            "gradient_norm",
            "gradient_penalty",
        )
    },
    "CaeTrainer": {
        f"cae/layer_{layer}/{name}"
        for layer in (1, 2, 3)
        for name in ("reconstruction_error", "validation_reconstruction_error")
    },
    "CaeTrainer/fine_tuning": {
        f"fine_tuning/{name}" for name in ("loss", "validation_loss", "validation_auc")
    },
    "CalmTrainer": {
        f"calm/{name}"
        for name in (
            "loss",
            "accuracy",
            "validation_loss",
            "validation_accuracy",
            "changed",
            "objective_change",
            "intra_cluster_variance",
            "cluster_0_size",
            "cluster_1_size",
        )
    },
    "BaselineTrainer.gan_cae_nn": {
        f"gan_cae_nn/{name}" for name in ("loss", "accuracy", "validation_loss", "validation_accuracy")
    },
    "BaselineTrainer.ae": {"ae/reconstruction_error", "ae/validation_reconstruction_error"},
    "BaselineTrainer.cnn": {"cnn/loss", "cnn/validation_loss", "cnn/validation_auc"},
}
IMAGES = {
    "GanTrainer": {"gan/real_and_synthetic"},
    "CaeTrainer": {f"cae/layer_{layer}/reconstruction" for layer in (1, 2, 3)},
    "BaselineTrainer.ae": {"ae/reconstruction"},
    "Evaluator": {
        f"figures/{name}"
        for name in (
            *("roc", "reliability", "variance", "losses", "patches", "errors"),
            *("looked", "looked_cnn", "calibrations", "precision_recall"),
            *("quality_statistics", "quality_training"),
        )
    },
}


class Board:
    """A TensorBoard that answers over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request("GET", f"/data/{path}")
            response = connection.getresponse()
            content = response.read()
            assert response.status == 200, (path, content)
            return content
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        return json.loads(self.get(path))

    def tags(self, plugin: str) -> dict[str, dict[str, Any]]:
        """Returns step -> tag -> what is known of it, without steps that have none."""
        return {step_of(run): tags for run, tags in self.json(f"plugin/{plugin}/tags").items() if tags}

    def run(self, step: str) -> str:
        """Returns the run of a step, as a query has it."""
        (run,) = [run for run in self.json("runs") if step_of(run) == step]
        return quote(run)


def step_of(run: str) -> str:
    """Returns a run without the number of its execution: CaeTrainer/7/fine_tuning may be 5 elsewhere."""
    return re.sub(r"/\d+", "", run)


def is_served(url: str) -> bool:
    place = urlsplit(url)
    with socket.socket() as client:
        return client.connect_ex((place.hostname, place.port)) == 0


def processes_with(text: str) -> list[int]:
    """Returns the processes whose command line has `text` in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:  # it has just ended
            continue
    return found


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def board(finished) -> Iterator[Board]:
    with serve_tensorboard(finished.root / "tensorboard") as url:
        board = Board(url)
        until(lambda: len(board.tags("pr_curves")) == len(ROWS))  # the last that a run writes
        yield board


def test_every_trainer_logs_its_curves_and_says_what_they_are(board: Board):
    served = board.tags("scalars")
    assert {run: set(tags) for run, tags in served.items()} == SCALARS
    assert [tag for tags in served.values() for tag, about in tags.items() if not about["description"]] == []
    points = board.json(f"plugin/scalars/scalars?tag=calm/changed&run={board.run('CalmTrainer')}")
    assert [step for _, step, _ in points] == [1, 2, 3]
    assert all(0.0 <= share <= 1.0 for _, _, share in points)


def test_cluster_sizes_add_up_to_the_real_training_patches(board: Board):
    run = board.run("CalmTrainer")
    sizes = [
        board.json(f"plugin/scalars/scalars?tag=calm/cluster_{cluster}_size&run={run}") for cluster in (0, 1)
    ]
    assert {first[2] + second[2] for first, second in zip(*sizes, strict=True)} == {60}  # of 72


def test_grids_reconstructions_and_figures_are_images(board: Board):
    assert {run: set(tags) for run, tags in board.tags("images").items()} == IMAGES
    for step, tags in IMAGES.items():
        run = board.run(step)
        for tag in tags:
            listed = board.json(f"plugin/images/images?run={run}&tag={quote(tag)}&sample=0")
            picture = tf.io.decode_image(board.get(f"plugin/images/individualImage?{listed[-1]['query']}"))
            if tag.endswith("reconstruction"):  # twice 4 x 4 patches, each with a line below and beside it
                assert picture.shape[:2] == (4 * 41, 2 * 4 * 41 + 16)
            assert len(np.unique(picture)) > 10


def test_synthetic_patches_are_beside_real_ones(board: Board):
    query = f"run={board.run('GanTrainer')}&tag=gan/real_and_synthetic&sample=0"
    (*_, last) = board.json(f"plugin/images/images?{query}")
    assert last["step"] == 2
    picture = tf.io.decode_image(board.get(f"plugin/images/individualImage?{last['query']}")).numpy()
    assert picture.shape[1] == 2 * 4 * 41 + 16
    middle = picture[:, 4 * 41 : 4 * 41 + 16]
    assert (middle == 255).all()
    # The patches of this run are dark; a generator after two steps is not.
    assert np.median(picture[:40, :40]) < 50 < np.median(picture[:40, -41:-1])


def test_every_classifier_has_a_precision_recall_curve(board: Board):
    served = board.tags("pr_curves")
    assert set(served) == {f"Evaluator/{row}" for row in ROWS}
    for step in served:
        query = f"tag=evaluation/pr_curves&run={board.run(step)}"
        ((curve,),) = board.json(f"plugin/pr_curves/pr_curves?{query}").values()
        assert curve["recall"][0] == 1.0
        assert curve["precision"][0] == 0.5  # all are called positive, and half of them are
        assert curve["true_positives"][0] == 16


def test_table_1_is_text(board: Board):
    (entry,) = board.json(f"plugin/text/text?run={board.run('Evaluator')}&tag=table_1")
    assert "<strong>GAN+CAE+CALM</strong>" in entry["text"]


def test_the_projector_has_features_labels_and_patches(board: Board):
    (run,) = board.json("plugin/projector/runs")
    assert step_of(run) == "FeatureGen"
    (embedding,) = board.json(f"plugin/projector/info?run={quote(run)}")["embeddings"]
    points, dimension = embedding["tensorShape"]
    assert (points, dimension) == (120, 36)
    query = f"run={quote(run)}&name={embedding['tensorName']}"
    assert len(board.get(f"plugin/projector/tensor?{query}")) == 4 * points * dimension
    head, *lines = board.get(f"plugin/projector/metadata?{query}").decode().splitlines()
    assert head.split("\t")[:4] == ["kind", "label", "source", "split"]
    assert {line.split("\t")[3] for line in lines} == {"train", "validation", "eval"}
    kinds = [line.split("\t")[0] for line in lines]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "real positive": 48,
        "synthetic positive": 12,
        "negative": 60,
    }
    sprites = tf.io.decode_png(board.get(f"plugin/projector/sprite_image?{query}"))
    assert sprites.shape[:2] == (11 * 40, 11 * 40)
    assert set(board.tags("histograms")["FeatureGen"]) == {
        f"features/{split}" for split in ("train", "validation", "eval")
    }


def test_dashboards_show_all_of_it_in_a_browser(finished, tmp_path: Path):
    command = [sys.executable, REPOSITORY / "benchmarks/tensorboard_screenshots.py", finished.root]
    done = subprocess.run([*command, "--to", tmp_path], capture_output=True, text=True, check=False)
    if "is not installed" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    # That a line is drawn for each was waited for.
    assert {tag: step_of(drawn["run"]) for tag, drawn in seen["scalars"].items()} == {
        tag: step for step, tags in SCALARS.items() for tag in tags
    }
    assert all(np.isfinite(float(drawn["value"])) for drawn in seen["scalars"].values())
    assert {(step_of(image["run"]), image["tag"]) for image in seen["images"]} == {
        (step, tag) for step, tags in IMAGES.items() for tag in tags
    }
    assert all(min(image["size"]) > 0 for image in seen["images"])
    assert set(map(step_of, seen["pr_curves"]["runs"])) == {f"Evaluator/{row}" for row in ROWS}
    assert seen["projector"] == {"points": 120, "dimension": 36}
    pictures = {path.name for path in tmp_path.iterdir()}
    assert pictures == {
        f"tensorboard_{name}.png" for name in ("scalars", "images", "roc", "pr_curves", "projector")
    }


def test_the_address_is_printed_and_lives_as_long_as_the_verb(lungnet: Callable, tmp_path: Path):
    np.savez(tmp_path / "none.npz", patches_hu=np.zeros((1, 50, 50), np.int16))
    result = lungnet("run", "--arrays", tmp_path / "none.npz", "--root", tmp_path / "root", "--tensorboard")
    assert result.code == 1  # such arrays are of no use, and the error is the run's own
    assert "none.npz lacks" in result.err
    (url,) = re.findall(r"^TensorBoard  (http://127\.0\.0\.1:\d+/)$", result.err, re.MULTILINE)
    assert not is_served(url)


def test_a_taken_port_is_named(lungnet: Callable, tmp_path: Path):
    np.savez(tmp_path / "none.npz", patches_hu=np.zeros((1, 50, 50), np.int16))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = lungnet("run", "--arrays", tmp_path / "none.npz", "--tensorboard-port", port)
    assert result.code == 1
    assert result.err == (
        f"lungnet: Port {port} of 127.0.0.1 is taken; choose another --tensorboard-port, or leave it out "
        "for a free one.\n"
    )


def test_a_port_that_is_asked_for_is_taken(tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serve_tensorboard(tmp_path, port) as url:
        assert url == f"http://127.0.0.1:{port}/"
        assert Board(url).json("runs") == []
    assert not is_served(url)


def test_a_missing_tensorboard_names_the_pip_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with (
        pytest.raises(InputError, match=r"not installed: pip install 'lungnet\[train,cpu\]'"),
        serve_tensorboard(tmp_path),
    ):
        pass


def test_what_it_says_when_it_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard/__init__.py").write_text("raise SystemExit('broken beyond repair')\n")
    monkeypatch.setattr("lungnet.cli.tensorboard.lungnet.__file__", str(REPOSITORY / "lungnet/__init__.py"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (
        pytest.raises(InputError, match="TensorBoard did not start: broken beyond repair"),
        serve_tensorboard(tmp_path),
    ):
        pass


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[list[object]], tuple[subprocess.Popen[str], IO[str]]]]:
    """Starts a Python process, whose standard error can be read, and ends it after the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(arguments: list[object]) -> tuple[subprocess.Popen[str], IO[str]]:
        command = [sys.executable, *map(str, arguments)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        processes.append(process)
        assert process.stderr is not None
        return process, process.stderr

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_nothing_is_left_when_the_process_is_killed(started, tmp_path: Path):
    logdir = tmp_path / "a-name-of-its-own"
    code = (
        "import sys, time; from pathlib import Path; from lungnet.cli.tensorboard import serve_tensorboard\n"
        "with serve_tensorboard(Path(sys.argv[1])) as url:\n"
        "    print(url, file=sys.stderr, flush=True)\n"
        "    time.sleep(99)"
    )
    process, printed = started(["-c", code, logdir])
    url = printed.readline().strip()
    assert is_served(url)
    assert len(processes_with(str(logdir))) >= 2  # this one and TensorBoard
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: not processes_with(str(logdir)))
    assert not is_served(url)


def test_an_interrupted_run_ends_it(started, finished, tmp_path: Path):
    root = tmp_path / "another-name-of-its-own"
    arguments = ["-m", "lungnet", "run", "--arrays", finished.arrays, "--root", root, "--tensorboard"]
    # The GAN is not done before the interruption, however late that comes.
    endless = ["--set", "gan.batch_size=4", "--set", "gan.generator_steps=1000000"]
    process, printed = started([*arguments, "--preset", "demo", *endless])
    address = printed.readline()
    url = address.removeprefix("TensorBoard  ").strip()
    assert is_served(url)
    assert printed.readline().startswith("[1/")  # the first step has ended
    process.send_signal(signal.SIGINT)
    code, told = process.wait(30), printed.read()
    assert code == 130, told
    assert told.endswith("lungnet: interrupted; what was complete is kept.\n")
    assert not processes_with(str(root))
    assert not is_served(url)
