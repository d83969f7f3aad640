"""Models written for the tests of compiler and back ends: one for each thing that the language can say.

Each has inputs that make it do something: irregular drives of (T, N) numbers, jumps included.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from spikelet.model import Neuron

Drive = Callable[[np.random.Generator, int, int], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Case:
    """A model, what drives it, and its step [ms]."""

    model: Neuron
    drive: Drive
    dt: float = 0.5

    def inputs(self, steps: int, n: int) -> dict[str, np.ndarray]:
        return dict(self.drive(np.random.default_rng(7), steps, n))


def levels(low: float, high: float, name: str = "I", hold: int = 25) -> Drive:
    """A drive of levels, each drawn anew after ``hold`` steps."""

    def drive(rng: np.random.Generator, steps: int, n: int) -> dict[str, np.ndarray]:
        drawn = rng.uniform(low, high, (-(-steps // hold), n))
        return {name: np.repeat(drawn, hold, axis=0)[:steps]}

    return drive


def rare(name: str, size: float, chance: float = 0.05) -> Drive:
    """A drive of jumps of about ``size`` in a few of the steps."""

    def drive(rng: np.random.Generator, steps: int, n: int) -> dict[str, np.ndarray]:
        heights = rng.uniform(0.5 * size, 1.5 * size, (steps, n))
        return {name: np.where(rng.random((steps, n)) < chance, heights, 0.0)}

    return drive


def both(*drives: Drive) -> Drive:
    """All inputs of several drives."""

    def drive(rng: np.random.Generator, steps: int, n: int) -> dict[str, np.ndarray]:
        return {name: value for part in drives for name, value in part(rng, steps, n).items()}

    return drive


def whole(low: int, high: int) -> Drive:
    """A drive of integers."""
    return lambda rng, steps, n: {"I": rng.integers(low, high, (steps, n)).astype(float)}


LIF = Neuron(
    "LIF",
    """
    dv/dt = (v_rest - v + R*I)/tau : 1 (unless refractory)
    I : 1 (input)
    tau = 12 ms;  R = 1.1;  v_rest = 0.05;  v_reset = -0.1;  v_th = 1;  t_ref = 1.3 ms
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = v_rest",
)
CUBA = Neuron(
    "CuBa",
    """
    dv/dt = (i - v)/tau_m : 1
    di/dt = (x - i)/tau_s : 1
    dx/dt = -x/tau_s : 1
    tau_m = 10 ms;  tau_s = 5 ms;  v_th = 1
    """,
    threshold="v > v_th",
    reset="v -= v_th",
)
HELD = Neuron(
    "Held",
    """
    dv/dt = (u - v)/tau_v : 1
    du/dt = (I - u - c*v)/tau_u : 1 (unless refractory)
    dw/dt = (v + u - w)/tau_v : 1
    I : 1 (input)
    tau_v = 7 ms;  tau_u = 11 ms;  c = 0.3
    """,
    threshold="u > 1",
    reset="u = 0.5; w += 0.1",
    refractory="3 ms",
)
CONDUCTANCE = Neuron(
    "Conductance",
    """
    dv/dt = (g_L*(v_rest - v) + g*(E - v))/C : mV (unless refractory)
    dg/dt = -g/tau_g : nS
    C = 200 pF;  g_L = 10 nS;  v_rest = -60 mV;  E = 0 mV;  tau_g = 5 ms;  v_th = -50 mV;  t_ref = 2 ms
    """,
    threshold="v >= v_th",
    reset="v = v_rest",
    refractory="t_ref",
    initial="v = v_rest",
)
QUADRATIC = Neuron(
    "Quadratic",
    """
    dv/dt = (v**2 + 0.3 - w + I)/tau : 1
    dw/dt = a*(b*v - w)/tau : 1
    I : 1 (input)
    tau = 4 ms;  a = 0.2;  b = 0.3;  v_top = 4;  v_low = -1
    """,
    threshold="v > v_top",
    reset="v = v_low; w += 0.3",
)
EXPONENTIAL = Neuron(
    "Exponential",
    """
    dv/dt = (g_L*(v_rest - v) + g_L*delta*exp((v - v_T)/delta) - w + I)/C : mV
    dw/dt = (a*(v - v_rest) - w)/tau_w : pA
    I : pA (input)
    C = 200 pF;  g_L = 10 nS;  v_rest = -70 mV;  v_T = -50 mV;  delta = 2 mV
    a = 2 nS;  tau_w = 100 ms;  b = 60 pA;  v_reset = -58 mV;  v_top = 0 mV
    """,
    threshold="v > v_top",
    reset="v = v_reset; w += b",
    initial="v = v_rest",
)
CLOCKED = Neuron(
    "Clocked",
    """
    dv/dt = (sin(t/(3 ms)) + I - v*abs(v))/tau : 1
    phase[k+1] = 0.9*phase + 0.1*cos(t/period) : 1
    last[k+1] = last : ms
    I : 1 (input)
    tau = 5 ms;  period = 7 ms
    """,
    threshold="v > 0.8 + 0.1*sin(t/(5 ms))",
    reset="v -= 0.8; last = t",
)
MAPS = Neuron(
    "Maps",
    """
    i[k+1] = alpha*i + I : 1
    v[k+1] = beta*v + i[k+1] + 0.1*i : 1
    n[k+1] = n : int
    I : 1 (input)
    alpha = 0.6;  beta = 0.9
    """,
    threshold="v > 1",
    reset="v -= 1; n += 1",
)
INTEGERS = Neuron(
    "Integers",
    """
    kept = sign(u)*(abs(u)*(256 - decay)//256) : int
    u[k+1] = (kept + 8*I + 1024) % 2048 - 1024 : int
    v[k+1] = clip(v - v//16 + u[k+1], -2000, 2000) : int (unless refractory)
    odd[k+1] = where(v % 2 == 1, max(odd, 3) + 1, min(odd, 5) - 1) : int
    I : int (input)
    decay = 41 int;  v_th = 300 int
    """,
    threshold="v > v_th",
    reset="v = round(0.25*v_th)",
    refractory="2 ms",
)
CROSSING = Neuron(
    "Crossing",
    """
    dv/dt = (I - v)/tau : 1
    dh/dt = (v - h)/(2*tau) : 1 (unless refractory)
    I : 1 (input)
    tau = 6 ms
    """,
    threshold="v > 1",
    refractory="v > 0.7",
    on_recovery="h = h/2; v += 0.05",
)
RECOVERING = Neuron(
    "Recovering",
    """
    dv/dt = (I - v)/tau : 1 (unless refractory)
    c[k+1] = c : 1
    I : 1 (input)
    tau = 6 ms;  t_ref = 2 ms
    """,
    threshold="v > 1",
    reset="v = -0.5",
    refractory="t_ref",
    on_recovery="c += v; v = 0.2",
)
LATE = Neuron(
    "Late",
    "v[k+1] = 0.9*v + I - spike*v_th : 1; a[k+1] = 0.95*a + 0.05*spike : 1; I : 1 (input); v_th = 1",
    threshold="v > v_th + a",
)
DIFFUSION = Neuron(
    "Diffusion",
    """
    dv/dt = (I - v)/tau + s*xi/sqrt(tau) : 1
    dc/dt = (v - c)/tau_c + s*xi/sqrt(tau) : 1
    I : 1 (input)
    tau = 10 ms;  tau_c = 4 ms;  s = 0.4
    """,
    threshold="v > 1",
    reset="v = 0",
)
GEOMETRIC = Neuron(
    "Geometric",
    "dv/dt = (I - v)/tau + s*v*xi/sqrt(tau) : 1; I : 1 (input); tau = 10 ms; s = 0.4",
    threshold="v > 1",
    reset="v = 0.1",
)
DICE = Neuron(
    "Dice",
    """
    dv/dt = (I - v)/tau : 1
    u[k+1] = 0.8*u + 0.2*normal() : 1
    I : 1 (input)
    tau = 10 ms
    """,
    threshold="uniform() < sigmoid((v + u - 1)/0.2)*0.5",
    reset="v = 0.2*uniform()",
)
LOGIC = Neuron(
    "Logic",
    """
    dv/dt = (I - v)/tau : 1
    dw/dt = (v - w)/(3*tau) : 1
    I : 1 (input)
    tau = 8 ms
    """,
    threshold="v > 0.9 and not (w >= 0.8 or v - w < 0.1)",
    reset="v -= 0.7",
)
FUNCTIONS = Neuron(
    "Functions",
    """
    a = exp(-abs(x)) + log(1 + x**2) + expm1(0.1*x) + exprel(x) + sqrt(1 + abs(x)) : 1
    b = sin(x) + cos(x) + tanh(x) + cosh(0.3*x) + sigmoid(x) + erf(x) + sign(x) + floor(x) + round(2*x) : 1
    c = heaviside(x) + min(x, 0.3) + max(x, p) + clip(x, -0.5, 0.5) + where(x > p, 0.3, 0.7) + detach(x) : 1
    x[k+1] = 0.5*x + 0.05*(a - b) + 0.1*c + I : 1
    y[k+1] = x//0.3 + x % 0.7 + 2.0**x + abs(x)**p + min(p, 0.1)*where(p > 0, 0.1, 0.7) + exp(1)*p : 1
    I : 1 (input)
    p = 0.2
    """,
    threshold="x > 1",
    reset="x -= 1",
)
PASSIVE = Neuron("Passive", "dv/dt = (I - v)/tau : 1; I : 1 (input); tau = 10 ms")


