"""The steps of the kernel of a convolution that learns, see ``llvm_plastic``: weights that are used at many places.

The K weights of a row (a channel) are (input channel c, offset q): k = c*offsets + q; in memory they lie in rows by k,
(K, channels). Sender i is (c, position p), receiver j is (place l, channel m): what is at a place is together. Which
position has which offset at which place is in two lists, so a kernel knows nothing of sizes, strides, paddings and
axes: ``patch[l*offsets + q]`` is a position, or -1 where there is none; ``uses.place`` and ``uses.offset`` from
``uses.start[p]`` on are the places whose patches hold a position, and the offset that it has there.

In each phase all that fire read the weights as they are; changes are summed in ``change``, and added at its end to the
weights that were reached, ``hit``.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from spikelet.backends.llvm_plastic import WEIGHT, Part, Synapse
from spikelet.backends.llvm_plastic_loop import Loop


class Tiles(Loop):
    """Writes the steps; ``M`` is the number of all receivers, ``N`` that of all senders."""

    def rank(self, j: str) -> str:
        """Return the place of a receiver where channels come first."""
        return self.whole("rank", j)

    # --- which synapses -----------------------------------------------------------------------------------------------

    @contextmanager
    def _uses(self, channel: str, position: str, of: str = "") -> Iterator[tuple[str, str]]:
        """Write a loop over the places whose patch holds a sender, and the row k of the weights that it meets there."""
        after = self.value(f"add i64 {position}, 1")
        first, last = (self.whole(f"{of}uses.start", at) for at in (position, after))
        with self.loop("use", last, first) as use:
            offset = self.whole(f"{of}uses.offset", use)
            yield self.whole(f"{of}uses.place", use), self.index(channel, self.arg(f"{of}offsets"), offset)

    @contextmanager
    def _patch(self, place: str) -> Iterator[tuple[str, str]]:
        """Write a loop over the senders that are seen at a place, and the row k of their weights there."""
        with self.loop("c", self.arg("inputs")) as c, self.loop("q", self.arg("offsets")) as q:
            found = self.load("i32", self.arg("patch"), self.index(place, self.arg("offsets"), q))
            position = self.value(f"zext i32 {found} to i64")
            with self.when(self.value(f"icmp sge i32 {found}, 0")):
                yield self.index(c, self.arg("positions"), position), self.index(c, self.arg("offsets"), q)

    def _tile(self, b: str, i: str, place: str, k: str, m: str, column: bool = False) -> Synapse:
        """Return the synapse from a sender to a channel at a place, of weight k."""
        channels = self.arg("channels")
        at = self.index(k, channels, m)
        weight, change = (("column", k), k) if column else (("weights", at), at)
        terms = (b, self.arg("places"), place, self.arg("width"), k, channels, m)
        return Synapse(b, i, self.index(place, channels, m), lambda: self.index(*terms), weight, change)

    def _parted(self, number: str, size: str) -> tuple[str, str]:
        """Part ``a*size + b`` into a and b."""
        return self.value(f"udiv i64 {number}, {self.arg(size)}"), self.value(f"urem i64 {number}, {self.arg(size)}")

    # --- what happens to them -----------------------------------------------------------------------------------------

    def _inhibit(self, b: str) -> None:
        """Deliver what the spikes of the last step send to the neurons, by a convolution."""
        channels = self.arg("channels")
        with self.firing(b) as s:
            position, channel = self._parted(s, "channels")
            with self._uses(channel, position, "inhibition.") as (place, k), self.loop("m", channels) as m:
                at = self.index(b, self.arg("M"), self.index(place, channels, m))
                self.add("drive", at, self.get("real", "inhibition", self.index(k, channels, m)))

    def _flow(self, part: Part) -> None:
        """Take all synapses a step further."""
        with self.samples() as b, self.loop("place", self.arg("places")) as place, self._patch(place) as (i, k):
            self._hit(part, k)
            with self.loop("m", self.arg("channels")) as m:
                self._learn(part, self._tile(b, i, place, k, m))
        self._settle(part)

    def _rows(self, synaptic: Part, sided: Part) -> None:
        """Deliver the spikes of the senders, and run ``on_pre``."""
        with self.samples() as b, self.arriving(b) as i:
            channel, position = self._parted(i, "positions")
            with self._uses(channel, position) as (place, k):
                self._hit(synaptic, k)
                with self.loop("m", self.arg("channels")) as m:
                    synapse = self._tile(b, i, place, k, m)
                    self.add("drive", self.index(b, self.arg("M"), synapse.j), self.get("real", *synapse.weight))
                    if synaptic.updates:
                        self._learn(synaptic, synapse)
            if sided.updates:
                self._set(sided, sided.updates, "pre", b, i, self.index(b, self.arg("N"), i))
        self._settle(synaptic)

    def _columns(self, synaptic: Part, sided: Part) -> None:
        """Run ``on_post`` for the receivers that have fired, channel by channel, whose weights are brought together."""
        channels = self.arg("channels")
        self.listed("M", self.firing, lambda j: self._parted(j, "channels")[1])
        with self.touched() as m:
            if synaptic.updates:
                with self.loop("k", self.arg("width")) as k:
                    self.put("real", self.get("real", "weights", self.index(k, channels, m)), "column", k)
            with self.entries(m) as entry:
                b, j = self._parted(entry, "M")
                place, _ = self._parted(j, "channels")
                if synaptic.updates:
                    with self._patch(place) as (i, k):
                        self._hit(synaptic, k)
                        self._learn(synaptic, self._tile(b, i, place, k, m, column=True))
                if sided.updates:
                    self._set(sided, sided.updates, "post", b, j, entry)
            self._settle(synaptic, m)

    # --- weights ------------------------------------------------------------------------------------------------------

    def _hit(self, part: Part, k: str) -> None:
        """Note that a row is reached."""
        if WEIGHT in part.updates:
            self.put("bool", "true", "hit", k)

    def _settle(self, part: Part, channel: str = "") -> None:
        """Add the changes to what is reached, all rows or the column of a channel, and begin the sums anew."""
        if WEIGHT not in part.updates:
            return
        share, zero = self._share(), self.zero()
        with self.loop("k", self.arg("width")) as k, self.when(self.get("bool", "hit", k)):
            self.put("bool", "false", "hit", k)
            if channel:
                self._sum(part, share, ("column", k), k, "", "")
                self.put("real", zero, "change", k)
                self.put("real", self.get("real", "column", k), "weights", self.index(k, self.arg("channels"), channel))
            else:
                with self.loop("m", self.arg("channels")) as m:
                    at = self.index(k, self.arg("channels"), m)
                    self._sum(part, share, ("weights", at), at, "", "")
                    self.put("real", zero, "change", at)
