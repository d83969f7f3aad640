"""The gallery: one generated page and figure for each neuron of the zoo, ``python -m spikelet.experiments.gallery``.

Learning rules have theirs, too, see `gallery_rules`; synapses have one for all, see `gallery_pages`.

A page holds what the entry itself says (its text, doc, reference and defaults, in LaTeX and as written) and shows the
response to a step, with the f-I curve where the neuron spikes to one input.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikelet import neurons, plot, rules
from spikelet.experiments import gallery_pages, gallery_rules
from spikelet.files import write_atomic
from spikelet.model import Neuron
from spikelet.simulate import run, show
from spikelet.units import Hz, cm, uA


@dataclass(frozen=True)
class Stimulus:
    """What a page shows a neuron's response to.

    Attributes:
        inputs: Height of the step in each input (or jump per step into a state), in coherent units.
        t: Duration [ms]; the step begins after a tenth of it.
        dt: Step [ms].
        curve: Whether the f-I curve is drawn, up to twice the height.
    """

    inputs: Mapping[str, float]
    t: float = 200.0
    dt: float = 0.1
    curve: bool = True


_DENSITY = uA / cm**2
STIMULI: dict[str, Stimulus] = {
    "McCullochPitts": Stimulus({"E": 2}, t=20, dt=1, curve=False),
    "IF": Stimulus({"I": 0.15}, t=60, dt=1),
    "IFSubtract": Stimulus({"I": 0.15}, t=60, dt=1),
    "LIFPhysical": Stimulus({"I": 500}),
    "LI": Stimulus({"I": 1.0}),
    "Leaky": Stimulus({"I": 0.15}, t=60, dt=1),
    "LeakyDelayed": Stimulus({"I": 0.15}, t=60, dt=1),
    "LeakyToZero": Stimulus({"I": 0.15}, t=60, dt=1),
    "LeakyNoReset": Stimulus({"I": 0.15}, t=60, dt=1),
    "CoBaLIF": Stimulus({"I": 400}),
    "MasquelierThorpe": Stimulus({"x": 4}, curve=False),
    "EIF": Stimulus({"I": 800}),
    "AdEx": Stimulus({"I": 800}, t=400, dt=0.05),
    "ALIF": Stimulus({"I": 2.0}, t=400),
    "LSNN": Stimulus({"I": 0.05}, t=400, dt=1),
    "LiuWang": Stimulus({"I": 800}, t=400),
    "DiehlCook": Stimulus({"I": 30}, t=1000),
    "MAT2": Stimulus({"I": 600}, t=400),
    "MihalasNiebur": Stimulus({"I": 2.0}, t=400),
    "Izhikevich": Stimulus({"I": 10}, t=300),
    "IzhikevichScript": Stimulus({"I": 10}, t=300, dt=0.25),
    "HodgkinHuxley": Stimulus({"I": 10 * _DENSITY}, t=100, dt=0.02),
    "HodgkinHuxleyPoint": Stimulus({"I": 800}, t=100, dt=0.02),
    "ConnorStevens": Stimulus({"I": 12 * _DENSITY}, t=200, dt=0.02),
    "TraubMiles": Stimulus({"I": 5 * _DENSITY}, t=200, dt=0.02),
    "WangBuzsaki": Stimulus({"I": 1 * _DENSITY}, t=200, dt=0.02),
    "ResonateAndFire": Stimulus({"I": 8}, t=10, dt=0.005, curve=False),
    "FitzHughNagumo": Stimulus({"I": 0.5}, t=200, dt=0.05),
    "MorrisLecar": Stimulus({"I": 300 * _DENSITY}, t=400, dt=0.1),
    "MorrisLecarHopf": Stimulus({"I": 100 * _DENSITY}, t=400, dt=0.1),
    "MorrisLecarSNIC": Stimulus({"I": 50 * _DENSITY}, t=400, dt=0.1),
    "HindmarshRose": Stimulus({"I": 2}, t=1000, dt=0.05),
    "BasuHasler": Stimulus({"I": 1.1}, t=1000, dt=0.05),
    "PoissonNeuron": Stimulus({"rate": 50 * Hz}, t=500, dt=1),
    "GLM": Stimulus({"I": 1.0}, t=100, dt=1),
    "NoisyLIF": Stimulus({"I": 0.9}, t=300),
    "LoihiCuBa": Stimulus({"I": 10}, t=60, dt=1, curve=False),
}
_GLIF = Stimulus({"I": 500}, t=400)
_CLASSES = Stimulus({"I": 10}, t=300)
_DEFAULT = Stimulus({"I": 1.5})


def stimulus(name: str, model: Neuron) -> Stimulus:
    """Return the stimulus of an entry's page."""
    if name in STIMULI:
        return STIMULI[name]
    if name.startswith("GLIF"):
        return _GLIF
    if name.startswith("Izhikevich"):
        return _CLASSES
    return _DEFAULT if model.inputs == ("I",) else Stimulus(dict.fromkeys(model.inputs, 1.0), curve=False)


