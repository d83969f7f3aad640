"""Rules with an error or a teacher against plain loops, closed forms and what they are to achieve."""

import math

import numpy as np
import pytest

from spikelet import rules
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all, from_arrays
from spikelet.sim.network import Network
from spikelet.sim.sources import SpikeTrain

TAUGHT = Neuron(
    "Taught",
    "dv/dt = -v/(10 ms) : 1; teacher[k+1] = 0 : 1; error[k+1] = error : 1",
    threshold="v > 1", reset="v = 0",
)  # fmt: skip


def drawn(seed: int, steps: int, n: int, rate: float) -> np.ndarray:
    """Return (steps, n) spikes; the last step has none."""
    found = np.random.default_rng(seed).random((steps, n)) < rate
    found[-1] = False
    return found.astype(int)


def train(raster: np.ndarray) -> SpikeTrain:
    """Return a source of spikes in steps of 1 ms."""
    at, ids = np.nonzero(raster)
    return SpikeTrain(at + 1.0, ids)


def taught(rule: Rule, pre: np.ndarray, post: np.ndarray, teacher: np.ndarray | None = None, **more) -> Network:
    """Return a network in which given spikes arrive at neurons with given spikes; all delays are 1 ms."""
    net = Network(dtype="float64")
    source, forced = net.add(train(pre), pre.shape[1]), net.add(train(post), post.shape[1])
    cell = net.add(more.get("model", TAUGHT), post.shape[1], "cell")
    same = from_arrays(np.arange(post.shape[1]), np.arange(post.shape[1]))
    net.connect(forced, cell, same, to="v", weight=10.0, delay=1.0)
    if teacher is not None:
        net.connect(net.add(train(teacher), post.shape[1]), cell, same, to="teacher", weight=1.0, delay=1.0)
    net.connect(source, cell, all_to_all(), to="error", weight=more.get("weight", 0.0), delay=1.0, rule=rule, name="P")
    return net


def shifted(raster: np.ndarray) -> np.ndarray:
    """Return what arrives in each step."""
    return np.concatenate([np.zeros_like(raster[:1]), raster[:-1]])


# -- an error ---------------------------------------------------------------------------------------------------------

DECODER = Neuron("Decoder", "dy/dt = -y/tau : 1; error[k+1] = y[k+1] - target : 1; tau = 50 ms; target = 3")


def test_pes_changes_each_weight_by_error_and_rate():
    raster, net = drawn(1, 300, 6, 0.05), Network(dtype="float64")
    decoder = net.add(DECODER, 2, initial={"y": np.array([0.5, -1.0])})
    syn = net.connect(
        net.add(train(raster), 6), decoder, all_to_all(), to="y", weight=0.01, delay=1.0, rule=rules.PES(eta=0.01)
    )
    net.run(300.0, dt=1.0)
    a, w, y, error = np.zeros(6), np.full((6, 2), 0.01), np.array([0.5, -1.0]), np.zeros(2)
    for arrives in shifted(raster):
        w -= 0.01 * error * a[:, None]
        a, y = a * np.exp(-1 / 5), y * np.exp(-1 / 50)
        error = y - 3  # before the spikes of the step, as its line says
        y = y + arrives @ w
        a = a + arrives / 5
    np.testing.assert_allclose(syn.weights(), w.ravel(), rtol=1e-10)


def test_pes_takes_the_error_to_zero():
    net = Network(seed=2, dtype="float64")
    raster = drawn(2, 20_000, 40, 0.05)
    decoder = net.add(DECODER, 1, "decoder")
    net.connect(net.add(train(raster), 40), decoder, all_to_all(), to="y", weight=0.0, delay=1.0, rule=rules.PES)
    error = net.run(20_000.0, dt=1.0, record={decoder: ["error"]})[decoder]["error"][:, 0]
    assert abs(error[:1000].mean()) > 2.0 and abs(error[-5000:].mean()) < 0.05


