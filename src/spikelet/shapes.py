"""Names for the shapes that every layer and loss speaks of: time first, ``(T, B, *N)``.

``T`` steps, ``B`` sequences of a batch, ``*N`` the axes of the neurons. The aliases are read by people and type
checkers only; at run time they are plain names, so this module needs neither torch nor jaxtyping.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    Sequence = Float[Tensor, "T B *N"]  # any quantity at every step
    Spikes = Float[Tensor, "T B *N"]  # 0 or 1 at every step; counts where a source emits several
    Membrane = Float[Tensor, "T B *N"]  # a state recorded after reset
    OneStep = Float[Tensor, "B *N"]  # one state, between two steps
    Scores = Float[Tensor, "T B C"]  # one column per class
    Lengths = Int[Tensor, " B"]  # valid steps of each sequence
    Labels = Int[Tensor, " B"]  # class of each sequence
    Loss = Float[Tensor, ""]  # a scalar
    State = dict[str, Any]  # name -> (B, *N), or position -> the state of that layer
else:
    Sequence = Spikes = Membrane = OneStep = Scores = Lengths = Labels = Loss = State = Any
