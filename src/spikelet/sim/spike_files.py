"""Spikes in a file that everybody reads: npz or CSV."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikelet.errors import InputError
from spikelet.files import replacing
from spikelet.sim.recording import Recording

SUFFIXES = (".npz", ".csv")


def save(recordings: Mapping[str, Recording], facts: Mapping[str, float], path: Path) -> None:
    """Write the spikes of a result.

    Args:
        recordings: What was recorded.
        facts: ``dt``, ``t_start`` and ``t_stop`` [ms].
        path: With the suffix ``.npz``: arrays ``"E.times"`` [ms] and ``"E.ids"`` for each population, and ``dt``,
            ``t_start``, ``t_stop``; with ``.csv``: a row ``population,time,id`` for each spike.

    Raises:
        InputError: the suffix is another one, or no spikes were recorded.
        DataError: the file cannot be written; one that stood there before is unharmed.
    """
    held = {name: recording for name, recording in recordings.items() if recording.fired is not None}
    if path.suffix not in SUFFIXES:
        raise InputError(f"save_spikes: the name of the file ends with {' or '.join(SUFFIXES)}, not {path.name!r}")
    if not held:
        raise InputError("save_spikes: no spikes were recorded; ask for them with record={population: 'spikes'}")
    with replacing(path) as part, open(part, "wb") as file:
        if path.suffix == ".npz":
            columns = {f"{name}.{c}": getattr(r.spikes, c) for name, r in held.items() for c in ("times", "ids")}
            arrays: dict[str, Any] = {name: np.asarray(value) for name, value in (columns | dict(facts)).items()}
            np.savez_compressed(file, **arrays)
            return
        file.write(b"population,time,id\n")
        for name, recording in held.items():
            spikes, text = recording.spikes, io.StringIO()
            quoted = '"' + name.replace('"', '""') + '"' if set(name) & set(',"\n') else name
            rows = zip(spikes.times.tolist(), spikes.ids.tolist(), strict=True)
            text.writelines(f"{quoted},{time:.10g},{i}\n" for time, i in rows)
            file.write(text.getvalue().encode())