def page(name: str, model: Neuron) -> str:
    """Return the text of an entry's page, in Markdown."""
    rows = [
        f"| `{parameter}` | {'required' if value is None else f'{value:g}'} | {model.unit(parameter)} |"
        for parameter, value in model.parameters.items()
    ]
    given = stimulus(name, model)
    heights = ", ".join(f"{key} = {value:g} {model.unit(key)}" for key, value in given.inputs.items())
    method = show(model).rsplit("\n", 1)[-1]
    parts = [
        f"# {name}",
        f"<!-- generated from the zoo by `make gallery`; do not edit -->\n{model.doc}",
        f"Source: {model.ref}",
        f"```math\n{show(model, 'latex')}\n```",
        f"![response of {name}]({name}.png)",
        f"Response to a step of {heights} ({method}).",
        "\n".join(["| parameter | default | unit |", "|---|---|---|", *rows]),
        f"```\n{_text(model)}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _text(model: Neuron) -> str:
    lines = [line.strip() for line in model.text.splitlines() if line.strip()]
    events = ("threshold", "reset", "refractory", "on_recovery", "initial")
    return "\n".join([*lines, *(f"{event}: {getattr(model, event)}" for event in events if getattr(model, event))])


def draw(name: str, model: Neuron) -> Any:
    """Return the figure of an entry's page: the response to a step, and the curve of what comes of the input."""
    given = stimulus(name, model)
    steps = round(given.t / given.dt)
    on = (np.arange(steps) >= steps // 10)[:, None]
    inputs = {key: on * height for key, height in given.inputs.items()}
    result = run(model, inputs, t=given.t, dt=given.dt, record=model.states)
    moving = sorted((state for state in model.states if np.ptp(result[state]) > 0), key=lambda state: state != "v")[:2]
    rows, columns = max(1, len(moving)), 1 + given.curve
    figure, axes = plot.figure(8.4 if given.curve else 6.0, 2.4 + 0.7 * rows, rows, columns)
    grid = np.reshape(axes, (rows, columns))
    if moving:
        plot.trace(result, moving, unit={state: model.unit(state) for state in moving}, ax=grid[:, 0])
    else:
        plot.raster(result.spikes, duration=given.t, ax=grid[0, 0])
    if given.curve:
        for row in grid[:, 1]:
            row.remove()
        _curve(model, given, figure.add_subplot(grid[0, 1].get_gridspec()[:, 1]))
    return figure


def _curve(model: Neuron, given: Stimulus, axes: Any) -> None:
    """Draw the firing rate over the input, or the value reached where there are no spikes."""
    ((key, height),) = given.inputs.items()
    dense = model.unit(key) == "pA/cm2"  # of which the literature's numbers are millionths
    scale, unit = (_DENSITY, "uA/cm2") if dense else (1.0, model.unit(key))
    levels = np.linspace(0 if model.spiking else -2 * height, 2 * height, 41)
    result = run(model, {key: levels[None]}, t=2 * given.t, dt=given.dt, record=model.states)
    if model.spiking:
        plot.f_i_curve(levels / scale, result.rate(), ax=axes)
    else:
        axes.plot(levels / scale, result[model.states[0]][-1], color=plot.COLOURS[0])
        axes.set_ylabel(f"{model.states[0]} reached")
    axes.set_xlabel(f"{key} [{unit}]" if unit != "1" else key)


def make(folder: Path, names: tuple[str, ...] = ()) -> None:
    """Write the pages, figures and index of the gallery into a folder; ``names`` are of some neurons or rules."""
    folder.mkdir(parents=True, exist_ok=True)
    entries, own = neurons.entries(), tuple(name for name in names if name in rules.entries())
    for name in [name for name in names if name not in own] if names else entries:
        write_atomic(folder / f"{name}.md", page(name, entries[name]).encode())
        draw(name, entries[name]).savefig(folder / f"{name}.png", dpi=80, metadata={"Software": None})
    for zoo in gallery_pages.NAMES:
        write_atomic(folder / f"{zoo}.md", gallery_pages.page(zoo).encode())
    if own or not names:
        gallery_rules.make(folder, own)
    write_atomic(folder / "README.md", index().encode())


def index() -> str:
    """Return the text of the gallery's index."""
    lines = [f"| [{name}]({name}.md) | {model.doc} | {model.ref} |" for name, model in neurons.entries().items()]
    head = ["# Gallery of neurons", "", "<!-- generated from the zoo by `make gallery`; do not edit -->", ""]
    head += ["The other zoos: [synapses](synapses.md), [learning rules](rules.md).", ""]
    return "\n".join([*head, "| neuron | what it is for | source |", "|---|---|---|", *lines]) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Generate the gallery of neurons.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("docs/gallery"))
    parser.add_argument("--only", nargs="*", default=(), help="names of entries")
    options = parser.parse_args()
    make(options.folder, tuple(options.only))
