"""The random numbers inside the CPU kernels are those of `spikelet.random`."""

import ctypes
import re
from typing import Any

import numpy as np
import pytest

from spikelet import random
from spikelet.backends import llvm_jit
from spikelet.backends.llvm_random import random_definitions

WRAPPER = """
define void @fill(ptr %out, ptr %element, i64 %w, i64 %seed, i64 %step, i64 %stream) {{
  call void @sk_{law}(ptr %out, ptr %element, i64 %w, i64 %seed, i64 %step, i64 %stream)
  ret void
}}
"""
LAWS = ("uniform", "normal")
USES = [(0, 0, 0), (1, 5, 3), (-7, 2**32 + 9, 999), (2**63 - 1, -1, 65535), (-(2**63), 2**31, 1000)]


def module(law: str) -> str:
    return random_definitions([law]) + WRAPPER.format(law=law)


def fill(law: str, element: np.ndarray, seed: int, step: int, stream: int) -> np.ndarray:
    words = [ctypes.c_void_p] * 2 + [ctypes.c_int64] * 4
    out = np.full(element.size + 1, 7.0)
    function = llvm_jit.compile(module(law)).function("fill", *words)
    function(out.ctypes.data, element.ctypes.data, element.size, seed, step, stream)
    assert out[-1] == 7  # nothing is written beyond the end
    return out[:-1]


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPIKELET_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def element() -> np.ndarray:
    return np.array([*range(1003), 2**32 - 1, 2**32, 2**40 + 3, 2**63 - 1, -1, -(2**63)], dtype=np.int64)


@pytest.mark.parametrize(("seed", "step", "stream"), USES)
def test_uniform_numbers_are_equal_bit_for_bit(element: np.ndarray, seed: int, step: int, stream: int) -> None:
    assert np.array_equal(fill("uniform", element, seed, step, stream), random.uniform(seed, step, element, stream))


@pytest.mark.parametrize(("seed", "step", "stream"), USES)
def test_normal_numbers_are_equal_to_rounding(element: np.ndarray, seed: int, step: int, stream: int) -> None:
    right = random.normal(seed, step, element, stream)
    np.testing.assert_allclose(fill("normal", element, seed, step, stream), right, rtol=0, atol=1e-14)


def test_normal_numbers_are_normal() -> None:
    x = fill("normal", np.arange(400_000), 1, 2, 3)
    assert np.isfinite(x).all()
    moments = [np.mean(x), np.var(x), np.mean(x**3), np.mean(x**4)]
    np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.05)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_any_number_of_lanes(law: str, count: int) -> None:
    element = np.arange(count, dtype=np.int64)
    right = getattr(random, law)(1, 2, element, 3)
    np.testing.assert_allclose(fill(law, element, 1, 2, 3), right, rtol=0, atol=1e-14)


@pytest.mark.parametrize("law", LAWS)
def test_the_loop_is_vectorised_and_calls_nothing(law: str) -> None:
    text = llvm_jit.optimised(module(law))
    assert re.search(r"store <(?:vscale x )?\d+ x double>", text)
    calls = re.findall(r"\bcall [^@\n]*@([\w.]+)\(", text)
    assert all(re.match(r"llvm\.(fmuladd|sqrt|experimental\.noalias)|sk_", call) for call in calls), calls


def test_both_laws_fit_into_one_module() -> None:
    text = random_definitions(["normal", "uniform", "normal"])
    assert re.findall(r"^define internal void @(\w+)\(", text, re.M) == ["sk_normal", "sk_uniform"]
    llvm_jit.compile(text)
