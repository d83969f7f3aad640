"""The table of benchmarks in README.md, made from benchmarks/results: print it, or put it there with ``--write``."""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness import FASTEST, RESULTS

README = Path(__file__).parent.parent / "README.md"
BEGIN = "<!-- benchmarks: made by scripts/bench, do not edit -->"
END = "<!-- end of benchmarks -->"
HEAD = (
    "| benchmark | case | ours | theirs / ours | ours / floor | target | holds |",
    "|---|---|---|---|---|---|---|",
)
VERDICTS = {True: "yes", False: "**no**", None: "not measured"}
MANY = 16  # numbers in a row
NOTHING = "No benchmark has been recorded yet: `scripts/bench --record`."

Line = Mapping[str, Any]


def recorded(folder: Path = RESULTS) -> list[Line]:
    """Return every recorded line, in the order of the files' names."""
    return [entry for path in sorted(folder.glob("*.json")) for entry in json.loads(path.read_text())]


def table(lines: list[Line]) -> str:
    """Return the text between the markers: for each machine its description, the versions, and a row for each line."""
    if not lines:
        return NOTHING + "\n"
    groups: dict[str, list[Line]] = {}
    for entry in lines:
        groups.setdefault(machine(entry), []).append(entry)
    return "\n".join(part for text, group in groups.items() for part in _group(text, group))


def updated(text: str, lines: list[Line]) -> str:
    """Return the text of the README with the table of these lines."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no place for the table: {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n{table(lines)}{END}{after}"


def machine(entry: Line) -> str:
    """Describe the machine of a line, in words."""
    known = entry["machine"]
    caches = " ".join(f"{name} {size}" for name, size in known.get("caches", {}).items())
    cores = f"{known['cores']} cores" if "cores" in known else ""
    memory = f"{known['memory_GiB']} GiB" if "memory_GiB" in known else ""
    parts = (known.get("gpu"), known.get("cpu"), cores, caches, memory, known.get("system"))
    return "; ".join(part for part in parts if part)


def row(entry: Line) -> str:
    """Return the row of a line."""
    ratio, costs = entry["ratio"] or {}, tuple(entry["floor"] or ())
    peers = [f"{name} {_number(value)}" for name, value in ratio.items() if name not in (*costs, FASTEST)]
    peers += [f"{name}: not run" for name in entry["missing"]]
    own = [f"{name} {_number(ratio[name])}" for name in costs if name in ratio]
    cells = (
        f"[{entry['name']}](benchmarks/{entry['name']}.py)",
        _shape(entry["shape"]),
        _ours(entry),
        ", ".join(peers),
        ", ".join(own),
        _targets(entry),
        VERDICTS[entry["holds"]] if entry["target"] else "no target",
    )
    return "| " + " | ".join(cells) + " |"


def _group(text: str, lines: list[Line]) -> list[str]:
    versions: dict[str, set[str]] = {}
    for entry in lines:
        for package, version in entry["versions"].items():
            versions.setdefault(package, set()).add(version)
    threads = " or ".join(str(count) for count in sorted({entry["threads"] for entry in lines}))
    listed = ", ".join(f"{package} {' / '.join(sorted(found))}" for package, found in versions.items())
    rows = [row(part[0]) if len(part) == 1 else _series(part) for part in _parts(lines)]
    return [f"{text}; {threads} thread{'' if threads == '1' else 's'}; {listed}.", "", *HEAD, *rows, ""]


def _parts(lines: list[Line]) -> list[list[Line]]:
    """Put the lines of one series together: they have one row."""
    found: dict[str, list[Line]] = {}
    for number, entry in enumerate(lines):
        found.setdefault(f"{entry['name']} {entry.get('series', number)}", []).append(entry)
    return list(found.values())


def _series(lines: list[Line]) -> str:
    """Return the row of the lines of a series; a target of few of them names these."""
    first, last = lines[0], lines[-1]
    peers = {name: [_number(entry["ratio"][name]) for entry in lines] for name in first["ratio"] if name != FASTEST}
    targets: dict[str, list[str]] = {}
    for entry in lines:
        for bound in entry["target"]:
            targets.setdefault(_target(bound), []).append(entry["at"])
    ends = [_number(entry["ours"]["sum"]) for entry in (first, last)]
    verdicts = [entry["holds"] for entry in lines]
    cells = (
        f"[{first['name']}](benchmarks/{first['name']}.py)",
        f"{_shape(first['series'])}; {', '.join(entry['at'] for entry in lines)}",
        f"{' to '.join(ends)} ms",
        "; ".join(f"{name} {', '.join(values)}" for name, values in peers.items()),
        "",
        ", ".join(
            target if len(at) > len(lines) // 2 else f"{target} at {', '.join(at)}" for target, at in targets.items()
        ),
        VERDICTS[False if False in verdicts else None if None in verdicts else True],
    )
    return "| " + " | ".join(cells) + " |"


def _ours(entry: Line) -> str:
    ours = entry["ours"]
    if "sum" in ours:  # a race: times of its passes
        return f"{_number(ours['sum'])} ms ({_number(ours['forward'])} + {_number(ours['backward'])})"
    if len(ours) > MANY:
        held = {bound["what"] for bound in entry["target"]}
        groups = {"with a target": held & set(ours), "without": set(ours) - held}
        return (
            "; ".join(
                f"{len(names)} {what}: {_number(min(ours[n] for n in names))} to {_number(max(ours[n] for n in names))}"
                for what, names in groups.items()
                if names
            )
            + f" [{entry['unit']}]"
        )
    return ", ".join(f"{name}: {_number(value)}" for name, value in ours.items()) + f" [{entry['unit']}]"


def _targets(entry: Line) -> str:
    texts = [_target(bound) for bound in entry["target"]]
    if len(texts) > MANY:  # the names are in the record
        return ", ".join(f"each {limit}" for limit in dict.fromkeys(text.partition(" ")[2] for text in texts))
    return ", ".join(texts)


def _target(bound: Mapping[str, Any]) -> str:
    signs = {"at_least": "≥", "at_most": "≤"}
    limits = (f"{sign} {_number(bound[name])}" for name, sign in signs.items() if name in bound)
    return f"{bound['what']} {' '.join(limits)}"


def _shape(shape: Any) -> str:
    words = [str(part) for part in shape if isinstance(part, str)]
    numbers = " × ".join(str(part) for part in shape if not isinstance(part, str))
    return ", ".join([*words, numbers] if numbers else words)


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> None:
    """Print the table, or write it into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    if not parser.parse_args().write:
        print(table(recorded()), end="")
        return
    part = README.with_suffix(".part")
    part.write_text(updated(README.read_text(), recorded()))
    os.replace(part, README)


if __name__ == "__main__":
    main()
