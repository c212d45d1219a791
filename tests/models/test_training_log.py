import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lungnet.models import TrainingLog
from lungnet.models.training_log import Means, is_due


def test_history_and_event_file_hold_the_curves(tmp_path):
    seen = []
    with TrainingLog(tmp_path, lambda *report: seen.append(report)) as log:
        log.scalars(3, {"loss": 0.5}, prefix="layer_1")
        log.scalars(6, {"loss": 0.25}, prefix="layer_1")
        log.images(6, "patches", np.zeros((3, 40, 40, 1)))
        log.progress(6, 10, "half")
    assert log.history == {"layer_1/step": [3.0, 6.0], "layer_1/loss": [0.5, 0.25]}
    assert seen == [(6, 10, "half")]
    events = EventAccumulator(str(tmp_path)).Reload()
    tensors = [
        (event.step, float(tf.make_ndarray(event.tensor_proto))) for event in events.Tensors("layer_1/loss")
    ]
    assert tensors == [(3, 0.5), (6, 0.25)]
    assert "patches" in events.Tags()["tensors"]


def curve(folder, name):
    """(step, value) of every point that TensorBoard finds, in its order."""
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
    return [(event.step, event.tensor_proto) for event in events.Tensors(name)]


def test_a_restored_log_is_neither_doubled_nor_broken(tmp_path):
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "events.out.tfevents.1.other.v2").write_bytes(b"")
    with TrainingLog(folder) as log:
        for step in (1, 2):
            log.scalars(step, {"loss": step / 2})
        log.images(2, "patches", np.zeros((3, 4, 4)))
        state = log.state()
        log.scalars(3, {"loss": 99.0})  # lost with what killed it
    for attempt in (1, 2):  # killed twice at the same place, the second time at once
        with TrainingLog(folder) as log:
            log.restore(state)
            if attempt == 2:
                log.scalars(3, {"loss": 1.5})
                late = log.state()
    with TrainingLog(tmp_path / "elsewhere") as log:
        log.restore(late)
        log.scalars(4, {"loss": 2.0})
        assert log.history == {"step": [1.0, 2.0, 3.0, 4.0], "loss": [0.5, 1.0, 1.5, 2.0]}
    for place, steps in ((folder, 3), (tmp_path / "elsewhere", 4)):
        found = [(step, float(tf.make_ndarray(value))) for step, value in curve(place, "loss")]
        assert found == [(step, step / 2) for step in range(1, steps + 1)]
        assert [step for step, _ in curve(place, "patches")] == [2]
    assert (folder / "events.out.tfevents.1.other.v2").exists()  # no file of a training


def test_restoring_the_beginning_clears_the_folder(tmp_path):
    with TrainingLog(tmp_path) as log:
        log.scalars(1, {"loss": 1.0})
    log = TrainingLog(tmp_path)
    log.restore(log.state())
    assert list(tmp_path.iterdir()) == []
    assert log.history == {}


def test_nothing_is_written_without_a_folder():
    with TrainingLog() as log:
        log.scalars(1, {"loss": 1})
        log.images(1, "patches", np.zeros((0, 4, 4)))
        log.progress(1, 1, "")
    assert log.history == {"step": [1.0], "loss": [1.0]}


def test_the_group_and_the_description_are_for_tensorboard_alone(tmp_path):
    with TrainingLog(tmp_path, group="cnn") as log:
        log.scalars(1, {"loss": 2.0, "nameless": 1.0})
        log.images(1, "pair", np.zeros((1, 4, 4)), np.ones((1, 4, 4)), columns=1, description="Two of them.")
    assert log.history == {"step": [1.0], "loss": [2.0], "nameless": [1.0]}
    events = EventAccumulator(str(tmp_path)).Reload()
    assert set(events.Tags()["tensors"]) == {"cnn/loss", "cnn/nameless", "cnn/pair"}
    described = {tag: events.SummaryMetadata(tag).summary_description for tag in events.Tags()["tensors"]}
    assert described["cnn/loss"].startswith("Mean cross-entropy of training patches")
    assert described["cnn/nameless"] == ""
    assert described["cnn/pair"] == "Two of them."
    width, height, _ = tf.make_ndarray(events.Tensors("cnn/pair")[0].tensor_proto)
    assert (int(width), int(height)) == (5 + 16 + 5, 5)


def test_means_start_anew_after_each_report():
    means = Means()
    for loss in (1, 2, 6):
        means.add({"loss": loss})
    assert means.take() == {"loss": 3.0}
    means.add({"loss": 5})
    assert means.take() == {"loss": 5.0}
    assert means.take() == {}


def test_restored_means_go_on():
    means, other = Means(), Means()
    for loss in (1, 2):
        means.add({"loss": loss})
    other.restore(means.state())
    for each in (means, other):
        each.add({"loss": 6})
        assert each.take() == {"loss": 3.0}


@pytest.mark.parametrize(
    "total, reports, due", [(100, 4, [25, 50, 75, 100]), (3, 50, [1, 2, 3]), (7, 2, [3, 6, 7])]
)
def test_reports_are_spread_and_the_last_step_is_one(total, reports, due):
    assert [step for step in range(1, total + 1) if is_due(step, total, reports)] == due
