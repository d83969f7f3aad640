"""Digits told apart by ten neurons: rows as spike trains, cut into segments, and one output neuron for each class.

1. A neuron for each row of the binary image, whose train has a spike for each white pixel, column after column.
2. Segments: each row goes over seven delays to seven neurons, so that its seven pieces of four columns arrive in one
   window of 4 ms; a clock opens the window, and what comes before and after it is not heard.
3. Regular spiking neurons of Izhikevich, one for each class, with conductances. In training a teacher lets the neuron
   of the class fire behind the window. In the test all of them are inhibited at first; whoever has the most excitation
   is the first to escape, inhibits all, and is the answer.

From the paper are the layers, the neurons and that weights learn by STDP; sizes, times and the form of the rule, which
keeps the sum of squared weights (Oja), are ours.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spikelet import datasets, plot, random
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress, complete
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all, from_arrays, from_matrix, one_to_one
from spikelet.sim.network import Network
from spikelet.sim.population import Population
from spikelet.sim.sources import SpikeTrain
from spikelet.units import kHz, ms

SIDE, PIECES = 28, 7
WIDTH = SIDE // PIECES  # columns of a piece, one each ms
OPEN, CLOSE, TEACH = SIDE * ms, (SIDE + WIDTH) * ms, (SIDE + WIDTH + 2) * ms  # after the start of an image
PERIOD, DT = 150 * ms, 0.1 * ms

SEGMENT = Neuron(
    "Segment",
    """
    heard[k+1] = open*row : 1
    open[k+1] = open : 1                     # the clock adds 1, and takes it away
    row : 1 (input)
    """,
    threshold="heard > 0.5",
)
OUTPUT = Neuron(
    "Output",
    """
    dv/dt = 0.04 kHz/mV*v**2 + 5 kHz*v + 140 mV/ms - u + s*g*(E_e - v) + min(g_i, g_max)*(E_i - v) : mV
    du/dt = a*(b*v - u) : mV/ms
    dg/dt = -g/tau_e : 1                     # conductances relative to the capacitance; g in units of s
    dg_i/dt = -g_i/tau_i : kHz
    a = 0.02 kHz;  b = 0.2 kHz;  c = -65 mV;  d = 8 mV/ms;  v_peak = 30 mV  # regular spiking
    E_e = 0 mV;  E_i = -80 mV;  tau_e = 40 ms;  tau_i = 8 ms
    s = 0.03 kHz;  g_max = 2 kHz
    """,
    threshold="v >= v_peak",
    reset="v = c; u += d",
    initial="v = -70 mV; u = -14 mV/ms",
    ref="Izhikevich 2003, IEEE Trans. Neural Netw. 14:1569",
)
LEARNING = Rule(
    "NormalisedSTDP",
    """
    dx_pre/dt = -x_pre/tau : 1 (pre)
    tau = 20 ms;  eta = 0.002
    """,
    on_pre="x_pre += 1",
    on_post="w = max(w + eta*(x_pre - w*g_post), 0)",
    doc="Senders that have fired before are strengthened; all weights shrink with the excitation of the receiver.",
    ref="Oja 1982, J. Math. Biol. 15:267, Eq. 3, at spikes of the receiver",
)


def _layers(pixels: np.ndarray, classes: int, output: Neuron) -> tuple[Network, Population, Population]:
    """Return a network that sees images (n, 28, 28), its segments and its outputs."""
    net = Network()
    image, row, column = np.nonzero(pixels > 127)
    rows = net.add(SpikeTrain(PERIOD * image + column + DT, row), SIDE, "rows")
    segments = net.add(SEGMENT, SIDE * PIECES, "segments")
    number = np.arange(SIDE * PIECES)
    wait = OPEN - WIDTH * (number % PIECES) * ms
    net.connect(rows, segments, from_arrays(number // PIECES, number), to="row", weight=1.0, delay=wait)
    for at, sign in ((OPEN, 1.0), (CLOSE, -1.0)):
        net.connect(_clock(net, len(pixels), at), segments, all_to_all(), to="open", weight=sign, delay=0)
    return net, segments, net.add(output, classes, "output")


def _clock(net: Network, images: int, at: float) -> Population:
    """Return one source that fires at a time after the start of each image."""
    return net.add(SpikeTrain(PERIOD * np.arange(images) + at, 0), 1, f"clock at {at:g} ms")


def train(pixels: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return the weights (segments, classes) that the outputs have learnt from images (n, 28, 28) with labels (n,)."""
    net, segments, output = _layers(pixels, classes, OUTPUT(s=0 * kHz))  # excitation teaches, and does not fire them
    net.connect(segments, output, all_to_all(), to="g", weight=0.05, delay=DT, rule=LEARNING, name="learning")
    teacher = net.add(SpikeTrain(PERIOD * np.arange(len(pixels)) + TEACH, labels), classes, "teacher")
    net.connect(teacher, output, one_to_one(), to="v", weight=200.0, delay=DT)
    complete(net.run(PERIOD * len(pixels), dt=DT, record=output))
    return net.projections["learning"].weights().reshape(SIDE * PIECES, classes)


