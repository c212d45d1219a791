"""What TensorBoard is given of an evaluation."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lungnet.config import EvaluationConfig
from lungnet.errors import InputError
from lungnet.evaluation import RowResult, evaluate, log_evaluation, write_report


@pytest.fixture(scope="module")
def config():
    return EvaluationConfig(bootstrap=20)


def curves(folder):
    events = EventAccumulator(str(folder)).Reload()
    assert events.Tags()["tensors"] == ["evaluation/pr_curves"]
    assert events.SummaryMetadata("evaluation/pr_curves").plugin_data.plugin_name == "pr_curves"
    (event,) = events.Tensors("evaluation/pr_curves")
    return tf.make_ndarray(event.tensor_proto)


def test_figures_table_and_a_curve_for_each_row(tmp_path, inputs, config):
    metrics = evaluate(inputs, config, seed=0)
    write_report(tmp_path / "report", metrics, inputs)
    log_evaluation(tmp_path / "log", tmp_path / "report", metrics, inputs)
    events = EventAccumulator(str(tmp_path / "log")).Reload()
    images = {"figures/variance", "figures/losses", "figures/roc", "figures/reliability"}
    images |= {"figures/calibrations", "figures/precision_recall"}
    assert set(events.Tags()["tensors"]) == {*images, "table_1"}  # no pictures were given
    roc = tf.io.decode_png((tmp_path / "report/figures/figure_6_roc.png").read_bytes(), channels=3)
    _, _, shown = tf.make_ndarray(events.Tensors("figures/roc")[0].tensor_proto)
    np.testing.assert_array_equal(tf.io.decode_png(shown, channels=3), roc)
    table = str(tf.make_ndarray(events.Tensors("table_1")[0].tensor_proto))
    assert "**GAN+CAE+CALM**" in table
    assert curves(tmp_path / "log/gan_cae_calm").shape == (6, 201)
    assert curves(tmp_path / "log/cnn").shape == (6, 201)


def test_precision_and_recall_by_hand(tmp_path, inputs, config):
    inputs = dataclasses.replace(
        inputs,
        labels=[0, 1, 0, 1],
        groups=["a", "b", "c", "d"],
        traits={},
        rows={"cnn": RowResult("cnn", [0.1, 0.4, 0.6, 0.9], 0.5)},
        summary={},
    )
    log_evaluation(tmp_path, tmp_path, evaluate(inputs, config, seed=0), inputs)
    _, _, _, _, precision, recall = curves(tmp_path / "cnn")
    at = {threshold: round(200 * threshold) for threshold in (0.0, 0.2, 0.5, 0.8, 1.0)}
    assert [precision[k] for k in at.values()] == pytest.approx([1 / 2, 2 / 3, 1 / 2, 1.0, 0.0])
    assert [recall[k] for k in at.values()] == pytest.approx([1.0, 1.0, 1 / 2, 1 / 2, 0.0])


def test_probabilities_are_checked(tmp_path, inputs, config):
    metrics = evaluate(inputs, config, seed=0)
    rows = {"cnn": RowResult("cnn", np.full(400, 1.5), 0.5)}
    with pytest.raises(InputError, match=r"must lie in \[0, 1\]"):
        log_evaluation(tmp_path, tmp_path, metrics, dataclasses.replace(inputs, rows=rows))
