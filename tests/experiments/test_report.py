"""The figures that a run ends with."""

from pathlib import Path

import numpy as np
import pytest

from spikelet import plot
from spikelet.errors import DataError
from spikelet.experiments import architecture, recipes, report
from spikelet.experiments.batches import load


def test_the_raster_shows_the_spikes_of_one_image_of_each_class() -> None:
    recipe = recipes.find("digits").changed(hidden=(20,), steps=4)
    _, test, classes = load(recipe, "cpu")
    network = architecture.build(recipe, 64, 10)
    _, axes = plot.figure()
    report._draw_raster(axes, recipe, network, test, classes)
    points = np.asarray(axes.collections[0].get_offsets())
    first = [int(np.flatnonzero(test.labels.numpy() == label)[0]) for label in range(10)]
    x = (test.pixels[first].flatten(1) / 16).expand(4, 10, 64)
    spikes = network[1](network[0](x))[0].detach().numpy()
    assert len(points) == spikes.sum() > 0
    shown = np.histogram(points[:, 0], bins=np.arange(41) + 0.5)[0].reshape(10, 4)  # image, step
    assert np.array_equal(shown, spikes.sum(2).T)
    assert sorted(np.bincount(points[:, 1].astype(int), minlength=20)) == sorted(spikes.sum((0, 1)).astype(int))
    assert [text.get_text() for text in axes.texts] == list("0123456789")
    assert axes.get_xlim() == (0, 40) and axes.get_ylim() == (-0.5, 19.5)


@pytest.mark.parametrize(("suffix", "begin"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_the_suffix_names_the_kind_of_file(tmp_path: Path, suffix: str, begin: bytes) -> None:
    drawn, _ = plot.figure()
    report.write_figure(tmp_path / f"a.{suffix}", drawn)
    assert (tmp_path / f"a.{suffix}").read_bytes().startswith(begin)


def test_an_unknown_suffix_or_folder_is_an_error(tmp_path: Path) -> None:
    drawn, _ = plot.figure()
    with pytest.raises(DataError, match=r"cannot draw into .*a\.pgn: it ends in none of .*png"):
        report.write_figure(tmp_path / "a.pgn", drawn)
    with pytest.raises(DataError, match=r"cannot write .*none/a\.png: No such file"):
        report.write_figure(tmp_path / "none" / "a.png", drawn)
