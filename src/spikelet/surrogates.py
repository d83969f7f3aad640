"""The zoo of surrogates: one line of text each, to add one is to write one.

A surrogate stands for ds/dx, the derivative of the spike, in the backward pass; x is the distance of the threshold
comparison, (left - right)/surrogate_scale. Calling an entry gives other parameters: ``fast_sigmoid(alpha=100)``.

Every doc ends with "Peak p at x; area a." for the default parameters: the largest value, a place where it is taken, and
the integral over all x ("infinite" where the tails are too heavy; "none" where it does not converge). A surrogate of
area 1 is the density of a threshold with noise; peak and width set how fast the gradient grows or fades with depth.

None is negative except where the doc says so. They hold in half precision: where an intermediate value overflows to
infinity (65,504 is little), the result is the right limit, never NaN.
"""

from spikelet.model import Surrogate

arctan = Surrogate(
    "arctan",
    "ds/dx = alpha/2/(1 + (pi/2*alpha*x)**2); alpha = 2",
    doc="Derivative of an arc tangent: long tails, the default of several libraries. Peak 1 at 0; area 1.",
    ref="Fang et al. 2021, Incorporating learnable membrane time constant (ICCV)",
)

sigmoid = Surrogate(
    "sigmoid",
    "ds/dx = alpha*sigmoid(alpha*x)*sigmoid(-alpha*x); alpha = 4",
    doc="Derivative of the logistic function: exponential tails. Peak 1 at 0; area 1.",
    ref="Zenke & Vogels 2021, The remarkable robustness of surrogate gradient learning (Neural Computation 33)",
)

fast_sigmoid = Surrogate(
    "fast_sigmoid",
    "ds/dx = (1/(1 + alpha*abs(x)))**2; alpha = 25",
    doc="Derivative of x/(1 + alpha*|x|), also known as SuperSpike: peak 1 for every alpha. Peak 1 at 0; area 0.08.",
    ref="Zenke & Ganguli 2018, SuperSpike (Neural Computation 30)",
)

soft_sign = Surrogate(
    "soft_sign",
    "ds/dx = alpha/2*(1/(1 + alpha*abs(x)))**2; alpha = 2",
    doc="The fast sigmoid with area 1 for every alpha. Peak 1 at 0; area 1.",
    ref="Neftci, Mostafa & Zenke 2019, Surrogate gradient learning (IEEE Signal Processing Magazine 36)",
)

triangle = Surrogate(
    "triangle",
    "ds/dx = gamma*max(0, 1 - abs(x)); gamma = 0.3",
    doc="A triangle one threshold wide on either side, dampened by gamma. Peak 0.3 at 0; area 0.3.",
    ref="Bellec et al. 2018, Long short-term memory and learning-to-learn (NeurIPS); after Esser et al. 2016 (PNAS)",
)

piecewise_quadratic = Surrogate(
    "piecewise_quadratic",
    "ds/dx = alpha*max(0, 1 - alpha*abs(x)); alpha = 1",
    doc="Derivative of a piecewise quadratic step: a triangle of area 1 for every alpha. Peak 1 at 0; area 1.",
    ref="Wu et al. 2018, Spatio-temporal backpropagation (Frontiers in Neuroscience 12), h2 with alpha = sqrt(a2)/2",
)

piecewise_exponential = Surrogate(
    "piecewise_exponential",
    "ds/dx = alpha/2*exp(-alpha*abs(x)); alpha = 1",
    doc="A double exponential; other libraries also call it spike rate escape. Peak 0.5 at 0; area 1.",
    ref="Shrestha & Orchard 2018, SLAYER (NeurIPS)",
)

boxcar = Surrogate(
    "boxcar",
    "ds/dx = where(abs(x) < width/2, 1/width, 0); width = 1",
    doc="Constant within a window and zero outside: gradients are sparse. Peak 1 at 0; area 1.",
    ref="Wu et al. 2018, Spatio-temporal backpropagation (Frontiers in Neuroscience 12), h1",
)

gaussian = Surrogate(
    "gaussian",
    "ds/dx = exp(-(x/sigma)**2/2)/(sigma*sqrt(2*pi)); sigma = 0.5",
    doc="The normal density. Peak 0.797885 at 0; area 1.",
    ref="Wu et al. 2018, Spatio-temporal backpropagation (Frontiers in Neuroscience 12), h4",
)

