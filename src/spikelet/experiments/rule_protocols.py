"""What a learning rule does to a weight in the protocols of experiments, by the simulator, whatever its text is.

Every synapse joins a neuron that sends with one that receives. Both are made to fire by teachers, and hold still all
that the rule reads of them: a voltage at rest, anything else at 1.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from spikelet.errors import UnitError
from spikelet.lang.places import side
from spikelet.lang.rule import check_units
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all, one_to_one
from spikelet.sim.network import Network
from spikelet.sim.projection import Projection
from spikelet.sim.sources import SpikeTrain
from spikelet.units import CURRENT, ONE, RATE, VOLTAGE

REST = -70.0  # mV
START = {"Shouval": 0.25}  # a weight that rests elsewhere than at 0.5
HELD = {"DopamineSTDP": 1e-5, "ActorCriticTD": 1e-5, "ReSuMe": 0.0}  # states that are not held at 1
_UNITS = {"1": ONE, "mV": VOLTAGE, "pA": CURRENT, "kHz": RATE}
_FINE = 0.25  # ms: step where a rule has thresholds, which are passed within one
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


Train = tuple[np.ndarray, np.ndarray]  # times [ms] and numbers of neurons
SILENT: Train = (np.zeros(0), np.zeros(0, int))


@dataclass(frozen=True)
class Protocol:
    """What is done to synapses.

    Attributes:
        n: Number of neurons that send, and that receive.
        pre: When they fire.
        post: When those that receive do.
        all_pairs: Whether each is connected with each, and not just with its like.
        t: Duration [ms].
        delay: Of the synapses [ms].
        dt: Step [ms].
        held: Values of states of neurons that the rule reads, such as ``v_post``, where they are not the usual ones.
    """

    n: tuple[int, int]
    pre: Train = SILENT
    post: Train = SILENT
    all_pairs: bool = True
    t: float = 0.0
    delay: float = 1.0
    dt: float = 1.0
    held: Mapping[str, float | np.ndarray] = field(default_factory=dict[str, "float | np.ndarray"])


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
    lags, n, dt = np.arange(-100, 101, 2.0), 60, _FINE if "heaviside" in rule.text else 1.0
    response = float(np.asarray(rule.parameters.get("D") or 0.0))  # of the synapse itself, which is its delay
    delay = max(dt, round(response / dt) * dt)
    starts = _FIRST + 1000.0 * np.arange(n)
    pre = np.repeat(starts, len(lags)), np.tile(np.arange(len(lags)), n)
    post = (starts[:, None] + lags + (0.0 if response else delay)).ravel(), pre[1]
    done = Protocol((len(lags), len(lags)), pre, post, False, starts[-1] + 500, delay, dt)
    return Curve(lags, _changes(rule, done), "receiver's spike less sender's [ms]", "60 pairs at 1 Hz")


def over_rate(rule: Rule) -> Curve:
    """Return the change in 20 s over the rate of a receiver that fires independently of its senders' 10 Hz."""
    rates, each, n_pre, steps = np.arange(0, 51, 2.5), 8, 10, 20_000
    random = np.random.default_rng(1)
    sent = random.random((steps, n_pre)) < 0.01
    fired = random.random((steps, each * len(rates))) < np.repeat(rates, each) / 1000
    pre, post = ((k + 2.0, ids) for k, ids in map(np.nonzero, (sent, fired)))
    found = _changes(rule, Protocol((n_pre, len(rates) * each), pre, post, t=steps + 3.0))
    means = found.reshape(n_pre, len(rates), each).mean(0)
    error = means.std(1, ddof=1) / np.sqrt(each)
    return Curve(rates, means.mean(1), "receiver's rate [Hz]", "20 s, independent of a sender at 10 Hz", error)


def over_voltage(rule: Rule) -> Curve:
    """Return the change over the voltage at which a receiver is held, with ten spikes that arrive in half a second."""
    v, times = np.arange(-80.0, 1.0, 1.0), 100.0 + 50.0 * np.arange(10)
    done = Protocol((1, len(v)), (times, np.zeros(10, int)), t=700.0, held={"v_post": v})
    return Curve(v, _changes(rule, done), "receiver's voltage [mV]", "10 spikes that arrive at 20 Hz")


