"""Neurons or synapses that were chosen: ``E[[3, 7]]``, ``E[::10]``, ``syn[:100]``; to be recorded, read or set."""

from functools import cached_property
from typing import Any, Protocol

import numpy as np

from spikelet.errors import InputError

_SHOWN = 8  # numbers that the name of a choice spells out


class Owner(Protocol):
    """A population or a projection."""

    name: str

    def __len__(self) -> int: ...

    def __getitem__(self, part: Any) -> Any: ...

    def set_some(self, ids: np.ndarray | None, values: dict[str, Any]) -> None:
        """Set values of some elements, or of all."""
        ...


class Chosen:
    """Some neurons of a population, or some synapses of a projection.

    Args:
        owner: The population or projection.
        part: A slice, numbers, or a truth value for each.
    """

    def __init__(self, owner: Any, part: Any):
        self.owner, self.part = owner, part

    @cached_property
    def ids(self) -> np.ndarray:
        """Numbers of the neurons, or of the synapses in the order (source, target), (m,) int64.

        Raises:
            InputError: there are no such elements, or a projection has no synapses yet.
        """
        owner, part, count = self.owner, self.part, len(self.owner)
        given = np.atleast_1d(np.asarray(np.arange(count)[part] if isinstance(part, slice) else part))
        if given.dtype.kind == "b" and given.shape == (count,):
            given = np.flatnonzero(given)
        if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
            expected = f"numbers from 0 to {count - 1}, a slice, or {count} truth values"
            raise InputError(f"{owner.name}[...]: expected {expected}, got {part!r}"[:200])
        wrong = given[(given < -count) | (given >= count)]
        if wrong.size:
            raise InputError(f"{owner.name}: there is no number {wrong[0]}; they are 0 to {count - 1}")
        ids = np.where(given < 0, given + count, given).astype(np.int64)
        if not ids.size or len(np.unique(ids)) < len(ids):
            raise InputError(f"{owner.name}[...]: expected one or several, each once, got {part!r}"[:200])
        return ids

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def name(self) -> str:
        """Its name in a result."""
        return repr(self)

    def __repr__(self) -> str:
        ids = self.ids.tolist()
        if ids == list(range(ids[0], ids[0] + len(ids))):
            return f"{self.owner.name}[{ids[0]}:{ids[-1] + 1}]"
        many = len(ids) > _SHOWN
        shown = ",".join(map(str, [*ids[:3], "...", ids[-1]] if many else ids))
        return f"{self.owner.name}[{shown} ({len(ids)})]" if many else f"{self.owner.name}[{shown}]"

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a state or parameter of them, or ``"weights"``, (m,).

        Raises:
            InputError: there is none of this name, or the network has not been built.
        """
        return self.owner[name][self.ids]

    def set(self, **values: Any) -> None:
        """Set states, parameters or weights of them: numbers, or (m,) each.

        Raises:
            InputError: there is none of this name, or a value is wrong.
        """
        self.owner.set_some(self.ids, values)
