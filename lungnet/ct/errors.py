"""What goes wrong when CT is read."""

from lungnet.errors import InputError


class CTReadError(InputError):
    """A CT series cannot be read; the message names the file or folder and what was expected."""
