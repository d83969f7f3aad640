"""Rules in the form that Loihi's learning engine has: sums of products of spikes, traces, weight, tag and reward.

    dw = 2^-2*x1*y0 - 2^-2*x0*y1

is what the chip reads. Each product has a scale that is a power of two and factors from a list; an epoch is one step.
Traces, weights and tags are numbers here, without the chip's 7 and 9 bits and stochastic rounding.
"""

import re
from collections.abc import Iterable, Mapping

from spikelet.errors import EquationError, InputError, did_you_mean
from spikelet.lang.products import TARGETS, TRACES, Product, read
from spikelet.rule import Rule


def sum_of_products(
    text: str, *, name: str = "Loihi", w_min: float = -256, w_max: float = 254, doc: str = "", ref: str = "",
    **traces: tuple[float, float],
) -> Rule:  # fmt: skip
    """Return a rule from lines as the chip reads them.

    A product with ``x0`` is added when a spike arrives, one with ``y0`` when the receiver fires, one with both where
    that is in the same step, and one with neither in every step. ``t`` is the tag of the synapse, to which a line
    ``dt = ...`` adds. ``net.variables["reward"] = 1`` is a spike of reward: the next step has ``r0 = 1``, and the trace
    ``r1`` rises.

    Args:
        text: Lines ``dw = ...`` and, for a tag, ``dt = ...``, of products such as ``2^-3*x1*(y0 - 2)``.
        name: Of the rule.
        w_min: Lower bound of the weight.
        w_max: Upper bound; both are by default those of the chip's mixed weights.
        doc: What the rule is for.
        ref: Its source.
        **traces: For each of ``x1``, ``x2``, ``y1``, ``y2``, ``y3`` and ``r1`` in the text, what a spike adds to it and
            its time constant [ms].

    Raises:
        EquationError: a term is none that the chip has; the message shows it.
        InputError: a trace has no numbers, or has some and is not in the text.

    Example:
        >>> rule = sum_of_products("dw = 2^-2*x1*y0 - 2^-2*x0*y1", x1=(1, 20), y1=(1, 20))
        >>> rule.on_post
        'y1 += j_y1; w = clip(w + 2**(-2)*x1, w_min, w_max)'
    """
    found = dict(read(name, line) for line in re.split(r"[\n;]", text) if line.split("#")[0].strip())
    if "dw" not in found:
        raise EquationError(f"{name}: there is no line 'dw = ...', so the weight never changes")
    used = {n for products in found.values() for one in products for n in _names(one.factors)}
    used |= {spike for products in found.values() for one in products for spike in one.spikes}
    _check_traces(name, used, traces)
    coincident = any({"x0", "y0"} <= one.spikes for products in found.values() for one in products)
    values = {f"j_{n}": float(impulse) for n, (impulse, _) in traces.items()}
    values |= {f"tau_{n}": float(tau) for n, (_, tau) in traces.items()}
    return Rule(
        name,
        "\n".join(_lines(found, used, traces, coincident)),
        on_pre="; ".join([*_rises("x", traces), *(["x0 = 1"] if coincident else []), *_changes(found, "on_pre")]),
        on_post="; ".join([*_rises("y", traces), *_changes(found, "on_post")]),
        doc=doc,
        ref=ref,
        values={**values, "w_min": float(w_min), "w_max": float(w_max)},
    )


def _check_traces(name: str, used: Iterable[str], traces: Mapping[str, object]) -> None:
    for trace in sorted(set(used) & set(TRACES) - set(traces)):
        raise InputError(f"{name}: the trace '{trace}' needs an impulse and a time constant: {trace}=(1, 20*ms)")
    for trace, given in traces.items():
        if trace not in TRACES:
            raise InputError(
                f"{name}: '{trace}' is no trace{did_you_mean(trace, TRACES)}; they are {', '.join(TRACES)}"
            )
        if trace not in used:
            raise InputError(f"{name}: the trace '{trace}' is given, but no product reads it")
        numbers = [isinstance(n, int | float) for n in given] if isinstance(given, tuple) else []
        if numbers != [True, True]:
            raise InputError(f"{name}: {trace}= is an impulse and a time constant, (1, 20*ms), got {given!r}"[:200])


# --- writing ----------------------------------------------------------------------------------------------------------


def _names(factors: Iterable[str]) -> set[str]:
    return {word for factor in factors for word in re.findall(r"[a-z]\w*", factor)}


def _lines(found: Mapping[str, list[Product]], used: set[str], traces: Iterable[str], coincident: bool) -> list[str]:
    """Return the lines of the rule."""
    lines = [f"j_{n} = 1;  tau_{n} = 20 ms" for n in traces] + ["w_min = -256;  w_max = 254"]
    place = {"x": "pre", "y": "post"}
    lines += [f"d{n}/dt = -{n}/tau_{n} : 1 ({place[n[0]]})" for n in traces if n[0] in place]
    if used & {"r0", "r1"}:
        lines += ["r0[k+1] = reward : 1 (network)", "reward[k+1] = 0 : 1 (network)"]
    if "r1" in traces:
        lines.append("r1[k+1] = r1*exp(-dt/tau_r1) + j_r1*reward : 1 (network)")
    if coincident:
        lines.append("x0[k+1] = 0 : 1 (pre)")
    always = {target: _sum([one.text() for one in products if not one.spikes]) for target, products in found.items()}
    if "dt" in found or "tag" in used:
        lines.append(f"tag[k+1] = tag{always.get('dt', '')} : 1")
    if always["dw"]:
        lines.append(f"w[k+1] = clip(w{always['dw']}, w_min, w_max) : 1")
    return lines


def _rises(side: str, traces: Iterable[str]) -> list[str]:
    return [f"{n} += j_{n}" for n in traces if n[0] == side]


def _changes(found: Mapping[str, list[Product]], event: str) -> list[str]:
    """Return what an event does to weight and tag."""
    changes = []
    for target in (target for target in TARGETS if target in found):
        own = [one for one in found[target] if one.spikes]
        if event == "on_pre":
            terms = [one.text() for one in own if one.spikes == {"x0"}]
        else:
            terms = [one.text(coincident="x0" in one.spikes) for one in own if "y0" in one.spikes]
        if terms and target == "dw":
            changes.append(f"w = clip(w{_sum(terms)}, w_min, w_max)")
        elif terms:
            changes.append(f"tag = tag{_sum(terms)}")
    return changes


def _sum(terms: Iterable[str]) -> str:
    return "".join(f" - {term[1:]}" if term.startswith("-") else f" + {term}" for term in terms)


# --- the zoo ----------------------------------------------------------------------------------------------------------

LoihiSTDP = sum_of_products(
    "dw = 2^-2*x1*y0 - 2^-2*x0*y1",
    name="LoihiSTDP", x1=(16, 20), y1=(16, 20),
    doc="Pair rule as Loihi's learning engine has it, in the units of its weights.",
    ref="Davies et al. 2018, IEEE Micro 38:82",
)  # fmt: skip

LoihiRewardSTDP = sum_of_products(
    "dt = 2^-2*x1*y0 - 2^-2*x0*y1 - 2^-6*t;  dw = 2^-4*r1*t",
    name="LoihiRewardSTDP", x1=(16, 20), y1=(16, 20), r1=(1, 50),
    doc="Pairs change a tag that fades, and a trace of the reward turns tags into changes of the weight.",
    ref="Davies et al. 2018, IEEE Micro 38:82",
)  # fmt: skip