multi_gaussian = Surrogate(
    "multi_gaussian",
    "ds/dx = ((1 + h)*exp(-(x/sigma)**2/2) - h/s*exp(-((x - sigma)/(s*sigma))**2/2)"
    " - h/s*exp(-((x + sigma)/(s*sigma))**2/2))/(sigma*sqrt(2*pi)); sigma = 0.5; h = 0.15; s = 6",
    doc="A normal density less two wide ones: negative in its tails, so that a neuron far from its "
    "threshold is pushed the other way. Peak 0.878223 at 0; area 0.85.",
    ref="Yin, Corradi & Bohte 2021, Accurate and efficient time-domain classification (Nature Machine Intelligence 3)",
)

erf = Surrogate(
    "erf",
    "ds/dx = alpha/sqrt(pi)*exp(-(alpha*x)**2); alpha = 2",
    doc="Derivative of the error function: a Gaussian named by its slope. Peak 1.128379 at 0; area 1.",
    ref="Esser et al. 2015, Backpropagation for energy-efficient neuromorphic computing (NeurIPS)",
)

leaky_relu = Surrogate(
    "leaky_relu",
    "ds/dx = where(x < 0, leak, gain); leak = 0.1; gain = 1",
    doc="One slope above the threshold, a small one below: no neuron is ever dead. Peak 1 at 0; area infinite.",
    ref="Maas, Hannun & Ng 2013, Rectifier nonlinearities improve acoustic models (ICML), as a derivative of the spike",
)

log_tailed_relu = Surrogate(
    "log_tailed_relu",
    "ds/dx = where(x <= 0, alpha, 1/max(x, 1)); alpha = 0",
    doc="Derivative of a ReLU that grows as a logarithm beyond 1; alpha is the slope below the threshold. "
    "Peak 1 at 0.5; area infinite.",
    ref="Cai et al. 2017, Deep learning with low precision by half-wave Gaussian quantization (CVPR)",
)

straight_through = Surrogate(
    "straight_through",
    "ds/dx = 1",
    doc="The gradient passes as if the spike were x itself. Peak 1 at 0; area infinite.",
    ref="Bengio, Leonard & Courville 2013, Estimating or propagating gradients through stochastic neurons",
)

s2nn = Surrogate(
    "s2nn",
    "ds/dx = where(x < 0, alpha*sigmoid(alpha*x)*sigmoid(-alpha*x), beta/(abs(x) + 1)); alpha = 4; beta = 1",
    doc="A sigmoid's derivative below the threshold, a logarithm's above; not negative. Peak 1 at 0; area infinite.",
    ref="Suetake et al. 2022, S2NN: time step reduction of spiking surrogate gradients (arXiv:2201.10879)",
)

q_pseudo_spike = Surrogate(
    "q_pseudo_spike",
    "ds/dx = (1/(1 + 2/(q - 1)*abs(x)))**q; q = 2",
    doc="Tails that fall as |x|**(-q), q > 1; peak 1 and area 1 for every q. Peak 1 at 0; area 1.",
    ref="Herranz-Celotti & Rouat 2022, Surrogate gradients design (arXiv:2202.00282)",
)

squarewave_fourier = Surrogate(
    "squarewave_fourier",
    "ds/dx = 4/period*(cos(2*pi/period*x) + cos(6*pi/period*x)); period = 8",
    doc="Derivative of the first two terms of a square wave's Fourier series: periodic, negative in parts. "
    "Peak 1 at 0; area none.",
    ref="Fang et al. 2023, SpikingJelly (Science Advances 9)",
)

sparse_fast_sigmoid = Surrogate(
    "sparse_fast_sigmoid",
    "ds/dx = where(abs(x) < width, (1/(1 + alpha*abs(x)))**2, 0); alpha = 25; width = 1",
    doc="The fast sigmoid, cut off at |x| = width: only neurons near their threshold learn. "
    "Peak 1 at 0; area 0.0769231.",
    ref="Perez-Nieves & Goodman 2021, Sparse spiking gradient descent (NeurIPS)",
)

stochastic_escape = Surrogate(
    "stochastic_escape",
    "ds/dx = beta*exp(min(beta*x, 10) - exp(min(beta*x, 10))); beta = 2",
    doc="Derivative of the probability 1 - exp(-exp(beta*x)) that a neuron of exponential escape rate fires: the "
    "expected gradient of escape noise, steeper above the threshold than below. Peak 0.735759 at 0; area 1.",
    ref="Gerstner et al. 2014, Neuronal Dynamics, chapter 9; Gygax & Zenke 2025 (Neural Computation 37)",
)
