"""Sources and currents as plain data and arrays, and back: by the names of their fields, of a list of known kinds."""

import dataclasses
from typing import Any

import numpy as np

from spikelet.errors import DataError
from spikelet.sim import connect_patterns, currents, distributions, sources

_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        sources.Poisson, sources.Binomial, sources.Gamma, sources.Renewal, sources.SpikeTrain, sources.PulsePacket,
        currents.Current, currents.ramp, currents.sinusoid, currents.noise, currents.Stepwise,
        distributions.Distribution, connect_patterns.AllToAll, connect_patterns.FixedDegree,
        connect_patterns.FixedProbability, connect_patterns.FixedTotal, connect_patterns.PairwisePoisson,
    )
}  # fmt: skip

Arrays = dict[str, np.ndarray]


def encode(value: Any, name: str, arrays: Arrays) -> Any:
    """Return a source, a current or a part of one as JSON; arrays go into ``arrays`` under names that begin so."""
    if isinstance(value, np.ndarray):
        arrays[name] = np.ascontiguousarray(value)
        return {"array": name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return {"items": [encode(part, f"{name}.{i}", arrays) for i, part in enumerate(value)]}
    if dataclasses.is_dataclass(value) and type(value).__name__ in _KINDS:
        fields = [field.name for field in dataclasses.fields(value) if field.init]
        return {
            "kind": type(value).__name__,
            "fields": {field: encode(getattr(value, field), f"{name}.{field}", arrays) for field in fields},
        }
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise DataError(f"cannot save {type(value).__name__} {value!r}"[:200])


def decode(data: Any, arrays: Arrays) -> Any:
    """Return what ``encode`` was given.

    Raises:
        DataError: it is of no known kind, or an array is missing.
    """
    if not isinstance(data, dict):
        return data
    if "array" in data:
        if data["array"] not in arrays:
            raise DataError(f"the file has no array {data['array']!r}")
        return arrays[data["array"]]
    if "items" in data:
        return tuple(decode(part, arrays) for part in data["items"])
    if data.get("kind") not in _KINDS:
        raise DataError(f"the file holds {data.get('kind')!r}, which is no source or current that this version knows")
    return _KINDS[data["kind"]](**{name: decode(part, arrays) for name, part in data["fields"].items()})
