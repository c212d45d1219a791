"""LIDC-IDRI: the readers' annotations, nodules, cohort and split (section 6 of the paper)."""

from lungnet.config import SelectionRules, SplitRules
from lungnet.lidc.annotation import RATINGS, Annotation, Contour, Scan
from lungnet.lidc.clusters import cluster, cluster_annotations
from lungnet.lidc.cohort import PAPER_COHORT, PAPER_FUNNEL, Cohort, Exclusion, FunnelStage
from lungnet.lidc.consensus import (
    AnnotationBoxes,
    ConsensusSlice,
    MaskOrigin,
    annotation_boxes,
    annotation_mask,
    consensus_mask,
    consensus_slices,
)
from lungnet.lidc.database import database_path, find_scan, has_database, load_annotations, load_scans
from lungnet.lidc.nodule import Nodule, diameter_mm, nodules_of
from lungnet.lidc.reader_xml import read_reader_xml
from lungnet.lidc.selection import select_cohort
from lungnet.lidc.sources import annotations_of_series, find_reader_xml, scan_of_series
from lungnet.lidc.split import Split, hold_out, split_patients

__all__ = [
    "PAPER_COHORT",
    "PAPER_FUNNEL",
    "RATINGS",
    "Annotation",
    "AnnotationBoxes",
    "Cohort",
    "ConsensusSlice",
    "Contour",
    "Exclusion",
    "FunnelStage",
    "MaskOrigin",
    "Nodule",
    "Scan",
    "SelectionRules",
    "Split",
    "SplitRules",
    "annotation_boxes",
    "annotation_mask",
    "annotations_of_series",
    "cluster",
    "cluster_annotations",
    "consensus_mask",
    "consensus_slices",
    "database_path",
    "diameter_mm",
    "find_reader_xml",
    "find_scan",
    "has_database",
    "hold_out",
    "load_annotations",
    "load_scans",
    "nodules_of",
    "read_reader_xml",
    "scan_of_series",
    "select_cohort",
    "split_patients",
]
