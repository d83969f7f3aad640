"""Connections: who is connected with whom, with which weights and delays.

A pattern is data and knows no population; `build` makes the synapses. Time and memory are those of the synapses alone,
nothing is sorted, and all random numbers come from a seed and a stream of the generator of `spikelet.random`, so the
result does not depend on the number of threads. Partners are drawn by 32-bit words: no partner is likelier than another
by more than n / 2**32 of its probability.

| pattern | connects |
|---|---|
| `one_to_one` | source i with target i |
| `all_to_all` | every source with every target |
| `fixed_probability` | each pair with probability p |
| `fixed_indegree` | each target with k sources |
| `fixed_outdegree` | each source with k targets |
| `fixed_total` | n pairs |
| `pairwise_poisson` | each pair by a Poisson number of synapses |
| `from_arrays`, `from_matrix` | the given pairs |
| `expression` | the pairs for which a text holds, such as ``abs(i - j) < 10`` |
| `distance` | the pairs by a text over their distance |
| `small_world` | a ring of neighbours, rewired at random |
| `convolution` | patches, with weights that all places share |
| `low_rank` | every source with every target, with the product of two matrices as weights |
"""

from typing import Any

import numpy as np

from spikelet.errors import InputError, ShapeError
from spikelet.sim import connect_expression, connect_finish
from spikelet.sim.connect_calls import Draws
from spikelet.sim.connect_convolution import Convolution
from spikelet.sim.connect_drawn import Drawn, made
from spikelet.sim.connect_low_rank import LowRank
from spikelet.sim.connect_near import NearDegree
from spikelet.sim.connect_patterns import (
    AllToAll,
    FixedDegree,
    FixedProbability,
    FixedTotal,
    Listed,
    OneToOne,
    PairwisePoisson,
    Pattern,
)
from spikelet.sim.connect_rows import Pair
from spikelet.sim.connect_space import Distance, Expression, SmallWorld
from spikelet.sim.edges import Edges


def one_to_one() -> Pattern:
    """Connect source i with target i; there must be as many of both."""
    return OneToOne()


def all_to_all(autapses: bool = True) -> Pattern:
    """Connect every source with every target.

    Args:
        autapses: whether a neuron may be connected with itself; here and below, of no effect between populations that
            have no neuron in common.
    """
    return AllToAll(autapses)


def fixed_probability(p: float, autapses: bool = True) -> Pattern:
    """Connect each pair with probability ``p``, independently.

    Raises:
        InputError: p is not in [0, 1].
    """
    return FixedProbability(p, autapses)


def fixed_indegree(k: int, autapses: bool = True, multapses: bool = True) -> Pattern:
    """Connect each target with ``k`` sources, drawn independently.

    Args:
        k: number of synapses of each target.
        autapses: whether a neuron may be its own source.
        multapses: whether a source may be drawn more than once for a target.
    """
    return FixedDegree("fixed_indegree", k, autapses, multapses)


def fixed_outdegree(k: int, autapses: bool = True, multapses: bool = True) -> Pattern:
    """Connect each source with ``k`` targets, drawn independently; see `fixed_indegree`."""
    return FixedDegree("fixed_outdegree", k, autapses, multapses)


def fixed_total(n: int, autapses: bool = True, multapses: bool = True) -> Pattern:
    """Connect ``n`` pairs, each any of those that are possible; without ``multapses``, ``n`` different ones."""
    return FixedTotal(n, autapses, multapses)


def pairwise_poisson(mean: float, autapses: bool = True) -> Pattern:
    """Connect each pair by a Poisson number of synapses, ``mean`` on average."""
    return PairwisePoisson(mean, autapses)


def from_arrays(sources: Any, targets: Any) -> Pattern:
    """Connect given pairs; weights and delays may be arrays too, in the same order.

    Args:
        sources: (E,) integers, the source of each synapse.
        targets: (E,) integers, its target.
    """
    return Listed(sources, targets)


