"""The papers' equations, typed once more in the papers' own form, for scipy's solvers: f(t, y, current) -> slopes.

No equation here is shared with the zoo. Potentials in mV, times in ms, densities in uF, mS and uA per cm2.
"""

import numpy as np
from numpy import cosh, exp, tanh
from scipy.integrate import solve_ivp
from scipy.optimize import minimize_scalar

from spikelet.simulate import run


def linear_rate(slope, x, width):
    """slope*x/(exp(x/width) - 1), as the papers write it."""
    return slope * x / (exp(x / width) - 1)


def hodgkin_huxley(t, y, current, warming=1.0, e_leak=10.613):
    """Hodgkin & Huxley 1952, Eq. 7-26: V is the displacement from rest, depolarisation negative."""
    v, m, h, n = y
    u = -(v + 65)
    gates = [
        (linear_rate(0.1, u + 25, 10), 4 * exp(u / 18), m),
        (0.07 * exp(u / 20), 1 / (exp((u + 30) / 10) + 1), h),
        (linear_rate(0.01, u + 10, 10), 0.125 * exp(u / 80), n),
    ]
    ionic = 120 * m**3 * h * (u + 115) + 36 * n**4 * (u - 12) + 0.3 * (u + e_leak)
    return [current + ionic, *(warming * (alpha * (1 - x) - beta * x) for alpha, beta, x in gates)]


def connor(t, y, current):
    """Connor, Walter & McKown 1977: squid rates, shifted and warmed, and the A-current."""
    v, m, h, n, a, b = y
    shift_m, shift_h, shift_n = -5.3, -12.0, -4.3
    alpha_m, beta_m = linear_rate(-0.1, v + 35 + shift_m, -10), 4 * exp(-(v + 60 + shift_m) / 18)
    alpha_h, beta_h = 0.07 * exp(-(v + 60 + shift_h) / 20), 1 / (1 + exp(-(v + 30 + shift_h) / 10))
    alpha_n, beta_n = linear_rate(-0.01, v + 50 + shift_n, -10), 0.125 * exp(-(v + 60 + shift_n) / 80)
    a_inf = (0.0761 * exp((v + 94.22) / 31.84) / (1 + exp((v + 1.17) / 28.93))) ** (1 / 3)
    tau_a = 0.3632 + 1.158 / (1 + exp((v + 55.96) / 20.12))
    b_inf = 1 / (1 + exp((v + 53.3) / 14.54)) ** 4
    tau_b = 1.24 + 2.678 / (1 + exp((v + 50) / 16.027))
    ionic = 120 * m**3 * h * (v - 55) + 20 * n**4 * (v + 72) + 47.7 * a**3 * b * (v + 75) + 0.3 * (v + 17)
    gates = [(alpha_m, beta_m, m, 3.8), (alpha_h, beta_h, h, 3.8), (alpha_n, beta_n, n, 1.9)]
    slopes = [k * (alpha + beta) * (alpha / (alpha + beta) - x) for alpha, beta, x, k in gates]
    return [current - ionic, *slopes, (a_inf - a) / tau_a, (b_inf - b) / tau_b]


def traub_miles(t, y, current, shift=-67.0):
    """Traub & Miles 1991 in one compartment, as Ermentrout & Kopell 1998 have it."""
    v, m, h, n = y
    alpha_m, beta_m = linear_rate(0.32, 13 - v + shift, 4), linear_rate(0.28, v - shift - 40, 5)
    alpha_h, beta_h = 0.128 * exp((17 - v + shift) / 18), 4 / (1 + exp((40 - v + shift) / 5))
    alpha_n, beta_n = linear_rate(0.032, 15 - v + shift, 5), 0.5 * exp((10 - v + shift) / 40)
    ionic = 100 * m**3 * h * (v - 50) + 80 * n**4 * (v + 100) + 0.1 * (v + 67)
    gates = [(alpha_m, beta_m, m), (alpha_h, beta_h, h), (alpha_n, beta_n, n)]
    return [current - ionic, *(alpha * (1 - x) - beta * x for alpha, beta, x in gates)]


