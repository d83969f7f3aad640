"""The simple model of Izhikevich: as differential equations, as the update of the published scripts, and its cells.

``Izhikevich`` is the model; ``IzhikevichRS`` to ``IzhikevichRZ`` are the seven cell types of 2003.
``IzhikevichScript`` is the update behind the figures of 2003 and 2004; ``IZHIKEVICH_2004`` holds the twenty patterns.
"""

from typing import Any

from spikelet.model import Neuron

Izhikevich = Neuron(
    "Izhikevich",
    """
    dv/dt = 0.04 kHz/mV*v**2 + 5 kHz*v + 140 mV/ms - u + I : mV
    du/dt = a*(b*v - u) : mV/ms
    I : mV/ms (input)                        # a current through the fitted resistance and time constant
    a = 0.02 kHz;  b = 0.2 kHz               # this to d: regular spiking cell, Izhikevich 2003, Fig. 2
    c = -65 mV;  d = 8 mV/ms
    v_peak = 30 mV                           # the top of the spike, not its threshold
    v_0 = -65 mV                             # start value, as in the paper's script; u starts at b*v_0
    """,
    threshold="v >= v_peak",
    reset="v = c; u += d",
    initial="v = v_0; u = b*v_0",
    doc="Two equations and a reset that show most firing patterns of cortical cells at little cost. "
    "Defaults: regular spiking cell of Izhikevich 2003.",
    ref="Izhikevich 2003, IEEE Trans. Neural Netw. 14:1569, Eq. 1-3",
)

# The cell types of Izhikevich 2003, Fig. 2; each at v_0 = -65 mV with I = 10 mV/ms.
IzhikevichRS = Izhikevich(name="IzhikevichRS", doc="Regular spiking, the common excitatory cell of cortex.")
IzhikevichIB = Izhikevich(
    name="IzhikevichIB", c=-55, d=4, doc="Intrinsically bursting excitatory cell: a burst, then single spikes."
)
IzhikevichCH = Izhikevich(name="IzhikevichCH", c=-50, d=2, doc="Chattering excitatory cell: rhythmic bursts.")
IzhikevichFS = Izhikevich(name="IzhikevichFS", a=0.1, d=2, doc="Fast spiking inhibitory cell, without adaptation.")
IzhikevichLTS = Izhikevich(
    name="IzhikevichLTS", b=0.25, d=2, doc="Inhibitory cell that spikes at a low threshold and adapts."
)
IzhikevichTC = Izhikevich(
    name="IzhikevichTC", b=0.25, d=0.05, doc="Thalamo-cortical cell: tonic if depolarised, rebound bursts from -90 mV."
)
IzhikevichRZ = Izhikevich(
    name="IzhikevichRZ",
    a=0.1,
    b=0.26,  # the paper; some ports have 0.25
    d=2,
    doc="Resonator: sustained subthreshold oscillations, spikes for input at their frequency.",
)

IzhikevichScript = Neuron(
    "IzhikevichScript",
    """
    # v*v, not v**2: with so long a step some cells are chaotic, and the last bit of each product decides
    v[k+1] = v + tau*(0.04 kHz/mV*v*v + k_1*v + k_0 - u + I) : mV
    u[k+1] = u + tau*a*(b*(v[k+1] - v_shift) - leak*u) : mV/ms   # reads the new v
    I : mV/ms (input)
    tau = 0.25 ms                            # the script's step: run with dt = tau
    k_1 = 5 kHz;  k_0 = 140 mV/ms            # 4.1 and 108 in patterns G and L
    a = 0.02 kHz;  b = 0.2 kHz               # this to d: pattern A of Izhikevich 2004
    c = -65 mV;  d = 6 mV/ms
    v_0 = -70 mV;  u_0 = -14 mV/ms           # start values; u_0 = b*v_0
    v_shift = 0 mV;  leak = 1                # pattern R: -65 mV and 0
    """,
    threshold="v > 30 mV",
    reset="v = c; u += d",
    initial="v = v_0; u = u_0",
    doc="The simple model as the author's scripts step it, v first and u from the new v, to repeat published figures "
    "spike by spike; a spike of step k stands at k*tau there. Defaults: pattern A, tonic spiking.",
    ref="Izhikevich 2004, IEEE Trans. Neural Netw. 15:1063, Fig. 1 and its script",
)