def from_matrix(matrix: Any) -> Pattern:
    """Connect source i with target j where ``matrix[i, j]`` is not 0, with this weight.

    Args:
        matrix: (sources, targets), an array, or a sparse array or matrix of SciPy, whose stored zeros count as
            synapses. Of booleans it tells only who is connected, and weights and delays may be arrays in the order of
            rows.

    Raises:
        ShapeError: it has not two axes.
        InputError: an entry is not finite.
    """
    if hasattr(matrix, "tocoo"):
        entries = matrix.tocsr().tocoo()  # by row, and what stands twice added up
        sources, targets, values = entries.row, entries.col, entries.data
    else:
        matrix = np.asarray(matrix)
        if matrix.ndim != 2:
            raise ShapeError(f"from_matrix: expected (sources, targets), got the shape {matrix.shape}")
        sources, targets = np.nonzero(matrix)
        values = matrix[sources, targets]
    if values.dtype.kind not in "biuf":
        raise InputError(f"from_matrix: expected real numbers, got {values.dtype}")
    if not np.isfinite(values).all():
        at = np.flatnonzero(~np.isfinite(values))[0]
        raise InputError(f"from_matrix: the entry [{sources[at]}, {targets[at]}] is {values[at]}")
    weights = None if values.dtype == bool else values.astype(np.float64)
    rows, columns = matrix.shape
    return Listed(sources, targets, weights, (int(rows), int(columns)), "from_matrix")


def expression(text: str, autapses: bool = True) -> Pattern:
    """Connect the pairs for which a text holds, such as ``"abs(i - j) < 10"``; every pair is looked at.

    Args:
        text: over ``i`` and ``j``, the numbers of source and target, and ``n_pre`` and ``n_post``, how many there are.
            A condition connects where it holds; a number is the probability of a synapse.
        autapses: whether a neuron may be connected with itself.

    Raises:
        EquationError: the text cannot be read, with a caret.
    """
    return Expression(text, autapses)


def distance(
    text: str,
    sources: Any,
    targets: Any = None,
    period: Any = None,
    autapses: bool = True,
    within: float | None = None,
    *,
    indegree: int | None = None,
    outdegree: int | None = None,
) -> Pattern:
    """Connect pairs by their distance ``d``: ``"0.5*exp(-d**2/(2*0.1**2))"``, ``"d < 0.3"``, ``"0.1 < d and d < 0.3"``.

    The same names, and ``i`` and ``j``, may stand in texts for weights and delays: ``delay="0.5 + d/0.3"``.

    Args:
        text: over ``d``, and ``dx``, ``dy``, ``dz``, the position of the target seen from the source. A condition
            connects where it holds; a number is the probability of a synapse.
        sources: (n, D) positions of the sources, with up to 3 axes, in any unit.
        targets: positions of the targets; those of the sources where there are none.
        period: (D,) or a number: the positions lie on a torus of this size; None for open ends.
        autapses: whether a neuron may be connected with itself.
        within: nobody farther away is connected; then only near pairs are looked at, instead of all.
        indegree: so many different sources are drawn for each target, in proportion to the text; all pairs are looked
            at.
        outdegree: the same of targets for each source.

    Raises:
        EquationError: the text cannot be read, with a caret.
        ShapeError: positions of a wrong shape.
        InputError: both degrees are given.
    """
    if indegree is not None and outdegree is not None:
        raise InputError(f"distance: give indegree={indegree} or outdegree={outdegree}, not both")
    if indegree is None and outdegree is None:
        return Distance(text, sources, targets, period, autapses, within)
    k, by_source = (indegree, False) if outdegree is None else (outdegree, True)
    return NearDegree(text, sources, targets, period, autapses, within, k, by_source)  # type: ignore[arg-type]  # one is


def small_world(k: int, p: float) -> Pattern:
    """Connect a ring, each neuron with ``k`` neighbours, half on each side; redirect each synapse with probability p.

    A redirected synapse goes to any neuron but its source and the other targets of its source, all being as likely
    (Watts & Strogatz 1998, with directed synapses; doi:10.1038/30918).

    Args:
        k: even number of neighbours, less than the number of neurons.
        p: probability.
    """
    return SmallWorld(k, p)


