"""Brightness and size of the centre: by hand, against scipy's labels, and on LUNA16's candidates."""

import keras
import numpy as np
import pytest
from scipy import ndimage

from lungnet.errors import InputError
from lungnet.evaluation import roc_auc
from lungnet.export import export_onnx
from lungnet.models import (
    CenterComponent,
    ClassifierMetadata,
    finish_classifier,
    measure_brightness,
    measure_size,
    save_classifier,
    to_unit,
    train_on_one_number,
)

WINDOW = (-1000.0, 400.0)


def measured(measure, patches_hu):
    return np.asarray(measure(to_unit(patches_hu, WINDOW)[..., None]))[:, 0]


def dark(count=1):
    return np.full((count, 40, 40), -800, np.int16)


def blobs(count, seed=0):
    """Smooth noise about -400 HU: components of all shapes, some of them at the centre."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(count, 40, 40)), (0, 2, 2))
    return (-400 + 3000 * noise).astype(np.int16)


def test_brightness_is_the_mean_of_the_middle_in_hu():
    patches = dark(2)
    patches[0, 15:25, 15:20] = 0  # half of the square
    patches[1, :15] = 400  # beside it
    patches[1, 15, 15] = 3000  # clipped to 400: one of a hundred pixels
    np.testing.assert_allclose(measured(measure_brightness(WINDOW), patches), [-400, -788], atol=1e-3)


def test_size_counts_what_hangs_together_with_the_middle():
    patches = dark(5)
    patches[0, 16:26, 17:22] = -100  # 50 pixels over the middle
    patches[0, 0:5, 0:5] = 0  # and others elsewhere
    patches[1, 21, 21] = -399  # a single one, in the corner of the middle ...
    patches[1, 22, 22] = -399  # ... and one that touches it by a corner
    patches[2, 22:30, 22:30] = 0  # beside the middle
    patches[3, 20, :] = -400  # not above the level
    patches[4, 20, :] = -399  # a line through the middle
    assert measured(measure_size(WINDOW, -400), patches).tolist() == [50, 2, 0, 0, 40]


def test_size_is_that_of_scipy_s_components():
    patches = blobs(60)
    level = CenterComponent((-399.5 + 1000) / 1400, steps=400)  # enough for any winding
    found = np.asarray(level(to_unit(patches, WINDOW)[..., None]))[:, 0]
    expected = []
    for patch in patches:
        labels, _ = ndimage.label(patch > -400, np.ones((3, 3)))
        expected.append(np.isin(labels, np.setdiff1d(labels[18:22, 18:22], 0)).sum())
    assert found.tolist() == expected
    assert len(set(expected)) > 30 and 0 in expected
    nearly = measured(measure_size(WINDOW, -400), patches)
    assert (nearly == expected).mean() > 0.95 and (nearly <= expected).all()


def test_a_component_is_followed_as_far_as_the_steps_reach():
    patches = np.zeros((1, 40, 40, 1), np.float32)
    patches[:, 20, 20:] = 1.0
    for steps, pixels in ((0, 2), (3, 5), (40, 20)):
        assert np.asarray(CenterComponent(0.5, steps=steps)(patches)).tolist() == [[pixels]]


def test_turning_a_patch_changes_neither():
    patches = blobs(8, seed=1)
    for measure in (measure_brightness(WINDOW), measure_size(WINDOW, -400)):
        turned = measured(measure, np.rot90(patches, axes=(1, 2)).copy())
        np.testing.assert_allclose(turned, measured(measure, patches), rtol=1e-5)


def test_a_level_outside_the_window_is_refused():
    with pytest.raises(InputError, match=r"size_level_hu must lie within window_hu \(-1000 to 400\)"):
        measure_size(WINDOW, 400)
    assert measured(measure_size(WINDOW, -1000), dark()).tolist() == [1600]


@pytest.mark.parametrize("row", ["brightness", "size"])
def test_a_row_is_a_classifier_and_an_onnx_file(row, tmp_path):
    """The whole way: logistic regression, calibration, threshold, SavedModel, ONNX with its parity check."""
    rng = np.random.default_rng(2)
    labels = np.arange(80) % 2
    patches = (blobs(80, seed=3) + 300 * labels[:, None, None] + rng.normal(0, 50, (80, 40, 40))).astype(
        np.int16
    )
    measure = measure_brightness(WINDOW) if row == "brightness" else measure_size(WINDOW, -400)
    head = train_on_one_number(measure, patches, labels, WINDOW)
    numbers = measured(measure, patches)
    logits = np.asarray(head(to_unit(patches, WINDOW)[..., None]))
    np.testing.assert_array_equal(np.argsort(logits[np.argsort(numbers)]), np.arange(80))
    classifier, threshold, _ = finish_classifier(
        None, head, WINDOW, to_unit(patches, WINDOW)[..., None], labels
    )
    probability = np.asarray(classifier(patches)["probability"])
    assert roc_auc(labels, probability) == pytest.approx(roc_auc(labels, numbers / 4000 + 0.5))
    facts = ClassifierMetadata(row, "nodule", WINDOW, classifier.calibration, threshold, 0.5, "0" * 64)
    save_classifier(classifier, tmp_path / "classifier", facts)
    exported = export_onnx(tmp_path / "classifier", tmp_path / "classifier.onnx", sample_hu=patches)
    assert exported.parity.max_difference < 1e-5
    assert exported.metadata["row"] == row


def test_the_component_comes_back_from_a_file(tmp_path):
    measure = measure_size(WINDOW, -300)
    measure.save(tmp_path / "size.keras")
    again = keras.models.load_model(tmp_path / "size.keras")
    np.testing.assert_array_equal(measured(again, blobs(5)), measured(measure, blobs(5)))


def test_brightness_alone_tells_many_candidates_apart(lungnet_data):
    with np.load(lungnet_data / "luna16" / "patches.npz") as file:
        patches, labels, groups = file["patches_hu"][:, 5:45, 5:45], file["labels"], file["groups"]
    held = groups >= 6
    head = train_on_one_number(measure_brightness(WINDOW), patches[~held], labels[~held], WINDOW)
    logits = np.asarray(head(to_unit(patches[held], WINDOW)[..., None]))
    assert 0.74 < roc_auc(labels[held], 1 / (1 + np.exp(-logits))) < 0.84
