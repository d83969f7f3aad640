"""Print a checked model as LaTeX: flows, maps, events, and the table of parameters."""

import re

from spikelet.lang.definition import Definition
from spikelet.lang.functions import FUNCTIONS
from spikelet.lang.syntax import Assignment, Expr

_GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho",
    "sigma", "tau", "phi", "chi", "psi", "omega", "Delta", "Theta", "Omega", "Gamma",
}  # fmt: skip
_LOOSE = {"or": 0, "and": 1, "not": 2, "<": 3, "<=": 3, ">": 3, ">=": 3, "==": 3, "!=": 3, "+": 4, "-": 4, "neg": 5}
_NEXT = r",\; "
_SIGNS = {"<=": r"\le", ">=": r"\ge", "==": "=", "!=": r"\ne", "and": r"\wedge", "or": r"\vee"}


def symbol(name: str) -> str:
    r"""Return a variable's name in LaTeX: ``tau_mem`` becomes ``\tau_{\mathrm{mem}}``."""
    head, _, tail = name.partition("_")
    match = re.fullmatch(r"([A-Za-z]+?)(\d*)", head)
    letter, digits = (match[1], match[2]) if match else (head, "")
    shown = f"\\{letter}" if letter in _GREEK else letter if len(letter) <= 1 else rf"\mathrm{{{letter}}}"
    below = "".join([digits, ("," if digits and tail else "") + tail.replace("_", ",")])
    if not below:
        return shown
    return f"{shown}_{{{below}}}" if below.isdigit() or len(below) == 1 else rf"{shown}_{{\mathrm{{{below}}}}}"


def expression(expr: Expr, outer: int = 0) -> str:
    """Return an expression in LaTeX, with parentheses only where they are needed."""
    op, args = expr.op, expr.args
    if op == "number":
        return _number(expr)
    if op in ("name", "next"):
        return symbol(str(expr.value)) + ("^{k+1}" if op == "next" else "")
    if op == "call":
        return FUNCTIONS[str(expr.value)].latex.format(*(expression(arg) for arg in args))
    if op in ("/", "//"):
        fraction = rf"\frac{{{expression(args[0])}}}{{{expression(args[1])}}}"
        return fraction if op == "/" else rf"\left\lfloor {fraction} \right\rfloor"
    if op == "**":
        return rf"{{{expression(args[0], 9)}}}^{{{expression(args[1])}}}"
    if op in ("*", "%"):
        return (r"\," if op == "*" else r" \bmod ").join(expression(arg, 6) for arg in args)
    level = _LOOSE[op]
    if op == "neg":
        text = f"-{expression(args[0], 6)}"
    elif op == "not":
        text = rf"\neg {expression(args[0], level)}"
    else:
        text = f"{expression(args[0], level)} {_SIGNS.get(op, op)} {expression(args[1], level + 1)}"
    return rf"\left({text}\right)" if level < outer else text


def _number(expr: Expr) -> str:
    text = expr.source.line[expr.start : expr.end].strip()
    match = re.fullmatch(r"([\d.eE+-]+)\s*(\S.*)?", text)
    if not match:
        return f"{expr.value:g}"
    digits = re.sub(r"[eE]([+-]?)0*(\d+)$", r"\\cdot 10^{\g<1>\2}", match[1]).replace("{+", "{")
    return digits + (rf"\,\mathrm{{{match[2]}}}" if match[2] and match[2] != "int" else "")


def model(definition: Definition) -> str:
    """Return the whole model as an aligned block of equations."""
    rows: list[str] = []
    for variable in definition.variables.values():
        name = symbol(variable.name)
        if variable.expr is None:
            continue
        left = {"flow": rf"\frac{{d{name}}}{{dt}}", "map": f"{name}^{{k+1}}"}.get(variable.kind, name)
        rows.append(f"{left} &= {expression(variable.expr)}")
    if definition.threshold is not None:
        events = "".join(_NEXT + _assignment(part) for part in definition.reset)
        rows.append(rf"\text{{if }} {expression(definition.threshold)} &:\; \text{{spike}}{events}")
    if definition.refractory is not None:
        rows.append(rf"\text{{refractory}} &:\; {expression(definition.refractory[1])}")
    for when, event in (("on recovery", definition.on_recovery), ("initially", definition.initial)):
        if event:
            rows.append(rf"\text{{{when}}} &:\; {_NEXT.join(_assignment(part) for part in event)}")
    body = " \\\\\n".join(rows)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _assignment(part: Assignment) -> str:
    return rf"{symbol(part.name)} \leftarrow {expression(part.expr)}"