def test_widrow_hoff_learns_patterns_at_right_angles_in_one_presentation():
    """Three patterns of spikes that share no input; with alpha = 1/length**2 each is recalled to the last digit."""
    patterns = np.zeros((3, 12), int)
    patterns[0, :3], patterns[1, 3:8], patterns[2, 8:] = 1, 1, 1
    targets = np.random.default_rng(3).normal(size=(3, 4))
    raster = np.zeros((30, 12), int)
    raster[[0, 10, 20]] = patterns
    weights = np.zeros((12, 4))
    for k, pattern in enumerate(patterns):
        net = taught(rules.WidrowHoff(alpha=1 / pattern.sum()), raster[10 * k : 10 * k + 10], np.zeros((10, 4), int))
        net.build(1.0)
        net.projections["P"].set(weights=weights.ravel())
        net["cell"].set(error=targets[k] - pattern @ weights)
        net.run(9.0)
        weights = net.projections["P"].weights().reshape(12, 4)
    np.testing.assert_allclose(patterns @ weights, targets, rtol=0, atol=1e-12)


def test_voja_moves_the_weights_of_those_that_fire_towards_the_activities():
    """Regular trains of 100 Hz and 25 Hz: w_n = x + (w_0 - x)(1 - eta)**n with the traces at the spikes."""
    pre, post = np.zeros((2000, 2), int), np.zeros((2000, 2), int)
    pre[:-1:10, 0], pre[:-1:40, 1], post[1039:-1:40, 0] = 1, 1, 1  # the second receiver never fires
    net = taught(rules.Voja(eta=0.1), pre, post, weight=0.7)
    net.run(2000.0, dt=1.0)
    w = net.projections["P"].weights().reshape(2, 2)
    x = np.array([np.exp(-9 / 20) / (1 - np.exp(-10 / 20)), np.exp(-39 / 20) / (1 - np.exp(-40 / 20))]) / (20 * 0.1)
    np.testing.assert_allclose(w[:, 0], x + (0.7 - x) * 0.9 ** post[:-1, 0].sum(), rtol=1e-10)
    np.testing.assert_array_equal(w[:, 1], 0.7)


# -- rates ------------------------------------------------------------------------------------------------------------

UNIT = Neuron("Unit", "rate[k+1] = rate : 1; teacher[k+1] = teacher : 1; v[k+1] = 0 : 1", threshold="v > 1")


def associated(patterns: np.ndarray, targets: np.ndarray, rule: Rule = rules.SupervisedHebb) -> np.ndarray:
    """Show patterns (p, n) with targets (p, m) for 1 ms each; returns the weights (n, m)."""
    net = Network(dtype="float64")
    pre, post = net.add(UNIT, patterns.shape[1]), net.add(UNIT, targets.shape[1])
    syn = net.connect(pre, post, all_to_all(), to="v", weight=0.0, delay=0.5, rule=rule)
    net.build(0.5)
    for pattern, target in zip(patterns, targets, strict=True):
        post.set(teacher=0.0)
        pre.set(rate=pattern)
        net.run(1.0)  # the new activity is on its way
        post.set(teacher=target)
        net.run(1.0)
    return syn.weights().reshape(patterns.shape[1], targets.shape[1])


def test_supervised_hebb_recalls_orthonormal_patterns_exactly():
    random = np.random.default_rng(4)
    patterns, targets = np.linalg.qr(random.normal(size=(8, 8)))[0][:5], random.normal(size=(5, 3))
    w = associated(patterns, targets)
    np.testing.assert_allclose(w, patterns.T @ targets, rtol=0, atol=1e-12)
    np.testing.assert_allclose(patterns @ w, targets, rtol=0, atol=1e-12)


def test_supervised_hebb_has_cross_talk_between_other_patterns():
    random = np.random.default_rng(5)
    patterns, targets = random.normal(size=(4, 6)), random.normal(size=(4, 2))
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
    expected = targets + (patterns @ patterns.T - np.eye(4)) @ targets
    np.testing.assert_allclose(patterns @ associated(patterns, targets), expected, rtol=0, atol=1e-12)
    assert np.abs(expected - targets).max() > 0.1


def test_supervised_hebb_forgets_and_stays_bounded():
    w = associated(np.ones((50, 2)), np.full((50, 1), 3.0), rules.SupervisedHebb(alpha=0.4, gamma=0.2))
    per = 3.0 * 0.4 / 0.2 * (1 - np.exp(-0.2))  # of 2 ms, the teacher is there for 1 ms
    expected = per * sum(np.exp(-0.2 * 2 * k) for k in range(50))
    np.testing.assert_allclose(w, expected, rtol=1e-9)
    assert expected < 3.0 * 0.4 / 0.2


