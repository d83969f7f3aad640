"""Tell which peers run in this environment, and why the others do not: ``python -m benchmarks.peers``."""

from benchmarks import machine, peers


def table() -> str:
    """Return a table with a row for each peer."""
    found, missing = peers.load(peers.ALL)
    versions = machine.versions(*peers.ALL)
    rows = ["| peer | version | runs |", "|---|---|---|"]
    for name in peers.ALL:
        version = versions.get(name, "none" if name in missing else "of torch")
        rows.append(f"| {name} | {version} | {'yes' if name in found else 'no: ' + missing[name]} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
