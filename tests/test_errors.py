# ruff: noqa: E501  # the texts stand here as the user sees them
"""Mistakes that users make, each with the whole text that they are shown.

Read this file as a user: does every text name the object and the variable, say what was given and what was expected,
and offer the nearest valid name? A text that does not is a bug.
"""

import gzip
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from spikelet import datasets, errors, surrogates, units
from spikelet.errors import (
    BackendError,
    DataError,
    EquationError,
    InputError,
    ModelError,
    NumericsError,
    ParameterError,
    ShapeError,
    SpikeletError,
    StateError,
    UnitError,
    did_you_mean,
    quoted_line,
)
from spikelet.model import Neuron, Surrogate
from spikelet.simulate import run, show

FLOW = "dv/dt = (v_rest - v + R*I)/tau : mV"
REST = """
I : pA (input)
tau = 20 ms; R = 0.1 GOhm; v_rest = -65 mV; v_th = -50 mV; v_reset = -65 mV
"""


def lif(line: str = FLOW, *, threshold: str = "v > v_th", reset: str = "v = v_reset", **more: Any) -> Neuron:
    """Return a LIF neuron with one line of the user's: its flow, or a line before that."""
    first = line if line.startswith("dv/dt") else f"{line}; {FLOW}"
    return Neuron("LIF", first + REST, threshold=threshold, reset=reset, **more)


class Mistake(NamedTuple):
    what: str
    make: Callable[[], object]
    error: type[SpikeletError]
    text: str