# -- spikes of a teacher ----------------------------------------------------------------------------------------------


def test_a_forced_neuron_learns_which_inputs_came_before():
    pre, post = drawn(6, 400, 5, 0.04), drawn(7, 400, 2, 0.05)
    net = taught(rules.TeacherForcedHebb, pre, post, weight=0.3)
    net.run(400.0, dt=1.0)
    x, w = np.zeros(5), np.full((5, 2), 0.3)
    for arrives, fires in zip(shifted(pre), shifted(post), strict=True):
        x = x * np.exp(-1 / 20) + arrives
        w = np.where(fires > 0, np.clip(w + 0.05 * x[:, None] - 0.005, 0, 1), w)
    np.testing.assert_allclose(net.projections["P"].weights(), w.ravel(), rtol=1e-10)
    assert np.ptp(w) > 0.1


def test_a_forced_neuron_recalls_patterns_that_share_no_input_exactly():
    """The teacher makes one of three neurons fire with each pattern; what each then gets is the pattern or nothing."""
    patterns = np.repeat(np.eye(3, dtype=int), 4, axis=1)
    pre, post = np.zeros((900, 12), int), np.zeros((900, 3), int)
    for k in range(3):
        pre[300 * k + 100], post[300 * k + 100, k] = patterns[k], 1
    net = taught(rules.TeacherForcedHebb(tau=2, alpha=0.25, alpha_0=0), pre, post)
    net.run(900.0, dt=1.0)
    recalled = patterns @ net.projections["P"].weights().reshape(12, 3)
    np.testing.assert_allclose(recalled, np.eye(3), rtol=0, atol=1e-12)


def test_the_teacher_gives_the_sign():
    pre, post = drawn(8, 300, 4, 0.05), drawn(9, 300, 2, 0.05)
    model = TAUGHT.changed(text=TAUGHT.text.replace("teacher[k+1] = 0", "teacher[k+1] = teacher"))
    net = taught(rules.TeacherSignedHebb, pre, post, model=model, weight=0.5)
    net.build(1.0)
    net["cell"].set(teacher=np.array([1.0, 0.0]))
    net.run(300.0, dt=1.0)
    x, w = np.zeros(4), np.full((4, 2), 0.5)
    for arrives, fires in zip(shifted(pre), shifted(post), strict=True):
        x = x * np.exp(-1 / 20) + arrives
        w = np.where(fires > 0, np.clip(w + 0.01 * x[:, None] * np.array([1, -1]), 0, 1), w)
    np.testing.assert_allclose(net.projections["P"].weights(), w.ravel(), rtol=1e-10)
    assert (w[:, 0] > 0.5).all() and (w[:, 1] < 0.5).all()


def test_resume_is_a_sum_over_pairs_with_the_teacher_less_one_with_the_receiver():
    pre, post, teacher = drawn(10, 400, 5, 0.05), drawn(11, 400, 3, 0.05), drawn(12, 400, 3, 0.05)
    net = taught(rules.ReSuMe(w_min=-99, w_max=99), pre, post, teacher)
    net.run(400.0, dt=1.0)
    expected = np.zeros((5, 3))
    for i, j in np.ndindex(5, 3):
        for raster, sign in ((teacher, 1), (post, -1)):
            for t in np.flatnonzero(raster[:-1, j]):
                if sign < 0 or t < 398:  # what the teacher says in the last step is learnt in the next
                    earlier = np.flatnonzero(pre[: t + 1, i])
                    expected[i, j] += sign * (0.005 + 0.1 * math.fsum(np.exp(-(t - earlier) / 5)))
    np.testing.assert_allclose(net.projections["P"].weights(), expected.ravel(), rtol=1e-10, atol=1e-12)
    assert np.abs(expected).max() > 0.3


def test_resume_rests_where_both_trains_are_the_same():
    pre, post = drawn(13, 200, 5, 0.05), drawn(14, 200, 3, 0.05)
    post[-3:] = 0
    net = taught(rules.ReSuMe(a=0.05), pre, post, post)
    net.run(200.0, dt=1.0)
    np.testing.assert_allclose(net.projections["P"].weights(), 0.0, atol=1e-12)


