"""Between which values a learning rule keeps weights, and a warning where they begin elsewhere.

Bounds are text, ``w = clip(..., 0, w_max)``, and cut at the first spike whatever the weight is: 30 pA become 1.
"""

import math
import warnings

import numpy as np

from spikelet.backends.numpy_reference import numbers
from spikelet.errors import MagnitudeWarning
from spikelet.ir.nodes import Node
from spikelet.ir.rule_program import EVENTS, Program, Units, bounded, flow, program
from spikelet.lang.increments import WEIGHT
from spikelet.rule import Rule

_ROUNDING = 1e-6  # share by which a weight in single precision may miss a bound


def weight_bounds(rule: Rule, units: Units | None = None) -> tuple[float, float]:
    """Return the narrowest bounds of a weight among what events and steps do to it; infinite where there are none.

    Args:
        rule: With a value for each parameter; of an array the widest bound counts.
        units: Of the states of the neurons that the rule reads, such as ``v_post``.

    Example:
        >>> from spikelet import rules
        >>> weight_bounds(rules.STDP(w_max=3)), weight_bounds(rules.PES)
        ((0.0, 3.0), (-inf, inf))
    """
    parts = [*(program(rule, event) for event in EVENTS), flow(rule, units)]
    found = [_bounds(rule, part) for part in parts if part is not None and WEIGHT in part.updates]
    return max((low for low, _ in found), default=-math.inf), min((high for _, high in found), default=math.inf)


def _bounds(rule: Rule, part: Program) -> tuple[float, float]:
    _, low, high = bounded(part.updates[WEIGHT])
    known = numbers(part.coefficients, rule.parameters, 1.0)

    def value(node: Node | None, missing: float) -> np.ndarray:
        if node is None:
            return np.asarray(missing)
        return np.asarray(known[str(node.value)] if node.kind == "coefficient" else node.value, float)

    return float(value(low, -math.inf).min()), float(value(high, math.inf).max())


def warn_of_weights(name: str, bounds: tuple[float, float], least: float, most: float, stacklevel: int) -> None:
    """Warn of weights from ``least`` to ``most`` that a rule will cut; ``stacklevel`` is counted from the caller."""
    low, high = bounds
    slack = _ROUNDING * max((abs(bound) for bound in bounds if math.isfinite(bound)), default=0.0)
    if low - slack <= least and most <= high + slack:
        return
    given = f"{least:g}" if least == most else f"{least:g} to {most:g}"
    kept = f"from {low:g} to {high:g}" if math.isfinite(low) and math.isfinite(high) else f"{_one_sided(low, high)}"
    text = f"{name}: weights are {given}, but the rule keeps them {kept}, and cuts them at their first spikes"
    warnings.warn(text, MagnitudeWarning, stacklevel=stacklevel + 1)


def _one_sided(low: float, high: float) -> str:
    return f"at {low:g} or more" if math.isfinite(low) else f"at {high:g} or less"
