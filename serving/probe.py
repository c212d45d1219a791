"""What an exported classifier does in a process of its own: `python -m lungnet.serving.probe FOLDER`.

The folder holds the questions, and gets the answers, the last file to be written being `answers.json`:

    request.json    {model: path, batch_sizes: [...], repeats, providers: [...] or null,
                    timeout_s: after which the process ends itself}
    patches.npy     int16 (n, 40, 40) in Hounsfield units, the batches one after another
    answers.npz     probability float32 (n,), cluster int64 (n,)
    answers.json    the attributes of `Probe`, or {error: a sentence} and no answers.npz
"""

import faulthandler
import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lungnet.errors import LungnetError
from lungnet.files import atomic_path, write_json
from lungnet.serving.classifier import PATCH_SIZE, NoduleClassifier, Prediction
from lungnet.serving.model_file import read_model_file
from lungnet.serving.session import import_onnxruntime, open_session

REQUEST, PATCHES, ANSWERS, FACTS = "request.json", "patches.npy", "answers.npz", "answers.json"

#: What serving must do without.
TRAINING_MODULES = frozenset({"keras", "onnx", "sklearn", "skl2onnx", "tensorflow", "tf2onnx"})

_PATCH = np.zeros((1, PATCH_SIZE, PATCH_SIZE), np.int16)
#: Inputs that are not patches in Hounsfield units; the graph itself must refuse them.
WRONG_INPUTS: Mapping[str, Mapping[str, npt.NDArray[Any]]] = {
    "float32": {"patches_hu": _PATCH.astype(np.float32)},
    "41 x 40 pixels": {"patches_hu": np.zeros((1, PATCH_SIZE + 1, PATCH_SIZE), np.int16)},
    "one axis too many": {"patches_hu": _PATCH[..., None]},
    "another name": {"patches": _PATCH},
}


@dataclass(frozen=True)
class Probe:
    """What was seen of a model beside its answers.

    Attributes:
        onnxruntime_version: of the process.
        providers: execution providers that ran it.
        latency_ms: batch size -> median time of a run in milliseconds, after a first one.
        wrong_inputs: wrong input -> whether the graph refused it.
        training_modules: what the process had loaded of `TRAINING_MODULES`.
        metadata: properties of the file.
    """

    onnxruntime_version: str
    providers: list[str]
    latency_ms: dict[str, float]
    wrong_inputs: dict[str, bool]
    training_modules: list[str]
    metadata: dict[str, str]


def probe_model(
    model: str,
    batches: Sequence[npt.NDArray[np.int16]],
    repeats: int = 5,
    providers: Sequence[str] | None = None,
) -> tuple[Prediction, Probe]:
    """Asks a model about batches of patches, times it, and offers it inputs that it must refuse.

    Args:
        model: path of the ONNX file.
        batches: int16 `(b, 40, 40)` each.
        repeats: timed runs of each batch.
        providers: as `NoduleClassifier` takes them.

    Returns:
        The answers to all batches, joined, and what else was seen.

    Raises:
        InputError: as `NoduleClassifier`.
    """
    classifier = NoduleClassifier(model, providers, batch_size=max(len(batch) for batch in batches))
    answers = [classifier.predict_with_clusters(batch) for batch in batches]
    latency_ms = {str(len(batch)): _median_ms(classifier, batch, repeats) for batch in batches}
    session = open_session(read_model_file(model), model, providers)
    seen = Probe(
        onnxruntime_version=import_onnxruntime().__version__,
        providers=classifier.providers,
        latency_ms=latency_ms,
        wrong_inputs={name: refuses(session, feed) for name, feed in WRONG_INPUTS.items()},
        training_modules=sorted(TRAINING_MODULES & {name.partition(".")[0] for name in sys.modules}),
        metadata=classifier.metadata,
    )
    joined = Prediction(*(np.concatenate(parts) for parts in zip(*answers, strict=True)))
    return joined, seen


def _median_ms(classifier: NoduleClassifier, patches_hu: npt.NDArray[np.int16], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        classifier.predict(patches_hu)
        times.append(time.perf_counter() - start)
    return 1000.0 * statistics.median(times)


def refuses(session: Any, feed: Mapping[str, npt.NDArray[Any]]) -> bool:
    """Returns whether a session raises an error for an input."""
    try:
        session.run(None, dict(feed))
    except Exception:  # ONNX Runtime's errors have no base class of their own
        return True
    return False


def main(folder: Path) -> int:
    """Answers the questions of a folder; returns the exit status."""
    request = json.loads((folder / REQUEST).read_text("utf-8"))
    # A model that hangs must not outlive whoever waited for it.
    faulthandler.dump_traceback_later(request["timeout_s"], exit=True)
    try:
        return _answer(folder, request)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _answer(folder: Path, request: Mapping[str, Any]) -> int:
    patches_hu = np.load(folder / PATCHES, allow_pickle=False)
    batches = np.split(patches_hu, np.cumsum(request["batch_sizes"])[:-1])
    try:
        answers, seen = probe_model(request["model"], batches, request["repeats"], request["providers"])
    except LungnetError as error:
        write_json(folder / FACTS, {"error": str(error)})
        return 1
    with atomic_path(folder / ANSWERS) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **answers._asdict())
    write_json(folder / FACTS, asdict(seen))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
