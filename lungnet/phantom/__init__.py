"""Phantom CTs: synthetic chests that carry real nodule shapes, for those who have no data."""

from lungnet.phantom.writer import ATTRIBUTION, write_phantom

__all__ = ["ATTRIBUTION", "write_phantom"]