def wang_buzsaki(t, y, current):
    """Wang & Buzsaki 1996, methods."""
    v, h, n = y
    alpha_m, beta_m = linear_rate(-0.1, v + 35, -10), 4 * exp(-(v + 60) / 18)
    alpha_h, beta_h = 0.07 * exp(-(v + 58) / 20), 1 / (exp(-0.1 * (v + 28)) + 1)
    alpha_n, beta_n = linear_rate(-0.01, v + 34, -10), 0.125 * exp(-(v + 44) / 80)
    m_inf = alpha_m / (alpha_m + beta_m)
    ionic = 35 * m_inf**3 * h * (v - 55) + 9 * n**4 * (v + 90) + 0.1 * (v + 65)
    return [current - ionic, 5 * (alpha_h * (1 - h) - beta_h * h), 5 * (alpha_n * (1 - n) - beta_n * n)]


def morris_lecar(t, y, current, g_ca=4.0, e=(-50, 100, -70), knees=(10, 15, -1, 14.5), phi=1 / 15):
    """Morris & Lecar 1981, Eq. 9."""
    v, n = y
    v1, v2, v3, v4 = knees
    m_inf, n_inf = (1 + tanh((v - v1) / v2)) / 2, (1 + tanh((v - v3) / v4)) / 2
    ionic = 2 * (v - e[0]) + g_ca * m_inf * (v - e[1]) + 8 * n * (v - e[2])
    return [(current - ionic) / 20, phi * cosh((v - v3) / (2 * v4)) * (n_inf - n)]


def fitzhugh(t, y, current):
    """FitzHugh 1961, with v = -x and time in units of the fast equation."""
    v, w = y
    return [v - v**3 / 3 - w + current, 0.08 * (v + 0.7 - 0.8 * w)]


def hindmarsh_rose(t, y, current, r=0.001):
    """Hindmarsh & Rose 1984."""
    x, fast, slow = y
    return [fast - x**3 + 3 * x**2 + current - slow, 1 - 5 * x**2 - fast, r * (4 * (x + 1.6) - slow)]


def basu_hasler(t, y, current, tau_n=12.0):
    """Reduction of the silicon neuron of Basu & Hasler 2010."""
    v, n = y
    u_t, kappa = 25.8, 0.7
    sodium = 10 / (1 + exp(-3 * kappa * (v - 150) / u_t)) * (1 - exp(-(300 - v) / u_t))
    potassium = exp(kappa * (n - 100) / u_t) * (1 - exp(-v / u_t))
    return [current + sodium - potassium, 2 * u_t / (kappa * tau_n) * tanh(kappa * (v - n) / (2 * u_t))]


def steady_current(equations, v, gates):
    """Return the current that holds v with all gates at rest; each gate's slope is linear in the gate."""
    at_zero = np.array(equations(0.0, [v, *[0.0] * gates], 0.0))[1:]
    at_one = np.array(equations(0.0, [v, *[1.0] * gates], 0.0))[1:]
    return -equations(0.0, [v, *(at_zero / (at_zero - at_one))], 0.0)[0]


def intervals(equations, start, current, t):
    """Return the intervals between upward crossings of 0 mV in ``t`` ms of constant current, by LSODA."""

    def crossing(t, y, current):
        return y[0]

    crossing.direction = 1
    solution = solve_ivp(
        equations, (0, t), start, method="LSODA", args=(current,), events=crossing, rtol=1e-8, atol=1e-9
    )
    return np.diff(solution.t_events[0])


def onset(equations, gates, between):
    """Return potential and current of the saddle-node: the largest current that a steady potential carries."""
    found = minimize_scalar(lambda v: -steady_current(equations, v, gates), bounds=between, method="bounded")
    return found.x, -found.fun


def slopes(model, states, at, current):
    """Return the slopes (states, N) that a model of the zoo has where ``at`` (states, N) says, from one Euler step."""
    dt, n = 1e-3, len(at[0])
    begin = run(model, I=np.broadcast_to(current, n), t=dt, dt=dt, dtype="float64").state
    begin |= dict(zip(states, np.array(at, dtype=float), strict=True))
    out = run(
        model,
        I=np.broadcast_to(current, n),
        t=dt,
        dt=dt,
        record=tuple(states),
        method="euler",
        dtype="float64",
        state=begin,
    )
    return (np.array([out[name][0] for name in states]) - at) / dt
