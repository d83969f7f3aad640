"""Other simulators, each a program of its own that its own Python runs: their needs and ours do not go together.

    python benchmarks/simulators/brian2_networks.py NETWORK SCALE MILLISECONDS < layers.json

prints ``{"core_s_per_bio_s": ..., "rate_hz": ..., "version": ...}``; the time of building and compiling is not in it.
`benchmarks.simulator` runs them with the Python that ``SIMULATORS`` names, by default .venv-simulators/bin/python:

    python3 -m venv .venv-simulators
    .venv-simulators/bin/pip install "numpy<2.4" brian2==2.9.0 setuptools nest-simulator==3.10.0

The networks are those of `spikelet.experiments.networks`; standard input tells the microcircuit as lists. Where a
simulator has another order of events within a step, or draws connections by another law of the same mean, it is left
its own way.
"""
