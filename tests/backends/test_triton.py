"""The kernels for GPUs: interpreted on the CPU against ``llvm_cpu``, compiled without a device, and run on one if there is."""

import importlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tests.backends import triton_jobs
from tests.backends.triton_jobs import Job
from tests.ir.hand_written import CASES
from tests.zoo.test_every_entry import FAMILIES

from spikelet import Neuron, neurons, surrogates
from spikelet.backends import llvm_cpu
from spikelet.errors import BackendError
from spikelet.ir.lower import lower

pytest.importorskip("triton", reason="triton: not for this system")

TOLERANCE = {"float64": 1e-10, "float32": 2e-4}


@pytest.fixture(scope="module")
def interpreted() -> Iterator[Callable[..., Any]]:
    """Run a function in a process in which Triton's kernels are interpreted."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=triton_jobs.interpret) as pool:
        yield lambda function, *args: pool.submit(function, *args).result()


def assert_alike(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray], tolerance: float) -> None:
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        assert found[name].shape == value.shape and found[name].dtype == value.dtype, name
        if value.dtype.kind != "f" or name == "output spikes":
            np.testing.assert_array_equal(found[name], value, err_msg=name)
            continue
        largest = np.abs(value[np.isfinite(value)]).max(initial=0)
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance * largest, err_msg=name)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_entry_is_that_of_the_cpu(interpreted, family):
    job = Job(family)
    assert_alike(interpreted(triton_jobs.run, job, "triton"), triton_jobs.run(job, "llvm"), TOLERANCE["float64"])


@pytest.mark.parametrize("case", CASES)
def test_everything_that_the_language_can_say(interpreted, case):
    job = Job(case, limits=True, steps=6)
    assert_alike(interpreted(triton_jobs.run, job, "triton"), triton_jobs.run(job, "llvm"), TOLERANCE["float64"])
