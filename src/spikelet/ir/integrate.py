"""Integrators: from right sides to the new values of the flows, as nodes, and the rule that chooses among them.

The rule (``choose_method``): a linear system with constant coefficients is integrated exactly; one in which every
state is linear in itself by the exponential Euler method; any other by the classical Runge-Kutta method of fourth
order. With white noise ``xi``: exactly (Ornstein-Uhlenbeck) where the system is linear and the noise additive, else
by Euler-Maruyama.

The exact integrator of ``dx/dt = A x + b`` with b held over the step is ``x' = P x + Q b``, ``P = expm(A dt)``,
``Q = integral of expm(A s) ds`` from 0 to dt, and with noise of covariance D adds ``L z``, ``L L^T = integral of
expm(A s) D expm(A s)^T ds`` (Gillespie 1996 for one state, Van Loan 1978 for several). A single state has closed
forms; a coupled system has ``propagator`` nodes, whose matrices are evaluated numerically from parameter values, so
that equal time constants are no special case.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from spikelet.errors import ModelError, did_you_mean
from spikelet.ir.nodes import Node, constant_in_time, node, topological
from spikelet.ir.simplify import add, call, const, div, mul, neg, power, select, sub

States = Mapping[str, Node]
RightSides = Callable[[States], dict[str, Node]]  # new right sides for given values of the states
DT = node("parameter", value="dt")


@dataclass(frozen=True, slots=True)
class Affine:
    """A node as ``sum of slope * variable + rest``; slopes and rest do not contain the variables."""

    slopes: dict[Node, Node]
    rest: Node


def affine(root: Node, variables: Iterable[Node]) -> Affine | None:
    """Split a node into a part linear in ``variables`` and a rest, or return ``None`` if it is not affine."""
    wanted = set(variables)
    memo: dict[Node, Affine | None] = {}
    for current in topological([root]):
        memo[current] = _affine(current, wanted, memo)
    return memo[root]


def _affine(n: Node, wanted: set[Node], memo: Mapping[Node, Affine | None]) -> Affine | None:
    if n in wanted:
        return Affine({n: const(1.0)}, const(0.0))
    parts = [memo[arg] for arg in n.args]
    if all(part is not None and not part.slopes for part in parts):
        return Affine({}, n)
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if n.kind in ("add", "sub"):
        join = add if n.kind == "add" else sub
        slopes = {v: join(*(p.slopes.get(v, const(0.0)) for p in known)) for p in known for v in p.slopes}
        return Affine(slopes, join(known[0].rest, known[1].rest))
    if n.kind == "neg":
        return _scaled(known[0], neg)
    if n.kind == "mul":
        one, other = (1, 0) if not known[0].slopes else (0, 1)
        if known[other].slopes:
            return None
        return _scaled(known[one], lambda part: mul(part, n.args[other]))
    if n.kind == "div" and not known[1].slopes:
        return _scaled(known[0], lambda part: div(part, n.args[1]))
    if n.kind == "select" and not known[0].slopes:
        names = {v for p in known[1:] for v in p.slopes}
        slopes = {v: select(n.args[0], *(p.slopes.get(v, const(0.0)) for p in known[1:])) for v in names}
        return Affine(slopes, select(n.args[0], known[1].rest, known[2].rest))
    return None


def _scaled(part: Affine, scale: Callable[[Node], Node]) -> Affine:
    return Affine({v: scale(slope) for v, slope in part.slopes.items()}, scale(part.rest))


@dataclass(frozen=True, slots=True)
class Flow:
    """What an integrator is given.

    Attributes:
        owner: Name of the model, for messages.
        states: Flowing states: name -> node of the old value.
        right_sides: Function from state values to right sides (which may contain noise).
        held: Names of the states that refractoriness holds.
        refractory: Condition of refractoriness at the start of the step, or ``None``.
        inputs: Nodes that hold over the step (inputs), in which linear parts are split to hoist their coefficients.
        normal: Makes a new stream of standard normal draws.
        ceilings: Threshold of each state that a spike resets whatever its value. Heun and Runge-Kutta do not
            evaluate right sides beyond it: an upswing as of the AdEx neuron would overflow there, and carry the
            other states along, on values that the reset is about to discard.
    """

    owner: str
    states: dict[str, Node]
    right_sides: RightSides
    held: frozenset[str]
    refractory: Node | None
    inputs: tuple[Node, ...]
    normal: Callable[[], Node]
    ceilings: Mapping[str, Node]


def integrate(flow: Flow, method: str | None) -> tuple[dict[str, Node], str, str]:
    """Return the new values of the states, the method that was used, and why the rule would choose its own."""
    if not flow.states:
        return {}, "map", "no flow"
    chosen, reason = choose_method(flow)
    method = method or chosen
    if method not in _METHODS:
        near = did_you_mean(method, _METHODS)
        raise ModelError(f"{flow.owner}: method '{method}' is none of {', '.join(_METHODS)}{near}")
    possible = _possible(flow, chosen, "noise" in reason)
    if method not in possible:
        raise ModelError(
            f"{flow.owner}: method '{method}' cannot integrate this model ({reason}); "
            f"choose one of {', '.join(possible)}"
        )
    return _METHODS[method](flow), method, reason


def _possible(flow: Flow, chosen: str, noisy: bool) -> list[str]:
    """Return the methods that can integrate a model, the one that the rule chooses first."""
    explicit = [] if noisy else ["heun", "rk4"]
    if not noisy and _each_linear_in_itself(flow):
        explicit.append("exponential_euler")
    return list(dict.fromkeys([chosen, "euler", *explicit]))


def choose_method(flow: Flow) -> tuple[str, str]:
    """Return the method that the rule chooses, and why, in words."""
    sides = flow.right_sides(flow.states)
    noisy = any(found.kind == "noise" for found in topological(sides.values()))
    system = linear_system(flow)
    if system is not None:
        return "exact", "linear with constant coefficients" + (", additive noise" if noisy else "")
    if noisy:
        return "euler", "noise in a system that is not linear with constant coefficients"
    if _each_linear_in_itself(flow):
        return "exponential_euler", "every state is linear in itself"
    return "rk4", "a state is not linear in itself"


def _each_linear_in_itself(flow: Flow) -> bool:
    sides = flow.right_sides(flow.states)
    return all(affine(sides[name], [old]) is not None for name, old in flow.states.items())


# --- explicit methods -------------------------------------------------------------------------------------------------


def _drift(flow: Flow, states: States) -> dict[str, Node]:
    """Right sides with the held states at rest."""
    sides = flow.right_sides(states)
    if flow.refractory is None:
        return sides
    return {n: select(flow.refractory, const(0.0), s) if n in flow.held else s for n, s in sides.items()}


def _advance(states: States, slopes: States, h: Node) -> dict[str, Node]:
    return {name: add(old, mul(h, slopes[name])) for name, old in states.items()}


def _stage(flow: Flow, slopes: States, h: Node) -> dict[str, Node]:
    """Drift at a trial point, which stays below the threshold of a state that is reset there."""
    trial = _advance(flow.states, slopes, h)
    trial |= {name: call("min", trial[name], top) for name, top in flow.ceilings.items()}
    return _drift(flow, trial)


def _euler(flow: Flow) -> dict[str, Node]:
    sides = _drift(flow, flow.states)
    noises = [found for found in topological(sides.values()) if found.kind == "noise" and found.value[0] == "xi"]
    if not noises:
        return _advance(flow.states, sides, DT)
    result: dict[str, Node] = {}
    for name, old in flow.states.items():  # Euler-Maruyama: dt * drift + sqrt(dt) * amplitude * draw
        part = affine(sides[name], noises)
        if part is None:
            raise ModelError(f"{flow.owner}: d{name}/dt must be linear in the white noise 'xi'")
        new = add(old, mul(DT, part.rest))
        for noise, amplitude in part.slopes.items():
            new = add(new, mul(mul(amplitude, call("sqrt", DT)), _draw(noise)))
        result[name] = new
    return result


def _draw(xi: Node) -> Node:
    return node("noise", value=("normal", xi.value[1]))


def _heun(flow: Flow) -> dict[str, Node]:
    first = _drift(flow, flow.states)
    second = _stage(flow, first, DT)
    half = mul(const(0.5), DT)
    return {n: add(old, mul(half, add(first[n], second[n]))) for n, old in flow.states.items()}


def _rk4(flow: Flow) -> dict[str, Node]:
    half = mul(const(0.5), DT)
    k1 = _drift(flow, flow.states)
    k2 = _stage(flow, k1, half)
    k3 = _stage(flow, k2, half)
    k4 = _stage(flow, k3, DT)
    sixth, two = div(DT, const(6.0)), const(2.0)
    return {
        n: add(old, mul(sixth, add(add(k1[n], mul(two, k2[n])), add(mul(two, k3[n]), k4[n]))))
        for n, old in flow.states.items()
    }


def _exponential_euler(flow: Flow) -> dict[str, Node]:
    """X + dt exprel(a dt) f with a = df/dx: exact where a and the rest are constant, and regular at a = 0.

    States that form a linear system of their own, such as an alpha function beside a conductance, are exact together.
    """
    sides = flow.right_sides(flow.states)
    result = _propagated(_chained(flow), flow.inputs, {})
    for name, old in flow.states.items():
        if name in result:
            continue
        part = affine(sides[name], [old])
        assert part is not None  # integrate() has checked it
        slope = part.slopes.get(old, const(0.0))
        new = add(old, mul(mul(DT, call("exprel", mul(slope, DT))), sides[name]))
        result[name] = select(flow.refractory, old, new) if flow.refractory and name in flow.held else new
    return {name: result[name] for name in flow.states}


def _chained(flow: Flow) -> "LinearSystem":
    """Return the states that are coupled to each other and form a linear system with constant coefficients alone."""
    sides = flow.right_sides(flow.states)
    names = [name for name in flow.states if name not in flow.held]
    while True:
        inside = {flow.states[name] for name in names}
        outside = set(flow.states.values()) - inside
        kept = [n for n in names if outside.isdisjoint(topological([sides[n]])) and _linear(sides[n], inside)]
        if kept == names:
            break
        names = kept

    def right_sides(states: States) -> dict[str, Node]:
        found = flow.right_sides({**flow.states, **states})
        return {name: found[name] for name in names}

    states = {name: flow.states[name] for name in names}
    system = linear_system(dataclasses.replace(flow, states=states, right_sides=right_sides))
    assert system is not None  # _linear() has checked each side
    coupled = [name for block in _blocks(system) if len(block) > 1 for name in block]
    matrix = {(i, j): slope for (i, j), slope in system.matrix.items() if i in coupled}
    return LinearSystem({n: states[n] for n in coupled}, matrix, {n: system.drive[n] for n in coupled}, {})


def _linear(side: Node, states: Iterable[Node]) -> bool:
    part = affine(side, states)
    return part is not None and all(constant_in_time(slope) for slope in part.slopes.values())


# --- the exact method -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LinearSystem:
    """``dx_i/dt = sum_j A[i, j] x_j + b[i]``, plus white noise of amplitude ``noise[i]`` (``None`` without)."""

    states: dict[str, Node]
    matrix: dict[tuple[str, str], Node]
    drive: dict[str, Node]
    noise: dict[str, Node]


def linear_system(flow: Flow) -> LinearSystem | None:
    """Return the system if it is linear with coefficients that depend on parameters alone."""
    sides = flow.right_sides(flow.states)
    names = {old: name for name, old in flow.states.items()}
    noises = [n for n in topological(sides.values()) if n.kind == "noise" and n.value[0] == "xi"]
    matrix: dict[tuple[str, str], Node] = {}
    drive: dict[str, Node] = {}
    noise: dict[str, Node] = {}
    for name, side in sides.items():
        part = affine(side, [*flow.states.values(), *noises])
        if part is None or not all(constant_in_time(slope) for slope in part.slopes.values()):
            return None
        for variable, slope in part.slopes.items():
            if variable in names and not _zero(slope):
                matrix[name, names[variable]] = slope
        amplitudes = [part.slopes[n] for n in noises if n in part.slopes]
        if amplitudes:
            noise[name] = amplitudes[0] if len(amplitudes) == 1 else _joined(amplitudes)
        drive[name] = part.rest
    return LinearSystem(dict(flow.states), matrix, drive, noise)


def _joined(amplitudes: list[Node]) -> Node:
    """Amplitude of the sum of independent noises, which add in variance."""
    total = const(0.0)
    for amplitude in amplitudes:
        total = add(total, power(amplitude, const(2)))
    return call("sqrt", total)


def _zero(n: Node) -> bool:
    return n.kind == "const" and n.value == 0


def _exact(flow: Flow) -> dict[str, Node]:
    system = linear_system(flow)
    assert system is not None  # integrate() has checked it
    draws = {name: flow.normal() for name in flow.states} if system.noise else {}
    free = _propagated(system, flow.inputs, draws)
    held = flow.held & set(flow.states)
    if not held or flow.refractory is None:
        return free
    still = _propagated(_with_constant(system, held), flow.inputs, draws)
    still |= {name: flow.states[name] for name in held}
    return {name: select(flow.refractory, still[name], free[name]) for name in flow.states}


def _with_constant(system: LinearSystem, held: frozenset[str]) -> LinearSystem:
    """The system of the other states, to which held ones are constant inputs."""
    states = {name: old for name, old in system.states.items() if name not in held}
    drive = {name: system.drive[name] for name in states}
    for (i, j), slope in system.matrix.items():
        if i in states and j in held:
            drive[i] = add(drive[i], mul(slope, system.states[j]))
    matrix = {(i, j): slope for (i, j), slope in system.matrix.items() if i in states and j in states}
    return LinearSystem(states, matrix, drive, {n: v for n, v in system.noise.items() if n in states})


def _propagated(system: LinearSystem, inputs: tuple[Node, ...], draws: Mapping[str, Node]) -> dict[str, Node]:
    result: dict[str, Node] = {}
    for block in _blocks(system):
        reach = _reach(system, block)
        noisy = [j for j in block if any(source in system.noise for source in reach[j])]
        alone = len(noisy) == 1 and len(reach[noisy[0]]) == 1
        for i in block:
            sources = [j for j in block if j in reach[i]]
            entries = _Entries(system, sources)
            new = const(0.0)
            for j in sources:
                new = add(new, mul(entries("P", i, j), system.states[j]))
            new = _driven(new, [(entries("Q", i, j), system.drive[j]) for j in sources], inputs)
            if i in noisy:  # the draws of a block are correlated: row i of the Cholesky factor of their covariance
                joint = entries if alone else _Entries(system, block)
                for j in noisy[: noisy.index(i) + 1]:
                    new = add(new, mul(joint("L", i, j), draws[j]))
            result[i] = new
    return {name: result[name] for name in system.states}


def _driven(new: Node, terms: list[tuple[Node, Node]], inputs: tuple[Node, ...]) -> Node:
    """Add ``sum q b``, gathering what multiplies each input and what is constant into one coefficient each."""
    slopes: dict[Node, Node] = {}
    constant = const(0.0)
    varying: list[Node] = []
    for q, b in terms:
        part = affine(b, inputs)
        if part is None or not all(constant_in_time(slope) for slope in part.slopes.values()):
            part = Affine({}, b)
        for variable, slope in part.slopes.items():
            slopes[variable] = add(slopes.get(variable, const(0.0)), mul(q, slope))
        if constant_in_time(part.rest):
            constant = add(constant, mul(q, part.rest))
        else:
            varying.append(mul(q, part.rest))
    for variable, slope in slopes.items():
        new = add(new, mul(slope, variable))
    for term in varying:
        new = add(new, term)
    return add(new, constant)


def _blocks(system: LinearSystem) -> list[list[str]]:
    """Split the states into groups that are not coupled to each other."""
    group = {name: {name} for name in system.states}
    for i, j in system.matrix:
        if group[i] is not group[j]:
            joined = group[i] | group[j]
            for name in joined:
                group[name] = joined
    seen: list[set[str]] = []
    for name in system.states:
        if group[name] not in seen:
            seen.append(group[name])
    return [[name for name in system.states if name in members] for members in seen]


def _reach(system: LinearSystem, block: list[str]) -> dict[str, set[str]]:
    """For each state, the states that act on it, directly or through others, itself included."""
    reach = {i: {i} | {j for j in block if (i, j) in system.matrix} for i in block}
    for middle in block:
        for i in block:
            if middle in reach[i]:
                reach[i] |= reach[middle]
    return reach


class _Entries:
    """Entries of the matrices P, Q and L of one block: closed forms of a single state, else propagator nodes."""

    def __init__(self, system: LinearSystem, block: list[str]):
        self.block = block
        self.matrix = tuple(system.matrix.get((i, j), const(0.0)) for i in block for j in block)
        self.noise = [system.noise.get(i, const(0.0)) for i in block]

    def __call__(self, part: str, i: str, j: str) -> Node:
        if len(self.block) == 1:
            return self._single(part)
        position = (part, self.block.index(i), self.block.index(j), len(self.block))
        noise = [power(amplitude, const(2)) for amplitude in self.noise] if part == "L" else []
        return node("propagator", *self.matrix, *noise, DT, value=position)

    def _single(self, part: str) -> Node:
        rate = mul(self.matrix[0], DT)
        if part == "P":
            return call("exp", rate)
        if part == "Q":
            return mul(DT, call("exprel", rate))
        return mul(self.noise[0], call("sqrt", mul(DT, call("exprel", mul(const(2.0), rate)))))


_METHODS: dict[str, Callable[[Flow], dict[str, Node]]] = {
    "exact": _exact,
    "exponential_euler": _exponential_euler,
    "euler": _euler,
    "heun": _heun,
    "rk4": _rk4,
}
