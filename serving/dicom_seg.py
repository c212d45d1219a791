"""Findings as a DICOM segmentation: one segment each.

Imports highdicom: `lungnet.serving.dicom_results` says how to have it where it is missing.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from pydicom.sr.codedict import codes

from lungnet.ct import Stack
from lungnet.serving.detection import Detection
from lungnet.serving.dicom_source import SourceSeries
from lungnet.serving.dicom_uids import result_ids, settle_dimensions
from lungnet.serving.model_facts import ModelFacts

#: Of the series of segmentations.
SERIES_NUMBER = 9002
SERIES_DESCRIPTION = "Lung nodule candidates as spheres"


def build_seg(
    source: SourceSeries, detections: Sequence[Detection], model: ModelFacts, made_at: datetime
) -> Segmentation:
    """Makes the segmentation; see `lungnet.serving.write_seg`."""
    ids = result_ids("SEG", source, detections, model)
    shape = len(source.images), int(source.images[0].Rows), int(source.images[0].Columns)
    slices, labels = label_spheres(source.stack, shape, detections)
    algorithm = AlgorithmIdentificationSequence(
        name=model.name,
        family=codes.DCM.ArtificialIntelligence,
        version=model.version,
        source="lungnet",
        parameters={"sha256": model.sha256, "threshold": repr(model.threshold)},
    )
    segments = [
        SegmentDescription(
            segment_number=number,
            segment_label=f"Finding {number}",
            segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
            segmented_property_type=codes.SCT.Nodule,
            algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
            tracking_uid=uid,
            tracking_id=f"Finding {number}",
            anatomic_regions=[codes.SCT.Lung],
        )
        for number, uid in enumerate(ids.tracking_uids, 1)
    ]
    segmentation = Segmentation(
        source_images=[source.images[index] for index in slices],
        pixel_array=labels,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=segments,
        series_instance_uid=ids.series_uid,
        series_number=SERIES_NUMBER,
        series_description=SERIES_DESCRIPTION,
        sop_instance_uid=ids.instance_uid,
        instance_number=1,
        **model.equipment(),
        content_label="NODULES",
        content_description="Spheres of the findings' diameters",
        content_date=made_at.date(),
        content_time=made_at.time(),
    )
    settle_dimensions(segmentation, ids.instance_uid)
    return segmentation


def label_spheres(
    stack: Stack, shape: tuple[int, int, int], detections: Sequence[Detection]
) -> tuple[list[int], npt.NDArray[np.uint16]]:
    """Fills the sphere of each detection, in voxels of the series.

    A voxel belongs to a sphere if its centre does, and the voxel nearest to a detection belongs to it
    always. Where spheres overlap, a voxel goes to the one whose centre is nearer in terms of its radius.

    Args:
        stack: of the series.
        shape: slices, rows and columns.
        detections: at least one, each within the volume.

    Returns:
        The slices that any sphere touches, increasing, and uint16 `(touched, rows, columns)`: the number of
        the detection from 1, 0 for none.
    """
    spacing = np.array(stack.spacing_mm)
    centers = stack.world_to_index([one.center_xyz_lps_mm for one in detections])
    radii = np.array([one.diameter_mm / 2 for one in detections])
    homes = np.rint(centers).astype(int)
    reach = radii[:, None] / spacing
    firsts = np.minimum(np.ceil(centers - reach), homes).astype(int).clip(0)
    lasts = np.minimum(np.maximum(np.floor(centers + reach), homes), np.array(shape) - 1).astype(int)
    between = zip(firsts[:, 0].tolist(), lasts[:, 0].tolist(), strict=True)
    touched = sorted({z for a, b in between for z in range(a, b + 1)})
    labels = np.zeros((len(touched), *shape[1:]), np.uint16)
    nearness = np.full(labels.shape, np.inf, np.float32)
    for number, (center, radius, home, first, last) in enumerate(
        zip(centers, radii, homes, firsts, lasts, strict=True), 1
    ):
        axes = [np.arange(a, b + 1) for a, b in zip(first, last, strict=True)]
        z, y, x = (((axis - c) * mm) ** 2 for axis, c, mm in zip(axes, center, spacing, strict=True))
        relative = ((z[:, None, None] + y[:, None] + x) / radius**2).astype(np.float32)
        at_home = tuple(home - first)
        relative[at_home] = min(relative[at_home], 1.0)
        start = touched.index(int(first[0]))
        box = (
            slice(start, start + len(axes[0])),
            slice(first[1], last[1] + 1),
            slice(first[2], last[2] + 1),
        )
        wins = (relative <= 1.0) & (relative < nearness[box])
        labels[box][wins] = number
        nearness[box][wins] = relative[wins]
    return touched, labels
