"""Plasticity by the voltage of the receiver, which need not fire: ``v_post`` in mV.

The rules see the voltage after each step, so after the reset: where the spike itself is to count, as in `Clopath`, the
neuron has to show it, for instance by staying at its peak for 2 ms.
"""

from spikelet.rule import Rule

Clopath = Rule(
    "Clopath",
    """
    du_minus/dt = (v_post - u_minus)/tau_minus : mV (post)
    du_plus/dt = (v_post - u_plus)/tau_plus : mV (post)
    du_square/dt = ((v_post - v_rest)**2 - u_square)/tau_square : mV**2 (post)   # how strongly the cell is driven
    dx/dt = -x/tau_x : kHz (pre)
    ltp = a_ltp*x*max(v_post - theta_plus, 0 mV)*max(u_plus - theta_minus, 0 mV) : kHz
    ltd = a_ltd*u_square/u_ref_square*max(u_minus - theta_minus, 0 mV) : 1
    w[k+1] = clip(w + dt*ltp, 0, w_max) : 1
    a_ltp = 8e-5/mV**2;  a_ltd = 14e-5/mV
    theta_plus = -45.3 mV;  theta_minus = -70.6 mV;  v_rest = -70.6 mV
    tau_plus = 7 ms;  tau_minus = 10 ms;  tau_x = 15 ms;  tau_square = 1 second
    u_ref_square = 60 mV**2
    w_max = 1
    """,
    on_pre="w = max(w - ltd, 0); x += 1/tau_x",
    initial="u_minus = v_rest; u_plus = v_rest; u_square = u_ref_square",
    doc="Depression where a spike arrives at a depolarised cell, potentiation while the cell is far above threshold "
    "and has been depolarised before. Depression grows with the mean square depolarisation; tau_square=1e15 holds it. "
    "The filtered voltages are not delayed.",
    ref="Clopath, Buesing, Vasilaki & Gerstner 2010, Nat. Neurosci. 13:344, Eq. 1-4; homeostasis as in their program",
)

ABS = Rule(
    "ABS",
    """
    du/dt = (v_post - u)/tau_u : mV (post)
    dx/dt = -x/tau_x : kHz (pre)
    above = a_plus*max(u - theta_plus, 0 mV) : 1
    between = a_minus*max(u - theta_minus, 0 mV)*max(theta_plus - u, 0 mV) : 1
    w[k+1] = clip(w + dt*x*(above - between), 0, w_max) : 1
    theta_minus = -60 mV;  theta_plus = -50 mV;  v_rest = -70 mV
    tau_u = 10 ms;  tau_x = 20 ms
    a_plus = 2e-3/mV;  a_minus = 4e-4/mV**2  # sizes are free: the experiments give the signs
    w_max = 1
    """,
    on_pre="x += 1/tau_x",
    initial="u = v_rest",
    doc="Two thresholds of the receiver's voltage: an active input does not change below theta_minus, is depressed up "
    "to theta_plus, and is potentiated above it.",
    ref="Artola, Broecher & Singer 1990, Nature 347:69; Artola & Singer 1993, Trends Neurosci. 16:480",
)
