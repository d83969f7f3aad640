"""The sending half of a synapse: what a spike releases, from states that each source has of its own.

The (pre) states of short-term plasticity depend on the spikes of their source alone, so they need not wait for the
delay: what a spike will release is known when it is sent, and travels with it. The states are those of a model like any
other (``compose.sender``), stepped behind the neurons of the source.
"""

from functools import cache

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.ir.lower import lower
from spikelet.sim.compose import Sender
from spikelet.sim.driver import Call, Words, address_of, begun
from spikelet.sim.group import Group, Stepping
from spikelet.sim.history import History
from spikelet.sim.projection import Projection

FLAGS = Words(("step", "T", "fired", "n", "first", "rows", "count"))
PICK = Words(("step", "T", "rows", "count", "first", "ids", "times", "counts", "slots", "stride", "factors"))


def _flags(type_: str, real: str) -> str:
    """``flags_TYPE_REAL``: rows of what sources sent, as numbers."""
    f = begun(f"flags_{type_}_{real}")
    w = FLAGS.load(f, {"fired": "ptr", "rows": "ptr"})
    with f.loop("t", w["T"]) as t:
        begin = f.value(f"mul i64 {t}, {w['n']}")
        sent = f.at(type_, w["fired"], f.value(f"add i64 {begin}, {w['first']}"))
        row = f.at(real, w["rows"], f.value(f"mul i64 {t}, {w['count']}"))
        with f.loop("i", w["count"]) as i:
            value = f.load(type_, sent, i)
            f.store(real, f.value(f"uitofp i8 {value} to {real}") if type_ == "i8" else value, row, i)
    return f.text()


def _pick(real: str, multiple: bool) -> str:
    """``pick_REAL``: the factor of each spike that is listed, from the rows of its source."""
    f = begun(f"pick{'_multiple' if multiple else ''}_{real}")
    w = PICK.load(f, dict.fromkeys(("rows", "ids", "times", "counts", "factors"), "ptr"))
    with f.loop("t", w["T"]) as t:
        now = f.value(f"add i64 {t}, {w['step']}")
        slot = f.value(f"srem i64 {now}, {w['slots']}")
        begin = f.value(f"mul i64 {slot}, {w['stride']}")
        listed, factors = f.at("i32", w["ids"], begin), f.at(real, w["factors"], begin)
        times = f.at(real, w["times"], begin) if multiple else ""
        row = f.at(real, w["rows"], f.value(f"mul i64 {t}, {w['count']}"))
        with f.loop("spike", f.value(f"zext i32 {f.load('i32', w['counts'], slot)} to i64")) as i:
            neuron = f.value(f"zext i32 {f.load('i32', listed, i)} to i64")
            source = f.value(f"sub i64 {neuron}, {w['first']}")
            with f.when(f.value(f"icmp ult i64 {source}, {w['count']}")):
                factor = f.load(real, row, source)
                if multiple:
                    factor = f.value(f"fmul {real} {factor}, {f.load(real, times, i)}")
                f.store(real, factor, factors, i)
    return f.text()


@cache
def _library(real: str) -> llvm_jit.Library:
    parts = [_flags("i8", real), _flags(real, real), _pick(real, False), _pick(real, True)]
    return llvm_jit.compile("\n\n".join(parts))


class Sending:
    """The sending half of the synapses of a projection.

    Args:
        projection: Its sources are what has the states; of several spikes of one in a step, each releases the same.
        sender: The model of one source.
        history: Where the spikes are listed.
        dt: Step [ms].
        dtype: Of states.

    Attributes:
        factors: Jump of the receptor -> (slots, n) factor of each listed spike.
    """

    def __init__(self, projection: Projection, sender: Sender, history: History, *, dt: float, dtype: np.dtype):
        self.projection, self.sender, self.history = projection, sender, history
        step = lower(sender.neuron, (sender.input,))
        self.group = Group(sender.neuron, step, len(projection.pre), dt=dt, seed=0, first=0, dtype=dtype)
        self.factors = {jump: np.zeros(history.ids.shape, dtype) for jump in sender.factors}
        self.real = {"float32": "float", "float64": "double"}[dtype.name]

    def stepping(self, length: int) -> Stepping:
        """Return the step of the states; its input are rows that ``calls`` fills."""
        self.rows = np.zeros((length, self.group.n), self.group.dtype)
        inputs = {self.sender.input: (self.rows.ctypes.data, self.group.n)}
        return self.group.call(inputs, length, tuple(self.sender.factors.values()))

    def calls(self, sent: np.ndarray, stepping: Stepping) -> list[Call]:
        """Return the calls behind those that list the spikes.

        Args:
            sent: (T, n) rows of what the whole population sent.
            stepping: From ``stepping``.
        """
        library, first = _library(self.real), self.projection.pre.start
        type_ = "i8" if sent.dtype == np.bool_ else self.real
        place = {"step": 0, "T": 0, "first": first, "count": self.group.n}
        words = FLAGS.array(place | {"fired": sent.ctypes.data, "n": sent.shape[1], "rows": self.rows.ctypes.data})
        flags = Call(address_of(library, f"flags_{type_}_{self.real}"), words, words, kept=(library, sent, self.rows))
        return [flags, stepping.call, *(self._pick(stepping, jump, place) for jump in self.factors)]

    def _pick(self, stepping: Stepping, jump: str, place: dict[str, int]) -> Call:
        library, history, factors = _library(self.real), self.history, self.factors[jump]
        rows = stepping.rows[self.sender.factors[jump]]
        own = {"rows": rows.ctypes.data, "stride": factors.shape[1], "factors": factors.ctypes.data}
        words = PICK.array(place | history.words() | own)
        name = f"pick{'' if history.times is None else '_multiple'}_{self.real}"
        return Call(address_of(library, name), words, words, kept=(library, history, rows, factors))
