"""The compartment of the Loihi chip in its own integers."""

from spikelet.model import Neuron

LoihiCuBa = Neuron(
    "LoihiCuBa",
    """
    # 4095: the offset of 1 belongs to the current alone; u has 24 bits and wraps (two's complement), v saturates
    u_sum = sign(u)*(abs(u)*(4095 - delta_u)//4096) + 64*I : int
    u[k+1] = (u_sum + 8388608) % 16777216 - 8388608 : int
    v_kept = sign(v)*(abs(v)*(4096 - delta_v)//4096) : int
    v[k+1] = clip(v_kept + u[k+1] + bias, -8388607, 8388607) : int (unless refractory)
    I : int (input)                          # sum of weight mantissas times 2**weight_exponent
    delta_u = 409 int;  delta_v = 128 int    # 0 to 4095; decay per step 10 % and 3 %, a mid-range setting
    v_th = 100 int                           # mantissa; the threshold is 64*v_th
    bias = 0 int                             # mantissa*2**exponent
    t_ref = 0 ms                             # at dt = 1 ms: refractory register - 1
    """,
    threshold="v > 64*v_th",
    reset="v = 0",
    refractory="t_ref",
    doc="Current-based LIF of the Loihi chip, bit for bit: 24-bit registers, truncating decay, wrap and saturation. "
    "One step is one tick of the chip; use dt = 1 ms.",
    ref="Davies et al. 2018, IEEE Micro 38:82, Eq. 1-2",
)