def far(a: np.ndarray, b: np.ndarray, tau: float = 10.0) -> float:
    """Return the squared distance of van Rossum, to which a spike that is missing adds 1/2."""
    grid = np.arange(0, 300, 0.5)[:, None]
    f, g = (np.where(grid >= times, np.exp(np.minimum(times - grid, 0) / tau), 0).sum(1) for times in (a, b))
    return float(((f - g) ** 2).sum() * 0.5 / tau)


@pytest.mark.parametrize("seed", [1, 2])
def test_resume_learns_trains_of_three_spikes(seed: int):
    """100 inputs of 20 Hz for 100 ms, ten receivers with a train each: 9 of 10 come within 0.2."""
    random, trials, period = np.random.default_rng(seed), 500, 200.0
    at, ids = np.nonzero(random.random((100, 100)) < 0.02)
    targets = [np.sort(random.choice(np.arange(4, 20), 3, replace=False)) * 5.0 for _ in range(10)]
    begin = np.arange(trials)[:, None] * period
    given = SpikeTrain((begin + at + 1.0).ravel(), np.tile(ids, trials))
    wanted = SpikeTrain(
        np.concatenate([(begin + times).ravel() for times in targets]), np.repeat(range(10), 3 * trials)
    )
    net = Network(dtype="float64")
    source, teacher, cell = net.add(given, 100), net.add(wanted, 10), net.add(TAUGHT, 10, "cell")
    net.connect(teacher, cell, from_arrays(range(10), range(10)), to="teacher", weight=1.0, delay=1.0)
    rule = rules.ReSuMe(tau=10, a=0.01, a_d=0.001)
    net.connect(source, cell, all_to_all(), to="v", weight=0.01, delay=1.0, rule=rule)
    net.run((trials - 1) * period, dt=1.0)
    spikes = net.run(period, record={cell: "spikes"})[cell].spikes
    times = spikes.times - (trials - 1) * period
    found = [far(times[spikes.ids == j], targets[j] + 1.0) for j in range(10)]  # they arrive after 1 ms
    assert sum(distance < 0.2 for distance in found) >= 9, found
    assert np.median(found) <= 0.1


# -- XCAL -------------------------------------------------------------------------------------------------------------


def xcal(x: float, threshold: float) -> float:
    """LEABRA's piecewise linear curve, as its documentation has it."""
    if x < 1e-4:
        return 0.0
    return x - threshold if x > 0.1 * threshold else -x * 0.9 / 0.1


def test_xcal_has_the_published_signs_everywhere():
    levels = np.array([0.0, 0.005, 0.02, 0.1, 0.3, 0.6, 1.0])
    short, medium = (grid.ravel() for grid in np.meshgrid(levels, levels))
    n = len(short)
    net = Network(dtype="float64")
    source = net.add(SpikeTrain([1.0], [0]), 1)
    cell = net.add(TAUGHT, n)
    for mismatch in (0.0, 1.0):
        rule = rules.XCAL(mismatch=mismatch)
        net.connect(source, cell, all_to_all(), to="error", weight=0.4, delay=1.0, rule=rule, name=f"P{mismatch:g}")
    net.build(1.0)
    for name in ("P0", "P1"):
        traces = net.built.parts.learning[name].traces
        traces["pre"].state["s_pre"][...] = traces["pre"].state["m_pre"][...] = 1.0
        traces["post"].state["s_post"][...], traces["post"].state["m_post"][...] = short, medium
        traces["post"].state["l_post"][...] = 0.7
    net.variables["learn"] = 1.0
    net.run(1.0)
    first = {name: net.projections[name].weights() for name in ("P0", "P1")}
    net.run(5.0)  # nothing is learnt outside of the end of a trial
    for mismatch, name in ((0.0, "P0"), (1.0, "P1")):
        expected = []
        for s, m in zip(short, medium, strict=True):
            srs = 0.9 * s + 0.1 * m
            own = xcal(srs, 0.7) * (0.5 - 1e-4) / (2.5 - 0.2) * (0.7 - 0.2) * mismatch
            change = 0.04 * (xcal(srs, m) + own)
            expected.append(0.4 + change * (0.6 if change > 0 else 0.4))
        np.testing.assert_allclose(first[name], expected, rtol=1e-12)
        np.testing.assert_array_equal(net.projections[name].weights(), first[name])
    sign = np.sign(first["P0"] - 0.4)
    assert {-1.0, 0.0, 1.0} == set(sign) and (sign[(short > medium) & (short > 0)] > 0).all()


