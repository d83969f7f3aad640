"""Layers one after another, and around one another: ``Sequential`` and ``Residual`` thread the state."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from spikelet.errors import InputError, ShapeError
from spikelet.nn.fold import fold, is_repeatable, is_stateless, keeps_silence
from spikelet.nn.layer import Layer, Sequences, State, located, require_names, stream_seed


class Sequential(Layer):
    """Layers one after another: ``y, state = net(x, state=None)``.

    Layers with a state (``Neurons``, ``Recurrent``, ``Residual``, another ``Sequential``) get theirs from the dict
    ``state``, by position name. Known torch modules without a state (linear, convolution, pooling, norms, dropout,
    activations, ``Flatten`` ...) see time and batch as one axis, (T*B, *N): batch norm takes its statistics over all
    steps, dropout draws anew at each step. Any other module is wrapped in ``Fold``.

    An input constant in time (one step and ``steps=T``, or an expanded view: stride 0 along T) passes the leading
    stateless modules once instead of T times, and neither it nor its gradient is ever made T times as large. The prefix
    ends at a module that would treat equal steps unequally: dropout, and batch or instance norm, in training.

    Args:
        modules: the layers; or one ``OrderedDict`` name -> layer.

    Raises:
        InputError: a module is not known, or the layers have several dt.

    Example:
        >>> import spikelet as sl, torch
        >>> net = Sequential(torch.nn.Linear(4, 3), sl.nn.Neurons(sl.neurons.LIF))
        >>> image = torch.rand(2, 4)
        >>> spikes, state = net(image.expand(25, 2, 4))
        >>> spikes.shape, list(state)
        (torch.Size([25, 2, 3]), ['1'])
    """

    holds = True

    def __init__(self, *modules: nn.Module | OrderedDict[str, nn.Module]):
        super().__init__()
        first = modules[0] if modules else None
        named = first if isinstance(first, dict) else {str(i): module for i, module in enumerate(modules)}
        for name, module in named.items():
            _require_known(name, module)
            self.add_module(name, module)  # type: ignore[arg-type]  # _require_known saw a module
        _common_dt(self._named())

    def forward(
        self,
        x: Sequences,
        state: State | None = None,
        *,
        steps: int | None = None,
        lengths: Tensor | None = None,
        seed: int = 0,
        samples: Tensor | None = None,
    ) -> tuple[Sequences, State]:
        """Run a sequence through all layers.

        Args:
            x: (T, B, *N); a dict where the first layer takes one.
            state: what an earlier call returned: name of the layer -> its state; ``None`` starts fresh.
            steps: T, where ``x`` is one step (1, B, *N) that is held for T steps.
            lengths: (B,) valid steps of each sequence, for every layer with a state.
            seed: of random models; each layer draws its own numbers.
            samples: (B,) index of each sequence in its data set, for random models.

        Returns:
            The last layer's output, and the state of all layers.
        """
        layers = self._named()
        if state is not None:
            expected = {name for name, module in layers if isinstance(module, Layer)}
            require_names("Sequential", state, expected, "state of layer")
        after: State = {}
        x, held = _held("Sequential", x, steps)
        spikes = bits = False
        for position, (name, module) in enumerate(layers):
            with located(name, module):
                if isinstance(module, Layer):
                    own = None if state is None else state[name]
                    own_seed = stream_seed(seed, position)
                    x, more = (x, {"steps": held}) if held and module.holds else (_expanded(x, held), {})
                    x, after[name] = module(x, own, lengths=lengths, seed=own_seed, samples=samples, **more)
                    held, spikes, bits = None, module.spikes, module.bits
                else:
                    x, held = _pass(module, x, held, spikes, bits)
                    spikes, bits = spikes and keeps_silence(module), False
        return _expanded(x, held), after

    @property
    def time_step(self) -> float | None:
        """The dt that all layers share [ms]; None where none depends on dt."""
        return _common_dt(self._named())

    @property
    def spikes(self) -> bool:
        """Whether most of the output is 0, as spikes are."""
        spikes = False
        for _, module in self._named():
            spikes = module.spikes if isinstance(module, Layer) else spikes and keeps_silence(module)
        return spikes

    def _named(self) -> list[tuple[str, nn.Module]]:
        # named_children() would give a module that stands at two places only once
        return [(name, module) for name, module in self._modules.items() if module is not None]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(module for _, module in self._named())

    def __getitem__(self, index: int | str) -> nn.Module:
        """Return the layer at a position or of a name."""
        named = self._named()
        return dict(named)[index] if isinstance(index, str) else named[index][1]


class Residual(Layer):
    """Add the input of ``body`` to its output: ``y = x + body(x)``, of the same shape.

    Args:
        body: a layer with a state, or a torch module without one.

    Example:
        >>> import spikelet as sl, torch
        >>> block = Residual(sl.nn.Sequential(torch.nn.Linear(3, 3), sl.nn.Neurons(sl.neurons.LIF)))
        >>> block(torch.ones(10, 2, 3))[0].shape
        torch.Size([10, 2, 3])
    """

    holds = True

    def __init__(self, body: nn.Module):
        super().__init__()
        _require_known("body", body)
        self.body = body

    @property
    def time_step(self) -> float | None:
        """The dt of the body [ms]."""
        return self.body.time_step if isinstance(self.body, Layer) else None

    def forward(
        self,
        x: Sequences,
        state: State | None = None,
        *,
        steps: int | None = None,
        lengths: Tensor | None = None,
        seed: int = 0,
        samples: Tensor | None = None,
    ) -> tuple[Sequences, State]:
        """Run a sequence; arguments as those of the body, whose state is returned."""
        if not isinstance(x, Tensor):
            raise InputError(f"Residual: x is a {type(x).__name__}, expected one tensor (T, B, *N)")
        shown, held = _held("Residual", x, steps)
        assert isinstance(shown, Tensor)  # as x is
        if isinstance(self.body, Layer):
            given, more = (shown, {"steps": held}) if held and self.body.holds else (_expanded(shown, held), {})
            y, after = self.body(given, state, lengths=lengths, seed=seed, samples=samples, **more)
            held = None
        else:
            require_names("Residual", {} if state is None else state, set())
            (y, held), after = _pass(self.body, shown, held), {}
        if not isinstance(y, Tensor):
            raise InputError(f"Residual: the body gave the outputs {tuple(y)}, expected one tensor")
        if y.shape[1:] != x.shape[1:]:
            raise ShapeError(f"Residual: x has shape {tuple(x.shape)}, the body gave {tuple(y.shape)}")
        return _expanded(shown + y, held), after


def _require_known(name: str, module: object) -> None:
    if isinstance(module, Layer) or (isinstance(module, nn.Module) and is_stateless(module)):
        return
    kind = type(module).__name__
    if not isinstance(module, nn.Module):
        raise InputError(f"layer {name!r} is a {kind}, expected a torch module")
    if any(isinstance(part, Layer) for part in module.modules()):
        raise InputError(
            f"layer {name!r}: {kind} does not hand on the state of the layers in it; use spikelet.nn.Sequential"
        )
    raise InputError(
        f"layer {name!r}: {kind} is not known here. If it has no state, wrap it: nn.Fold({kind}(...)); "
        "a module of yours with a state is a subclass of nn.Layer"
    )


def _common_dt(layers: list[tuple[str, nn.Module]]) -> float | None:
    steps = {name: module.time_step for name, module in layers if isinstance(module, Layer)}
    known = {name: dt for name, dt in steps.items() if dt is not None}
    if len(set(known.values())) > 1:
        listed = ", ".join(f"{name!r}: {dt:g} ms" for name, dt in known.items())
        raise InputError(f"Sequential: the layers have different dt ({listed}), expected one dt")
    return next(iter(known.values()), None)


def _held(layer: str, x: Sequences, steps: int | None) -> tuple[Sequences, int | None]:
    """Return one step (1, B, *N) and T where x is held, else x and None."""
    if steps is not None:
        for value in x.values() if isinstance(x, dict) else (x,):
            if value.ndim < 2 or value.shape[0] != 1:
                raise ShapeError(
                    f"{layer}: steps={steps} holds one step, expected (1, B, *N), x is {tuple(value.shape)}"
                )
        return x, steps
    if isinstance(x, Tensor) and x.ndim >= 2 and x.shape[0] > 1 and x.stride(0) == 0:
        return x[:1], x.shape[0]
    return x, None


def _expanded(x: Sequences, held: int | None) -> Any:
    """Return what is held as a view of T steps."""
    if held is None:
        return x
    if isinstance(x, dict):
        return {name: value.expand(held, *value.shape[1:]) for name, value in x.items()}
    return x.expand(held, *x.shape[1:])


def _pass(
    module: nn.Module, x: Sequences, held: int | None, spikes: bool = False, bits: bool = False
) -> tuple[Tensor, int | None]:
    """Apply a module without a state: to one step if x is held and all would give the same, else to every step."""
    if isinstance(x, dict):
        raise InputError(f"{type(module).__name__} takes one tensor, given the outputs {tuple(x)}")
    if held is not None and not is_repeatable(module):
        return fold(module, _expanded(x, held)), None
    return fold(module, x, spikes=spikes, bits=bits), held
