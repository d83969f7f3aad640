"""The pages of learning rules in the gallery: one for each entry of the zoo, with a figure of what it does.

What is shown follows from the rule's text (`rule_protocols.curves`), so a new entry needs nothing here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikelet import plot, rules
from spikelet.experiments.rule_protocols import curves
from spikelet.files import write_atomic
from spikelet.rule import Rule
from spikelet.simulate import show
from spikelet.written import to_plain

FOLDER = "rules"  # of the pages, beside the index
_HEAD = """# Gallery of learning rules

<!-- generated from the zoo by `make gallery`; do not edit -->

`net.connect(E, I, ..., rule=sl.rules.STDP)` lets weights learn. Each page shows what the rule does to a weight of 0.5,
run by the simulator: over the time between the spikes of 60 pairs at 1 Hz and over the rate of a receiver that fires
independently of its senders; where a rule reads a voltage, a rate or an error, over that. Third factors are
held at 1, and there is no noise.
"""


def index() -> str:
    """Return the text of the index, in Markdown."""
    rows = [f"| [{name}]({FOLDER}/{name}.md) | {rule.doc} | {rule.ref} |" for name, rule in rules.entries().items()]
    return "\n".join([_HEAD, "| rule | what it is for | source |", "|---|---|---|", *rows]) + "\n"


def page(name: str, rule: Rule) -> str:
    """Return the text of a rule's page, in Markdown."""
    rows = [f"| `{parameter}` | {_number(rule, parameter)} | {rule.unit(parameter)} |" for parameter in rule.parameters]
    table = "\n".join(["| parameter | default | unit |", "|---|---|---|", *rows])
    parts = [
        f"# {name}",
        f"<!-- generated from the zoo by `make gallery`; do not edit -->\n{rule.doc}",
        f"Source: {rule.ref}",
        f"```math\n{show(rule, 'latex')}\n```",
        f"![what {name} does to a weight]({name}.png)",
        *([table] if rows else []),
        f"```\n{str(rule).split(chr(10) * 2, 1)[1]}\n```",
        "Back to [all rules](../rules.md).",
    ]
    return "\n\n".join(parts) + "\n"


def _number(rule: Rule, parameter: str) -> str:
    value = rule.parameters[parameter]
    return "required" if value is None else str(to_plain(value)).removesuffix(".0")


def draw(rule: Rule) -> Any:
    """Return the figure of a rule's page: changes of a weight, a panel for each protocol that suits the rule."""
    found = curves(rule)
    figure, axes = plot.figure(3.6 * len(found) + 0.4, 3.0, 1, len(found))
    for panel, curve in zip([axes] if len(found) == 1 else axes, found, strict=True):
        panel.axhline(0, color=plot.GREY, linewidth=0.8)
        if curve.x[0] < 0 < curve.x[-1]:
            panel.axvline(0, color=plot.GREY, linewidth=0.8)
        panel.plot(curve.x, curve.change, color=plot.COLOURS[0])
        if curve.error is not None:
            low, high = curve.change - 2 * curve.error, curve.change + 2 * curve.error
            panel.fill_between(curve.x, low, high, color=plot.COLOURS[0], alpha=0.2, linewidth=0)
        panel.set(xlabel=curve.label, ylabel="change of the weight", title=curve.title)
        panel.title.set_fontsize(9)
        panel.spines[["top", "right"]].set_visible(False)
    return figure


def make(folder: Path, names: tuple[str, ...] = ()) -> None:
    """Write pages, figures and the index of the rules into the folder of the gallery; ``names`` are of some rules."""
    entries: Mapping[str, Rule] = rules.entries()
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for name in names or entries:
        write_atomic(folder / FOLDER / f"{name}.md", page(name, entries[name]).encode())
        draw(entries[name]).savefig(folder / FOLDER / f"{name}.png", dpi=80, metadata={"Software": None})
    write_atomic(folder / "rules.md", index().encode())
