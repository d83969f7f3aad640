"""The page of the gallery that needs no figure: all synapses."""

from collections.abc import Mapping
from typing import Any

from spikelet import synapses
from spikelet.simulate import show

_DATA = {"synapses": synapses.entries}
_TITLES = {
    "synapses": "Gallery of synapses",
}
NAMES = tuple(_DATA)


def page(zoo: str) -> str:
    """Return the text of a page, in Markdown: what each entry says of itself, in LaTeX and as it is written."""
    entries: Mapping[str, Any] = _DATA[zoo]()
    head = [f"# {_TITLES[zoo]}", "<!-- generated from the zoo by `make gallery`; do not edit -->"]
    table = [f"| [{name}](#{name.lower()}) | {entry.doc} | {entry.ref} |" for name, entry in entries.items()]
    index = "\n".join(["| name | what it is for | source |", "|---|---|---|", *table])
    sections = [_section(name, entry) for name, entry in entries.items()]
    return "\n\n".join([*head, index, *sections]) + "\n"


def _section(name: str, entry: Any) -> str:
    rows = [
        f"| `{parameter}` | {'required' if value is None else f'{value:g}'} | {entry.unit(parameter)} |"
        for parameter, value in entry.parameters.items()
    ]
    text = str(entry).split("\n\n", 1)[1]
    parts = [f"## {name}", entry.doc, f"Source: {entry.ref}", f"```math\n{show(entry, 'latex')}\n```"]
    parts += ["\n".join(["| parameter | default | unit |", "|---|---|---|", *rows])] if rows else []
    return "\n\n".join([*parts, f"```\n{text}\n```"])
