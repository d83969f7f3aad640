"""A run: chunk by chunk, with looks at Ctrl-C, call-backs and conditions in between, and a bar for who waits.

Between two chunks the states lie where they do between two runs. So a call-back may read and set whatever may be read
and set between runs, and what follows is what would have followed if the run had been cut there.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from spikelet import progress
from spikelet.errors import InputError, SpikeletError
from spikelet.sim import session
from spikelet.sim.engine import Engine
from spikelet.sim.interrupt import listening
from spikelet.sim.record import Item
from spikelet.sim.recorder import Recorder, Sink
from spikelet.sim.result import NetworkResult
from spikelet.sim.stop import stop_after_spikes


@dataclass(frozen=True, eq=False)
class Plan:
    """What happens during a run.

    Attributes:
        steps: How long.
        call: What is called every so often, with the network.
        until: What ends the run: a function of the network, or `stop_after_spikes`.
        each: Steps from one look to the next; looks lie at its multiples, whatever the beginning of the run.
        progress: Whether a bar is shown; None: on a terminal, after some time.
        threads: How many may share the work.
    """

    steps: int
    call: Callable[[Any], Any] | None = None
    until: Any = None
    each: int = 1
    progress: bool | None = None
    threads: int = 1


def run(engine: Engine, items: Iterable[Item], sink: Sink, plan: Plan) -> NetworkResult:
    """Run a network.

    Args:
        engine: The network.
        items: What to record.
        sink: Where to.
        plan: What happens.

    Returns:
        What was recorded. Where an error ends the run, it has that as its attribute ``result``.
    """
    if engine.running:
        raise InputError("the network is running: a call-back cannot run it; set things and let it go on")
    start, chunk = engine.step, engine.parts.chunk
    shares = session.shares(engine.parts, plan.threads, plan.steps)
    recorder = Recorder(items, sink, engine.parts.histories, start=start, chunk=chunk, dt=engine.dt)
    ended = _ending(engine, recorder, plan.until)

    def result() -> NetworkResult:
        done, dt = engine.step >= start + plan.steps or stopped, engine.dt
        sink.flush(engine.step, ended=done)
        return sink.result(dt=dt, start=start * dt, stop=engine.step * dt, interrupted=not done)

    stopped = heard = False
    with _telling(result):
        with engine.entered(recorder, shares), listening() as pressed, _bar(engine, plan) as bar:
            stop = start + plan.steps
            while engine.step < stop and not stopped and not heard:  # one chunk at least: a result has columns
                before = engine.step
                engine.advance(min(stop, _next(engine, recorder, plan)) - before)
                sink.reached_step(engine.step)
                bar.update((engine.step - before) * engine.dt)
                heard = pressed()
                if engine.step % plan.each == 0 and (plan.call or plan.until):
                    with engine.left(shares):
                        if plan.call is not None:
                            plan.call(engine.network)
                        stopped = ended()
        engine.check_finite()
    return result()


def _next(engine: Engine, recorder: Recorder, plan: Plan) -> int:
    """Return the step at which the next chunk ends at the latest."""
    soon = min(engine.step + engine.parts.chunk, recorder.next(engine.step))
    looks = plan.call is not None or plan.until is not None
    return min(soon, (engine.step // plan.each + 1) * plan.each) if looks else soon


def _ending(engine: Engine, recorder: Recorder, until: Any) -> Callable[[], bool]:
    """Return a function that tells whether the run is over."""
    if isinstance(until, stop_after_spikes):
        tally = recorder.tally(*until.neurons)
        return lambda: tally.count >= until.count
    return lambda: until is not None and bool(until(engine.network))


@contextmanager
def _telling(result: Callable[[], NetworkResult]) -> Iterator[None]:
    """Give an error what has been recorded until it came."""
    try:
        yield
    except BaseException as error:
        try:
            error.result = result()  # type: ignore[attr-defined]  # errors may have any
            error.add_note("what had been recorded is in the error's attribute 'result'")
        except SpikeletError as another:  # the folder has gone, or the disk is full as well
            error.add_note(f"what had been recorded could not be kept: {another}")
        raise


def _bar(engine: Engine, plan: Plan) -> Any:
    return progress.bar(plan.steps * engine.dt, unit="ms", show=plan.progress)
