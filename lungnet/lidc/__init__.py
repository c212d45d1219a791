"""LIDC-IDRI: the readers' annotations, nodules, cohort and split (section 6 of the paper)."""

from lungnet.lidc.annotation import RATINGS, Annotation, Contour, Scan
from lungnet.lidc.clusters import cluster, cluster_annotations
from lungnet.lidc.database import database_path, find_scan, has_database, load_annotations, load_scans
from lungnet.lidc.nodule import Nodule, nodules_of

__all__ = [
    "RATINGS",
    "Annotation",
    "Contour",
    "Nodule",
    "Scan",
    "cluster",
    "cluster_annotations",
    "database_path",
    "find_scan",
    "has_database",
    "load_annotations",
    "load_scans",
    "nodules_of",
]
