"""Units without spikes: their state ``r`` is their output, for networks of rates beside spiking ones."""

from spikelet.model import Neuron

ReLU = Neuron(
    "ReLU",
    """
    r[k+1] = max(gain*I + bias, 0) : 1
    I : 1 (input)
    gain = 1;  bias = 0                      # normalised
    """,
    doc="Rectified linear unit, what an integrate-and-fire neuron is on average. Defaults are normalised.",
    ref="Nair & Hinton 2010, ICML 27",
)

Sigmoid = Neuron(
    "Sigmoid",
    """
    r[k+1] = sigmoid(gain*I + bias) : 1
    I : 1 (input)
    gain = 1;  bias = 0                      # normalised
    """,
    doc="Logistic unit, a rate between 0 and 1. Defaults are normalised.",
    ref="Wilson & Cowan 1972, Biophys. J. 12:1, Eq. 15",
)

Tanh = Neuron(
    "Tanh",
    """
    r[k+1] = tanh(gain*I + bias) : 1
    I : 1 (input)
    gain = 1;  bias = 0                      # normalised
    """,
    doc="Hyperbolic tangent unit, a rate about a baseline. Defaults are normalised.",
    ref="Sompolinsky, Crisanti & Sommers 1988, Phys. Rev. Lett. 61:259, Eq. 1",
)

LIFRate = Neuron(
    "LIFRate",
    """
    J = gain*I + bias : 1
    r[k+1] = where(J > 1, 1/(t_ref + tau_mem*log(1 + 1/max(J - 1, 1e-9))), 0) : kHz
    I : 1 (input)
    gain = 1;  bias = 0                      # normalised: firing starts at I = 1
    tau_mem = 20 ms;  t_ref = 2 ms           # Nengo's tau_rc and tau_ref
    """,
    doc="Steady rate of a LIF neuron as a function of its current, for decoders and for training without spikes. "
    "Defaults: Nengo.",
    ref="Eliasmith & Anderson 2003, chapter 2; Bekolay et al. 2014 (Nengo, LIFRate)",
)

IntrinsicSigmoid = Neuron(
    "IntrinsicSigmoid",
    """
    y = sigmoid(a*I + b) : 1
    r[k+1] = y : 1
    a[k+1] = a + eta*(1/a + I - (2 + 1/mu)*I*y + I*y**2/mu) : 1
    b[k+1] = b + eta*(1 - (2 + 1/mu)*y + y**2/mu) : 1
    I : 1 (input)
    mu = 0.1                                 # mean that the output comes to have
    eta = 0.001                              # learning rate, per step
    """,
    initial="a = 1",
    doc="Logistic unit with intrinsic plasticity: gain and bias change until the output is distributed almost "
    "exponentially with the mean mu, whatever the distribution of the input. Defaults: the paper.",
    ref="Triesch 2005, ICANN, Lect. Notes Comput. Sci. 3696:65, Eq. 3-4",
)
