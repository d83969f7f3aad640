"""The bar: quiet away from terminals, patient on them, shown where it is asked for."""

import io
import sys

import pytest

from spikelet import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, where: io.StringIO, **how: bool | None) -> str:
    monkeypatch.setattr(sys, "stderr", where)
    with progress.bar(200, unit="ms", done=50, **how) as bar:
        bar.update(100)
        bar.set_postfix({"loss": "0.5"}, refresh=False)
    return where.getvalue()


def test_it_tells_how_far_and_how_long(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("tqdm")
    text = shown(monkeypatch, Terminal(), show=True)
    assert "75 %" in text and "150/200 ms" in text and " left]" in text and "loss=0.5" in text


def test_short_work_and_files_see_none(monkeypatch: pytest.MonkeyPatch):
    assert shown(monkeypatch, Terminal()) == ""  # over before it would appear
    assert shown(monkeypatch, io.StringIO()) == ""
    assert shown(monkeypatch, Terminal(), show=False) == ""


def test_long_work_shows_one_by_itself(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    assert "150/200 ms" in shown(monkeypatch, Terminal())


def test_without_tqdm_it_is_quiet_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert shown(monkeypatch, Terminal()) == ""
    with pytest.raises(ModuleNotFoundError, match=r"needs tqdm, .*pip install 'spikelet\[sim\]'"):
        shown(monkeypatch, Terminal(), show=True)
