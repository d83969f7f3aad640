"""What a learning rule does to a weight in the protocols of experiments, by the simulator, whatever its text is.

Every synapse joins a neuron that sends with one that receives. Both are made to fire by teachers, and hold still all
that the rule reads of them: a voltage at rest, anything else at 1.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spikelet.errors import UnitError
from spikelet.lang.places import side
from spikelet.lang.rule import check_units
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all, one_to_one
from spikelet.sim.network import Network
from spikelet.sim.sources import SpikeTrain
from spikelet.units import CURRENT, ONE, RATE, VOLTAGE

REST = -70.0  # mV
START = {"Shouval": 0.25}  # a weight that rests elsewhere than at 0.5
HELD = {"DopamineSTDP": 1e-5, "ActorCriticTD": 1e-5, "ReSuMe": 0.0}  # states that are not held at 1
_UNITS = {"1": ONE, "mV": VOLTAGE, "pA": CURRENT, "kHz": RATE}
_DT = 1.0
_FIRST = 200.0  # ms before the first pair


@dataclass(frozen=True)
class Curve:
    """A weight's change.

    Attributes:
        x: (n,) what was varied.
        change: (n,) mean over synapses.
        label: Of the axis of ``x``.
        title: What was done.
        error: (n,) standard error of the mean, where chance has a part.
    """

    x: np.ndarray
    change: np.ndarray
    label: str
    title: str
    error: np.ndarray | None = None


def curves(rule: Rule) -> list[Curve]:
    """Return the curves that tell what a rule does, chosen by what its text reads; without its noise ``sigma``."""
    read, rule = rule.definition.partners, rule(sigma=0) if "sigma" in rule.parameters else rule
    if "r_post" in read:
        return [over_activity(rule)]
    if "v_post" in read:
        return [over_voltage(rule)]
    others = [name for name in read if side(name) == "post"]
    found = [over_state(rule, name) for name in others[:1]]
    return [*found, over_lag(rule), over_rate(rule)] if rule.on_post or not found else found


def units_read(rule: Rule) -> dict[str, str]:
    """Return a unit of each state of the neurons that a rule reads, with which its text is right.

    Raises:
        UnitError: none of those that are tried is.
    """
    names = rule.definition.partners
    for units in itertools.product(_UNITS, repeat=len(names)):
        try:
            check_units(rule.definition, {name: _UNITS[unit] for name, unit in zip(names, units, strict=True)})
        except UnitError:
            continue
        return dict(zip(names, units, strict=True))
    raise UnitError(f"{rule.name}: no units of {', '.join(names)} among {', '.join(_UNITS)} fit its text")


def over_lag(rule: Rule) -> Curve:
    """Return the change by 60 pairs at 1 Hz over the receiver's time less the sender's."""
    lags, n = np.arange(-100, 101, 2.0), 60
    delay = max(_DT, round(float(np.asarray(rule.parameters.get("D") or 0.0))))  # D: of the synapse's own response
    shift = 0.0 if rule.parameters.get("D") else delay
    starts = _FIRST + 1000.0 * np.arange(n)
    pre = np.repeat(starts, len(lags)), np.tile(np.arange(len(lags)), n)
    post = (starts[:, None] + lags + shift).ravel(), pre[1]
    found = _changes(rule, pre, post, (len(lags),) * 2, starts[-1] + 500, delay, all_pairs=False)
    return Curve(lags, found, "receiver's spike less sender's [ms]", "60 pairs at 1 Hz")


def over_rate(rule: Rule) -> Curve:
    """Return the change in 20 s over the rate of a receiver that fires independently of its senders' 10 Hz."""
    rates, each, n_pre, steps = np.arange(0, 51, 2.5), 8, 10, 20_000
    random = np.random.default_rng(1)
    sent = random.random((steps, n_pre)) < 0.01
    fired = random.random((steps, each * len(rates))) < np.repeat(rates, each) / 1000
    pre, post = (((2.0 + k) * _DT, ids) for k, ids in map(np.nonzero, (sent, fired)))
    found = _changes(rule, pre, post, (n_pre, len(rates) * each), steps * _DT + 3, _DT, all_pairs=True)
    means = found.reshape(n_pre, len(rates), each).mean(0)
    error = means.std(1, ddof=1) / np.sqrt(each)
    return Curve(rates, means.mean(1), "receiver's rate [Hz]", "20 s, independent of a sender at 10 Hz", error)


