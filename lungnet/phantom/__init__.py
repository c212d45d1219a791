"""Phantom CTs: synthetic chests that carry real nodule shapes, for those who have no data."""
