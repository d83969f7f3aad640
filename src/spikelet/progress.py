"""A bar with the time that is left, for who waits at a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_PATIENCE = 2.0  # seconds before a bar appears by itself
_LOOK = "{percentage:3.0f} %|{bar}| {n:.6g}/{total:.6g} {unit} [{elapsed}, {remaining} left]{postfix}"


class Nothing:
    """A bar that nobody sees."""

    def update(self, done: float = 1) -> None:
        """Go on."""

    def set_postfix(self, shown: Any, refresh: bool = True) -> None:
        """Tell something beside it."""


@contextmanager
def bar(total: float, *, unit: str, done: float = 0, show: bool | None = None) -> Iterator[Any]:
    """Yield a bar, whose ``update(n)`` takes it ``n`` units further.

    Args:
        total: Units at the end.
        unit: Its name.
        done: Units at the beginning.
        show: None shows it on a terminal only, after two seconds, and where tqdm is installed.

    Raises:
        ModuleNotFoundError: it is to be shown, and tqdm is not installed.
    """
    if show is False or (show is None and not sys.stderr.isatty()):
        yield Nothing()
        return
    try:
        from tqdm import tqdm
    except ModuleNotFoundError as error:
        if show is None:
            yield Nothing()
            return
        text = "a progress bar needs tqdm, which is not installed: pip install 'spikelet[sim]'"
        raise ModuleNotFoundError(text, name="tqdm") from error
    delay = 0 if show else _PATIENCE
    with tqdm(total=total, initial=done, unit=unit, bar_format=_LOOK, delay=delay, dynamic_ncols=True) as shown:
        yield shown
