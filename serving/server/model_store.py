"""The model that is served: the newest whole version of a folder, exchanged while requests go on."""

import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from lungnet.config import ScanConfig
from lungnet.errors import InputError
from lungnet.hashing import file_sha256
from lungnet.serving.classifier import PATCH_SIZE, NoduleClassifier
from lungnet.serving.ct_scanner import CTScanner
from lungnet.serving.model_facts import ModelFacts
from lungnet.serving.slice_scanner import SliceScanner
from lungnet.serving.versions import FACTS, MODEL, SCANNER, whole_versions

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServedScanner:
    """What finds nodules in whole CTs.

    Attributes:
        scanner: ready to scan.
        sha256: of its file.
    """

    scanner: CTScanner
    sha256: str

    def facts(self) -> ModelFacts:
        """Returns what a DICOM result says of it."""
        return self.scanner.facts(self.sha256)


class _Runtime(TypedDict):
    providers: Sequence[str] | None
    threads: int | None
    require_gpu: bool


@dataclass(frozen=True)
class ServedModel:
    """One version, open.

    Attributes:
        version: its number, as text.
        classifier: ready to predict.
        scanner: of whole CTs, of the same network; None where there is none, or where the network is of
            another task than nodules.
    """

    version: str
    classifier: NoduleClassifier
    scanner: ServedScanner | None = None


class ModelStore:
    """Opens the newest version below a folder, and each newer one once.

    A version that cannot be opened, or does not run, is left where it is and not tried again; the one before
    is kept. Its scanner is part of it.

    Args:
        folder: with versions, as the Pusher fills it, or one that holds `classifier.onnx` itself, which is
            served as version 1 and never exchanged.
        providers, batch_size, require_gpu: of `lungnet.serving.NoduleClassifier`.
        threads: within one operator of the scanner; the classifier has one, for its batches run side by side.
        on_reload: called with whether a newer version could be opened.

    Attributes:
        current: what is served.

    Raises:
        InputError: there is no version that can be opened.
    """

    def __init__(
        self,
        folder: Path,
        *,
        providers: Sequence[str] | None = None,
        threads: int | None = None,
        batch_size: int | None = None,
        require_gpu: bool = False,
        on_reload: Callable[[bool], None] = lambda succeeded: None,
    ) -> None:
        self.folder = folder
        self._runtime: _Runtime = {"providers": providers, "threads": threads, "require_gpu": require_gpu}
        self._batch_size = batch_size
        self._on_reload = on_reload
        self._broken: set[int] = set()
        self.current = self._first()

    def refresh(self) -> bool:
        """Opens a newer version, if there is one; returns whether it is now `current`.

        It may be called from another thread, one call at a time.
        """
        if self._is_single():
            return False
        tried = max([int(self.current.version), *self._broken])
        newer = [number for number in whole_versions(self.folder) if number > tried]
        for number in reversed(newer):
            try:
                self.current = self._open(number)
            except InputError as error:
                self._broken.add(number)
                self._on_reload(False)
                logger.error("Version %d is not served: %s", number, error)
            else:
                self._on_reload(True)
                return True
        return False

    def _first(self) -> ServedModel:
        if self._is_single():
            return self._model("1", self.folder)
        reasons = []
        for number in reversed(whole_versions(self.folder)):
            try:
                return self._open(number)
            except InputError as error:
                self._broken.add(number)
                reasons.append(str(error))
                logger.error("Version %d is not served: %s", number, error)
        if reasons:
            raise InputError(reasons[0])
        raise InputError(
            f"{self.folder} holds no model; expected {MODEL}, or folders named by a version that hold it."
        )

    def _is_single(self) -> bool:
        return (self.folder / MODEL).is_file()

    def _open(self, number: int) -> ServedModel:
        return self._model(str(number), self.folder / str(number))

    def _model(self, version: str, folder: Path) -> ServedModel:
        classifier = self._classifier(folder)
        return ServedModel(version, classifier, self._scanner(folder, classifier))

    def _scanner(self, folder: Path, classifier: NoduleClassifier) -> ServedScanner | None:
        path = folder / SCANNER
        if not path.exists():
            return None
        scanner = SliceScanner(path, **self._runtime)
        found, expected = (one.metadata.get("fingerprint") for one in (scanner, classifier))
        if found != expected:
            raise InputError(
                f"{path} is not of the network of {MODEL} beside it: expected the fingerprint {expected}. "
                f"Received: {found}."
            )
        _run_once(scanner.judge, path)
        if scanner.task != "nodule":
            logger.warning("No whole CTs are scanned: %s was trained for the task %s.", path, scanner.task)
            return None
        # The default suits three convolutions; the stride of networks that have fewer is finer.
        stride_px = math.gcd(ScanConfig().stride_px, scanner.stride_px)
        config = ScanConfig.model_validate({"stride_px": stride_px})
        return ServedScanner(CTScanner(scanner, config), file_sha256(path))

    def _classifier(self, folder: Path) -> NoduleClassifier:
        path = folder / MODEL
        facts = folder / FACTS
        if facts.is_file():
            try:
                stated = json.loads(facts.read_text("utf-8"))["sha256"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise InputError(f"{facts} is damaged; expected what the Pusher wrote.") from error
            if stated != file_sha256(path):
                raise InputError(f"{path} is not the file that {FACTS} beside it describes.")
        runtime: _Runtime = {**self._runtime, "threads": 1}
        classifier = NoduleClassifier(path, batch_size=self._batch_size, **runtime)
        _run_once(classifier.predict, path)
        return classifier


def _run_once(judge: Callable[[npt.NDArray[np.int16]], Any], path: Path) -> None:
    """Lays memory out before the first request waits for it.

    Raises:
        InputError: the graph opens and does not run.
    """
    try:
        judge(np.zeros((1, PATCH_SIZE, PATCH_SIZE), np.int16))
    except Exception as error:  # ONNX Runtime's errors have no base class of their own
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise InputError(f"ONNX Runtime cannot run {path}: {reason}") from error
