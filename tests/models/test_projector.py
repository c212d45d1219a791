import numpy as np
import pytest
import tensorflow as tf

from lungnet.models import choose_patches, write_projector

WINDOW = (-1000.0, 400.0)


@pytest.fixture
def patches_hu():
    return np.random.default_rng(0).integers(-1000, 400, (5, 40, 40)).astype(np.int16)


CONFIG = """embeddings {
  tensor_name: "features"
  metadata_path: "metadata.tsv"
  sprite {
    image_path: "sprites.png"
    single_image_dim: 40
    single_image_dim: 40
  }
  tensor_path: "features.tsv"
}
"""


def test_files_are_what_the_plugin_reads(tmp_path, patches_hu):
    features = np.array([[0.0, 1.5], [-2.25, 1e-7], [1, 2], [3, 4], [5, 123456.0]], np.float32)
    columns: dict[str, list[object]] = {"kind": ["a b", "c\td", "e\nf", "g", ""], "label": [0, 1, 0, 1, 0]}
    write_projector(tmp_path, "features", features, patches_hu, WINDOW, columns)
    assert (tmp_path / "projector_config.pbtxt").read_text("utf-8") == CONFIG
    np.testing.assert_allclose(np.loadtxt(tmp_path / "features.tsv", delimiter="\t"), features, rtol=1e-4)
    lines = (tmp_path / "metadata.tsv").read_text("utf-8").split("\n")
    assert lines == ["kind\tlabel", "a b\t0", "c d\t1", "e f\t0", "g\t1", "\t0", ""]


def test_sprites_lie_row_after_row_in_a_square(tmp_path, patches_hu):
    columns = {"kind": range(5), "label": range(5)}
    write_projector(tmp_path, "features", np.zeros((5, 1)), patches_hu, WINDOW, columns)
    sheet = tf.io.decode_png((tmp_path / "sprites.png").read_bytes()).numpy()[..., 0]
    assert sheet.shape == (120, 120)  # 3 x 3 for five patches
    grey = np.rint(255 * (patches_hu.astype(float) + 1000) / 1400)
    np.testing.assert_array_equal(sheet[:40, 80:], grey[2])
    np.testing.assert_array_equal(sheet[40:80, :40], grey[3])
    assert (sheet[80:] == 0).all()


def test_lengths_must_agree(tmp_path, patches_hu):
    with pytest.raises(ValueError, match=r"expected 4 of each.*'patches_hu': 5, 'kind': 4, 'label': 3"):
        columns = {"kind": [1, 2, 3, 4], "label": [1, 2, 3]}
        write_projector(tmp_path, "features", np.zeros((4, 2)), patches_hu, WINDOW, columns)
    with pytest.raises(ValueError, match="at least two"):
        write_projector(tmp_path, "features", np.zeros((5, 2)), patches_hu, WINDOW, {"kind": range(5)})
    with pytest.raises(ValueError, match="at least one"):
        write_projector(tmp_path, "features", np.zeros((0, 2)), patches_hu[:0], WINDOW, {"a": [], "b": []})
    assert not list(tmp_path.iterdir())


def test_which_patches_are_shown_depends_on_their_pixels_alone(patches_hu):
    chosen = choose_patches(patches_hu, 3)
    assert chosen.dtype == np.int64
    assert len(chosen) == 3
    assert (np.diff(chosen) > 0).all()
    order = np.array([4, 2, 0, 3, 1])
    assert set(order[choose_patches(patches_hu[order], 3)]) == set(chosen)
    # What is added displaces some, and brings back none that was left out.
    fewer = choose_patches(patches_hu[:4], 3)
    assert set(chosen) - {4} <= set(fewer)
    assert choose_patches(patches_hu, 9).tolist() == [0, 1, 2, 3, 4]
    assert choose_patches(patches_hu[:0], 9).tolist() == []
