"""Print a checked model, synapse or rule as LaTeX: flows, maps and events."""

import re
from collections.abc import Mapping

from spikelet.lang.definition import Definition
from spikelet.lang.functions import CONSTANTS, FUNCTIONS
from spikelet.lang.rule import RuleDefinition
from spikelet.lang.synapse import SynapseDefinition
from spikelet.lang.syntax import Assignment, Expr
from spikelet.lang.variables import Variable

_GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho",
    "sigma", "tau", "phi", "chi", "psi", "omega", "Delta", "Theta", "Omega", "Gamma",
}  # fmt: skip
_ATOM, _PRODUCT = 9, 6
# How strongly each operator binds, and how strongly its operands must, not to need parentheses.
_BINDS: dict[str, tuple[float, float, float]] = {
    "or": (0, 0, 1), "and": (1, 1, 2), "not": (2, 2, 2), **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), (3, 4, 4)),
    "+": (4, 4, 5), "-": (4, 4, 5), "neg": (4.5, 6, 6), "%": (5, 6, 6), "*": (_PRODUCT, 6, 6), "/": (7, 0, 0),
    "**": (8, _ATOM, 0), "//": (_ATOM, 0, 0),
}  # fmt: skip
_NEXT = r",\; "
_SIGNS = {
    "<=": r" \le ", ">=": r" \ge ", "==": " = ", "!=": r" \ne ", "and": r" \wedge ", "or": r" \vee ", "not": r"\neg ",
    "neg": "-", "*": r"\,", "%": r" \bmod ",
}  # fmt: skip


def symbol(name: str) -> str:
    r"""Return a variable's name in LaTeX: ``tau_mem`` becomes ``\tau_{\mathrm{mem}}``."""
    head, _, tail = name.strip("_").partition("_")
    match = re.fullmatch(r"([A-Za-z]+?)(\d*)", head)
    letter, digits = (match[1], match[2]) if match else (head, "")
    shown = f"\\{letter}" if letter in _GREEK else letter if len(letter) <= 1 else rf"\mathrm{{{letter}}}"
    below = "".join([digits, ("," if digits and tail else "") + tail.replace("_", ",")])
    if not below:
        return shown
    return f"{shown}_{{{below}}}" if below.isdigit() or len(below) == 1 else rf"{shown}_{{\mathrm{{{below}}}}}"


def expression(expr: Expr, outer: float = 0) -> str:
    """Return an expression in LaTeX, with parentheses where it binds less than ``outer``."""
    text, level = _printed(expr)
    return rf"\left({text}\right)" if level < outer else text


def _printed(expr: Expr) -> tuple[str, float]:
    """Return an expression in LaTeX and how strongly it binds."""
    op, args = expr.op, expr.args
    if op == "number":
        return _number(expr)
    if op in ("name", "next"):
        return symbol(str(expr.value)) + ("^{k+1}" if op == "next" else ""), _ATOM
    if op == "call":
        return FUNCTIONS[str(expr.value)].latex.format(*(expression(arg) for arg in args)), _ATOM
    level, left, right = _BINDS[op]
    if op in ("/", "//"):
        fraction = rf"\frac{{{expression(args[0])}}}{{{expression(args[1])}}}"
        return (fraction if op == "/" else rf"\left\lfloor {fraction} \right\rfloor"), level
    if op == "**":
        return f"{{{expression(args[0], left)}}}^{{{expression(args[1])}}}", level
    if len(args) == 1:
        return _SIGNS[op] + expression(args[0], right), level
    return expression(args[0], left) + _SIGNS.get(op, f" {op} ") + expression(args[1], right), level


def _number(expr: Expr) -> tuple[str, float]:
    text = expr.source.line[expr.start : expr.end].strip()
    if text in CONSTANTS:
        return symbol(text), _ATOM
    match = re.fullmatch(r"([\d.]+)(?:[eE]([+-]?)0*(\d+))?\s*(\D.*)?", text)
    if not match:
        return _unit(text), _ATOM
    power = rf"\cdot 10^{{{match[2].strip('+')}{match[3]}}}" if match[3] else ""
    unit = rf"\,{_unit(match[4])}" if match[4] and match[4] != "int" else ""
    return match[1] + power + unit, _PRODUCT if power or unit else _ATOM


def _unit(text: str) -> str:
    raised = re.sub(r"(?:(?:\*\*|\^)(-?[\d.]+)|(?<=[A-Za-z])(\d))", r"^{\1\2}", text.replace(" ", ""))
    return rf"\mathrm{{{raised.replace('*', chr(92) + ',')}}}"


def model(definition: Definition) -> str:
    """Return the whole model as an aligned block of equations."""
    rows = _equations(definition.variables, {})
    if definition.threshold is not None:
        events = "".join(_NEXT + _assignment(part) for part in definition.reset)
        rows.append(rf"\text{{if }} {expression(definition.threshold)} &:\; \text{{spike}}{events}")
    if definition.refractory is not None:
        rows.append(rf"\text{{refractory}} &:\; {expression(definition.refractory[1])}")
    return _aligned(rows, {"on recovery": definition.on_recovery, "initially": definition.initial})


def between(definition: SynapseDefinition | RuleDefinition) -> str:
    """Return a whole synapse or rule as an aligned block of equations, with the place of each state."""
    rows = _equations(definition.variables, definition.places)
    events = {"at each spike that arrives": definition.on_pre}
    if isinstance(definition, RuleDefinition):
        events["at each spike of the receiver"] = definition.on_post
    return _aligned(rows, {**events, "initially": definition.initial})


def _equations(variables: Mapping[str, Variable], places: Mapping[str, str]) -> list[str]:
    rows: list[str] = []
    for variable in variables.values():
        name = symbol(variable.name)
        if variable.expr is None:
            continue
        left = {"flow": rf"\frac{{d{name}}}{{dt}}", "map": f"{name}^{{k+1}}"}.get(variable.kind, name)
        place = rf" \quad(\mathrm{{{places[variable.name]}}})" if variable.name in places else ""
        rows.append(f"{left} &= {expression(variable.expr)}{place}")
    return rows


def _aligned(rows: list[str], events: Mapping[str, tuple[Assignment, ...]]) -> str:
    for when, event in events.items():
        if event:
            rows.append(rf"\text{{{when}}} &:\; {_NEXT.join(_assignment(part) for part in event)}")
    body = " \\\\\n".join(rows)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _assignment(part: Assignment) -> str:
    return rf"{symbol(part.name)} \leftarrow {expression(part.expr)}"
