"""Plasticity by rates: Hebb's rule and those that keep it from running away.

Each rule is written once, over the activity ``x`` of the sender and ``y`` of the receiver, and is there twice. `Oja`
has traces of spikes: ``x`` is the number of spikes within the last ``tau_x``, on average the rate times ``tau_x``.
`OjaRate` has the state ``r`` of rate neurons, such as `spikelet.neurons.ReLU`. Weights of either sign are possible,
unless an entry has ``w_max``.
"""

from spikelet.rule import Rule

_SPIKES = """
    dx/dt = -x/tau_x : 1 (pre)               # spikes within tau_x
    dy/dt = -y/tau_y : 1 (post)
    tau_x = 50 ms;  tau_y = 50 ms
    """
_RATES = """
    x = r_pre : 1
    y = r_post : 1
    """
_PRE, _POST = "x += 1", "y += 1"

_HEBB = """
    w[k+1] = min(w + dt*eta*x*y, w_max) : 1
    eta = 1e-4 kHz
    w_max = 1
    """
Hebb = Rule(
    "Hebb", _SPIKES + _HEBB, on_pre=_PRE, on_post=_POST,
    doc="The weight grows where both neurons are active, up to w_max.",
    ref="Hebb 1949, The Organization of Behavior, p. 62",
)  # fmt: skip
HebbRate = Rule("HebbRate", _RATES + _HEBB, doc="Hebb's rule for rate neurons: " + Hebb.doc, ref=Hebb.ref)

_COVARIANCE = """
    dx_mean/dt = (x - x_mean)/tau_mean : 1 (pre)
    dy_mean/dt = (y - y_mean)/tau_mean : 1 (post)
    w[k+1] = clip(w + dt*eta*(x - x_mean)*(y - y_mean), 0, w_max) : 1
    eta = 1e-4 kHz;  tau_mean = 1 second
    w_max = 1
    """
Covariance = Rule(
    "Covariance", _SPIKES + _COVARIANCE, on_pre=_PRE, on_post=_POST,
    doc="The weight grows where both neurons are above or both below their mean activity, and shrinks where they "
    "differ, from 0 to w_max.",
    ref="Sejnowski 1977, J. Math. Biol. 4:303",
)  # fmt: skip
CovarianceRate = Rule(
    "CovarianceRate", _RATES + _COVARIANCE, doc="Covariance rule for rate neurons: " + Covariance.doc,
    ref=Covariance.ref,
)  # fmt: skip

_OJA = """
    dw/dt = eta*y*(x - beta*y*w) : 1
    eta = 1e-4 kHz;  beta = 1
    """
Oja = Rule(
    "Oja", _SPIKES + _OJA, on_pre=_PRE, on_post=_POST,
    doc="Hebb's rule with a decay that keeps the norm of a receiver's weights at 1/sqrt(beta): they become the first "
    "principal component of the input.",
    ref="Oja 1982, J. Math. Biol. 15:267, Eq. 3",
)  # fmt: skip
OjaRate = Rule("OjaRate", _RATES + _OJA, doc="Oja's rule for rate neurons: " + Oja.doc, ref=Oja.ref)

Sanger = Rule(
    "Sanger", _SPIKES + _OJA, on_pre=_PRE, on_post=_POST,
    doc="Generalized Hebbian algorithm: the units of a layer become the principal components, one after the other. It "
    "is Oja's rule on what earlier units leave of the input: unit i has senders of its own, whose activity is "
    "x - sum of y_k*w_k over the units k before it. Written with x itself it would need the weights of other units.",
    ref="Sanger 1989, Neural Netw. 2:459",
)  # fmt: skip
SangerRate = Rule("SangerRate", _RATES + _OJA, doc="Sanger's rule for rate neurons: " + Sanger.doc, ref=Sanger.ref)

_BCM = """
    dtheta/dt = (y**2 - theta)/tau_theta : 1 (post)
    dw/dt = eta*y*(y - theta)*x - decay*w : 1
    eta = 1e-4 kHz;  tau_theta = 1 second;  decay = 0 Hz
    """
BCM = Rule(
    "BCM", _SPIKES + _BCM, on_pre=_PRE, on_post=_POST,
    doc="Depression below, potentiation above a threshold that follows the mean square of the receiver's activity: it "
    "becomes selective for one pattern. tau_theta has to be short beside 1/eta, or both oscillate.",
    ref="Intrator & Cooper 1992, Neural Netw. 5:3",
)  # fmt: skip
BCMRate = Rule("BCMRate", _RATES + _BCM, doc="BCM rule for rate neurons: " + BCM.doc, ref=BCM.ref)

_BCM_POWER = """
    dy_mean/dt = (y - y_mean)/tau_theta : 1 (post)
    theta = y_mean*(max(y_mean, 0)/y_0)**p : 1
    dw/dt = eta*y*(y - theta)*x - decay*w : 1
    eta = 1e-4 kHz;  tau_theta = 1 second;  decay = 0 Hz
    y_0 = 1;  p = 2
    """
BCMPower = Rule(
    "BCMPower", _SPIKES + _BCM_POWER, on_pre=_PRE, on_post=_POST,
    doc="BCM rule as it was first written: the threshold is a power of the receiver's mean activity, "
    "y_mean*(y_mean/y_0)**p.",
    ref="Bienenstock, Cooper & Munro 1982, J. Neurosci. 2:32, Eq. 10",
)  # fmt: skip
BCMPowerRate = Rule(
    "BCMPowerRate", _RATES + _BCM_POWER, doc="BCM rule for rate neurons, as it was first written: " + BCMPower.doc,
    ref=BCMPower.ref,
)  # fmt: skip

_LAW_COOPER = """
    dtheta/dt = (y**2 - theta)/tau_theta : 1 (post)
    dw/dt = eta*y*(y - theta)*x/max(theta, theta_min) : 1
    eta = 1e-4 kHz;  tau_theta = 1 second;  theta_min = 1e-6
    """
LawCooper = Rule(
    "LawCooper", _SPIKES + _LAW_COOPER, on_pre=_PRE, on_post=_POST, initial="theta = 1",
    doc="BCM rule divided by its threshold, which learns fast where activity is low and slowly where it is high.",
    ref="Law & Cooper 1994, PNAS 91:7797",
)  # fmt: skip
LawCooperRate = Rule(
    "LawCooperRate", _RATES + _LAW_COOPER, initial="theta = 1", doc="Law & Cooper's rule for rate neurons: "
    + LawCooper.doc, ref=LawCooper.ref,
)  # fmt: skip
