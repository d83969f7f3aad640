"""The weights into each receiver brought to a given sum, which lets the synapses of a neuron compete."""

import ctypes
from functools import cache
from typing import Any

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_printer import Function
from spikelet.backends.sparse_calls import address
from spikelet.errors import InputError
from spikelet.sim.delivery import REAL
from spikelet.sim.edges import Edges
from spikelet.sim.plastic_index import INDEX
from spikelet.written import as_numbers

_P, _I = ctypes.c_void_p, ctypes.c_int64


def normalised(name: str, edges: Edges, total: Any, weights: np.ndarray | None = None) -> np.ndarray:
    """Return weights of which the absolute values sum to ``total`` for each receiver that has synapses.

    Args:
        name: Of the projection, for messages.
        edges: Its synapses.
        total: A positive number, or (n_target,) numbers.
        weights: (E,) what the weights are now, which may be overwritten; those of the synapses if not given.

    Returns:
        (E,) the weights, in the order in which they are stored.

    Raises:
        InputError: ``total`` is wrong, or all weights of a receiver are 0.
    """
    wanted = as_numbers(total)
    if wanted is None or wanted.shape not in ((), (edges.n_target,)):
        shape = f"one number or {edges.n_target} numbers, one for each receiver"
        raise InputError(f"{name}: total must be {shape}, got {total!r}"[:200])
    if not (np.isfinite(wanted).all() and (wanted > 0).all()):
        raise InputError(f"{name}: total must be positive and finite, got {total!r}"[:200])
    if weights is None:
        weights = np.array(np.broadcast_to(edges.weights, (len(edges),)))
    if weights.dtype.name not in REAL:
        weights = weights.astype(np.float64)
    if edges.whole:
        table = weights.reshape(edges.n_source, edges.n_target)
        factors = _factors(name, np.abs(table).sum(0, dtype=np.float64), edges.n_source, wanted)
        np.multiply(table, factors.astype(table.dtype), out=table)
        return weights
    sums, counts = np.zeros(edges.n_target), np.zeros(edges.n_target, np.int64)
    library = _kernels(INDEX[edges.targets.dtype.itemsize], REAL[weights.dtype.name])
    given = (len(edges), address(edges.targets), address(weights))
    library.function("add", _I, _P, _P, _P, _P)(*given, address(sums), address(counts))
    factors = np.ascontiguousarray(_factors(name, sums, counts, wanted))
    library.function("scale", _I, _P, _P, _P)(*given, address(factors))
    return weights


def _factors(name: str, sums: np.ndarray, counts: np.ndarray | int, wanted: np.ndarray) -> np.ndarray:
    """Return what brings the sums of the receivers, of so many synapses, to what is wanted."""
    some = np.broadcast_to(counts, sums.shape) > 0
    wrong = np.flatnonzero(some & ~(np.isfinite(sums) & (sums > 0)))
    if wrong.size:
        raise InputError(
            f"{name}: the absolute weights into {wrong.size} of {len(sums)} receivers sum to {sums[wrong[0]]:g} "
            f"(first: receiver {wrong[0]}), which no factor makes {wanted[wrong[0]] if wanted.ndim else wanted:g}"
        )
    return np.divide(wanted, sums, out=np.zeros_like(sums), where=some)


@cache
def _kernels(index: str, real: str) -> llvm_jit.Library:
    """Return ``add``, sums of absolute values and numbers by target, and ``scale``, weights times a factor."""
    f = Function("void @add(i64 %synapses, ptr %targets, ptr %weights, ptr %sums, ptr %counts)")
    with f.loop("e", "%synapses") as e:
        target = f.value(f"zext {index} {f.load(index, '%targets', e)} to i64")
        weight = _double(f, real, f.load(real, "%weights", e))
        size = f.value(f"call double @llvm.fabs.f64(double {weight})")
        place = f.at("double", "%sums", target)
        f.store("double", f.value(f"fadd double {f.load('double', place)}, {size}"), place)
        number = f.at("i64", "%counts", target)
        f.store("i64", f.value(f"add i64 {f.load('i64', number)}, 1"), number)
    g = Function("void @scale(i64 %synapses, ptr %targets, ptr %weights, ptr %factors)")
    with g.loop("e", "%synapses") as e:
        target = g.value(f"zext {index} {g.load(index, '%targets', e)} to i64")
        weight = _double(g, real, g.load(real, "%weights", e))
        scaled = g.value(f"fmul double {weight}, {g.load('double', '%factors', target)}")
        g.store(real, scaled if real == "double" else g.value(f"fptrunc double {scaled} to float"), "%weights", e)
    return llvm_jit.compile("\n\n".join(["declare double @llvm.fabs.f64(double)", f.text(), g.text()]))


def _double(f: Function, real: str, value: str) -> str:
    return value if real == "double" else f.value(f"fpext float {value} to double")
