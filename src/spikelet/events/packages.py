"""Packages that only some formats need, imported when a file asks for them."""

from importlib import import_module
from typing import Any

from spikelet.errors import DataError


def package(name: str, what: str) -> Any:
    """Return a module of an optional package.

    Raises:
        DataError: it is not installed; the text says what needs it and how it is installed.
    """
    try:
        return import_module(name)
    except ImportError:
        needed = name.partition(".")[0]
        raise DataError(f"{what} needs {needed}, which is not installed: pip install 'spikelet[events]'") from None
