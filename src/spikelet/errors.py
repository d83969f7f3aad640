"""The exceptions of Spikelet and the two pieces of text that they share.

    SpikeletError
    ├── ModelError (ValueError)        a model, as data, is wrong
    │   ├── EquationError              its text cannot be read: line, caret, nearest name
    │   │   └── UnitError              its text can be read, its units do not fit
    │   └── ParameterError             a parameter: unknown, missing, NaN, wrong sign or shape
    ├── InputError (ValueError)        an argument of a call: unknown name, wrong value
    │   ├── ShapeError                 an array or tensor of the wrong shape
    │   └── StateError                 a state of the wrong shape, batch, dtype, device or names
    ├── NumericsError (ArithmeticError) NaN or infinity met while checking is on
    ├── BackendError (RuntimeError)    a back end cannot do what was asked
    └── DataError (OSError)            a file is missing, truncated or of another kind

Every text names the object, the variable, what was given and what was expected.
"""

from collections.abc import Iterable


class SpikeletError(Exception):
    """Root of all errors that Spikelet raises on purpose."""


class ModelError(SpikeletError, ValueError):
    """A model, as data, is wrong."""


class EquationError(ModelError):
    """The text of a model cannot be read."""


class UnitError(EquationError):
    """The text of a model can be read, but its units do not fit."""


class ParameterError(ModelError):
    """A parameter is unknown, missing, not a number, or of the wrong sign or shape."""


class InputError(SpikeletError, ValueError):
    """An argument of a call is wrong."""


class ShapeError(InputError):
    """An array or tensor has the wrong shape."""


class StateError(InputError):
    """A state has the wrong names, shape, batch, dtype or device."""


class NumericsError(SpikeletError, ArithmeticError):
    """NaN or infinity was met while checking is on."""


class BackendError(SpikeletError, RuntimeError):
    """A back end cannot do what was asked of it."""


class MagnitudeWarning(UserWarning):
    """A number is possible, but so far from what is usual that a unit may be missing."""


class DataError(SpikeletError, OSError):
    """A data file is missing, truncated or of another kind than expected."""


def did_you_mean(name: object, valid: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the valid name nearest to ``name``, else ``""``.

    Example:
        >>> did_you_mean("v_rst", ["v_rest", "tau_mem"])
        "; did you mean 'v_rest'?"
    """
    import difflib  # only needed once something is wrong

    name, valid = str(name), list(valid)
    near = [other for other in valid if other.lower() == name.lower()]  # the same word in another case is nearest
    near = near or difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ""


def quoted_line(line: str, start: int, end: int, indent: str = "    ") -> str:
    """Return ``line`` with a row of carets under columns ``start`` to ``end`` (0-based, end exclusive)."""
    line = "".join(c if c.isprintable() else " " for c in line)  # a tab would move the caret, an escape code the cursor
    start = max(0, min(start, len(line)))
    end = max(start + 1, min(end, len(line)))
    lead = len(line) - len(line.lstrip())
    shown, start, end = line[lead:], start - lead, end - lead
    if len(shown) > 100:  # show a window around the caret, never a page of text
        left = max(0, start - 40)
        cut = shown[left : left + 100]
        shown, start, end = cut, start - left, min(end - left, len(cut))
    return f"{indent}{shown}\n{indent}{' ' * max(0, start)}{'^' * max(1, end - max(0, start))}"
