"""Curves of models: firing rates over currents, and surrogate derivatives."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.backends.numpy_reference import derivative
from spikelet.errors import ShapeError
from spikelet.plot.style import GREY, colour, finish, labelled, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from spikelet.model import Surrogate


def f_i_curve(
    currents: np.ndarray, rates: Mapping[str, np.ndarray] | np.ndarray, *, unit: str = "1", ax: Any = None
) -> "Axes":
    """Draw firing rates over the current that causes them.

    Args:
        currents: (n,).
        rates: (n,) firing rates [kHz], as ``run(...).rate()`` returns them; or name -> rates.
        unit: of the currents.
        ax: axes.

    Raises:
        ShapeError: rates and currents differ in number.
    """
    axes = one_axes(ax, 5.2, 3.6)
    curves = rates if isinstance(rates, Mapping) else {"": rates}
    for position, (name, values) in enumerate(curves.items()):
        if np.shape(values) != np.shape(currents):
            raise ShapeError(
                f"rates{f' of {name}' if name else ''}: {np.shape(values)}, currents: {np.shape(currents)}"
            )
        axes.plot(currents, 1000 * np.asarray(values), color=colour(position), linewidth=1.6, label=name or None)
    if any(curves):
        axes.legend(frameon=False)
    axes.set_xlabel(labelled("current", unit))
    axes.set_ylabel("firing rate [Hz]")
    axes.set_ylim(bottom=0)
    finish(axes)
    return axes


def surrogate(
    surrogates: "Surrogate | Iterable[Surrogate]", *, span: tuple[float, float] = (-2.0, 2.0), ax: Any = None
) -> "Axes":
    """Draw surrogates: what stands in for the derivative of a spike, over the distance to the threshold.

    Args:
        surrogates: one or several entries of `spikelet.surrogates`.
        span: of the distance.
        ax: axes.
    """
    many = tuple(surrogates) if isinstance(surrogates, Iterable) else (surrogates,)
    axes = one_axes(ax, 5.2, 3.6)
    x = np.linspace(*span, 801)
    for position, one in enumerate(many):
        axes.plot(x, derivative(one, x), color=colour(position), linewidth=1.6, label=one.name)
    axes.axvline(0, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
    axes.set_xlabel("distance to the threshold")
    axes.set_ylabel("surrogate derivative")
    axes.legend(frameon=False)
    finish(axes)
    return axes
