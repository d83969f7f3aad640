"""Where data sets lie, and which part of one is asked for."""

import os
from pathlib import Path
from typing import Any, Literal

from spikelet.errors import InputError, did_you_mean

Split = Literal["train", "test"] | None


def data_folder() -> Path:
    """Return the folder of the data sets: ``SPIKELET_DATA``, else ``spikelet`` in the user's cache folder.

    Returns:
        An absolute path; the folder need not exist.
    """
    if named := os.environ.get("SPIKELET_DATA"):
        return Path(named).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache").absolute() / "spikelet"


def check_split(split: Any, known: tuple[str, ...] = ("train", "test")) -> None:
    """Refuse what names no part of a data set.

    Raises:
        InputError: it is neither None nor one of the known.
    """
    if split is not None and split not in known:
        names = ", ".join(repr(name) for name in known)
        raise InputError(f"split must be {names} or None, not {split!r}{did_you_mean(str(split), known)}")


def title(name: str, split: str | None) -> str:
    """Return the name of a data set with that of its part."""
    return name if split is None else f"{name} {split}"
