"""Information in spikes: entropy of words and mutual information of a code, corrected for few trials.

An entropy from N trials is too small by about (R - 1)/(2 N ln 2) bits, R being the number of answers that can occur
(Panzeri & Treves 1996, after Miller 1955). Of them the answers that did occur are a lower bound; `panzeri_treves` also
counts those that are likely to exist, but were not seen.
"""

from typing import Any

import numpy as np

from spikelet.analysis.rates import binned_counts
from spikelet.errors import InputError, ShapeError, did_you_mean

BIASES = ("panzeri_treves", "miller", "none")


def words(
    spikes: Any, ids: Any = None, *, n: int | None = None, start: float, stop: float, width: float, length: int
) -> np.ndarray:
    """Return the word of each neuron in each window: which of ``length`` successive bins held a spike.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        n: number of neurons.
        start: begin of the first bin [ms].
        stop: what is after it does not count [ms].
        width: of a bin [ms].
        length: bins in a word, up to 62.

    Returns:
        (windows, n) integers, the first bin being the highest digit of base 2.

    Raises:
        InputError: the length is not 1 to 62, or no word fits.
    """
    if isinstance(length, bool) or not isinstance(length, int | np.integer) or not 1 <= length <= 62:
        raise InputError(f"words: length must be 1 to 62 bins, got {length!r}")
    there = binned_counts(spikes, ids, n=n, start=start, stop=stop, width=width) > 0
    number = len(there) // length
    if not number:
        raise InputError(f"words: no word of {length} bins of {width:g} ms fits between {start:g} and {stop:g} ms")
    digits = there[: number * length].reshape(number, length, -1)
    return np.tensordot(1 << np.arange(length - 1, -1, -1, dtype=np.int64), digits.astype(np.int64), (0, 1))


def entropy(responses: Any, *, bias: str = "panzeri_treves") -> float:
    """Return the entropy of answers [bit].

    Args:
        responses: (N,) answers, any integers, such as counts or `words`.
        bias: ``panzeri_treves``, ``miller`` or ``none``.

    Example:
        >>> entropy([0, 1, 0, 1], bias="none")
        1.0
    """
    answers = _integers(responses, "responses")
    counts = np.unique(answers, return_counts=True)[1]
    return _entropy(counts) + _correction(counts, len(counts), _bias(bias))


def mutual_information(stimuli: Any, responses: Any, *, bias: str = "panzeri_treves") -> float:
    """Return the information that the answers carry about the stimuli, I = H(R) - sum_s p(s) H(R | s) [bit].

    Args:
        stimuli: (N,) stimulus of each trial, any integers.
        responses: (N,) answer in each trial, any integers, such as counts or `words`.
        bias: ``panzeri_treves``, ``miller`` or ``none``: what is taken off for the small number of trials.

    Returns:
        The information; with a correction it may fall below 0 where there is none.

    Raises:
        ShapeError: the columns differ in length.

    Example:
        >>> mutual_information([0, 0, 1, 1], [5, 5, 7, 7], bias="none")
        1.0
    """
    s, r = _integers(stimuli, "stimuli"), _integers(responses, "responses")
    if s.shape != r.shape:
        raise ShapeError(f"mutual_information: {len(s)} stimuli, but {len(r)} responses")
    kind = _bias(bias)
    _, s = np.unique(s, return_inverse=True)
    _, r = np.unique(r, return_inverse=True)
    table = np.bincount(s * (r.max() + 1) + r, minlength=(s.max() + 1) * (r.max() + 1)).reshape(s.max() + 1, -1)
    whole = table.sum(0)
    possible = table.shape[1]
    total = _entropy(whole) + _correction(whole, possible, "miller" if kind != "none" else kind)
    for row in table:  # each stimulus has its own number of answers and of trials
        total -= row.sum() / len(s) * (_entropy(row) + _correction(row, possible, kind))
    return float(total)


def _entropy(counts: np.ndarray) -> float:
    p = counts[counts > 0] / counts.sum()
    return float(-(p @ np.log2(p))) + 0.0


def _correction(counts: np.ndarray, possible: int, kind: str) -> float:
    """Return what an entropy from these counts lacks [bit]."""
    if kind == "none":
        return 0.0
    seen = np.count_nonzero(counts)
    answers = seen if kind == "miller" else _existing(counts, possible)
    return (answers - 1) / (2 * counts.sum() * np.log(2))


def _existing(counts: np.ndarray, possible: int) -> float:
    """Estimate how many answers exist, as many as make the expected number that is seen that which was seen.

    The probabilities of R answers are taken as (counts + 1)/(N + R) for those seen and share the rest evenly for the
    others (in the manner of Panzeri & Treves 1996); R grows from those seen to those that are possible at all.
    """
    seen, trials = np.count_nonzero(counts), int(counts.sum())
    best, gap = float(seen), np.inf
    for answers in range(seen, possible + 1):
        known = (counts[counts > 0] + 1) / (trials + answers)
        unseen = answers - seen
        rest = max(0.0, 1 - known.sum())
        expected = np.sum(1 - (1 - known) ** trials)
        expected += unseen * (1 - (1 - rest / unseen) ** trials) if unseen else 0.0
        if abs(expected - seen) < gap:
            best, gap = float(answers), abs(expected - seen)
        if expected > seen:
            break
    return best


def _integers(values: Any, what: str) -> np.ndarray:
    array = np.ravel(np.asarray(values))
    if not array.size or array.dtype.kind not in "iub":
        raise InputError(f"{what} must be whole numbers, one for each trial, got {array.dtype} of {array.size}")
    return array


def _bias(name: str) -> str:
    if name not in BIASES:
        raise InputError(f"bias '{name}' is none of {', '.join(BIASES)}{did_you_mean(name, BIASES)}")
    return name
