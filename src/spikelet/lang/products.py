"""Sums of products as Loihi's learning engine reads them, ``dw = 2^-2*x1*y0 - 2^-2*x0*y1``: a small grammar of its own.

line     target = product + product - product
product  2^-3*x1*(y1 + 4): a scale that is a power of two, factors, and factors with a constant
"""

import re
from dataclasses import dataclass
from typing import NoReturn

from spikelet.errors import EquationError, did_you_mean, quoted_line

TRACES = ("x1", "x2", "y1", "y2", "y3", "r1")  # they have an impulse and a time constant
_FACTORS = (*TRACES, "x0", "y0", "r0", "w", "t")
TARGETS = ("dw", "dt")
_EXPONENTS = range(-8, 8)  # what fits into four bits
_MOST = 4  # factors of a product
_TOKEN = re.compile(r"\s*(?:(2\s*\^\s*-?\d+)|(\d+(?:\.\d*)?)|([A-Za-z_]\w*)|([-+*()]))")


@dataclass(frozen=True)
class Product:
    """One product: its sign and scale as text, its factors, and which of them are spikes."""

    scale: str
    factors: tuple[str, ...]
    spikes: frozenset[str]

    def text(self, *, coincident: bool = False) -> str:
        """Return it as an expression of the language; ``coincident`` keeps the spike of the sender as a factor."""
        return "*".join([self.scale, *self.factors, *(["x0"] if coincident else [])])


def read(name: str, line: str) -> tuple[str, list[Product]]:
    """Read a line.

    Args:
        name: Of the rule, for messages.
        line: Such as ``dw = 2^-2*x1*y0``.

    Returns:
        ``dw`` or ``dt``, and the products that are added to it.

    Raises:
        EquationError: a term is none that the chip has; the caret stands under it.
    """
    code = line.split("#")[0]
    head, equals, _ = code.partition("=")
    target = head.strip()
    if not equals or target not in TARGETS:
        near = did_you_mean(target, TARGETS)
        why = (
            "; delays of synapses do not learn here" if target == "dd" else f"; expected 'dw = ...' or 'dt = ...'{near}"
        )
        _fail(name, line, f"'{target}' is nothing that a rule can change{why}", 0, len(head.rstrip()))
    tokens: list[tuple[str, int, int]] = []
    at = len(head) + 1
    while code[at:].strip():
        match = _TOKEN.match(code, at)
        if match is None:
            start = at + len(code[at:]) - len(code[at:].lstrip())
            _fail(name, line, f"{code[start]!r} has no place in a sum of products", start, start + 1)
        tokens.append((match[0].strip(), match.end() - len(match[0].strip()), match.end()))
        at = match.end()
    return target, _Reader(name, line, tokens).products()


class _Reader:
    """Reads the tokens of a right side: text, first column, column after the last."""

    def __init__(self, name: str, line: str, tokens: list[tuple[str, int, int]]):
        self.name, self.line, self.tokens, self.at = name, line, tokens, 0

    def products(self) -> list[Product]:
        """Read the sum."""
        if not self.tokens:
            _fail(self.name, self.line, "an expression is missing", len(self.line), len(self.line) + 1)
        found = [self._product("")]
        while self.at < len(self.tokens):
            sign = self._next()
            if sign not in "+-":
                self._fail("expected '+', '-' or '*' between what is added and multiplied")
            found.append(self._product("-" if sign == "-" else ""))
        return found

    def _product(self, sign: str) -> Product:
        if self._peek() == "-" and not sign:
            self._next()
            sign = "-"
        scale, factors, spikes, begin = "", list[str](), set[str](), self.at
        while True:
            token = self._next()
            if token[:1].isdigit():
                if scale:
                    self._fail("a product has one scale")
                scale = self._scale(token)
            elif token == "(":
                factors.append(self._sum_with_constant())
            else:
                self._check_factor(token)
                if token in ("x0", "y0") and token not in spikes:
                    spikes.add(token)  # it is 1 where the product is added
                elif token not in ("x0", "y0"):
                    factors.append("tag" if token == "t" else token)
            if self._peek() != "*":
                break
            self._next()
        if len(factors) + len(spikes) > _MOST:
            message = f"{len(factors) + len(spikes)} factors; a product has at most {_MOST}"
            _fail(self.name, self.line, message, self.tokens[begin][1], self.tokens[self.at - 1][2])
        return Product(sign + (scale or "1"), tuple(factors), frozenset(spikes))

    def _scale(self, token: str) -> str:
        """Return a power of two as the language writes it."""
        if "^" not in token:
            value = float(token)
            exponent = value.hex().split("p")
            if value == 0 or exponent[0] != "0x1.0000000000000":
                self._fail(f"the scale {token} is no power of two; write 2^k")
            power = int(exponent[1])
        else:
            power = int(token.split("^")[1])
        if power not in _EXPONENTS:
            self._fail(f"the scale 2^{power} does not fit into four bits, from 2^{_EXPONENTS[0]} to 2^{_EXPONENTS[-1]}")
        return f"2**({power})"

    def _sum_with_constant(self) -> str:
        """Read ``(y0 + 3)`` after its parenthesis."""
        factor = self._next()
        self._check_factor(factor)
        if factor in ("x0", "y0"):
            self._fail(f"'{factor}' is 0 or 1; write the products with and without it, each on its own")
        sign = self._next()
        if sign not in ("+", "-"):
            self._fail("expected a factor and a constant, such as (x1 + 3)")
        constant = self._next()
        if not constant.isdigit() or int(constant) > 127:
            self._fail("expected a whole number up to 127 beside a factor, such as (x1 + 3)")
        if self._next() != ")":
            self._fail("expected ')'")
        return f"({'tag' if factor == 't' else factor} {sign} {constant})"

    def _check_factor(self, token: str) -> None:
        if token == "d":
            self._fail("the delay 'd' does not learn here, and is no factor")
        if token not in _FACTORS:
            self._fail(
                f"'{token}' is no factor of the chip{did_you_mean(token, _FACTORS)}; they are {', '.join(_FACTORS)}"
            )

    def _peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def _next(self) -> str:
        if self.at == len(self.tokens):
            end = len(self.line.rstrip())
            _fail(self.name, self.line, "the line ends where a factor is expected", end, end + 1)
        self.at += 1
        return self.tokens[self.at - 1][0]

    def _fail(self, message: str) -> NoReturn:
        _fail(self.name, self.line, message, *self.tokens[self.at - 1][1:])


def _fail(name: str, line: str, message: str, start: int, end: int) -> NoReturn:
    raise EquationError(f"{name}: {message}\n{quoted_line(line, start, end)}")