def _spread(model: Neuron, name: str, low: float, high: float, n: int = 20) -> Neuron:
    return model(**{name: np.linspace(low, high, n)})


N = 20
CASES = {
    "LIF": Case(LIF, levels(0, 2)),
    "LIF euler": Case(LIF(method="euler"), levels(0, 2)),
    "LIF per neuron": Case(_spread(LIF, "tau", 4, 20)(t_ref=np.linspace(0, 4, N)), levels(0, 2)),
    "CuBa": Case(CUBA, rare("x", 4)),
    "CuBa equal": Case(CUBA(tau_s=10.0), rare("x", 4)),
    "CuBa per neuron": Case(_spread(CUBA, "tau_s", 5, 15), both(rare("x", 4), rare("v", 0.3))),
    "held": Case(HELD, levels(0, 4)),
    "held per neuron": Case(_spread(HELD, "tau_v", 5, 15), both(levels(0, 4), rare("u", 0.5))),
    "conductance": Case(CONDUCTANCE, rare("g", 8)),
    "conductance rk4": Case(CONDUCTANCE(method="rk4"), rare("g", 8)),
    "quadratic rk4": Case(QUADRATIC, levels(0, 1)),
    "quadratic heun": Case(QUADRATIC(method="heun"), levels(0, 1)),
    "quadratic euler": Case(QUADRATIC(method="euler"), levels(0, 1), 0.2),
    "exponential": Case(EXPONENTIAL, levels(0, 900), 0.1),
    "clock": Case(CLOCKED, levels(0, 2)),
    "maps": Case(MAPS, levels(-0.2, 0.4)),
    "integers": Case(INTEGERS, whole(-3, 9)),
    "crossing": Case(CROSSING, levels(0, 2)),
    "recovering": Case(RECOVERING, levels(0, 2)),
    "late": Case(LATE, levels(-0.2, 0.6)),
    "diffusion": Case(DIFFUSION, levels(0, 1.5)),
    "diffusion euler": Case(DIFFUSION(method="euler"), levels(0, 1.5)),
    "geometric": Case(GEOMETRIC, levels(0, 1.5)),
    "dice": Case(DICE, levels(0, 1.5)),
    "logic": Case(LOGIC, levels(0, 2)),
    "functions": Case(FUNCTIONS, levels(-0.5, 0.8)),
    "passive": Case(PASSIVE, both(levels(0, 2), rare("v", 1))),
}