def test_the_averages_of_xcal_are_a_cascade_of_filters():
    net = taught(rules.XCAL, np.eye(1, 100, 0, dtype=int).T, np.zeros((100, 1), int))
    net.run(40.0, dt=1.0)
    t, state = 38.0, net.built.parts.learning["P"].traces["pre"].state  # it has arrived after two steps
    jump, (a, b) = 1 / (2 * 0.1), (1 / 2, 1 / 10)
    assert state["ss_pre"][0] == pytest.approx(jump * np.exp(-a * t), rel=1e-12)
    assert state["s_pre"][0] == pytest.approx(jump * a * t * np.exp(-a * t), rel=1e-9)
    medium = jump * a * b * ((np.exp(-b * t) - np.exp(-a * t)) / (a - b) ** 2 - t * np.exp(-a * t) / (a - b))
    assert state["m_pre"][0] == pytest.approx(medium, rel=1e-9)


# -- Urbanczik & Senn -------------------------------------------------------------------------------------------------

SOMA = Neuron(
    "Soma",
    """
    dv_star/dt = (i - v_star)/tau_l : 1
    di/dt = -i/tau_s : 1
    rate = 0.15/ms/(1 + 0.5*exp(5*(1 - drive))) : 1/ms
    fired[k+1] = where(uniform() < rate*dt, 1, 0) : 1
    tau_l = 10 ms;  tau_s = 3 ms;  drive = 1
    """,
    threshold="fired > 0.5", reset="fired = 0",
)  # fmt: skip


def phi(u: np.ndarray) -> np.ndarray:
    return 0.15 / (1 + 0.5 * np.exp(5 * (1 - u)))


def test_the_dendrite_learns_as_a_loop_over_steps_does():
    raster, net = drawn(15, 300, 8, 0.1), Network(seed=1, dtype="float64")
    soma = net.add(SOMA, 2, "soma")
    syn = net.connect(
        net.add(train(raster), 8), soma, all_to_all(), to="i", weight=0.4, delay=1.0, rule=rules.UrbanczikSenn(eta=5)
    )
    result = net.run(300.0, dt=1.0, record={soma: ["spikes", "v_star"]})
    fired = np.zeros((300, 2), bool)
    fired[np.rint(result[soma].spikes.times).astype(int) - 1, result[soma].spikes.ids] = True
    x, psp, change, w = np.zeros((8, 1)), np.zeros((8, 1)), np.zeros((8, 2)), np.full((8, 2), 0.4)
    v, es, el = np.zeros(2), np.exp(-1 / 3), np.exp(-1 / 10)
    for k, arrives in enumerate(shifted(raster)):
        h = 5 / (1 + np.exp(5 * (v - 1)) / 0.5)
        target = -phi(v) * h * psp
        keep = np.exp(-1 / 100)
        # both lines are linear, so the step is exact: w is eta times the integral of change
        w += 5 * (target + (change - target) * 100 * (1 - keep))
        change = target + (change - target) * keep
        psp = psp * el + x * (es - el) / (1 / 10 - 1 / 3) / 10
        x = x * es + arrives[:, None] / 3
        v = result[soma]["v_star"][k]
        h = 5 / (1 + np.exp(5 * (v - 1)) / 0.5)
        change += fired[k] * h * psp / 100
    np.testing.assert_allclose(syn.weights(), w.ravel(), rtol=1e-8)
    assert fired.sum() > 20 and np.ptp(w) > 0.05


def test_the_dendrite_comes_to_predict_the_rate_of_the_soma():
    raster, net = drawn(16, 20_000, 100, 0.1), Network(seed=2, dtype="float64")
    source, drives = net.add(train(raster), 100), np.array([0.6, 1.0, 1.4])
    soma = net.add(SOMA(drive=drives), 3, "soma")
    net.connect(source, soma, all_to_all(), to="i", weight=0.01, delay=1.0, rule=rules.UrbanczikSenn(eta=1e-3))
    predicted = phi(net.run(20_000.0, dt=1.0, record={soma: ["v_star"]})[soma]["v_star"])
    np.testing.assert_allclose(predicted[-5000:].mean(0), phi(drives), rtol=0.08)
    assert np.abs(predicted[:500].mean(0) / phi(drives) - 1).max() > 0.5