_COLUMNS = ("a", "b", "c", "d", "v_0", "tau")
# Pattern: a, b, c, d, v_0, tau; what it is; its input; other parameters. All of the paper's script.
_PATTERNS: dict[str, tuple[tuple[float, ...], str, str, dict[str, float]]] = {
    "A": ((0.02, 0.2, -65, 6, -70, 0.25), "tonic spiking", "14 for t > 10", {}),
    "B": ((0.02, 0.25, -65, 6, -64, 0.25), "phasic spiking", "0.5 for t > 20", {}),
    "C": ((0.02, 0.2, -50, 2, -70, 0.25), "tonic bursting", "15 for t > 22", {}),
    "D": ((0.02, 0.25, -55, 0.05, -64, 0.2), "phasic bursting", "0.6 for t > 20", {}),
    "E": ((0.02, 0.2, -55, 4, -70, 0.25), "mixed mode", "10 for t > 16", {}),
    "F": ((0.01, 0.2, -65, 8, -70, 0.25), "spike-frequency adaptation", "30 for t > 8.5", {}),
    "G": (
        (0.02, -0.1, -55, 6, -60, 0.25),
        "class 1 excitability",
        "0.075*(t - 30) for t > 30",
        {"k_1": 4.1, "k_0": 108},
    ),
    "H": ((0.2, 0.26, -65, 0, -64, 0.25), "class 2 excitability", "-0.5, then -0.5 + 0.015*(t - 30) for t > 30", {}),
    "I": ((0.02, 0.2, -65, 6, -70, 0.2), "spike latency", "7.04 for 10 < t < 13", {}),
    "J": ((0.05, 0.26, -60, 0, -62, 0.25), "subthreshold oscillations", "2 for 20 < t < 25", {}),
    "K": ((0.1, 0.26, -60, -1, -62, 0.25), "resonator", "0.65 in 4-ms pulses at 40, 60, 280 and 320", {}),
    "L": (
        (0.02, -0.1, -55, 6, -60, 0.25),
        "integrator",
        "9 in 2-ms pulses at 100/11, 100/11 + 5, 70 and 80",
        {"k_1": 4.1, "k_0": 108},
    ),
    "M": ((0.03, 0.25, -60, 4, -64, 0.2), "rebound spike", "-15 for 20 < t < 25", {}),
    "N": ((0.03, 0.25, -52, 0, -64, 0.2), "rebound burst", "-15 for 20 < t < 25", {}),
    "O": (
        (0.03, 0.25, -60, 4, -64, 0.25),
        "threshold variability",
        "1 for 10 < t < 15 and 80 < t < 85, -6 for 70 < t < 75",
        {},
    ),
    "P": ((0.1, 0.26, -60, 0, -61, 0.25), "bistability", "0.24, and 1.24 in 5-ms pulses at 37.5 and 216", {}),
    "Q": ((1, 0.2, -60, -21, -70, 0.1), "depolarising after-potential", "20 for 9 < t < 11", {}),
    "R": (
        (0.02, 1, -55, 4, -65, 0.5),
        "accommodation",
        "t/25 for t < 200, then 0; 4*(t - 300)/12.5 for 300 <= t < 312.5",
        {"u_0": -16, "v_shift": -65, "leak": 0},
    ),
    "S": ((-0.02, -1, -60, 8, -63.8, 0.5), "inhibition-induced spiking", "80, and 75 for 50 <= t <= 250", {}),
    "T": ((-0.026, -1, -45, -2, -63.8, 0.5), "inhibition-induced bursting", "80, and 75 for 50 <= t <= 250", {}),
}


def _pattern(letter: str) -> Neuron:
    values, what, current, more = _PATTERNS[letter]
    parameters: dict[str, Any] = dict(zip(_COLUMNS, values, strict=True))
    parameters = {"u_0": parameters["b"] * parameters["v_0"]} | parameters | more
    doc = f"{what.capitalize()}, Fig. 1{letter}: I = {current} (ms, mV/ms); run with dt = {parameters['tau']} ms."
    return IzhikevichScript(name=f"Izhikevich2004{letter}", doc=doc, **parameters)


# The twenty firing patterns of Izhikevich 2004, Fig. 1, by its letters; the doc of each tells its input.
IZHIKEVICH_2004: dict[str, Neuron] = {letter: _pattern(letter) for letter in _PATTERNS}
