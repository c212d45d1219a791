"""A heat map as a DICOM parametric map: one frame for each slice.

Imports highdicom: `lungnet.serving.dicom_results` says how to have it where it is missing.
"""

import hashlib
from datetime import datetime

import numpy as np
from highdicom import (
    CoordinateSystemNames,
    PixelMeasuresSequence,
    PlaneOrientationSequence,
    PlanePositionSequence,
    VOILUTTransformation,
)
from highdicom.pm import ParametricMap, RealWorldValueMapping
from pydicom.sr.codedict import codes

from lungnet.errors import InputError
from lungnet.serving.dicom_source import SourceSeries
from lungnet.serving.dicom_uids import result_uids, settle_dimensions
from lungnet.serving.heat_map import HeatMap
from lungnet.serving.model_facts import ModelFacts

#: Of the series of parametric maps.
SERIES_NUMBER = 9003
SERIES_DESCRIPTION = "Probability at every position"
#: What the numbers are, by the task of the model.
_QUANTITY = {"nodule": codes.DCM.CertaintyOfFinding, "malignancy": codes.DCM.ProbabilityOfCancer}


def build_heat_map(
    source: SourceSeries, heat_map: HeatMap, model: ModelFacts, made_at: datetime
) -> ParametricMap:
    """Makes the parametric map; see `lungnet.serving.heat_map_dataset`."""
    stride, stack = heat_map.grid.stride_px, source.stack
    first = source.images[0]
    expected = (len(source.images), -(-int(first.Rows) // stride), -(-int(first.Columns) // stride))
    if heat_map.probability.shape != expected:
        raise InputError(
            f"The heat map is of another series: expected {expected} cells (slices, rows, columns). "
            f"Received: {heat_map.probability.shape}"
        )
    values = np.ascontiguousarray(heat_map.probability, "<f4")
    content = [hashlib.sha256(values.tobytes()).hexdigest(), stride]
    series_uid, instance_uid = result_uids("PM", source, content, model)
    slice_mm, row_mm, column_mm = stack.spacing_mm
    made = ParametricMap(
        source_images=list(source.images),
        pixel_array=values,
        series_instance_uid=series_uid,
        series_number=SERIES_NUMBER,
        series_description=SERIES_DESCRIPTION,
        sop_instance_uid=instance_uid,
        instance_number=1,
        **model.equipment(),
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[
            RealWorldValueMapping(
                lut_label="PROBABILITY",
                lut_explanation=f"Probability that the position shows a {model.task}"[:64],
                unit=codes.UCUM.NoUnits,
                value_range=(0.0, 1.0),
                slope=1.0,
                intercept=0.0,
                quantity_definition=_QUANTITY[model.task],
            )
        ],
        voi_lut_transformations=[VOILUTTransformation(window_center=0.5, window_width=1.0)],
        pixel_measures=PixelMeasuresSequence(
            pixel_spacing=(row_mm * stride, column_mm * stride),
            slice_thickness=slice_mm,
            spacing_between_slices=slice_mm,
        ),
        plane_orientation=PlaneOrientationSequence(
            CoordinateSystemNames.PATIENT, [float(value) for value in first.ImageOrientationPatient]
        ),
        plane_positions=[
            PlanePositionSequence(
                CoordinateSystemNames.PATIENT, [float(value) for value in image.ImagePositionPatient]
            )
            for image in source.images
        ],
        content_label="PROBABILITY",
        content_description="Probability by position; 0 where it was not looked",
        content_date=made_at.date(),
        content_time=made_at.time(),
    )
    made.BodyPartExamined = "CHEST"  # of which there is one: no side is asked for
    settle_dimensions(made, instance_uid)
    return made
