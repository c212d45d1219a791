import numpy as np
import pytest

from lungnet.config import GanConfig
from lungnet.errors import InputError
from lungnet.models import build_generator, generate_patches, train_gan

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
