"""Spikes in files, read by others: NumPy, and Python's own reader of CSV."""

import csv
from pathlib import Path

import numpy as np
import pytest

from spikelet.errors import DataError, InputError
from spikelet.sim.recording import Recording
from spikelet.sim.result import NetworkResult
from spikelet.sim.spikes import Spikes


def result() -> NetworkResult:
    a = Spikes(np.array([0.1, 0.30000000000000004, 12345.7]), np.array([2, 0, 1], np.int32), 3, 0.1, 0.0, 12345.7)
    b = Spikes(np.zeros(0), np.zeros(0, np.int32), 2, 0.1, 0.0, 12345.7)
    held = {"I[3,7]": Recording("I[3,7]", 3, a), "quiet": Recording("quiet", 2, b), "V": Recording("V", 1)}
    return NetworkResult(held, 0.1, 0.0, 12345.7)


def test_npz(tmp_path: Path):
    result().save_spikes(tmp_path / "spikes.npz")
    with np.load(tmp_path / "spikes.npz") as found:
        assert set(found) == {"I[3,7].times", "I[3,7].ids", "quiet.times", "quiet.ids", "dt", "t_start", "t_stop"}
        np.testing.assert_array_equal(found["I[3,7].times"], result()["I[3,7]"].spikes.times)
        assert found["I[3,7].ids"].tolist() == [2, 0, 1] and found["quiet.ids"].size == 0 and found["dt"] == 0.1


def test_csv(tmp_path: Path):
    result().save_spikes(str(tmp_path / "spikes.csv"))
    with open(tmp_path / "spikes.csv", newline="") as file:
        rows = list(csv.reader(file))
    expected = [["I[3,7]", "0.1", "2"], ["I[3,7]", "0.3", "0"], ["I[3,7]", "12345.7", "1"]]
    assert rows == [["population", "time", "id"], *expected]


def test_mistakes(tmp_path: Path):
    with pytest.raises(InputError, match="ends with .npz or .csv, not 'spikes.txt'"):
        result().save_spikes(tmp_path / "spikes.txt")
    with pytest.raises(InputError, match="no spikes were recorded"):
        NetworkResult({"V": Recording("V", 1)}, 0.1, 0.0, 1.0).save_spikes(tmp_path / "spikes.npz")
    with pytest.raises(DataError, match="cannot write .*absent"):
        result().save_spikes(tmp_path / "absent" / "spikes.npz")
