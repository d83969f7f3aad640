"""Izhikevich 2003, Simple model of spiking neurons: the seven cell types, as the paper's script steps them."""

import functools

import numpy as np
import pytest
from tests.papers.izhikevich_patterns import together
from tests.zoo.offsets import ours, times_of

from spikelet.neurons import izhikevich
from spikelet.simulate import run

# I = 10 from t = 0, step 0.25 ms, 1000 ms: number of spikes, first times, last interval
TABLE = {
    "RS": (23, [3.5, 28.75, 74.75, 120.75], 45.75),
    "IB": (33, [3.5, 6.5, 12.5, 54.5], 32.25),
    "CH": (75, [3.5, 5.5, 7.5, 9.75, 12.5, 15.75, 20.75, 69.25], None),
    "FS": (111, [3.5, 9, 16.75], 8.5),
    "LTS": (70, [2.75, 6.25, 10.5], 14.75),
    "TC": (214, [], 4.75),
    "RZ": (152, [], 6.5),
}


@functools.cache
def cells():
    """Run the script with the values of the seven entries."""
    classes = together([getattr(izhikevich, f"Izhikevich{name}") for name in TABLE]).parameters
    values = {name: classes[name] for name in "abcd"}
    model = izhikevich.IzhikevichScript(**values, v_0=-65, u_0=-65 * values["b"])
    return run(model, I=10.0, t=1000, dt=0.25, dtype="float64")


@pytest.mark.parametrize("name", TABLE)
def test_cell_type(name):
    count, first, last = TABLE[name]
    times = times_of(cells(), list(TABLE).index(name))
    assert len(times) == count
    assert times[: len(first)] == pytest.approx(ours("izhikevich2003", first, 0.25), abs=1e-9)
    if last is not None:
        assert times[-1] - times[-2] == pytest.approx(last, abs=1e-9)


def test_what_tells_the_types_apart():
    intervals = {name: np.diff(times_of(cells(), i)) for i, name in enumerate(TABLE)}
    assert intervals["RS"][-1] > 1.5 * intervals["RS"][0]  # adapts
    assert intervals["IB"][:2].max() < 10 < 30 < intervals["IB"][3:].min()  # a burst, then single spikes
    bursts = np.split(intervals["CH"], np.flatnonzero(intervals["CH"] > 30) + 1)
    assert len(bursts) > 10 and {len(burst) for burst in bursts[1:-1]} == {4}  # rhythmic bursts
    assert np.ptp(intervals["FS"][5:]) < 1.5  # no adaptation
    assert intervals["LTS"][-1] > 3 * intervals["LTS"][0]
    assert intervals["TC"].max() < 6
