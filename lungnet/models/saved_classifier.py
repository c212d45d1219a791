"""A classifier on disk: a SavedModel and the facts that belong to it."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

import lungnet
from lungnet.errors import InputError
from lungnet.files import atomic_path, write_json
from lungnet.hashing import canonical_json
from lungnet.models.calibration import Calibration
from lungnet.models.classifier import PatchClassifier
from lungnet.models.network_arrays import NetworkArrays, network_arrays, read_network, write_network
from lungnet.patches.example import PATCH_SIZE

SERVING_FOLDER = "Format-Serving"
METADATA_FILE = "classifier.json"


@dataclass(frozen=True)
class ClassifierMetadata:
    """What must be known to use a classifier; `classifier.json`.

    Attributes:
        row: row of Table 1, "gan_cae_calm" for instance.
        task: "nodule" or "malignancy".
        window_hu: lowest and highest HU that the classifier tells apart.
        calibrator: how the probability follows from the logit.
        threshold: decision threshold on the probability, settled on inner validation; positive from it on.
        training_prevalence: share of positives in training.
        fingerprint: of weights and configuration (`classifier_fingerprint`).
        features: number of features that the head sees, 0 where it sees patches.
        lungnet_version: that wrote it.
    """

    row: str
    task: str
    window_hu: tuple[float, float]
    calibrator: Calibration
    threshold: float
    training_prevalence: float
    fingerprint: str
    features: int = 0
    lungnet_version: str = field(default_factory=lambda: lungnet.__version__)


def classifier_fingerprint(model: keras.Model, config: Any) -> str:
    """Returns the SHA-256 of a model's weights, in their order, and of the canonical JSON of `config`.

    Files differ from export to export; this does not.

    Args:
        model: built.
        config: plain data, all of what made the model.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(canonical_json(config).encode())
    for value in model.get_weights():
        # Little-endian, so that the machine does not matter.
        array = np.ascontiguousarray(value).astype(np.asarray(value).dtype.newbyteorder("<"))
        digest.update(f"\n{array.dtype.str}{array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save_classifier(
    model: PatchClassifier, path: str | os.PathLike[str], metadata: ClassifierMetadata
) -> None:
    """Writes a classifier as a SavedModel with named endpoints, and its metadata.

    `path/Format-Serving/` takes `patches_hu` int16 `(b, 40, 40)`. Its endpoint `serving_default` gives
    `probability` and `cluster`, `explain` also `logit`, `cluster_margin` and `other_probability`
    (`PatchClassifier.explain`). Beside it lies the network as plain arrays (`write_network`), if it has that
    form. `path/classifier.json` is written last: a folder that has it is whole.

    Args:
        model: from `assemble_classifier`.
        path: a folder, new or without a classifier.
        metadata: what `classifier.json` shall say.

    Raises:
        InputError: `path` holds a classifier already, or cannot be written.
    """
    patches = tf.TensorSpec((None, PATCH_SIZE, PATCH_SIZE), tf.int16, name="patches_hu")
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serving_default", lambda patches_hu: model(patches_hu), input_signature=[patches])
    archive.add_endpoint("explain", lambda patches_hu: model.explain(patches_hu), input_signature=[patches])
    with atomic_path(Path(path) / SERVING_FOLDER) as temporary:
        archive.write_out(temporary, verbose=False)
        arrays = network_arrays(model)
        if arrays is not None:
            write_network(temporary, arrays)
    write_json(Path(path) / METADATA_FILE, asdict(metadata))


