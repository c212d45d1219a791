import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lungnet.config import GanConfig
from lungnet.errors import InputError
from lungnet.models import build_generator, gan_training, generate_patches, train_gan
from tests.models.conftest import assert_same, tensorboard_points

WINDOW = (-1000.0, 400.0)
CONFIG = GanConfig(latent_dim=6, width=2, batch_size=4, critic_steps=2, generator_steps=3)


@pytest.fixture(scope="module")
def patches_hu():
    return np.random.default_rng(0).integers(-1000, 400, (9, 40, 40)).astype(np.int16)


def test_training_reports_logs_and_repeats(patches_hu, tmp_path):
    seen = []
    gan, history = train_gan(patches_hu, CONFIG, WINDOW, 3, tmp_path, lambda *report: seen.append(report))
    assert history["step"] == [1, 2, 3]
    assert len(history["wasserstein_distance"]) == 3
    assert [report[:2] for report in seen] == [(1, 3), (2, 3), (3, 3)]
    assert list(tmp_path.glob("events.out.tfevents.*"))
    again, same = train_gan(patches_hu, CONFIG, WINDOW, 3)
    assert same == history
    one, two = (generate_patches(model.sampler, 5, WINDOW, 0) for model in (gan, again))
    np.testing.assert_array_equal(one, two)


#: Reports after 2, 4, ... steps; checkpoints every 3, so that there are sums of what is yet to be reported.
LONGER = CONFIG.model_copy(update={"generator_steps": 14, "ema_decay": 0.9})
OFTEN = {"REPORTS": 7, "CHECKPOINT_UPDATES": 3}


@pytest.fixture(scope="module")
def undisturbed(patches_hu, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gan_training, "REPORTS", 7)
        return train_gan(patches_hu, LONGER, WINDOW, 3, folder), folder


def test_interrupted_it_ends_as_if_it_had_not_been(
    patches_hu, undisturbed, tmp_path, monkeypatch, train_with_interruptions
):
    for name, value in OFTEN.items():
        monkeypatch.setattr(gan_training, name, value)

    def train(**arguments):
        return train_gan(patches_hu, LONGER, WINDOW, 3, tmp_path / "board", **arguments)

    resumed, first_reports = train_with_interruptions(train, [2, 6, 10])
    assert first_reports == [2, 4, 10]  # from the beginning and from the checkpoints at 3 and 9
    expected, folder = undisturbed
    assert_same(resumed, expected)
    found = tensorboard_points(tmp_path / "board")
    assert found == tensorboard_points(folder)
    assert found["gan/critic_loss"] == [2, 4, 6, 8, 10, 12, 14]
    assert found["gan/real_and_synthetic"] == list(range(1, 15))
    assert_same(train(checkpoint_dir=tmp_path / "checkpoints"), expected)  # nothing is left to do


def test_a_process_that_is_killed_goes_on(patches_hu, undisturbed, tmp_path, monkeypatch):
    """The signal falls where it may, after the second checkpoint."""
    np.save(tmp_path / "patches.npy", patches_hu)
    code = (
        "import json, sys, time, numpy;"
        "from lungnet.config import GanConfig; from lungnet.models import gan_training;"
        "vars(gan_training).update(json.loads(sys.argv[4]));"
        "config = GanConfig.model_validate_json(sys.argv[2]);"
        "patches_hu = numpy.load(sys.argv[1]);"
        "gan_training.train_gan(patches_hu, config, (-1000.0, 400.0), 3, checkpoint_dir=sys.argv[3],"
        "  progress=lambda *report: time.sleep(0.3))"  # or it might end before the signal comes
    )
    folder = tmp_path / "checkpoints"
    arguments = [tmp_path / "patches.npy", LONGER.model_dump_json(), folder, json.dumps(OFTEN)]
    with subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and len(list(folder.glob("*.npz"))) < 2:
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    monkeypatch.setattr(gan_training, "REPORTS", 7)
    seen = []
    resumed = train_gan(
        patches_hu, LONGER, WINDOW, 3, progress=lambda *report: seen.append(report[0]), checkpoint_dir=folder
    )
    assert seen[0] >= 8  # from the checkpoint at 6 or a later one
    assert_same(resumed, undisturbed[0])


def test_fewer_patches_than_a_batch(patches_hu):
    with pytest.raises(InputError, match=r"3 training patches and batch_size is 4.*zero steps"):
        train_gan(patches_hu[:3], CONFIG, WINDOW, 0)


def test_a_patch_does_not_depend_on_how_many_are_drawn():
    generator = build_generator(6, 2, seed=0)
    few, many = (generate_patches(generator, count, WINDOW, 7) for count in (3, 70))
    assert few.shape == (3, 40, 40)
    assert few.dtype == np.int16
    np.testing.assert_array_equal(few, many[:3])
    assert len(np.unique(many, axis=0)) == 70
    assert many.min() >= -1000
    assert many.max() <= 400
    assert generate_patches(generator, 0, WINDOW, 7).shape == (0, 40, 40)
    assert not np.array_equal(few, generate_patches(generator, 3, WINDOW, 8))