def answers(pixels: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the class that each image is taken for, -1 where no neuron fires, and when [ms]: (n,) both."""
    net, segments, output = _layers(pixels, weights.shape[1], OUTPUT)
    net.connect(segments, output, from_matrix(weights), to="g", weight=1.0, delay=DT)
    net.connect(_clock(net, len(pixels), OPEN + DT), output, all_to_all(), to="g_i", weight=2.0, delay=DT)
    net.connect(output, output, all_to_all(), to="g_i", weight=2.0, delay=DT)  # itself, too: one spike is enough
    spikes = complete(net.run(PERIOD * len(pixels), dt=DT, record=output))[output].spikes
    image = np.ceil(spikes.times / PERIOD - 1e-6).astype(int) - 1
    images, first = np.unique(image, return_index=True)  # the first spike of each; of two in one step the lower number
    found, when = np.full(len(pixels), -1), np.full(len(pixels), np.nan)
    found[images], when[images] = spikes.ids[first], spikes.times[first] - PERIOD * images
    return found, when


SIZES = {2: (2000, 2115), 10: (5000, 10_000)}  # classes: images to learn from, once each, and to be tested with
QUICK = {2: (300, 200)}


def run(quick: bool, seed: int, progress: Progress) -> tuple[Sequence[Figure], Mapping[str, Any], Mapping[str, Any]]:
    """Learn 0 against 1, and all ten digits; nothing is random but which of MNIST's images are learnt from."""
    found: dict[int, dict[str, Any]] = {}
    sizes = QUICK if quick else SIZES
    with progress(len(sizes), unit="task") as bar:
        for classes, (learnt, tested) in sizes.items():
            found[classes] = _task(classes, learnt, tested, seed)
            bar.update(1)
    figures = [Figure("test accuracy, 0 against 1", found[2]["right"], "97.6 %", "src", (97, 100), "%")]
    if not quick:
        figures.append(Figure("test accuracy, ten digits", found[10]["right"], "75.9 %", "memory", (75.9, 100), "%"))
    details = {f"{name}, {k} classes": v for k, task in found.items() for name, v in task["details"].items()}
    series = {f"{name} {k}": task[name] for k, task in found.items() for name in ("weights", "matrix")}
    return figures, details, series


def _task(classes: int, learnt: int, tested: int, seed: int) -> dict[str, Any]:
    """Learn some classes of MNIST, and test."""
    pixels, labels = _images("train", classes)
    chosen = random.permutation(seed, len(labels), classes)[:learnt]
    weights = train(pixels[chosen], labels[chosen], classes)
    pixels, labels = (some[:tested] for some in _images("test", classes))
    found, when = answers(pixels, weights)
    matrix = np.zeros((classes, classes + 1), int)
    np.add.at(matrix, (labels, found), 1)  # the last column holds those without an answer
    details = {
        "images learnt from, once each": learnt,
        "images tested with": len(labels),
        "without an answer": int((found < 0).sum()),
        "median time of the answer after the window [ms]": round(float(np.nanmedian(when)) - CLOSE, 1),
    }
    return {"right": 100 * float((found == labels).mean()), "details": details, "weights": weights, "matrix": matrix}


def _images(split: datasets.Split, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels and labels of the first classes."""
    digits = datasets.mnist(split)
    few = digits.labels < classes
    return digits.pixels[few], digits.labels[few]


def draw(outcome: Outcome) -> Any:
    """Draw what the outputs of the largest task have learnt, and what each class was taken for."""
    classes = max(int(name.rpartition(" ")[2]) for name in outcome.series)
    weights, matrix = outcome.series[f"weights {classes}"], outcome.series[f"matrix {classes}"]
    drawn, axes = plot.figure(9.5, 3.8, columns=2)
    fields = weights.T.reshape(-1, SIDE, PIECES).repeat(WIDTH, axis=2).reshape(classes, -1)
    plot.receptive_fields(fields, shape=(SIDE, SIDE), ax=axes[0])
    axes[0].set_title("weights, laid over the image")
    shares = 100 * matrix / matrix.sum(1, keepdims=True)
    shown = axes[1].imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    axes[1].set_xticks(range(classes + 1), [*map(str, range(classes)), "none"])
    axes[1].set_yticks(range(classes))
    axes[1].set(xlabel="answer", ylabel="digit", title=f"{outcome.figures[-1].ours:.1f} % are right")
    drawn.colorbar(shown, ax=axes[1], label="% of the digit's images", shrink=0.8)
    return drawn


PAPER = Paper(
    "tavanaei_2015",
    "A minimal network of Izhikevich neurons tells digits apart",
    "Tavanaei & Maida 2015, Int. J. Adv. Res. Artif. Intell. 4(7), doi:10.14569/IJARAI.2015.040701",
    run,
    draw,
)
