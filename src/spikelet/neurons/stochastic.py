"""Neurons that throw dice: escape noise, generalised linear models, Poisson units, and white noise on the membrane."""

from spikelet.model import Neuron

PoissonNeuron = Neuron(
    "PoissonNeuron",
    """
    p = rate*dt : 1                          # probability of a spike in this step
    rate : kHz (input)
    """,
    threshold="uniform() < p",
    doc="Spikes at a given rate, independent of each other: a noisy copy of a rate. It has no parameters.",
    ref="Dayan & Abbott 2001, section 1.4 (spike generator)",
)

EscapeLIF = Neuron(
    "EscapeLIF",
    """
    dv/dt = (v_rest - v + R*I) / tau_mem : 1 (unless refractory)
    rho = rho_0*exp(min((v - v_th)/delta_u, 50)) : kHz   # hazard; beyond 50 a spike is certain, exp() would overflow
    I : 1 (input)
    tau_mem = 20 ms                          # as LIF
    R = 1;  v_rest = 0;  v_reset = 0         # normalised
    v_th = 1;  t_ref = 0 ms
    rho_0 = 0.1 kHz                          # hazard at threshold, one spike in 10 ms
    delta_u = 0.2                            # sharpness: 4 mV where rest to threshold is 20 mV (Jolivet et al. 2006)
    """,
    threshold="uniform() < -expm1(-rho*dt)",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = v_rest",
    doc="LIF with a soft threshold: it may fire at any v, the likelier the higher; its likelihood has a gradient. "
    "Defaults: normalised; delta_u from Jolivet et al. 2006.",
    ref="Gerstner & Kistler 2002, section 5.3 (escape noise)",
)

GLM = Neuron(
    "GLM",
    """
    h_in[k+1] = exp(-dt/tau_syn)*h_in + I : 1    # filtered input (or deliver to="h_in")
    h_fb[k+1] = exp(-dt/tau_fb)*h_fb + spike : 1 # filtered own spikes up to the step before
    u = h_in + w_fb*h_fb + bias : 1          # log odds of a spike in this step
    I : 1 (input)                            # summed weights of the spikes of this step
    tau_syn = 5 ms;  tau_fb = 10 ms          # decay of the two filters, of the order of the membrane's
    w_fb = -2                                # refractory feedback
    bias = -3                                # about 5 % per step at rest
    """,
    threshold="uniform() < sigmoid(u)",
    doc="Generalised linear model: a Bernoulli draw from the sigmoid of filtered input and own history; its likelihood "
    "has a closed form. Defaults are of moderate activity at dt = 1 ms.",
    ref="Pillow et al. 2008, Nature 454:995; Jang, Simeone, Gardner & Gruning 2019, IEEE Signal Process. Mag. 36:64",
)

NoisyLIF = Neuron(
    "NoisyLIF",
    """
    dv/dt = (v_rest - v + R*I) / tau_mem + sigma*xi/sqrt(tau_mem) : 1 (unless refractory)
    I : 1 (input)
    tau_mem = 20 ms;  t_ref = 2 ms           # Brunel 2000
    R = 1;  v_rest = 0;  v_reset = 0.5       # normalised: Brunel's 10 mV of 20 mV
    v_th = 1
    sigma = 0.25                             # 5 mV of 20 mV; the free membrane varies by sigma/sqrt(2)
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = v_rest",
    doc="LIF under white noise, the diffusion limit of many small inputs, with a rate in closed form. "
    "Defaults: Brunel 2000, normalised.",
    ref="Brunel 2000, J. Comput. Neurosci. 8:183 (diffusion approximation); Siegert 1951, Phys. Rev. 81:617",
)
