"""Findings as a DICOM structured report: TID 1500 in a Comprehensive 3D SR.

Imports highdicom: `lungnet.serving.dicom_results` says how to have it where it is missing.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    GraphicTypeValues3D,
    ImageRegion3D,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    SourceImageForMeasurement,
    TrackingIdentifier,
)
from pydicom.sr.codedict import codes

import lungnet
from lungnet.serving.detection import Detection
from lungnet.serving.dicom_source import SourceSeries
from lungnet.serving.dicom_uids import ResultIds, result_ids
from lungnet.serving.model_facts import ModelFacts

#: Of the series of reports.
SERIES_NUMBER = 9001
SERIES_DESCRIPTION = "Lung nodule candidates, not for diagnosis"

_PROBABILITY = {"nodule": codes.DCM.CertaintyOfFinding, "malignancy": codes.DCM.ProbabilityOfCancer}


def build_sr(
    source: SourceSeries, detections: Sequence[Detection], model: ModelFacts, made_at: datetime
) -> Comprehensive3DSR:
    """Makes the report; see `lungnet.serving.write_sr`."""
    ids = result_ids("SR", source, detections, model)
    groups = [
        _finding(source, one, number, uid, model)
        for number, (one, uid) in enumerate(zip(detections, ids.tracking_uids, strict=True), 1)
    ]
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(ids, model)),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=groups or [_no_finding(ids, model)],
    )
    return Comprehensive3DSR(
        evidence=source.images,
        content=report,
        series_instance_uid=ids.series_uid,
        series_number=SERIES_NUMBER,
        series_description=SERIES_DESCRIPTION,
        sop_instance_uid=ids.instance_uid,
        instance_number=1,
        **model.equipment(),
        is_complete=True,
        is_final=False,
        is_verified=False,
        content_date=made_at.date(),
        content_time=made_at.time(),
    )


def _observer(ids: ResultIds, model: ModelFacts) -> ObserverContext:
    return ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=ids.device_uid,
            name=model.name,
            manufacturer_name="lungnet",
            model_name=model.name,
            serial_number=model.sha256,
        ),
    )


def _algorithm(model: ModelFacts) -> AlgorithmIdentification:
    return AlgorithmIdentification(
        name=model.name,
        version=model.version,
        parameters=[
            f"model sha256={model.sha256}",
            f"threshold={model.threshold!r}",
            f"lungnet={lungnet.__version__}",
            "intended use=research, not for diagnosis",
        ],
    )


def _finding(
    source: SourceSeries, one: Detection, number: int, tracking_uid: str, model: ModelFacts
) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    index = int(np.rint(source.stack.world_to_index(one.center_xyz_lps_mm)[0]))
    image = source.images[index]
    nearest = SourceImageForMeasurement(image.SOPClassUID, image.SOPInstanceUID)
    return PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=tracking_uid, identifier=f"Finding {number}"),
        referenced_region=ImageRegion3D(
            graphic_type=GraphicTypeValues3D.POINT,
            graphic_data=np.array([one.center_xyz_lps_mm], np.float64),
            frame_of_reference_uid=source.frame_of_reference_uid,
        ),
        geometric_purpose=codes.DCM.Center,
        finding_category=codes.SCT.MorphologicallyAbnormalStructure,
        finding_type=codes.SCT.Nodule,
        finding_sites=[FindingSite(codes.SCT.Lung)],
        algorithm_id=_algorithm(model),
        measurements=[
            Measurement(
                name=codes.SCT.Diameter,
                value=float(one.diameter_mm),
                unit=codes.UCUM.Millimeter,
                referenced_images=[nearest],
            ),
            Measurement(
                name=_PROBABILITY[model.task],
                value=100.0 * float(one.probability),
                unit=codes.UCUM.Percent,
                referenced_images=[nearest],
            ),
        ],
    )


def _no_finding(ids: ResultIds, model: ModelFacts) -> MeasurementsAndQualitativeEvaluations:
    """A report says that nothing was found; an empty one could mean that nothing was searched."""
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=ids.instance_uid, identifier="Summary"),
        finding_sites=[FindingSite(codes.SCT.Lung)],
        algorithm_id=_algorithm(model),
        qualitative_evaluations=[
            QualitativeEvaluation(
                name=codes.DCM.CADProcessingAndFindingsSummary,
                value=codes.DCM.AllAlgorithmsSucceededWithoutFindings,
            )
        ],
    )
