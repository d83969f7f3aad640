"""What can be told in one process about several; test_processes.py starts them."""

import os
import signal
import threading

import pytest
import torch

from spikelet.errors import BackendError, InputError
from spikelet.experiments.distributed import StopRequest, World, world


def test_shares_cover_a_batch_once() -> None:
    for size in (1, 2, 3):
        for images in (7, 2, 1):
            shares = [World(rank, size).share(torch.arange(images)) for rank in range(size)]
            assert sorted(torch.cat(shares).tolist()) == list(range(images))
            assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_alone_there_is_nothing_to_agree_on() -> None:
    here = World()
    tensor = torch.ones(2)
    assert here.first
    assert here.sum([tensor])[0] is tensor
    assert here.on_first(lambda: 3) == 3

    def fail() -> None:
        raise InputError("no")

    with pytest.raises(InputError, match="no"):
        here.on_first(fail)


def test_devices() -> None:
    with world("cpu") as here:
        assert here == World(0, 1, "cpu")
    with pytest.raises(BackendError, match="device 'cuda:99' is not available here"), world("cuda:99"):
        pass
    with pytest.raises(BackendError, match="device 'gpu' is not available here"), world("gpu"):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_becomes_a_wish(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopRequest(alone=True) as stop:
        assert stop.signal is None
        signal.raise_signal(number)
        assert stop.signal == number
    assert signal.getsignal(number) is before


def test_a_second_signal_ends_a_lone_process_and_only_that() -> None:
    with StopRequest(alone=True):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with StopRequest(alone=False) as stop:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert stop.signal is not None


def test_in_another_thread_signals_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def run() -> None:
        with StopRequest(alone=True):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]


def test_no_process_of_torchrun_is_met_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    with world("cpu") as here:
        assert here.size == 1
    assert "MASTER_ADDR" not in os.environ