MISTAKES = [
    # --- the text of the equations --------------------------------------------------------------------------------
    Mistake(
        "a name misspelt",
        lambda: lif("dv/dt = (v_rst - v + R*I)/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): 'v_rst' is not defined; did you mean 'v_rest'?
            dv/dt = (v_rst - v + R*I)/tau : mV
                     ^^^^^
        """,
    ),
    Mistake(
        "a name in the wrong case",
        lambda: lif("dv/dt = (V_rest - v + R*I)/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): 'V_rest' is not defined; did you mean 'v_rest'?
            dv/dt = (V_rest - v + R*I)/tau : mV
                     ^^^^^^
        """,
    ),
    Mistake(
        "a name that is nowhere",
        lambda: lif("dv/dt = (E_leak - v + R*I)/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): 'E_leak' is not defined; give it a line, such as E_leak = 1 mV
            dv/dt = (E_leak - v + R*I)/tau : mV
                     ^^^^^^
        """,
    ),
    Mistake(
        "a function misspelt",
        lambda: lif("dv/dt = (v_rest - v + R*I)/tau*sigmod(1) : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): 'sigmod' is not a function; did you mean 'sigmoid'?
            dv/dt = (v_rest - v + R*I)/tau*sigmod(1) : mV
                                           ^^^^^^^^^
        """,
    ),
    Mistake(
        "a function of another library",
        lambda: lif("dv/dt = (v_rest - v + R*I)/tau*log10(2) : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): 'log10' is not a function; did you mean 'log'?
            dv/dt = (v_rest - v + R*I)/tau*log10(2) : mV
                                           ^^^^^^^^
        """,
    ),
    Mistake(
        "too few arguments",
        lambda: lif("dv/dt = (v_rest - clip(v, v_th))/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): clip() takes 3 arguments, 2 given
            dv/dt = (v_rest - clip(v, v_th))/tau : mV
                              ^^^^^^^^^^^^^
        """,
    ),
    Mistake(
        "a keyword argument",
        lambda: lif("dv/dt = (v_rest - clip(v, v_rest, high=v_th))/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): a function is called by its name, with its arguments alone, such as clip(x, 0, 1)
            dv/dt = (v_rest - clip(v, v_rest, high=v_th))/tau : mV
                              ^^^^^^^^^^^^^^^^^^^^^^^^^^
        """,
    ),
    Mistake(
        "no unit at the end of a line",
        lambda: lif("dv/dt = (v_rest - v + R*I)/tau"),
        EquationError,
        """
        LIF, line 1 (dv/dt): the unit is missing: write ': mV' (or ': 1') at the end of the line
            dv/dt = (v_rest - v + R*I)/tau
                                          ^
        """,
    ),
    Mistake(
        "a unit without its colon",
        lambda: lif("dv/dt = (v_rest - v + R*I)/tau mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): the unit is missing: write ': mV' (or ': 1') at the end of the line
            dv/dt = (v_rest - v + R*I)/tau mV
                                             ^
        """,
    ),
    Mistake(
        "a colon without its unit",
        lambda: lif("dv/dt = (v_rest - v + R*I)/tau :"),
        EquationError,
        """
        LIF, line 1 (dv/dt): expected a unit after ':', such as 'mV' or '1'
            dv/dt = (v_rest - v + R*I)/tau :
                                           ^
        """,
    ),
    Mistake(
        "a unit misspelt after the colon",
        lambda: lif("dv/dt = (v_rest - v + R*I)/tau : mv"),
        EquationError,
        """
        LIF, line 1 (dv/dt): unknown unit 'mv'; did you mean 'mV'?
            dv/dt = (v_rest - v + R*I)/tau : mv
                                             ^^
        """,
    ),
    Mistake(
        "a unit misspelt after a number",
        lambda: lif("dv/dt = (v_rest - v + R*I)/(20 msec) : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): expected an operator or a unit, found 'msec'; did you mean 'ms'?
            dv/dt = (v_rest - v + R*I)/(20 msec) : mV
                                           ^^^^
        """,
    ),
    Mistake(
        "a unit that is multiplied",
        lambda: lif("dv/dt = (-65*mV - v + R*I)/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): 'mV' is a unit; write it directly after a number (1 mV), or after '/'
            dv/dt = (-65*mV - v + R*I)/tau : mV
                         ^^
        """,
    ),
    Mistake(
        "a parameter with a colon",
        lambda: lif("tau_syn = 5 : ms"),
        EquationError,
        """
        LIF, line 1 (tau_syn): a parameter has its unit after its number: write 'tau_syn = 5 ms'
            tau_syn = 5 : ms; dv/dt = (v_rest - v + R*I)/tau : mV
                        ^
        """,
    ),
    Mistake(
        "a sub-expression without its unit",
        lambda: lif("tau_syn = 2*tau"),
        EquationError,
        """
        LIF, line 1 (tau_syn): a sub-expression ends with its unit, as in ': mV' (a parameter is a number with a unit)
            tau_syn = 2*tau; dv/dt = (v_rest - v + R*I)/tau : mV
            ^^^^^^^
        """,
    ),
    Mistake(
        "an operator missing",
        lambda: lif("dv/dt = (v_rest - v + R I)/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): an operator is missing here
            dv/dt = (v_rest - v + R I)/tau : mV
                                    ^
        """,
    ),
    Mistake(
        "a number that multiplies a bracket",
        lambda: lif("dv/dt = 2(v_rest - v)/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): an operator is missing here
            dv/dt = 2(v_rest - v)/tau : mV
                     ^
        """,
    ),
    Mistake(
        "a bracket that is not closed",
        lambda: lif("dv/dt = (v_rest - v + R*I/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): '(' was never closed
            dv/dt = (v_rest - v + R*I/tau : mV
                    ^
        """,
    ),
    Mistake(
        "a bracket too many",
        lambda: lif("dv/dt = (v_rest - v) + R*I)/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): unmatched ')'
            dv/dt = (v_rest - v) + R*I)/tau : mV
                                      ^
        """,
    ),
    Mistake(
        "an empty right side",
        lambda: lif("dv/dt = : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): an expression is missing
            dv/dt = : mV
                   ^
        """,
    ),
    Mistake(
        "a caret for a power",
        lambda: lif("dv/dt = ((v_rest - v)^2/(1 mV) + R*I)/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): write x**2 for a power, not x^2
            dv/dt = ((v_rest - v)^2/(1 mV) + R*I)/tau : mV
                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^
        """,
    ),
    Mistake(
        "Python's conditional",
        lambda: lif("dv/dt = (v_rest - v if v < v_th else 0)/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): write where(condition, a, b) instead of 'a if condition else b'
            dv/dt = (v_rest - v if v < v_th else 0)/tau : mV
                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        """,
    ),
    Mistake(
        "an attribute",
        lambda: lif("dv/dt = (v_rest - self.v)/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): names have no '.'
            dv/dt = (v_rest - self.v)/tau : mV
                              ^^^^^^
        """,
    ),
    Mistake(
        "a number too large",
        lambda: lif("R_2 = 1e999 MOhm"),
        EquationError,
        """
        LIF, line 1 (R_2): this number is too large
            R_2 = 1e999 MOhm; dv/dt = (v_rest - v + R*I)/tau : mV
                  ^^^^^
        """,
    ),
    Mistake(
        "a number with a thousands separator",
        lambda: lif("R_2 = 1_000 MOhm"),
        EquationError,
        """
        LIF, line 1 (R_2): '1_000' is not a number
            R_2 = 1_000 MOhm; dv/dt = (v_rest - v + R*I)/tau : mV
                  ^^^^^
        """,
    ),
    Mistake(
        "a Greek letter",
        lambda: lif("dv/dt = (v_rest - v + R*I)/τ : mV"),
        EquationError,
        """
        LIF, line 1: the character 'τ' is not allowed; texts are plain ASCII
            dv/dt = (v_rest - v + R*I)/τ : mV
                                       ^
        """,
    ),
    Mistake(
        "an event's statement among the equations",
        lambda: lif("v += 1 mV"),
        EquationError,
        """
        LIF, line 1: '+=' and the like stand in events (reset=), not among the equations
            v += 1 mV; dv/dt = (v_rest - v + R*I)/tau : mV
            ^^^^^^^^^
        """,
    ),
    Mistake(
        "a derivative by something else",
        lambda: lif("dv/dx = (v_rest - v)/tau : mV"),
        EquationError,
        """
        LIF, line 1: expected 'dv/dt = ... : unit', 'v[k+1] = ... : unit', 'x = ... : unit', 'p = value unit' or 'p : unit'
            dv/dx = (v_rest - v)/tau : mV; dv/dt = (v_rest - v + R*I)/tau : mV
            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        """,
    ),
    Mistake(
        "a line twice",
        lambda: lif("dv/dt = (v_rest - v)/tau : mV; tau = 10 ms"),
        EquationError,
        """
        LIF, line 3 (tau): 'tau' is defined twice
            tau = 20 ms; R = 0.1 GOhm; v_rest = -65 mV; v_th = -50 mV; v_reset = -65 mV
            ^^^
        """,
    ),
    Mistake(
        "a reserved name defined",
        lambda: lif("dt = 0.1 ms"),
        EquationError,
        """
        LIF, line 1 (dt): 'dt' is a reserved name; choose another
            dt = 0.1 ms; dv/dt = (v_rest - v + R*I)/tau : mV
            ^^
        """,
    ),
    Mistake(
        "a function's name defined",
        lambda: lif("sign = -1"),
        EquationError,
        """
        LIF, line 1 (sign): 'sign' is the name of a function or constant; choose another
            sign = -1; dv/dt = (v_rest - v + R*I)/tau : mV
            ^^^^
        """,
    ),
    Mistake(
        "a variable called as a function",
        lambda: lif("dv/dt = (v_rest - v + R(I))/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): 'R' is not a function; a product is R*(...)
            dv/dt = (v_rest - v + R(I))/tau : mV
                                  ^^^^
        """,
    ),
    Mistake(
        "a word of Python as a name",
        lambda: lif("dv/dt = (v_rest - v + in*R*I)/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): 'in' is a reserved word
            dv/dt = (v_rest - v + in*R*I)/tau : mV
                                  ^
        """,
    ),
    Mistake(
        "a flag misspelt",
        lambda: lif("dv/dt = (v_rest - v + R*I)/tau : mV (unless refactory)", refractory="2 ms"),
        EquationError,
        """
        LIF, line 1 (dv/dt): '(unless refactory)' is not a flag of a state; did you mean '(unless refractory)'?
            dv/dt = (v_rest - v + R*I)/tau : mV (unless refactory)
                                                ^^^^^^^^^^^^^^^^^^
        """,
    ),
    Mistake(
        "an input's flag misspelt",
        lambda: lif("dv/dt = (v_rest - v + R*J)/tau : mV; J : pA (inptu)"),
        EquationError,
        """
        LIF, line 1: '(inptu)' is not a flag of a parameter or input; did you mean '(input)'?
            dv/dt = (v_rest - v + R*J)/tau : mV; J : pA (inptu)
                                                        ^^^^^^^
        """,
    ),
    Mistake(
        "sub-expressions in a circle",
        lambda: lif("dv/dt = (a - v)/tau : mV; a = 2*b : mV; b = a + v_rest : mV"),
        EquationError,
        """
        LIF, line 1 (a): 'a' depends on itself: a -> b -> a
            dv/dt = (a - v)/tau : mV; a = 2*b : mV; b = a + v_rest : mV
                                          ^^^
        """,
    ),
    Mistake(
        "a new value read before its line",
        lambda: lif("a[k+1] = b[k+1] : 1; b[k+1] = 0.9*b : 1"),
        EquationError,
        """
        LIF, line 1 (a): 'b[k+1]' is read before its line; only earlier lines have a new value
            a[k+1] = b[k+1] : 1; b[k+1] = 0.9*b : 1; dv/dt = (v_rest - v + R*I)/tau : mV
                     ^^^^^^
        """,
    ),
    Mistake(
        "a new value read in a flow",
        lambda: lif("dv/dt = (v_rest - v[k+1])/tau : mV"),
        EquationError,
        """
        LIF, line 1 (dv/dt): 'v[k+1]', a new value, may only be read in the line of a map
            dv/dt = (v_rest - v[k+1])/tau : mV
                              ^^^^^^
        """,
    ),
    Mistake(
        "an integer state divided",
        lambda: lif("n[k+1] = n/2 : int"),
        EquationError,
        """
        LIF, line 1 (n): 'n' is an integer, but this may not be: use //, floor() or round()
            n[k+1] = n/2 : int; dv/dt = (v_rest - v + R*I)/tau : mV
                     ^^^
        """,
    ),
    Mistake(
        "no state",
        lambda: Neuron("LIF", "I : pA (input); tau = 20 ms"),
        EquationError,
        """
        LIF: the text has no state; expected a line such as 'dv/dt = (I - v)/tau : 1'
        """,
    ),
    Mistake(
        "no text",
        lambda: Neuron("LIF", ""),
        EquationError,
        """
        LIF: the text has no state; expected a line such as 'dv/dt = (I - v)/tau : 1'
        """,
    ),
    Mistake(
        "a list of lines",
        lambda: Neuron("LIF", ["dv/dt = -v/tau : 1", "tau = 20 ms"]),
        EquationError,
        """
        LIF: text must be a string, got list
        """,
    ),
    # --- units that do not fit ------------------------------------------------------------------------------------
    Mistake(
        "a voltage and a current",
        lambda: lif("dv/dt = (v_rest - v + I)/tau : mV"),
        UnitError,
        """
        LIF, line 1 (dv/dt): cannot add mV and pA
            dv/dt = (v_rest - v + I)/tau : mV
                     ^^^^^^^^^^^^^^
        """,
    ),
    Mistake(
        "a voltage and a number",
        lambda: lif("dv/dt = (v_rest - v + 5)/tau : mV"),
        UnitError,
        """
        LIF, line 1 (dv/dt): cannot add mV and a plain number
            dv/dt = (v_rest - v + 5)/tau : mV
                     ^^^^^^^^^^^^^^
        """,
    ),
    Mistake(
        "a time constant forgotten",
        lambda: lif("dv/dt = v_rest - v + R*I : mV"),
        UnitError,
        """
        LIF, line 1 (dv/dt): the right side is in mV, but dv/dt must be in mV/ms ('v' is in mV)
            dv/dt = v_rest - v + R*I : mV
                    ^^^^^^^^^^^^^^^^
        """,
    ),
    Mistake(
        "a sub-expression of another unit",
        lambda: lif("drive = R*I : pA"),
        UnitError,
        """
        LIF, line 1 (drive): 'drive' must be in pA, but this is in mV
            drive = R*I : pA; dv/dt = (v_rest - v + R*I)/tau : mV
                    ^^^
        """,
    ),
    Mistake(
        "an exponent with a unit",
        lambda: lif("f = 2**v : 1"),
        UnitError,
        """
        LIF, line 1 (f): an exponent is a plain number, but this is in mV
            f = 2**v : 1; dv/dt = (v_rest - v + R*I)/tau : mV
                   ^
        """,
    ),
    Mistake(
        "a logarithm of a voltage",
        lambda: lif("f = log(v) : 1"),
        UnitError,
        """
        LIF, line 1 (f): log() takes a plain number, but this is in mV
            f = log(v) : 1; dv/dt = (v_rest - v + R*I)/tau : mV
                    ^
        """,
    ),
    Mistake(
        "a comparison of two kinds",
        lambda: lif(threshold="v > tau"),
        UnitError,
        """
        LIF, threshold: cannot compare mV and ms
            v > tau
            ^^^^^^^
        """,
    ),
    Mistake(
        "a condition as a number",
        lambda: lif("f = 2*(v > v_th) : 1"),
        UnitError,
        """
        LIF, line 1 (f): a condition stands where a number is expected; write where(condition, 1, 0)
            f = 2*(v > v_th) : 1; dv/dt = (v_rest - v + R*I)/tau : mV
                   ^^^^^^^^
        """,
    ),
    Mistake(
        "a number as a condition",
        lambda: lif("f = where(v, 1, 0) : 1"),
        UnitError,
        """
        LIF, line 1 (f): a number stands where a condition such as 'v > v_th' is expected
            f = where(v, 1, 0) : 1; dv/dt = (v_rest - v + R*I)/tau : mV
                      ^
        """,
    ),
    Mistake(
        "division by zero",
        lambda: lif("f = v/0 : mV"),
        EquationError,
        """
        LIF, line 1 (f): division by zero
            f = v/0 : mV; dv/dt = (v_rest - v + R*I)/tau : mV
                  ^
        """,
    ),
    # --- events ---------------------------------------------------------------------------------------------------
    Mistake(
        "a threshold without comparison",
        lambda: lif(threshold="v_th"),
        UnitError,
        """
        LIF, threshold: a number stands where a condition such as 'v > v_th' is expected
            v_th
            ^^^^
        """,
    ),
    Mistake(
        "one '=' in a threshold",
        lambda: lif(threshold="v = v_th"),
        EquationError,
        """
        LIF, threshold: '=' does not compare; write '>', '<' or '=='
            v = v_th
              ^
        """,
    ),
    Mistake(
        "a threshold that tests for equality",
        lambda: lif(threshold="v == v_th"),
        EquationError,
        """
        LIF, threshold: a threshold needs one of < <= > >=, as in 'v > v_th'
            v == v_th
            ^^^^^^^^^
        """,
    ),
    Mistake(
        "a reset without threshold",
        lambda: lif(threshold="", reset="v = v_reset"),
        EquationError,
        """
        LIF: 'reset' is given, but no threshold; expected threshold="v > v_th"
        """,
    ),
    Mistake(
        "a refractory period without threshold",
        lambda: lif(threshold="", reset="", refractory="2 ms"),
        EquationError,
        """
        LIF: 'refractory' is given, but no threshold; expected threshold="v > v_th"
        """,
    ),
    Mistake(
        "a reset of a parameter",
        lambda: lif(reset="v_reset = v"),
        EquationError,
        """
        LIF, reset: 'v_reset' is a parameter, not a state
            v_reset = v
            ^^^^^^^
        """,
    ),
    Mistake(
        "a reset of a state misspelt",
        lambda: lif(reset="V = v_reset"),
        EquationError,
        """
        LIF, reset: 'V' is not a state; did you mean 'v'?
            V = v_reset
            ^
        """,
    ),
    Mistake(
        "a reset that is no statement",
        lambda: lif(reset="v_reset"),
        EquationError,
        """
        LIF, reset: expected a statement such as 'v = v_reset' or 'w += b'
            v_reset
            ^^^^^^^
        """,
    ),
    Mistake(
        "a reset to another unit",
        lambda: lif(reset="v = 0.1*tau"),
        UnitError,
        """
        LIF, reset: 'v' must be in mV, but this is in ms
            v = 0.1*tau
                ^^^^^^^
        """,
    ),
    Mistake(
        "white noise in a reset",
        lambda: lif(reset="v = v_reset + xi*(1 mV*ms**0.5)"),
        EquationError,
        """
        LIF, reset: white noise 'xi' may only stand in a flow (dv/dt = ...)
            v = v_reset + xi*(1 mV*ms**0.5)
                          ^^
        """,
    ),
    Mistake(
        "a refractory period without unit",
        lambda: lif(refractory="2"),
        UnitError,
        """
        LIF, refractory: a refractory duration must be in ms, but this is a plain number
            2
            ^
        """,
    ),
    Mistake(
        "a negative refractory period",
        lambda: lif(refractory="-2 ms"),
        EquationError,
        """
        LIF, refractory: a refractory duration must not be negative
            -2 ms
            ^^^^^
        """,
    ),
    Mistake(
        "a refractory period that varies",
        lambda: lif(refractory="tau*v/v_th"),
        EquationError,
        """
        LIF, refractory: a refractory duration may depend on parameters only
            tau*v/v_th
            ^^^^^^^^^^
        """,
    ),
    Mistake(
        "(unless refractory) without refractory=",
        lambda: lif("dv/dt = (v_rest - v + R*I)/tau : mV (unless refractory)"),
        EquationError,
        """
        LIF, line 1 (dv/dt): 'v' is held '(unless refractory)', but the model has no refractory=
            dv/dt = (v_rest - v + R*I)/tau : mV (unless refractory)
                    ^^^^^^^^^^^^^^^^^^^^^^
        """,
    ),
    Mistake(
        "on_recovery without refractory=",
        lambda: lif(on_recovery="v = v_reset"),
        EquationError,
        """
        LIF: 'on_recovery' is given, but no refractoriness; expected refractory="t_ref"
        """,
    ),
    Mistake(
        "an initial value that reads the input",
        lambda: lif(initial="v = R*I"),
        EquationError,
        """
        LIF, initial: an initial value may depend on parameters and earlier states only, not on 'I'
            v = R*I
                ^^^
        """,
    ),
    # --- parameters and the model as data -------------------------------------------------------------------------
    Mistake(
        "a parameter misspelt",
        lambda: lif()(tau_m=10),
        ParameterError,
        """
        LIF: 'tau_m' is not a parameter; did you mean 'tau'?
        """,
    ),
    Mistake(
        "a parameter that is an input",
        lambda: lif()(I=10),
        ParameterError,
        """
        LIF: 'I' is an input, not a parameter
        """,
    ),
    Mistake(
        "a negative time constant",
        lambda: lif()(tau=-20),
        ParameterError,
        """
        LIF: parameter 'tau' is a time constant and must be positive, got -20
        """,
    ),
    Mistake(
        "one time constant of several that is zero",
        lambda: lif()(tau=[10, 0, 20]),
        ParameterError,
        """
        LIF: parameter 'tau' is a time constant and must be positive, got 0
        """,
    ),
    Mistake(
        "a negative time constant in the text",
        lambda: Neuron("LIF", "dv/dt = -v/tau : 1; tau = -20 ms"),
        ParameterError,
        """
        LIF: parameter 'tau' is a time constant and must be positive, got -20
        """,
    ),
    Mistake(
        "a negative refractory period as a value",
        lambda: lif("t_ref = 2 ms", refractory="t_ref")(t_ref=-1),
        ParameterError,
        """
        LIF: parameter 't_ref' is a duration and must not be negative, got -1
        """,
    ),
    Mistake(
        "an event given as a parameter",
        lambda: lif()(threshold="v > 1 mV"),
        ParameterError,
        """
        LIF: 'threshold' is not a parameter; another threshold makes another Neuron
        """,
    ),
    Mistake(
        "a fraction for an integer parameter",
        lambda: Neuron("Chip", "u[k+1] = u + n : int; n = 3 int")(n=2.5),
        ParameterError,
        """
        Chip: parameter 'n' must be an integer below 2**53, got 2.5
        """,
    ),
    Mistake(
        "NaN",
        lambda: lif()(v_th=float("nan")),
        ParameterError,
        """
        LIF: parameter 'v_th' is NaN
        """,
    ),
    Mistake(
        "a value as text",
        lambda: lif()(tau="20 ms"),
        ParameterError,
        """
        LIF: parameter 'tau' must be a number or an array of numbers, got '20 ms'
        """,
    ),
    Mistake(
        "an integrator misspelt",
        lambda: lif(method="rk5"),
        ModelError,
        """
        LIF: method 'rk5' is none of exact, exponential_euler, euler, heun, rk4; did you mean 'rk4'?
        """,
    ),
    Mistake(
        "a model of another schema",
        lambda: Neuron.from_json(lif().to_json().replace('"schema": 1', '"schema": 99')),
        ModelError,
        """
        this Neuron was saved in schema version 99; this version of Spikelet reads 1
        """,
    ),
    Mistake(
        "a saved model with an unknown field",
        lambda: Neuron.from_json(lif().to_json().replace('"threshold"', '"treshold"')),
        ModelError,
        """
        a saved Neuron has no field 'treshold'; did you mean 'threshold'?
        """,
    ),
    Mistake(
        "a saved surrogate taken for a neuron",
        lambda: Neuron.from_json(surrogates.arctan.to_json()),
        ModelError,
        """
        this is not the JSON of a Neuron: the field 'kind' is not 'Neuron'
        """,
    ),
    Mistake(
        "a saved model without its text",
        lambda: Neuron.from_json('{"schema": 1, "kind": "Neuron", "name": "LIF"}'),
        ModelError,
        """
        a saved Neuron needs the field 'text'
        """,
    ),
    Mistake(
        "a file that is no saved model",
        lambda: Neuron.from_json("dv/dt = -v/tau : 1"),
        ModelError,
        """
        this is not the JSON of a Neuron: Expecting value: line 1 column 1 (char 0)
        """,
    ),
    Mistake(
        "a surrogate that is no derivative",
        lambda: Surrogate("mine", "1/(1 + x**2)"),
        EquationError,
        """
        mine: a surrogate begins with 'ds/dx = ...', got '1/(1 + x**2)'
        """,
    ),
    Mistake(
        "a surrogate's parameter misspelt",
        lambda: surrogates.arctan(alhpa=3),
        ParameterError,
        """
        arctan: 'alhpa' is not a parameter; did you mean 'alpha'?
        """,
    ),
    Mistake(
        "a name that could be code",
        lambda: Neuron('LIF"; import os', "dv/dt = -v/(20 ms) : 1"),
        ModelError,
        """
        a model's name is 1 to 100 letters, digits, blanks or any of _.,:+-/&(), got 'LIF"; import os'
        """,
    ),
    Mistake(
        "a name misspelt in a surrogate",
        lambda: Surrogate("mine", "ds/dx = 1/(1 + alfa*x**2); alpha = 2"),
        EquationError,
        """
        mine, line 1 (ds/dx): 'alfa' is not defined; did you mean 'alpha'?
            ds/dx = 1/(1 + alfa*x**2); alpha = 2
                           ^^^^
        """,
    ),
    Mistake(
        "a unit misspelt on the command line",
        lambda: units.quantity("500 mss", "ms"),
        InputError,
        """
        '500 mss': unknown unit 'mss'; did you mean 'ms'?
        """,
    ),
    Mistake(
        "a quantity of the wrong kind on the command line",
        lambda: units.quantity("500 mV", "ms"),
        InputError,
        """
        '500 mV' is in mV; expected a quantity in ms
        """,
    ),
    Mistake(
        "no number on the command line",
        lambda: units.quantity("long", "ms"),
        InputError,
        """
        'long' is not a number with a unit, such as '500 ms'
        """,
    ),
    # --- running a model ------------------------------------------------------------------------------------------
    Mistake(
        "a parameter forgotten",
        lambda: run(Neuron("LIF", "dv/dt = -v/tau : 1; tau : ms"), t=10),
        ParameterError,
        """
        LIF needs a value for 'tau' (unit ms): LIF(tau=...)
        """,
    ),
    Mistake(
        "a time shorter than a step",
        lambda: run(lif(), t=0.01),
        InputError,
        """
        run: t = 0.01 ms is shorter than one step of dt = 0.1 ms
        """,
    ),
    Mistake(
        "a time of zero",
        lambda: run(lif(), t=0),
        InputError,
        """
        run: t must be a positive number of ms, got 0
        """,
    ),
    Mistake(
        "a time as text",
        lambda: run(lif(), t="500ms"),
        InputError,
        """
        run: t must be a positive number of ms, got '500ms'
        """,
    ),
    Mistake(
        "a negative step",
        lambda: run(lif(), t=10, dt=-0.1),
        InputError,
        """
        run: dt must be a positive number of ms, got -0.1
        """,
    ),
    Mistake(
        "several inputs, none named",
        lambda: run(lif("J : pA (input)"), 5, t=10),
        InputError,
        """
        LIF has the inputs J, I; name them in a dict, such as I={'J': ...}
        """,
    ),
    Mistake(
        "an input for a model that has none",
        lambda: run(Neuron("LI", "dv/dt = -v/(20 ms) : 1"), 5, t=10),
        InputError,
        """
        LI has no input; to add to a state in every step, give a dict such as I={'v': ...}
        """,
    ),
    Mistake(
        "an input misspelt",
        lambda: run(lif("I_exc : pA (input)"), {"I_ex": 5}, t=10),
        InputError,
        """
        LIF has no input or state 'I_ex'; did you mean 'I_exc'?
        """,
    ),
    Mistake(
        "a jump to a name that is not there",
        lambda: run(lif(), {"V": 5}, t=10),
        InputError,
        """
        LIF has no input or state 'V'; did you mean 'v'?
        """,
    ),
    Mistake(
        "an input of the wrong number of steps",
        lambda: run(lif(), np.zeros((50, 1)), t=10),
        ShapeError,
        """
        LIF: input 'I' has 50 steps; expected 100 (t/dt)
        """,
    ),
    Mistake(
        "an input of three axes",
        lambda: run(lif(), np.zeros((100, 2, 3)), t=10),
        ShapeError,
        """
        LIF: input 'I' has shape (100, 2, 3); expected (), (N,), (T, 1) or (T, N)
        """,
    ),
    Mistake(
        "an input and a parameter of different sizes",
        lambda: run(lif()(tau=[10, 20]), [1, 2, 3], t=10),
        ShapeError,
        """
        LIF: parameter 'tau' is for 2 neurons, but input 'I' for 3
        """,
    ),
    Mistake(
        "n that differs from the input",
        lambda: run(lif(), [1, 2, 3], t=10, n=4),
        ShapeError,
        """
        LIF: input 'I' is for 3 neurons, but n for 4
        """,
    ),
    Mistake(
        "n of zero",
        lambda: run(lif(), t=10, n=0),
        InputError,
        """
        run: n must be a positive integer, got 0
        """,
    ),
    Mistake(
        "an input with NaN",
        lambda: run(lif(), [1, float("nan")], t=10),
        NumericsError,
        """
        LIF: input 'I' is NaN at [1]
        """,
    ),
    Mistake(
        "an input that is no number",
        lambda: run(lif(), "5 pA", t=10),
        InputError,
        """
        LIF: input 'I' must hold numbers, got '5 pA'
        """,
    ),
    Mistake(
        "a fraction for an integer input",
        lambda: run(Neuron("Chip", "u[k+1] = u + J : int; J : int (input)"), 0.5, t=10),
        InputError,
        """
        Chip: input 'J' takes integers, got 0.5
        """,
    ),
    Mistake(
        "a recorded name misspelt",
        lambda: run(lif(), t=10, record=("v", "V_mem")),
        InputError,
        """
        LIF has no state 'V_mem' to record; it has v
        """,
    ),
    Mistake(
        "spikes recorded by name",
        lambda: run(lif(), t=10, record="spikes"),
        InputError,
        """
        LIF has no state 'spikes' to record; spikes are always recorded, as result.spikes
        """,
    ),
    Mistake(
        "a result that was not recorded",
        lambda: run(lif(), t=10)["v"],
        InputError,
        """
        'v' was not recorded; ask for it with record='v'
        """,
    ),
    Mistake(
        "a result misspelt",
        lambda: run(lif(), t=10, record="v")["V"],
        InputError,
        """
        'V' was not recorded; did you mean 'v'?
        """,
    ),
    Mistake(
        "a back end misspelt",
        lambda: run(lif(), t=10, backend="numpy"),
        BackendError,
        """
        run: there is no back end 'numpy'; did you mean 'numpy_reference'?
        """,
    ),
    Mistake(
        "a data type that is not offered",
        lambda: run(lif(), t=10, dtype="float16"),
        InputError,
        """
        run: dtype must be 'float32' or 'float64', got 'float16'
        """,
    ),
    Mistake(
        "an integrator misspelt in a run",
        lambda: run(lif(), t=10, method="eulr"),
        InputError,
        """
        run: method 'eulr' is none of exact, exponential_euler, euler, heun, rk4; did you mean 'euler'?
        """,
    ),
    Mistake(
        "a seed that is no integer",
        lambda: run(lif("dw/dt = xi/(1 ms)**0.5 : 1"), t=10, seed=0.5),
        InputError,
        """
        seed must be an integer, not 0.5
        """,
    ),
    Mistake(
        "a state of another size",
        lambda: run(lif(), [1, 2], t=10, state=run(lif(), [1, 2, 3], t=10).state),
        StateError,
        """
        LIF: state 'v' has shape (3,); expected (2,)
        """,
    ),
    Mistake(
        "a state of another model",
        lambda: run(lif("dw/dt = -w/tau : 1"), t=10, state=run(lif(), t=10).state),
        StateError,
        """
        LIF: the state holds ['step', 'v']; expected ['step', 'v', 'w']
        """,
    ),
    Mistake(
        "a state of another precision",
        lambda: run(lif(), t=10, dtype="float64", state=run(lif(), t=10).state),
        StateError,
        """
        LIF: state 'v' is of float32; expected float64
        """,
    ),
    Mistake(
        "a result in place of its state",
        lambda: run(lif(), t=10, state=run(lif(), t=10)),
        StateError,
        """
        LIF: expected a state, such as result.state, got Result
        """,
    ),
    Mistake(
        "a name in place of a model",
        lambda: run("LIF", t=10),
        InputError,
        """
        run: expected a Neuron, got str
        """,
    ),
    Mistake(
        "a model that explodes",
        lambda: run(Neuron("Bad", "dv/dt = (v**2 - v**3)/(1 ms) : 1", initial="v = -5"), t=10, n=2),
        NumericsError,
        """
        Bad: 'v' became NaN in 2 of 2 neurons (first: 0); a smaller dt or another method may help
        """,
    ),
    Mistake(
        "a target misspelt",
        lambda: show(lif(), "pytorch"),
        InputError,
        """
        show: there is no target 'pytorch'; did you mean 'torch'?
        """,
    ),
    # --- data sets -------------------------------------------------------------------------------------------------
    Mistake(
        "data that are not there",
        lambda: datasets.mnist("train"),
        DataError,
        """
        mnist: train-labels-idx1-ubyte.gz (or the same without .gz) was not found. Looked in DATA/mnist and DATA/MNIST/raw. Download the four files of the data set 'MNIST handwritten digits' (train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz) and put them there, or set SPIKELET_DATA to the folder that holds mnist/.
        """,
    ),
    Mistake(
        "a split misspelt",
        lambda: datasets.digits("tset"),  # type: ignore[arg-type]  # the mistake
        InputError,
        """
        split must be 'train', 'test' or None, not 'tset'; did you mean 'test'?
        """,
    ),
    Mistake(
        "a web page saved as a data file",
        lambda: labels(b"<html>not found"),
        DataError,
        """
        DATA/mnist/t10k-labels-idx1-ubyte.gz: not an idx file; it begins with b'<html>not fo'
        """,
    ),
    Mistake(
        "images in place of labels",
        lambda: labels(b"\0\0\x08\x03\0\0\x27\x10\0\0\0\x1c\0\0\0\x1c"),
        DataError,
        """
        DATA/mnist/t10k-labels-idx1-ubyte.gz: expected an idx file of unsigned bytes with 1 axes (magic number 2049), found magic number 2051
        """,
    ),
    Mistake(
        "a file that was not downloaded in full",
        lambda: labels(gzip.compress(b"\0\0\x08\x01\0\0\x27\x10" + bytes(10_000))[:30]),
        DataError,
        """
        DATA/mnist/t10k-labels-idx1-ubyte.gz: the compressed file is damaged or was not downloaded in full (Compressed file ended before the end-of-stream marker was reached)
        """,
    ),
]


def labels(content: bytes) -> object:
    """Read a file of labels with this content."""
    folder = datasets.data_folder() / "mnist"
    folder.mkdir()
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(content)
    return datasets.mnist("test")


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.what for mistake in MISTAKES])
def test_the_whole_text(mistake: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SPIKELET_DATA", str(tmp_path))
    with pytest.raises(SpikeletError) as caught:
        mistake.make()
    assert str(caught.value).replace(str(tmp_path), "DATA") == textwrap.dedent(mistake.text).strip("\n")
    assert type(caught.value) is mistake.error


def test_the_table_is_large_and_has_each_mistake_once():
    assert len({mistake.what for mistake in MISTAKES}) == len(MISTAKES) >= 45
    assert len({textwrap.dedent(mistake.text) for mistake in MISTAKES}) >= 0.9 * len(MISTAKES)


def test_the_table_shows_every_kind_of_error():
    leaves = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SpikeletError)}
    abstract = {SpikeletError}
    assert {mistake.error for mistake in MISTAKES} == leaves - abstract


@pytest.mark.parametrize(
    ("kind", "parents"),
    [
        (EquationError, (ModelError, ValueError)),
        (UnitError, (EquationError, ValueError)),
        (ParameterError, (ModelError, ValueError)),
        (ShapeError, (InputError, ValueError)),
        (StateError, (InputError, ValueError)),
        (NumericsError, (SpikeletError, ArithmeticError)),
        (BackendError, (SpikeletError, RuntimeError)),
        (DataError, (SpikeletError, OSError)),
    ],
)
def test_errors_are_also_what_python_calls_them(kind: type[Exception], parents: tuple[type, ...]):
    assert all(issubclass(kind, parent) for parent in (*parents, SpikeletError))


def test_the_name_in_another_case_is_the_nearest():
    assert did_you_mean("V_TH", ["v_t", "v_th", "V_T"]) == "; did you mean 'v_th'?"
    assert did_you_mean("x", ["tau_mem", "v_rest"]) == ""
    assert did_you_mean(None, ["numpy_reference"]) == ""
    assert did_you_mean("anything", []) == ""


@pytest.mark.parametrize(
    ("line", "start", "end", "shown"),
    [
        ("a + b", 4, 5, "a + b\n    ^"),
        ("    a + b  ", 8, 9, "a + b  \n    ^"),  # without the indentation of the user's text
        ("\ta\t+ b", 5, 6, "a + b\n    ^"),  # a tab is as wide as the blank that stands for it
        ("a + b", 5, 9, "a + b\n     ^"),  # beyond the end: just after it
        ("", 0, 0, "\n^"),
        ("a\x1b[2J\0\ud800 b", 0, 1, "a [2J   b\n^"),  # nothing that a terminal obeys or cannot print
        ("x" * 300, 150, 152, "x" * 100 + "\n" + " " * 40 + "^^"),  # a window of a long line
    ],
)
def test_a_quoted_line_has_its_caret_in_place(line: str, start: int, end: int, shown: str):
    assert quoted_line(line, start, end) == textwrap.indent(shown, "    ", lambda _: True)
