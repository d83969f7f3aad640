"""The fused scan as one pair of operators in torch: ``spikelet::scan`` and ``spikelet::scan_backward``.

``scan`` runs T steps of a model in a kernel made for it; which model, and with which options, is a text (see
``backends.program``), so that an exported graph needs nothing but this import. L are the lanes, such as (B, *N):

    inputs        (T, *L) each, or (1, *L) where an input is held for all T steps
    state         (*L) each; real ones in the program's type
    coefficients  () or the last axes of L: shared by what stands before them
    start         () int64, steps that were taken before; for programs that count them
    element       (*L) int64, counter of each lane in the stream of random numbers; for programs that draw
    lengths       the first axes of L, int64: valid steps; past them states are frozen and outputs are 0
    steps dt seed save
    result        outputs (T, *L) in the type of the inputs, states (*L), and what the backward pass needs

Inputs and outputs may be of low precision, states never are. ``save`` says what is kept for the backward pass:
``fast`` its tape, ``low`` a state now and then, ``none`` nothing; then, and inside ``vmap``, ``scan_backward`` runs the
scan again.

    kernels    the operators, their kernels on the CPU, and their shapes
    gradients  autograd
    batching   vmap and autocast
    recurrence a second pair, for layers whose spikes come back in later steps
"""

from spikelet.backends.torch_ops import batching as batching
from spikelet.backends.torch_ops.gradients import scan
from spikelet.backends.torch_ops.kernels import Arguments
from spikelet.backends.torch_ops.recurrence import Loop, scan_with as recurrent_scan

__all__ = ["Arguments", "Loop", "recurrent_scan", "scan"]
