"""Arrays that grow by rows: what NumPy would hold, whatever the pieces; and what zarr itself reads and writes."""

from pathlib import Path

import numpy as np
import pytest

from spikelet.errors import DataError
from spikelet.sim import zarr_array
from spikelet.sim.zarr_array import Array, create_group


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zarr_array, "_BYTES", {1: 64, 2: 256})


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "bool"])
@pytest.mark.parametrize("own", [(), (5,)])
def test_rows_come_back_in_any_pieces_also_through_zarr(tmp_path: Path, dtype: str, own: tuple[int, ...]):
    rows = np.random.default_rng(1).integers(-100, 100, (300, *own)).astype(dtype)
    create_group(tmp_path / "g")
    array = Array.create(tmp_path / "g" / "x", rows)
    for first, last in ((0, 1), (1, 20), (20, 20), (20, 23), (23, 170), (170, 300)):
        array.append(first, rows[first:last])
    found = Array.open(tmp_path / "g" / "x")
    assert (found.rows, found.dtype, found.own) == (300, np.dtype(dtype), own)
    for first, last in ((0, 300), (7, 8), (60, 131), (299, 300), (5, 5)):
        np.testing.assert_array_equal(found.read(first, last), rows[first:last])
    zarr = pytest.importorskip("zarr")
    np.testing.assert_array_equal(zarr.open_group(tmp_path / "g", mode="r")["x"][:], rows)


def test_rows_are_written_again_from_any_place(tmp_path: Path):
    array = Array.create(tmp_path / "x", np.zeros(1))
    array.append(0, np.arange(100.0))
    array.append(30, np.arange(20.0))
    again = Array.open(tmp_path / "x")
    assert again.rows == 50
    np.testing.assert_array_equal(again.read(0, 50), [*range(30), *range(20)])


def test_damage_is_told(tmp_path: Path):
    with pytest.raises(DataError, match="is damaged, or no recording"):
        Array.open(tmp_path)
    array = Array.create(tmp_path / "x", np.zeros(1))
    array.append(0, np.arange(100.0))
    (tmp_path / "x" / "c" / "3").unlink()
    np.testing.assert_array_equal(array.read(0, 24), np.arange(24.0))
    with pytest.raises(DataError, match="c/3 is missing or too short"):
        array.read(0, 100)
    with pytest.raises(DataError, match="is no group of zarr, version 3"):
        zarr_array.attributes(tmp_path / "x")
    (tmp_path / "x" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "array", "shape": [3]}')
    with pytest.raises(DataError, match="zarr.json is damaged"):
        Array.open(tmp_path / "x")


def test_what_zarr_has_packed_is_left_to_zarr(tmp_path: Path):
    zarr = pytest.importorskip("zarr")
    zarr.open_group(tmp_path, mode="w").create_array("x", data=np.arange(9.0))
    with pytest.raises(DataError, match="packed in a way in which Spikelet does not write; open it with zarr"):
        Array.open(tmp_path / "x")