class LoadedClassifier:
    """A classifier that `save_classifier` wrote; `load_classifier` makes it.

    Attributes:
        metadata: `ClassifierMetadata`.
        network: the same as plain arrays, or None where it has another form.
    """

    def __init__(
        self, saved_model: Any, metadata: ClassifierMetadata, network: NetworkArrays | None = None
    ) -> None:
        self.metadata = metadata
        self.network = network
        self._saved_model = saved_model  # kept: the variables live as long as it does
        self._serve = self.signature("serving_default")

    def signature(self, endpoint: Literal["serving_default", "explain"]) -> Any:
        """Returns the concrete function of an endpoint, `patches_hu` to a dict of tensors."""
        return self._saved_model.signatures[endpoint]

    def predict(
        self, patches_hu: npt.ArrayLike, batch_size: int = 512
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Returns probability float32 `(n,)` and cluster int64 `(n,)`, -1 for models without clusters.

        Args:
            patches_hu: int16 `(n, 40, 40)` in Hounsfield units; n may be 0.
            batch_size: patches at a time.

        Raises:
            InputError: another shape or dtype.
        """
        found = self._answers(self._serve, patches_hu, batch_size)
        return found["probability"], found["cluster"]

    def explain(self, patches_hu: npt.ArrayLike, batch_size: int = 512) -> dict[str, npt.NDArray[Any]]:
        """Returns what `PatchClassifier.explain` returns, `(n,)` each; arguments and errors as `predict`."""
        return self._answers(self.signature("explain"), patches_hu, batch_size)

    @staticmethod
    def _answers(endpoint: Any, patches_hu: npt.ArrayLike, batch_size: int) -> dict[str, npt.NDArray[Any]]:
        patches = np.asarray(patches_hu)
        if patches.dtype != np.int16 or patches.ndim != 3 or patches.shape[1:] != (PATCH_SIZE, PATCH_SIZE):
            raise InputError(
                f"patches_hu must be int16 (n, {PATCH_SIZE}, {PATCH_SIZE}). "
                f"Received: {patches.dtype} {patches.shape}."
            )
        answers = {
            name: np.empty(len(patches), value.dtype.as_numpy_dtype)
            for name, value in endpoint.structured_outputs.items()
        }
        for start in range(0, len(patches), batch_size):
            part = slice(start, start + batch_size)
            for name, value in endpoint(patches_hu=tf.constant(patches[part])).items():
                answers[name][part] = value
        return answers


def load_classifier(path: str | os.PathLike[str]) -> LoadedClassifier:
    """Opens a folder that `save_classifier` wrote.

    Raises:
        InputError: the folder is not one, or not whole.
    """
    folder = Path(path) / SERVING_FOLDER
    metadata = _read_metadata(Path(path) / METADATA_FILE)
    if not (folder / "saved_model.pb").is_file():
        raise InputError(f"{path} holds no classifier; expected {SERVING_FOLDER}/saved_model.pb in it.")
    try:
        saved_model = tf.saved_model.load(str(folder))
    except Exception as error:  # TensorFlow raises many types for a damaged SavedModel
        reason = str(error).splitlines()[0]
        raise InputError(f"TensorFlow cannot load the SavedModel {folder}: {reason}") from error
    missing = {"serving_default", "explain"} - set(saved_model.signatures)
    if missing:
        raise InputError(
            f"{folder} is not a lungnet classifier; expected the endpoints serving_default and explain. "
            f"Missing: {', '.join(sorted(missing))}."
        )
    return LoadedClassifier(saved_model, metadata, read_network(folder))


def _read_metadata(file: Path) -> ClassifierMetadata:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{file.parent} is not a lungnet classifier; expected {METADATA_FILE} in it "
            f"({error.strerror or error})."
        ) from error
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}.") from error
    names = {entry.name for entry in fields(ClassifierMetadata)}
    if not isinstance(values, dict) or set(values) != names:
        found = sorted(values) if isinstance(values, dict) else type(values).__name__
        raise InputError(f"{file} must be a JSON object with {', '.join(sorted(names))}. Received: {found}.")
    try:
        low, high = values["window_hu"]
        calibrator = Calibration(**values["calibrator"])
    except (TypeError, ValueError) as error:
        raise InputError(f"{file} has a window_hu or calibrator that is not of its form: {error}.") from error
    return ClassifierMetadata(**{**values, "window_hu": (low, high), "calibrator": calibrator})
