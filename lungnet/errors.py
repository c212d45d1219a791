"""Errors whose message is written for the user.

The command line prints a `LungnetError` as one sentence and exits with status 1; any other
exception is a defect of lungnet and keeps its traceback.
"""


class LungnetError(Exception):
    """Something the user can put right; the message says what, where and what was expected."""


class InputError(LungnetError, ValueError):
    """Data, files or settings handed to lungnet are not what they should be."""


class ConfigError(InputError):
    """A configuration key or value is unknown or out of range."""
