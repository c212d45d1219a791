"""Cutting windows out of a volume, under the name by which patches are taken."""

from lungnet.ct import extract

__all__ = ["extract"]
