"""A model repository for NVIDIA's Triton (and KServe) from exported models.

```
<repository>/
    lungnet_classifier/
        config.pbtxt        inputs, outputs, batching
        1/model.onnx        a version each; moved in when it is whole
    lungnet_scanner/        of the same network, where a scanner lies beside the classifier
```
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungnet.errors import InputError
from lungnet.files import atomic_path, write_text
from lungnet.serving.classifier import NoduleClassifier
from lungnet.serving.model_file import read_model_file
from lungnet.serving.providers import CPU
from lungnet.serving.session import open_session
from lungnet.serving.slice_scanner import SliceScanner

CLASSIFIER, SCANNER = "lungnet_classifier", "lungnet_scanner"
_CONFIG, _MODEL = "config.pbtxt", "model.onnx"
#: Triton passes by what begins with a zero.
_VERSION = re.compile("[1-9][0-9]*")
#: ONNX Runtime's names -> those of Triton's configuration.
_TYPES = {"tensor(int16)": "TYPE_INT16", "tensor(float)": "TYPE_FP32", "tensor(int64)": "TYPE_INT64"}
#: Metadata properties that Triton's clients may ask for.
_TOLD = ("task", "threshold", "calibrator", "fingerprint", "lungnet_version", "intended_use", "stride")


@dataclass(frozen=True)
class Batching:
    """How Triton puts requests together; results do not depend on it.

    Attributes:
        patches: of one run of the classifier at most.
        slices: of one run of the scanner at most; only slices of one size are put together.
        delay_us: microseconds that a request waits for others.

    Raises:
        ValueError: a size below 1, or a negative delay.
    """

    patches: int = 128
    slices: int = 4
    delay_us: int = 2000

    def __post_init__(self) -> None:
        if min(self.patches, self.slices) < 1 or self.delay_us < 0:
            raise ValueError(f"Batches hold 1 or more, delays are not negative. Received: {self}")


def write_model_repository(
    models: str | os.PathLike[str], repository: str | os.PathLike[str], batching: Batching | None = None
) -> dict[str, int]:
    """Writes `classifier.onnx`, and `scanner.onnx` if it lies beside it, as models that Triton serves.

    A repository that exists gets a new version of each model, unless its newest is the same file.

    Args:
        models: folder of an export.
        repository: Triton's `--model-repository`; made if need be.
        batching: default `Batching()`.

    Returns:
        Name of each model -> its version.

    Raises:
        InputError: there is no such classifier, a file is not what its name says, or the repository cannot
            be written.
    """
    models, repository = Path(models), Path(repository)
    batching = batching if batching is not None else Batching()
    # Opened as their own clients do, so that nothing is delivered which they would refuse.
    NoduleClassifier(models / "classifier.onnx", providers=[CPU])
    written = {
        CLASSIFIER: _deliver(models / "classifier.onnx", repository / CLASSIFIER, batching.patches, batching)
    }
    if (models / "scanner.onnx").is_file():
        SliceScanner(models / "scanner.onnx", providers=[CPU])
        written[SCANNER] = _deliver(models / "scanner.onnx", repository / SCANNER, batching.slices, batching)
    return written


def model_config(path: str | os.PathLike[str], name: str, max_batch_size: int, delay_us: int) -> str:
    """Returns Triton's `config.pbtxt` of an ONNX file, whose first axis is the batch.

    Args:
        path: the ONNX file.
        name: of the model; the name of its folder.
        max_batch_size: items that one run takes at most.
        delay_us: microseconds that a request waits for others.

    Raises:
        InputError: the file is no ONNX model, or has a type that lungnet's models do not have.
    """
    session = open_session(read_model_file(path), os.fspath(path), [CPU])
    properties: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    told = {key: properties[key] for key in _TOLD if key in properties}
    lines = [
        f"name: {_quoted(name)}",
        'platform: "onnxruntime_onnx"',
        f"max_batch_size: {max_batch_size}",
        *(_tensor("input", value, path) for value in session.get_inputs()),
        *(_tensor("output", value, path) for value in session.get_outputs()),
        f"dynamic_batching {{ max_queue_delay_microseconds: {delay_us} }}",
        *(
            f"parameters {{ key: {_quoted(key)} value {{ string_value: {_quoted(value)} }} }}"
            for key, value in sorted(told.items())
        ),
    ]
    return "\n".join(lines) + "\n"


def _tensor(role: str, value: Any, path: str | os.PathLike[str]) -> str:
    """One input or output; Triton leaves the batch out of its sizes, and wants one where none is left."""
    if value.type not in _TYPES:
        raise InputError(
            f"{os.fspath(path)} has the {role} {value.name} of {value.type}; expected {', '.join(_TYPES)}."
        )
    sizes: Sequence[int] = [size if isinstance(size, int) else -1 for size in value.shape[1:]]
    dims = f"dims: [ {', '.join(map(str, sizes))} ]" if sizes else "dims: [ 1 ] reshape { shape: [ ] }"
    return f"{role} {{ name: {_quoted(value.name)} data_type: {_TYPES[value.type]} {dims} }}"


def _quoted(text: str) -> str:
    """A string of protobuf's text format."""
    plain = set(range(0x20, 0x7F)) - {ord('"'), ord("\\")}
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text.encode("utf-8")) + '"'


def _deliver(model: Path, folder: Path, max_batch_size: int, batching: Batching) -> int:
    """Writes the configuration, and the model as the newest version; returns its number."""
    content = read_model_file(model)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        numbers = [int(path.name) for path in folder.iterdir() if _VERSION.fullmatch(path.name)]
        newest = max(numbers, default=0)
        held = folder / str(newest) / _MODEL
        # A version that somebody has begun keeps its number.
        same = newest > 0 and held.is_file() and held.read_bytes() == content
    except OSError as error:
        raise InputError(f"Cannot write the model repository {folder}: {error.strerror}.") from error
    write_text(folder / _CONFIG, model_config(model, folder.name, max_batch_size, batching.delay_us))
    if same:
        return newest
    with atomic_path(folder / str(newest + 1)) as temporary:
        temporary.mkdir()
        (temporary / _MODEL).write_bytes(content)
    return newest + 1