def over_voltage(rule: Rule) -> Curve:
    """Return the change over the voltage at which a receiver is held, with ten spikes that arrive in half a second."""
    v = np.arange(-80.0, 1.0, 1.0)
    times = 100.0 + 50.0 * np.arange(10)
    pre = times, np.zeros(10, int)
    silent = np.zeros(0), np.zeros(0, int)
    found = _changes(rule, pre, silent, (1, len(v)), 700.0, _DT, all_pairs=True, held={"v_post": v})
    return Curve(v, found, "receiver's voltage [mV]", "10 spikes that arrive at 20 Hz")


def over_state(rule: Rule, name: str) -> Curve:
    """Return the change over a state of the receiver, such as an error, by ten pairs, the receiver 5 ms behind."""
    values = np.linspace(-1, 1, 21) * (HELD.get(rule.name) or 1.0)
    starts, n = _FIRST + 50.0 * np.arange(10), len(values)
    pre = starts, np.zeros(10, int)
    post = np.repeat(starts + _DT + 5, n), np.tile(np.arange(n), 10)
    found = _changes(rule, pre, post, (1, n), 800.0, _DT, all_pairs=True, held={name: values})
    return Curve(values, found, f"{name} [{units_read(rule)[name]}]".removesuffix(" [1]"), "10 pairs at 20 Hz, +5 ms")


def over_activity(rule: Rule) -> Curve:
    """Return the change in 10 ms over the receiver's rate, the sender's being 2, after both have been 1 for 20 s."""
    y = np.linspace(0, 2, 41)
    network, synapses = _network(rule, (1, len(y)), _DT, True, {"r_pre": np.ones(1), "r_post": np.ones(len(y))})
    network.run(20_000.0, dt=_DT)
    start = _start(rule)
    synapses.set(weights=start)
    network["pre"].set(r=2.0)
    network["post"].set(r=y)
    network.run(10.0)
    return Curve(y, synapses.weights() - start, "receiver's rate", "10 ms, sender's rate 2, after 20 s with both at 1")


def _start(rule: Rule) -> float:
    return START.get(rule.name, 0.5)


def _changes(
    rule: Rule, pre: tuple, post: tuple, n: tuple[int, int], t: float, delay: float, *, all_pairs: bool,
    held: Mapping[str, float | np.ndarray] | None = None,
) -> np.ndarray:  # fmt: skip
    """Return the changes of all weights by spikes (times, ids) of both sides."""
    others = dict.fromkeys(rule.definition.partners, HELD[rule.name]) if rule.name in HELD else {}
    network, synapses = _network(rule, n, delay, all_pairs, {**others, **(held or {})}, pre, post)
    network.build(dt=_DT)
    if network.variables:
        _set_third_factors(network)
        network.run(t, call=_set_third_factors, each=20.0)
    else:
        network.run(t)
    return synapses.weights() - _start(rule)


def _set_third_factors(network: Network) -> None:
    """Let each third factor, such as a reward, be 1."""
    for name in network.variables:
        network.variables[name] = 1.0


def _network(
    rule: Rule, n: tuple[int, int], delay: float, all_pairs: bool, held: Mapping[str, float | np.ndarray],
    pre: tuple = (np.zeros(0), np.zeros(0, int)), post: tuple = (np.zeros(0), np.zeros(0, int)),
):  # fmt: skip
    network, units, sides = Network(seed=1, dtype="float64"), units_read(rule), []
    for own, size, (times, ids) in (("pre", n[0], pre), ("post", n[1], post)):
        model = _cell(own, {name.removesuffix(f"_{own}"): unit for name, unit in units.items() if side(name) == own})
        values = {name.removesuffix(f"_{own}"): value for name, value in held.items() if side(name) == own}
        cells = network.add(model, size, own, initial=values)
        teacher = network.add(SpikeTrain(times - _DT, ids), size, f"teacher of {own}")
        network.connect(teacher, cells, one_to_one(), to="forced", weight=1.0, delay=_DT)
        sides.append(cells)
    pattern = all_to_all() if all_pairs else one_to_one()
    return network, network.connect(*sides, pattern, to="reached", weight=_start(rule), delay=delay, rule=rule)


def _cell(name: str, held: Mapping[str, str]) -> Neuron:
    """Return a neuron that fires when its teacher does, and holds states still."""
    lines = ["dforced/dt = -forced/(0.1 ms) : 1", "dreached/dt = -reached/(0.1 ms) : 1"]
    lines += [f"{state}[k+1] = {state} : {unit}" for state, unit in held.items()]
    values = {state: f"{REST:g} mV" if state == "v" else f"1 {unit}".removesuffix(" 1") for state, unit in held.items()}
    starts = [f"{state} = {value}" for state, value in values.items()]
    return Neuron(name, "\n".join(lines), threshold="forced > 0.5", reset="forced = 0", initial="; ".join(starts))
