import json

import numpy as np
import onnx
import pytest

from lungnet.config import ExportConfig
from lungnet.ct import read_series
from lungnet.errors import InputError
from lungnet.export import (
    ParityError,
    SavedModelReference,
    export_onnx,
    export_scanner,
    has_scanner,
    network_graph,
    onnx_export,
    patches_of,
)
from lungnet.export.parity import CLUSTER_MARGIN
from lungnet.export.runtime import open_model
from tests.export.conftest import write_calm

PADDED = ExportConfig(pad_channels=16)


@pytest.fixture(scope="module")
def scanner(calm_saved_model, tmp_path_factory):
    return export_scanner(calm_saved_model, tmp_path_factory.mktemp("scan") / "scanner.onnx", config=PADDED)


def test_contract_of_the_file(scanner):
    session = open_model(scanner.path)
    (slices_hu,), (probability,) = session.get_inputs(), session.get_outputs()
    assert (slices_hu.name, slices_hu.type, slices_hu.shape) == (
        "slices_hu",
        "tensor(int16)",
        ["slices", "height", "width"],
    )
    assert (probability.name, probability.type, probability.shape) == (
        "probability",
        "tensor(float)",
        ["slices", "rows", "columns"],
    )
    model = onnx.load(scanner.path, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version <= 9  # what ONNX Runtime 1.17 reads


def test_metadata_travels_with_the_file(scanner):
    properties = open_model(scanner.path).get_modelmeta().custom_metadata_map
    assert properties == scanner.metadata
    assert (properties["stride"], properties["patch_size"]) == ("8", "40")
    assert (properties["contract_version"], properties["precision"]) == ("1", "float32")
    assert properties["task"] == "nodule"
    assert json.loads(properties["threshold"]) == 0.4375


def test_parity_was_measured_at_all_positions(scanner):
    assert scanner.parity.batch_sizes == (1, 4, 132)
    assert scanner.parity.max_difference <= 1e-5
    assert scanner.change is None


def test_altered_scanner_fails_and_leaves_nothing(calm_saved_model, tmp_path, monkeypatch):
    def altered(network, form):
        model = network_graph.scanner_model(network, form)
        tensor = next(t for t in model.graph.initializer if t.name == "dense_3_bias")
        values = onnx.numpy_helper.to_array(tensor) + np.float32(0.01)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
        return model

    monkeypatch.setattr(onnx_export, "scanner_model", altered)
    with pytest.raises(ParityError, match=r"expected a difference of at most 0\.0001"):
        export_scanner(calm_saved_model, tmp_path / "scanner.onnx")
    assert list(tmp_path.iterdir()) == []


def test_classifiers_that_cannot_scan_are_refused(saved_model, tmp_path):
    assert not has_scanner(saved_model)  # whose network was not kept as arrays
    with pytest.raises(InputError, match=r"cannot scan slices: expected convolutions with valid padding"):
        export_scanner(saved_model, tmp_path / "scanner.onnx")
    same = write_calm(tmp_path / "same", padding="same")
    assert not has_scanner(same)
    with pytest.raises(InputError, match="valid padding"):
        export_scanner(same, tmp_path / "scanner.onnx")
    assert export_onnx(same, tmp_path / "classifier.onnx").parity.max_difference <= 1e-5


@pytest.fixture(scope="module")
def real_pair(tmp_path_factory):
    """A classifier of the paper's size, its scanner, and the SavedModel both were made from."""
    folder = tmp_path_factory.mktemp("real")
    saved = write_calm(folder / "classifier", filters=(50, 50, 50))
    sessions = [
        open_model(export(saved, folder / f"{export.__name__}.onnx", config=PADDED).path)
        for export in (export_onnx, export_scanner)
    ]
    return *sessions, SavedModelReference(saved)


@pytest.mark.parametrize("crop", [(slice(0, 512), slice(0, 512)), (slice(130, 401), slice(77, 300))])
def test_all_positions_of_a_real_slice(lungnet_data, real_pair, crop):
    """A whole slice, and 271 x 223 pixels of it: no multiples of 8."""
    classifier, scanner, reference = real_pair
    volume = read_series(lungnet_data / "lidc" / "LIDC-IDRI-0001")
    slices_hu = np.ascontiguousarray(volume.hu[70][crop])[None]
    (scanned,) = scanner.run(None, {"slices_hu": slices_hu})
    patches = patches_of(slices_hu, 8)
    assert scanned.shape == patches.shape[:3]
    flat = patches.reshape(-1, 40, 40)
    alone = np.concatenate(
        [classifier.run(["probability"], {"patches_hu": part})[0] for part in np.array_split(flat, 40)]
    )
    assert np.ptp(scanned) > 0.01
    differs = np.flatnonzero(~(np.abs(scanned.ravel() - alone) <= 1e-5))
    # Only where rounding may choose either cluster, which happens at hardly any position.
    assert len(differs) <= 2
    if len(differs):
        assert (reference(flat[differs])["cluster_margin"] < CLUSTER_MARGIN).all()