def over_state(rule: Rule, name: str) -> Curve:
    """Return the change over a state of the receiver, such as an error, by ten pairs, the receiver 5 ms behind."""
    values, starts = np.linspace(-1, 1, 21) * (HELD.get(rule.name) or 1.0), _FIRST + 50.0 * np.arange(10)
    post = np.repeat(starts + 1.0 + 5.0, len(values)), np.tile(np.arange(len(values)), 10)
    done = Protocol((1, len(values)), (starts, np.zeros(10, int)), post, t=800.0, held={name: values})
    label = f"{name} [{units_read(rule)[name]}]".removesuffix(" [1]")
    return Curve(values, _changes(rule, done), label, "10 pairs at 20 Hz, receiver 5 ms later")


def over_activity(rule: Rule) -> Curve:
    """Return the change in 10 ms over the receiver's rate, the sender's being 2, after both have been 1 for 20 s."""
    y, start = np.linspace(0, 2, 41), _start(rule)
    network, synapses = _network(rule, Protocol((1, len(y))))
    network.run(20_000.0, dt=1.0)
    synapses.set(weights=start)
    network["pre"].set(r=2.0)
    network["post"].set(r=y)
    network.run(10.0)
    return Curve(y, synapses.weights() - start, "receiver's rate", "10 ms, sender's rate 2, after 20 s with both at 1")


def _start(rule: Rule) -> float:
    return START.get(rule.name, 0.5)


def _changes(rule: Rule, done: Protocol) -> np.ndarray:
    """Return the changes of all weights, by sender and receiver."""
    network, synapses = _network(rule, done)
    network.build(dt=done.dt)
    if network.variables:
        _set_third_factors(network)
        network.run(done.t, call=_set_third_factors, each=20.0)
    else:
        network.run(done.t)
    return synapses.weights() - _start(rule)


def _set_third_factors(network: Network) -> None:
    """Let each third factor, such as a reward, be 1."""
    for name in network.variables:
        network.variables[name] = 1.0


def _network(rule: Rule, done: Protocol) -> tuple[Network, Projection]:
    """Return the network of a protocol, and the synapses that learn."""
    network, units, sides = Network(seed=1, dtype="float64"), units_read(rule), []
    others: dict[str, float] = dict.fromkeys(units, HELD[rule.name]) if rule.name in HELD else {}
    held = {**others, **done.held}
    for own, size, (times, ids) in (("pre", done.n[0], done.pre), ("post", done.n[1], done.post)):
        read = {name.removesuffix(f"_{own}"): unit for name, unit in units.items() if side(name) == own}
        values = {name.removesuffix(f"_{own}"): value for name, value in held.items() if side(name) == own}
        cells = network.add(_cell(own, read), size, own, initial=values)
        teacher = network.add(SpikeTrain(times - done.dt, ids), size, f"teacher of {own}")
        network.connect(teacher, cells, one_to_one(), to="forced", weight=1.0, delay=done.dt)
        sides.append(cells)
    pattern, start, (senders, receivers) = all_to_all() if done.all_pairs else one_to_one(), _start(rule), sides
    return network, network.connect(
        senders, receivers, pattern, to="reached", weight=start, delay=done.delay, rule=rule
    )


def _cell(name: str, held: Mapping[str, str]) -> Neuron:
    """Return a neuron that fires when its teacher does, and holds states still."""
    lines = ["dforced/dt = -forced/(0.1 ms) : 1", "dreached/dt = -reached/(0.1 ms) : 1"]
    lines += [f"{state}[k+1] = {state} : {unit}" for state, unit in held.items()]
    values = {state: f"{REST:g} mV" if state == "v" else f"1 {unit}".removesuffix(" 1") for state, unit in held.items()}
    starts = [f"{state} = {value}" for state, value in values.items()]
    return Neuron(name, "\n".join(lines), threshold="forced > 0.5", reset="forced = 0", initial="; ".join(starts))
