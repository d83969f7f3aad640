"""The functions of the language: one row each, with its units, derivative and spelling in each back end.

To add a function, add a row. A spelling is a format string over the arguments; a name without a module in it
(``exprel``) is defined by the back end itself.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Function:
    """A row of the table.

    Attributes:
        name: As written in a model's text.
        arity: Number of arguments.
        units: Rule of the arguments' units: ``"same"`` (all alike, and so is the result), ``"number"`` (all and the
            result dimensionless), ``"sqrt"`` (half the exponents), ``"sign"`` (any, the result dimensionless),
            ``"where"`` (a condition, then two alike).
        derivative: One expression for each argument, in the language itself, over ``x``, ``y`` and ``z``; an empty
            text where the derivative is zero. The adjoint and the tests read it.
        numpy: Spelling in NumPy.
        torch: Spelling in PyTorch.
        latex: Spelling in LaTeX.
        bounds: Interval of arguments over which tests compare the derivative with finite differences.
    """

    name: str
    arity: int
    units: str
    derivative: tuple[str, ...]
    numpy: str
    torch: str
    latex: str
    bounds: tuple[float, float] = (-3.0, 3.0)


def _row(name: str, units: str, derivative: str, numpy: str, torch: str, latex: str, **more: tuple[float, float]):
    parts = tuple(part.strip() for part in derivative.split(";"))
    return Function(name, len(parts), units, parts, numpy, torch, latex, **more)


_ROWS = (
    _row("exp", "number", "exp(x)", "np.exp({0})", "torch.exp({0})", r"\exp\left({0}\right)"),
    _row("log", "number", "1/x", "np.log({0})", "torch.log({0})", r"\ln\left({0}\right)", bounds=(0.1, 5.0)),
    _row("expm1", "number", "exp(x)", "np.expm1({0})", "torch.expm1({0})", r"\left(e^{{{0}}}-1\right)"),
    _row(
        "exprel",
        "number",
        "where(abs(x) < 0.05, 1/2 + x*(1/3 + x*(1/8 + x*(1/30 + x*(1/144 + x*(1/840 + x/5760))))),"
        " (1 + (x - 1)*exprel(x))*(1/where(x == 0, 1, x)))",
        "exprel({0})",
        "exprel({0})",
        r"\operatorname{{exprel}}\left({0}\right)",
    ),
    _row("sqrt", "sqrt", "0.5/sqrt(x)", "np.sqrt({0})", "torch.sqrt({0})", r"\sqrt{{{0}}}", bounds=(0.1, 5.0)),
    _row("sin", "number", "cos(x)", "np.sin({0})", "torch.sin({0})", r"\sin\left({0}\right)"),
    _row("cos", "number", "-sin(x)", "np.cos({0})", "torch.cos({0})", r"\cos\left({0}\right)"),
    _row("tanh", "number", "1 - tanh(x)**2", "np.tanh({0})", "torch.tanh({0})", r"\tanh\left({0}\right)"),
    _row("cosh", "number", "(exp(x) - exp(-x))/2", "np.cosh({0})", "torch.cosh({0})", r"\cosh\left({0}\right)"),
    _row(
        "sigmoid", "number", "sigmoid(x)*sigmoid(-x)", "sigmoid({0})", "torch.sigmoid({0})", r"\sigma\left({0}\right)"
    ),
    _row(
        "erf", "number", "2/sqrt(pi)*exp(-x**2)", "erf({0})", "torch.erf({0})", r"\operatorname{{erf}}\left({0}\right)"
    ),
    _row("abs", "same", "sign(x)", "np.abs({0})", "torch.abs({0})", r"\left|{0}\right|", bounds=(0.1, 3.0)),
    _row("sign", "sign", "", "np.sign({0})", "torch.sign({0})", r"\operatorname{{sign}}\left({0}\right)"),
    _row("floor", "same", "", "np.floor({0})", "torch.floor({0})", r"\left\lfloor {0} \right\rfloor"),
    _row("round", "same", "", "np.round({0})", "torch.round({0})", r"\operatorname{{round}}\left({0}\right)"),
    _row("heaviside", "sign", "", "heaviside({0})", "heaviside({0})", r"H\left({0}\right)"),
    _row(
        "min",
        "same",
        "(1 + sign(y - x))/2; (1 + sign(x - y))/2",
        "np.minimum({0}, {1})",
        "minimum({0}, {1})",
        r"\min\left({0}, {1}\right)",
    ),
    _row(
        "max",
        "same",
        "(1 + sign(x - y))/2; (1 + sign(y - x))/2",
        "np.maximum({0}, {1})",
        "maximum({0}, {1})",
        r"\max\left({0}, {1}\right)",
    ),
    _row(
        "clip",
        "same",
        "heaviside(x - y)*heaviside(z - x); heaviside(y - x); heaviside(x - z)",
        "np.minimum(np.maximum({0}, {1}), {2})",
        "minimum(maximum({0}, {1}), {2})",
        r"\operatorname{{clip}}\left({0}, {1}, {2}\right)",
    ),
    _row(
        "where",
        "where",
        "; where(x, 1, 0); where(x, 0, 1)",
        "np.where({0}, {1}, {2})",
        "torch.where({0}, {1}, {2})",
        r"\left[{0}\;?\;{1}:{2}\right]",
    ),
    _row("detach", "same", "", "{0}", "detach({0})", r"{0}"),
    Function("uniform", 0, "number", (), "", "", r"U(0,1)"),
    Function("normal", 0, "number", (), "", "", r"\mathcal{{N}}(0,1)"),
    Function("binomial", 2, "number", (), "", "", r"\operatorname{{B}}\left({0}, {1}\right)"),
)

FUNCTIONS: dict[str, Function] = {row.name: row for row in _ROWS}
DRAWS = ("uniform", "normal", "binomial")  # functions whose value is random
ONLY_RELEASED = "binomial() counts what spikes release: it stands in on_pre= of a synapse"
CONSTANTS: dict[str, float] = {"pi": 3.141592653589793}