def convolution(
    kernel: Any, shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Convolution:
    """Connect as torch's Conv2d and Conv1d do (a cross-correlation), with neurons numbered as flattened images.

    Args:
        kernel: (out, in/groups, kh, kw) weights; (out, in/groups, k) along one axis; (kh, kw) or (k,) for one channel.
        shape: of the sources, (in, H, W); (in, L); (H, W) or (L,) for one channel. That of the targets is the
            attribute ``output_shape`` of the result.
        stride: a number, or one for each axis; so are the next two.
        padding: zeros on each side.
        dilation: from one place of the kernel to the next.
        groups: of channels, each of which is connected within itself alone.

    Raises:
        ShapeError: kernel and shape do not fit each other.
        InputError: a number is none, or out of range.
    """
    return Convolution(kernel, shape, stride, padding, dilation, groups)


def low_rank(decoders: Any, encoders: Any) -> Pattern:
    """Connect every source with every target, with the weights ``decoders @ encoders`` (Eliasmith & Anderson 2003).

    Args:
        decoders: (sources, r).
        encoders: (r, targets).

    Raises:
        ShapeError: the matrices do not fit each other.
        InputError: a number is not finite.
    """
    return LowRank(decoders, encoders)


def draw(  # noqa: PLR0913  # called by the engine, each by name
    pattern: Pattern,
    sources: int,
    targets: int,
    *,
    same: bool,
    weight: Any = 1.0,
    delay: Any = None,
    dt: float,
    seed: int,
    stream: int,
    shift: int = 0,
    name: str = "",
    threads: int | None = None,
) -> Drawn:
    """Decide on the synapses of a pattern, which are not made yet.

    Args:
        pattern: who is connected with whom.
        sources: number of sources.
        targets: number of targets, up to 2**32.
        same: whether sources and targets have neurons in common: source i is target ``i + shift``, where there is one.
        weight: a number; a distribution; an array with one for each synapse of `from_arrays` or `from_matrix`. Where a
            matrix holds weights, a number that multiplies them, or None. Or a text over ``i`` and ``j``, ``n_pre``,
            ``n_post`` and, of `distance`, ``d``, ``dx``, ``dy``, ``dz``, such as ``"exp(-d/0.1)"``.
        delay: the same [ms], at least one step, or 0 for all; None is one step. It is rounded to steps.
        dt: step [ms].
        seed: integer of up to 64 bits.
        stream: of this projection alone, in [0, 65536).
        shift: see ``same``.
        name: of the projection, for errors.
        threads: the most that may share the work, which do not change the result; None is the package's number.

    Raises:
        InputError: an argument is wrong, or the pattern does not fit the populations.
    """
    try:
        texts = [isinstance(what, str) for what in (weight, delay)]
        weights = 0.0 if texts[0] else connect_finish.weights(weight, pattern.weights, pattern.count)
        delays = connect_finish.delays(None if texts[1] else delay, dt, pattern.count)
        pair = Pair(sources, targets, shift if same else None)
        draws = Draws.of(seed, stream)
        rows = pattern.rows(pair, draws, threads)
        if any(texts):
            rows = connect_expression.filled(rows, pair)
        if texts[0]:
            values = connect_expression.numbers("weight", weight, pattern, rows, pair)
            weights = connect_finish.weights(values, pattern.weights, len(values))
        if texts[1]:
            values = connect_expression.numbers("delay", delay, pattern, rows, pair)
            delays = connect_finish.delays(values, dt, len(values))
    except InputError as error:
        if not name:
            raise
        raise type(error)(f"{name}: {error}") from None
    return Drawn(rows, pair, weights, delays, draws)


def build(
    pattern: Pattern, sources: int, targets: int, *, dtype: Any = np.float32, threads: int | None = None, **asked: Any
) -> Edges:
    """Make the synapses of a pattern.

    Args:
        pattern: who is connected with whom.
        sources: number of sources.
        targets: number of targets.
        dtype: of weights that are not all equal, float32 or float64; the numbers drawn are the same.
        threads: the most that may share the work, which do not change the result; None is the package's number.
        asked: see `draw`.

    Raises:
        InputError: an argument is wrong, or the pattern does not fit the populations.
    """
    return made(draw(pattern, sources, targets, threads=threads, **asked), dtype, threads)
