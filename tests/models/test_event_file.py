import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lungnet.models.event_file import fresh_event_file


def test_a_second_attempt_takes_the_place_of_the_first(tmp_path):
    (tmp_path / "log").mkdir()
    (tmp_path / "log/features.tsv").write_text("1\n")
    for value in (1.0, 2.0):
        with fresh_event_file(tmp_path / "log"):
            tf.summary.scalar("value", value)
    (path,) = (tmp_path / "log").glob("events.out.tfevents.*")
    (event,) = EventAccumulator(str(path)).Reload().Tensors("value")
    assert (event.step, float(tf.make_ndarray(event.tensor_proto))) == (0, 2.0)
    assert (tmp_path / "log/features.tsv").is_file()


def test_the_folder_is_made(tmp_path):
    with fresh_event_file(tmp_path / "a" / "b"):
        tf.summary.scalar("value", 1.0)
    assert len(list((tmp_path / "a" / "b").iterdir())) == 1
