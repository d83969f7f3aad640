"""Plasticity by triplets of spikes, with the eight sets of parameters that were fitted to experiments, and as BCM rule.

The spikes of pairs count as in `rules.stdp`; each slow trace is read before its own spike. Weights are kept from 0 to
``w_max``.
"""

from spikelet.rule import Rule

TripletSTDP = Rule(
    "TripletSTDP",
    """
    dr1/dt = -r1/tau_plus : 1 (pre)
    dr2/dt = -r2/tau_x : 1 (pre)
    do1/dt = -o1/tau_minus : 1 (post)
    do2/dt = -o2/tau_y : 1 (post)
    tau_plus = 16.8 ms;  tau_minus = 33.7 ms;  tau_x = 101 ms;  tau_y = 125 ms
    a2_plus = 5e-10;  a3_plus = 6.2e-3;  a2_minus = 7e-3;  a3_minus = 2.3e-4
    w_max = 1
    """,
    on_pre="w = clip(w - o1*(a2_minus + a3_minus*r2), 0, w_max); r1 += 1; r2 += 1",
    on_post="w = clip(w + r1*(a2_plus + a3_plus*o2), 0, w_max); o1 += 1; o2 += 1",
    doc="Pairs and triplets of spikes, so that the frequency of pairs counts. Fit to visual cortex, all pairs.",
    ref="Pfister & Gerstner 2006, J. Neurosci. 26:9673, Eq. 3-4, Tables 3 and 4",
)

MinimalTripletSTDP = TripletSTDP(
    name="MinimalTripletSTDP",
    doc="Triplet rule with depression by pairs and potentiation by triplets alone. Fit to visual cortex, all pairs.",
    a2_plus=0, a3_plus=6.5e-3, a2_minus=7.1e-3, a3_minus=0, tau_y=114,
)  # fmt: skip

NearestTripletSTDP = Rule(
    "NearestTripletSTDP",
    TripletSTDP.text,
    on_pre="w = clip(w - o1*(a2_minus + a3_minus*r2), 0, w_max); r1 = 1; r2 = 1",
    on_post="w = clip(w + r1*(a2_plus + a3_plus*o2), 0, w_max); o1 = 1; o2 = 1",
    doc="Triplet rule in which the last spike of each neuron alone counts. Fit to visual cortex.",
    ref=TripletSTDP.ref,
    values={
        "a2_plus": 8.8e-11, "a3_plus": 5.3e-2, "a2_minus": 6.6e-3, "a3_minus": 3.1e-3, "tau_x": 714.0, "tau_y": 40.0,
    },
)  # fmt: skip

MinimalNearestTripletSTDP = NearestTripletSTDP(
    name="MinimalNearestTripletSTDP",
    doc="Triplet rule of last spikes, with depression by pairs and potentiation by triplets alone. Fit to visual "
    "cortex.",
    a2_plus=0, a3_plus=5e-2, a2_minus=8e-3, a3_minus=0, tau_y=40,
)  # fmt: skip

HippocampalTripletSTDP = TripletSTDP(
    name="HippocampalTripletSTDP",
    doc="Triplet rule fitted to hippocampal cultures, where pairs alone potentiate, too. All pairs.",
    a2_plus=6.1e-3, a3_plus=6.7e-3, a2_minus=1.6e-3, a3_minus=1.4e-3, tau_x=946, tau_y=27,
)  # fmt: skip

MinimalHippocampalTripletSTDP = TripletSTDP(
    name="MinimalHippocampalTripletSTDP",
    doc="Triplet rule fitted to hippocampal cultures without triplets that depress. All pairs.",
    a2_plus=5.3e-3, a3_plus=8e-3, a2_minus=3.5e-3, a3_minus=0, tau_y=40,
)  # fmt: skip

NearestHippocampalTripletSTDP = NearestTripletSTDP(
    name="NearestHippocampalTripletSTDP",
    doc="Triplet rule of last spikes fitted to hippocampal cultures, where pairs alone potentiate, too.",
    a2_plus=4.6e-3, a3_plus=9.1e-3, a2_minus=3e-3, a3_minus=7.5e-9, tau_x=575, tau_y=47,
)  # fmt: skip

MinimalNearestHippocampalTripletSTDP = NearestTripletSTDP(
    name="MinimalNearestHippocampalTripletSTDP",
    doc="Triplet rule of last spikes fitted to hippocampal cultures without triplets that depress.",
    a2_plus=4.6e-3, a3_plus=9.1e-3, a2_minus=3e-3, a3_minus=0, tau_y=48,
)  # fmt: skip

SlidingTripletSTDP = Rule(
    "SlidingTripletSTDP",
    """
    dr1/dt = -r1/tau_plus : 1 (pre)
    do1/dt = -o1/tau_minus : 1 (post)
    do2/dt = -o2/tau_y : 1 (post)
    drho/dt = -rho/tau_rho : Hz (post)       # mean rate of the receiver
    tau_plus = 16.8 ms;  tau_minus = 33.7 ms;  tau_y = 114 ms;  tau_rho = 10 second
    a3_plus = 6.5e-3;  a2_minus = 7.1e-3
    rho_0 = 10 Hz;  p = 2
    w_max = 1
    """,
    on_pre="w = clip(w - a2_minus*(rho/rho_0)**p*o1, 0, w_max); r1 += 1",
    on_post="w = clip(w + a3_plus*r1*o2, 0, w_max); o1 += 1; o2 += 1; rho += 1/tau_rho",
    initial="rho = rho_0",
    doc="Minimal triplet rule whose depression grows with the receiver's mean rate, as the threshold of a BCM rule: "
    "what fires too much is weakened. At the mean rate rho_0 it is the minimal one. For the mean of rho**p stands the "
    "power of the mean.",
    ref="Pfister & Gerstner 2006, J. Neurosci. 26:9673, relation to BCM",
)
