"""Nodules in a whole CT."""

import math
import os
from collections.abc import Sequence

from lungnet.config import ScanConfig
from lungnet.ct import Volume
from lungnet.errors import InputError
from lungnet.serving.detection import Detection
from lungnet.serving.grouping import Response, group_responses
from lungnet.serving.heat_map import HeatMap, scan_lungs
from lungnet.serving.model_facts import ModelFacts
from lungnet.serving.scan_grid import lung_grid
from lungnet.serving.second_look import look_again
from lungnet.serving.shipped_model import SHIPPED_SCANNER
from lungnet.serving.slice_scanner import SliceScanner

#: Slices that one run of the graph sees: more do not fit the caches of a CPU, fewer do not fill a GPU.
_CPU_SLICES, _GPU_SLICES = 2, 16


class CTScanner:
    """Finds nodules in chest CTs with a scanner that `lungnet.export.export_scanner` wrote.

    The lungs are found first; of their slices the scanner sees the rectangle around both lungs, and judges
    the positions of a grid in it, of which those outside the lungs count as 0; neighbouring responses become
    one candidate; the classifier (the same graph on single patches) looks at each candidate again. For
    research, not for diagnosis.

    Args:
        path: `scanner.onnx` of a run, default the one that comes with lungnet; or a scanner that is open,
            which has its providers and threads.
        config: stride, thresholds and grouping, default `ScanConfig()`.
        providers, threads, require_gpu: as for `NoduleClassifier`.
        batch_slices: slices that one run of the graph sees; bounds the memory. Default: 2 on a CPU, 16 on a
            GPU.

    Attributes:
        config: as given.
        metadata: the file's metadata properties, as text.
        threshold: probability from which a candidate is a detection.
        providers: the execution providers that are in use.

    Raises:
        InputError: ONNX Runtime is not installed, the file is not such a scanner, is of another task or
            version, no provider asked for can be used, a GPU is required and does not run every node, or the
            stride does not divide the scanner's.
        ValueError: `batch_slices` or `threads` is less than 1.

    Example:
        >>> detections = CTScanner().scan(read_series("CT"))  # doctest: +SKIP
        >>> detections[0].center_xyz_lps_mm  # doctest: +SKIP
        (61.2, -94.8, -125.0)
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | SliceScanner = SHIPPED_SCANNER,
        config: ScanConfig | None = None,
        providers: Sequence[str] | None = None,
        threads: int | None = None,
        batch_slices: int | None = None,
        require_gpu: bool = False,
    ) -> None:
        if batch_slices is not None and batch_slices < 1:
            raise ValueError(f"batch_slices must be at least 1. Received: batch_slices={batch_slices}")
        if not isinstance(path, SliceScanner):
            path = SliceScanner(path, providers, threads, require_gpu)
        self._scanner = path
        self.config = config if config is not None else ScanConfig()
        self._batch_slices = batch_slices or (_GPU_SLICES if self._scanner.on_gpu else _CPU_SLICES)
        if self._scanner.task != "nodule":
            raise InputError(
                f"{path.name} was trained for the task {self._scanner.task!r}: expected a scanner of "
                "the task 'nodule', which tells nodules from everything else in a lung."
            )
        if self._scanner.stride_px % self.config.stride_px:
            raise InputError(
                f"A stride of {self.config.stride_px} px does not divide the {self._scanner.stride_px} px of "
                f"{path.name}; expected 1, 2, 4 or 8 (scan.stride_px)."
            )
        self.metadata, self.providers = self._scanner.metadata, self._scanner.providers
        chosen = self.config.threshold
        self.threshold = self._scanner.threshold if chosen is None else chosen

    def facts(self, sha256: str) -> ModelFacts:
        """Returns what a DICOM result says of the model.

        Args:
            sha256: of its file.
        """
        return ModelFacts(
            name=f"lungnet {self.metadata.get('row', 'scanner')}",
            version=self.metadata["lungnet_version"],
            sha256=sha256,
            threshold=self.threshold,
            task=self.metadata["task"],
        )

    def scan(self, volume: Volume) -> list[Detection]:
        """Returns the detections in a CT, the most probable first.

        Args:
            volume: a CT of the chest.

        Raises:
            InputError: there are too few slices, or no lungs.
        """
        return self.detect(volume, self.heat_map(volume))

    def heat_map(self, volume: Volume) -> HeatMap:
        """Returns the probability at every position in the lungs.

        Raises:
            InputError: there are too few slices, or no lungs.
        """
        grid = lung_grid(volume, self.config.stride_px)
        return scan_lungs(volume, grid, self._scanner, self._batch_slices)

    def detect(self, volume: Volume, heat_map: HeatMap) -> list[Detection]:
        """Returns the detections that a heat map of a CT holds, the most probable first."""
        stride = heat_map.grid.stride_px
        steps_zyx = (1, stride, stride)
        slice_mm, row_mm, column_mm = volume.spacing_mm
        cell_mm = (slice_mm, row_mm * stride, column_mm * stride)
        lowest = min(self.config.response_threshold, self.threshold)
        responses = group_responses(heat_map.probability, lowest, cell_mm, self.config.min_distance_mm)
        responses = responses[: self.config.max_candidates]
        centers = [_scaled(response.center, steps_zyx) for response in responses]
        probabilities = [response.probability for response in responses]
        if self.config.second_look != "off":
            again, places = look_again(
                volume, centers, self._scanner.judge, self.config.second_look_px, self.config.second_look
            )
            probabilities = again.tolist()
            centers = [(float(z), float(y), float(x)) for z, y, x in places]
        found = [
            _detection(volume, response, center, probability, cell_mm)
            for response, center, probability in zip(responses, centers, probabilities, strict=True)
            if probability >= self.threshold
        ]
        return sorted(found, key=lambda one: (-one.probability, one.center_zyx or ()))


def _scaled(center: tuple[float, float, float], steps: tuple[int, int, int]) -> tuple[float, float, float]:
    return center[0] * steps[0], center[1] * steps[1], center[2] * steps[2]


def _detection(
    volume: Volume,
    response: Response,
    center_zyx: tuple[float, float, float],
    probability: float,
    cell_mm: tuple[float, float, float],
) -> Detection:
    x, y, z = volume.index_to_world(center_zyx)
    cells = response.extent_cells
    extent = (cells[0] * cell_mm[0], cells[1] * cell_mm[1], cells[2] * cell_mm[2])
    return Detection(
        center_xyz_lps_mm=(float(x), float(y), float(z)),
        diameter_mm=math.prod(extent) ** (1 / 3),
        probability=probability,
        series_uid=volume.series_uid,
        center_zyx=center_zyx,
        extent_mm=extent,
    )
