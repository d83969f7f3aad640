"""Plasticity that keeps neurons at work: weights that grow or shrink together until the receiver fires as it should.

Such a rule is mostly joined with another one, ``rules.STDP + rules.SynapticScaling``. Two relatives are no rules:
``projection.normalise(total)`` sets the sum of the weights of each receiver between runs, and a threshold or gain that
adapts is part of a neuron (``neurons.DiehlCook``, ``neurons.IntrinsicSigmoid``).
"""

from spikelet.rule import Rule

SynapticScaling = Rule(
    "SynapticScaling",
    """
    da/dt = -a/tau_a : 1/ms (post)           # rate of the receiver
    dw/dt = beta*w*(a_goal - a) : 1
    tau_a = 100 second;  a_goal = 5 Hz;  beta = 4e-5
    """,
    on_post="a += 1/tau_a",
    doc="All weights of a receiver change by the same factor, upwards while it fires at less than a_goal and downwards "
    "while it fires at more; their ratios stay. The sum of what the other rule does and this is what is learnt.",
    ref="van Rossum, Bi & Turrigiano 2000, J. Neurosci. 20:8812, Eq. 3 (without its integral term)",
)
