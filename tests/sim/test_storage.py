"""Kinds of storage: each against the sparse storage of the same synapses, to the bit, and against other arithmetic."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import spikelet as sl
from spikelet import neurons, rules, synapses
from spikelet.backends import llvm_jit
from spikelet.errors import DataError, InputError
from spikelet.sim import estimate, session, storage
from spikelet.sim.connect import (
    all_to_all,
    convolution,
    expression,
    fixed_indegree,
    fixed_outdegree,
    fixed_probability,
    fixed_total,
    from_arrays,
    from_matrix,
    low_rank,
    one_to_one,
    pairwise_poisson,
)
from spikelet.sim.connect_patterns import Pattern
from spikelet.sim.distributions import lognormal, normal, uniform
from spikelet.sim.network import Network
from spikelet.sim.result import join
from spikelet.sim.sources import Poisson, SpikeTrain
from spikelet.synapses import ExponentialCurrent, TsodyksMarkram

CELL = neurons.LIF(tau_mem=20.0, v_th=6.0, v_reset=0.0, t_ref=1.0)
N = 24  # sources and targets: a 2 x 3 x 4 image, too
rng = np.random.default_rng(5)
MATRIX = np.where(rng.random((N, N)) < 0.7, rng.normal(1, 1, (N, N)), 0.0)
CONV = convolution(rng.normal(0.4, 1, (6, 1, 2, 3)), (2, 3, 4), stride=(1, 2), padding=(1, 1), groups=2)
CASES: list[tuple[str, Pattern, dict]] = [
    ("dense", all_to_all(), {"weight": normal(0.3, 0.4)}),
    ("dense", all_to_all(autapses=False), {"weight": 0.2}),
    ("dense", all_to_all(), {"weight": 0.125}),
    ("dense", from_matrix(MATRIX), {"weight": 0.5}),
    ("dense", fixed_probability(0.3), {"weight": lognormal(0.6, 0.4)}),
    ("one-to-one", one_to_one(), {"weight": uniform(1, 5)}),
    ("one-to-one", one_to_one(), {"weight": 3.0}),
    ("convolution", CONV, {"weight": 1.5}),
    ("procedural", fixed_probability(0.4, autapses=False), {"weight": normal(0.5, 0.3, low=0.0)}),
    ("procedural", fixed_probability(0.1), {"weight": 1.0}),
    ("procedural", fixed_outdegree(9), {"weight": 0.7}),
    ("procedural", fixed_outdegree(9, multapses=False), {"weight": uniform(0, 1)}),
    ("procedural", fixed_total(200), {"weight": lognormal(0.7, 0.5)}),
    ("procedural", pairwise_poisson(0.4), {"weight": normal(0.6, 0.2)}),
    ("procedural", all_to_all(autapses=False), {"weight": normal(0.2, 0.2)}),
]
IDS = [f"{kind} {pattern!r} {more['weight']}" for kind, pattern, more in CASES]


def made(kind: str, pattern: Pattern, *, dtype: str = "float32", pieces: bool = False, **more) -> Network:
    """Return cells that send to others, in one population or in three, by neurons and by a source.

    The image has (6, 4, 2) = 48 places, so there are targets in plenty for all patterns.
    """
    net = Network(seed=4, dtype=dtype)
    noise = net.add(Poisson(2.5), N, "noise")
    A = net.add(CELL, 30, "A", initial={"v": uniform(0, 6)})
    n = 48 if pattern is CONV else N
    sizes = (n // 2, 5, n - n // 2) if pieces else (n,)
    targets = [net.add(CELL, size, f"B{i}") for i, size in enumerate(sizes)]
    post = [targets[2], targets[0]] if pieces else targets
    net.connect(noise, A[3 : 3 + N], one_to_one(), to="v", weight=1.2, delay=0.1)
    for number, pre in enumerate((A[3 : 3 + N], noise)):
        scale = {"weight": more["weight"]} if number == 0 else {"weight": 0.0625}
        net.connect(pre, post, pattern, **{"to": "v", "delay": 0.7, "storage": kind, **more, **scale})
    return net


def watched(net: Network) -> dict:
    return {p.name: ("spikes", "v") for p in net.populations.values() if p.name.startswith("B")}


def require_same(a, b) -> int:
    """Compare two results to the bit; returns how many spikes there are."""
    for name, recording in a.recordings.items():
        np.testing.assert_array_equal(recording["v"], b[name]["v"])
        np.testing.assert_array_equal(recording.spikes.ids, b[name].spikes.ids)
        np.testing.assert_array_equal(recording.spikes.times, b[name].spikes.times)
    return sum(len(recording.spikes) for recording in a.recordings.values())


# -- the same as sparse storage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "pattern", "more"), CASES, ids=IDS)
def test_results_are_those_of_sparse_storage_to_the_bit(kind, pattern, more):
    for pieces, dtype in ((False, "float32"), (True, "float64")):
        nets = [made(k, pattern, pieces=pieces, dtype=dtype, **more) for k in (kind, "sparse")]
        results = [net.run(25.0, record=watched(net)) for net in nets]
        assert require_same(*results) > 20
        for one, other in zip(*(net.projections.values() for net in nets), strict=True):
            for what in ("sources", "targets", "delays", "weights"):
                np.testing.assert_array_equal(getattr(one, what)(), getattr(other, what)())
        assert nets[0].engine.parts.wiring.storage(list(nets[0].projections.values())[1]).kind == kind


@pytest.mark.parametrize(("kind", "pattern", "more"), CASES[::3], ids=IDS[::3])
@pytest.mark.parametrize("synapse", [ExponentialCurrent, TsodyksMarkram], ids=lambda s: s.name)
def test_synapses_with_states_are_reached_too(kind, pattern, more, synapse):
    options = {**more, "to": None, "synapse": synapse, "receptor": "r", "delay": 0}
    nets = [made(k, pattern, **options) for k in (kind, "sparse")]
    results = [net.run(15.0, record={"B0": ("spikes", "v", "r_i")}) for net in nets]
    require_same(*results)
    found, expected = (result["B0"]["r_i"] for result in results)
    np.testing.assert_array_equal(found, expected)
    assert np.ptp(found) > 0.1


def test_low_rank_storage_is_the_product_of_its_matrices():
    D, E = rng.normal(0, 1, (N, 3)), rng.normal(0.3, 0.5, (3, N))
    for pieces in (False, True):
        nets = [
            made(kind, pattern, dtype="float64", pieces=pieces, weight=0.8)
            for kind, pattern in (
                ("low-rank", low_rank(D, E)),
                ("sparse", low_rank(D, E)),
                ("dense", from_matrix(D @ E)),
            )
        ]
        results = [net.run(20.0, record=watched(net)) for net in nets]
        for other in results[1:]:
            for name, recording in results[0].recordings.items():
                np.testing.assert_allclose(recording["v"], other[name]["v"], rtol=1e-10, atol=1e-12)
                np.testing.assert_array_equal(recording.spikes.times, other[name].spikes.times)
    syn = list(nets[0].projections.values())[1]
    np.testing.assert_allclose(syn.weights().reshape(N, N), 0.8 * D @ E, rtol=1e-12, atol=1e-14)
    assert len(syn) == N * N


@pytest.mark.parametrize("kind", ["dense", "convolution", "low-rank", "procedural"])
def test_pieces_of_a_run_are_one_run(kind):
    pattern = {
        "dense": from_matrix(MATRIX),
        "convolution": CONV,
        "low-rank": low_rank(MATRIX[:, :2], MATRIX[:2]),
        "procedural": fixed_probability(0.5),
    }[kind]
    nets = [made(kind, pattern, weight=0.6) for _ in range(2)]
    whole = nets[0].run(20.0, record=watched(nets[0]))
    parts = [nets[1].run(t, record=watched(nets[1])) for t in (0.1, 7.3, 12.6)]
    assert require_same(whole, join(parts)) > 20


def many(kind: str) -> Network:
    """Return a network so large that threads share each of its populations."""
    net = Network(seed=4)
    noise, A = net.add(Poisson(1.5), 192, "noise"), net.add(CELL, 400, "A", initial={"v": uniform(0, 6)})
    B, C = net.add(CELL, 300, "B0"), net.add(CELL, 200, "B1")
    random = np.random.default_rng(1)
    pattern = {
        "dense": from_matrix(random.normal(0.2, 0.3, (192, 384))),
        "one-to-one": one_to_one(),
        "convolution": convolution(random.normal(0.3, 1, (6, 3, 3, 3)), (3, 8, 8), padding=1),
        "low-rank": low_rank(random.normal(size=(192, 3)), random.normal(0.1, 0.3, (3, 384))),
        "procedural": fixed_probability(0.2),
    }[kind]
    weight = 0.5 if pattern.holds_weights else normal(0.6, 0.2)
    net.connect(noise, A[100:292], one_to_one(), to="v", weight=1.3)
    for pre in (A[100:292], noise):
        post = [C[4:196], B[10:202]] if kind != "one-to-one" else [C[4:100], B[10:106]]
        net.connect(pre, post, pattern, to="v", weight=weight, delay=0.8, storage=kind)
    return net


@pytest.mark.parametrize("kind", ["dense", "one-to-one", "convolution", "low-rank", "procedural"])
def test_threads_change_nothing(kind, monkeypatch):
    monkeypatch.setattr(session, "_SHARED", 0)
    monkeypatch.setattr(session, "_LONG", 0)
    results = [
        many(kind).run(15.0, record={"B0": ("spikes", "v"), "B1": ("spikes", "v")}, threads=n) for n in (1, 2, 3)
    ]
    for other in results[1:]:
        assert require_same(results[0], other) > 20


# -- convolutions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernel", "shape", "options"),
    [
        ((4, 3, 3, 3), (3, 7, 6), {}),
        ((4, 3, 3, 2), (3, 7, 6), {"stride": 2, "padding": 1}),
        ((6, 2, 2, 3), (4, 5, 8), {"stride": (2, 1), "padding": (0, 2), "dilation": (1, 2), "groups": 2}),
        ((3, 1, 5, 5), (3, 5, 5), {"groups": 3, "padding": 2}),
        ((2, 3, 4), (3, 11), {"stride": 3, "padding": 2, "dilation": 2}),
        ((1, 1, 1, 1), (1, 1, 1), {}),
    ],
)
def test_a_convolution_is_that_of_torch(kernel, shape, options):
    """Random sets of sources fire once; what arrives is torch's convolution of the image of them."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    weights, image = rng.normal(size=kernel), rng.integers(0, 3, shape)
    pattern = convolution(weights, shape, **options)
    convolve = functional.conv2d if len(shape) == 3 else functional.conv1d
    expected = convolve(torch.tensor(image[None], dtype=torch.float64), torch.tensor(weights), **options)[0].numpy()
    assert pattern.output_shape == expected.shape
    found = {}
    for kind in ("convolution", "sparse", "dense"):
        net = Network(dtype="float64")
        ids = np.repeat(np.arange(image.size), image.reshape(-1))
        train = net.add(SpikeTrain(np.full(ids.size, 0.1), ids), image.size, "train")
        cells = net.add(neurons.LIF(v_th=1e9), expected.size, "cells")
        syn = net.connect(train, cells, pattern, to="v", storage=kind)
        found[kind] = net.run(0.2, record={cells: "v"})[cells]["v"][1]
        np.testing.assert_allclose(found[kind].reshape(expected.shape), expected, rtol=1e-12, atol=1e-12)
        assert len(syn) == pattern.count
    np.testing.assert_array_equal(found["convolution"], found["sparse"])


def test_one_channel_needs_no_axis():
    pattern = convolution([[1.0, 2.0]], (3, 3))
    assert pattern.output_shape == (1, 3, 2) and pattern.count == 12
    assert convolution([1.0, 2.0, 3.0], 5, stride=2).output_shape == (1, 2)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (
            lambda: convolution(np.ones((2, 3, 3)), (1, 5, 5)),
            r"a kernel \(2, 3, 3\) does not fit the shape \(1, 5, 5\)|7",
        ),
        (lambda: convolution(np.ones((2, 2, 3, 3)), (3, 5, 5)), "takes 2 channels to 2 .* has 3"),
        (lambda: convolution(np.ones((3, 1, 3, 3)), (2, 5, 5), groups=2), "a multiple of the groups"),
        (lambda: convolution(np.ones((1, 1, 3, 3)), (1, 2, 5)), "a kernel over 3 places does not fit into 2"),
        (
            lambda: convolution(np.ones((1, 1, 3, 3)), (1, 5, 5), stride=0),
            "stride must be 2 whole numbers of at least 1",
        ),
        (lambda: convolution(np.ones((1, 1, 3, 3)), (1, 5, 5), padding=0.5), "padding must be 2 whole numbers"),
        (lambda: convolution([[np.nan]], (3, 3)), r"kernel\[0, 0\] is no number"),
        (lambda: low_rank(np.ones((3, 2)), np.ones((3, 4))), r"have the shapes \(3, 2\) and \(3, 4\)"),
        (lambda: low_rank([1.0], [[1.0]]), "decoders must have two axes"),
        (lambda: low_rank([[1.0]], [[np.inf]]), r"encoders\[0, 0\] is inf"),
    ],
)
def test_wrong_shapes(wrong, text):
    with pytest.raises(InputError, match=text):
        wrong()


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (convolution(np.ones((1, 1, 1, 1)), (1, 2, 3)), r"sources of shape \(1, 2, 3\) are 6, but there are 24"),
        (
            convolution(np.ones((2, 2, 1, 1)), (2, 3, 4), stride=2),
            r"targets of shape \(2, 2, 2\) are 8, but there are 24",
        ),
        (low_rank(np.ones((5, 1)), np.ones((1, 4))), "decoders of 5 and encoders of 4 neurons, but 24 sources and 24"),
    ],
)
def test_patterns_that_do_not_fit_the_populations(pattern, text):
    for kind in (None, "sparse"):
        net = Network()
        a, b = net.add(CELL, N, "a"), net.add(CELL, N, "b")
        net.connect(a, b, pattern, storage=kind)
        with pytest.raises(InputError, match=f"a to b: .*{text}"):
            net.build(0.1)


# -- which kind -------------------------------------------------------------------------------------------------------


def chosen(pattern: Pattern, **more) -> str:
    net = Network()
    a, b = net.add(CELL, N, "a"), net.add(CELL, 48 if pattern is CONV else N, "b")
    syn = net.connect(a, b, pattern, **more)
    return net.build(0.1).parts.wiring.storage(syn).kind


def test_the_default_suits_the_pattern():
    expected = {
        all_to_all(): "dense", one_to_one(): "one-to-one", CONV: "convolution", fixed_indegree(3): "sparse",
        fixed_probability(0.9): "sparse", expression("i < j"): "sparse",
    }  # fmt: skip
    for pattern, kind in expected.items():
        assert chosen(pattern) == kind
        assert chosen(pattern, delay=uniform(0.2, 2.0)) == "sparse"
        assert chosen(pattern, rule=rules.STDP) == "sparse"
        assert chosen(pattern, storage="sparse") == "sparse"
    assert chosen(from_matrix(MATRIX)) == "dense"
    assert chosen(from_matrix(np.where(MATRIX > 2, 1.0, 0.0))) == "sparse"
    assert chosen(from_matrix(MATRIX), delay=np.full(np.count_nonzero(MATRIX), 0.3)) == "sparse"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"storage": "denes"}, "a to b: storage='denes' is none of .*; did you mean 'dense'"),
        (
            {"storage": "procedural"},
            r"storage='procedural' cannot hold fixed_indegree\(k=3\), which takes 'dense', 'sparse'",
        ),
        (
            {"storage": "dense", "rule": rules.STDP},
            "synapses that learn, act all the time, or differ are kept in sparse storage, not storage='dense'",
        ),
        ({"storage": "convolution"}, "storage='convolution' cannot hold"),
    ],
)
def test_kinds_that_cannot_hold_a_pattern_are_refused_at_once(options, text):
    net = Network()
    a, b = net.add(CELL, 5, "a"), net.add(CELL, 5, "b")
    with pytest.raises(InputError, match=text):
        net.connect(a, b, fixed_indegree(3), **options)


@pytest.mark.parametrize(
    ("pattern", "options", "text"),
    [
        (fixed_indegree(30), {"storage": "dense"}, "dense storage holds one synapse of a pair"),
        (
            all_to_all(),
            {"storage": "dense", "delay": uniform(0.1, 0.4)},
            "a to b: dense storage holds one delay, not 1, 2",
        ),
        (
            fixed_probability(0.5),
            {"storage": "procedural", "delay": uniform(1, 2)},
            "procedural storage holds one delay",
        ),
        (CONV, {"weight": normal(0, 1)}, "the pattern holds the weights already"),
    ],
)
def test_synapses_that_a_kind_cannot_hold(pattern, options, text):
    with pytest.raises(InputError, match=text):
        chosen(pattern, **options)


# -- read and set -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "pattern", "more"), CASES[:7], ids=IDS[:7])
def test_weights_that_are_set_are_those_of_sparse_storage(kind, pattern, more):
    nets = [made(k, pattern, pieces=True, **more) for k in (kind, "sparse")]
    results = []
    for net in nets:
        net.run(3.0)
        syn = list(net.projections.values())[1]
        values = np.linspace(-2, 1.5, len(syn)) ** 2
        syn.set(weights=values)
        np.testing.assert_array_equal(syn.weights(), values.astype(np.float32))
        syn.set(weights=lambda w: w.clip(0.1, 3.0))
        syn.set(weights=0.5, where=syn.sources() == 3)
        values = np.where(syn.sources() == 3, 0.5, values.astype(np.float32).clip(0.1, 3.0))
        np.testing.assert_array_equal(syn.weights(), values.astype(np.float32))
        results.append(net.run(10.0, record=watched(net)))
        syn.set(weights=0.25)
        assert set(syn.weights()) == {0.25}
        results.append(net.run(5.0, record=watched(net)))
    assert require_same(results[0], results[2]) > 5
    require_same(results[1], results[3])


def test_what_weights_follow_from_can_be_set():
    kernel = rng.normal(0.5, 1, (6, 1, 2, 3))
    D, E = rng.normal(0, 1, (N, 2)), rng.normal(0.5, 0.5, (2, N))
    cases = (
        (CONV, {"kernel": kernel}, convolution(kernel, (2, 3, 4), (1, 2), (1, 1), groups=2)),
        (low_rank(D, 0 * E), {"encoders": E}, low_rank(D, E)),
        (low_rank(0 * D, E), {"decoders": D}, low_rank(D, E)),
    )
    for pattern, parts, other in cases:
        nets = [Network(seed=2), Network(seed=2)]
        results = []
        for net, one in zip(nets, (pattern, other), strict=True):
            noise = net.add(Poisson(1.0), N, "noise")
            cells = net.add(CELL, 48 if "kernel" in parts else N, "B")
            syn = net.connect(noise, cells, one, to="v")
            net.build(0.1)
            if one is pattern:
                syn.set(**parts)
            results.append(net.run(10.0, record=watched(net)))
        assert require_same(*results) > 5


@pytest.mark.parametrize(
    ("kind", "pattern", "wanted", "text"),
    [
        (
            "convolution",
            CONV,
            {"weights": 1.0},
            "A.* to B0: convolution storage has one weight for many synapses; set kernel=",
        ),
        (
            "convolution",
            CONV,
            {"kernel": np.ones((1, 1, 2, 3))},
            r"has a kernel \(6, 1, 2, 3\); got kernel \(1, 1, 2, 3\)",
        ),
        ("low-rank", low_rank(MATRIX, MATRIX), {"weights": 1.0}, "no weight of its own for each synapse"),
        ("low-rank", low_rank(MATRIX, MATRIX), {"kernel": [1.0]}, r"has decoders \(24, 24\) and encoders"),
        ("procedural", fixed_outdegree(2), {"weights": np.ones(48)}, "keeps no weight for each synapse; set a number"),
        ("dense", all_to_all(), {"kernel": [1.0]}, "A.* to B0: dense storage has weights alone, no kernel"),
        ("dense", all_to_all(), {"weights": [1.0]}, r"\(1,\) weights for 576 synapses"),
        ("dense", all_to_all(), {"weights": np.nan}, "a weight is not finite"),
        ("dense", all_to_all(), {"weights": 1.0, "where": [True]}, r"where must be 576 booleans, got bool \(1,\)"),
    ],
)
def test_what_cannot_be_set(kind, pattern, wanted, text):
    net = made(kind, pattern, weight=1.0)
    net.build(0.1)
    with pytest.raises(InputError, match=text):
        list(net.projections.values())[1].set(**wanted)


# -- kept in a file, memory, and compiling ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "pattern", "more"),
    [*CASES, ("low-rank", low_rank(MATRIX[:, :2], MATRIX[:2]), {"weight": 0.4})],
    ids=[*IDS, "low-rank"],
)
def test_a_saved_network_goes_on(tmp_path: Path, kind, pattern, more):
    net = made(kind, pattern, pieces=True, **more)
    net.run(8.3)
    net.save(tmp_path / "net")
    found = Network.load(tmp_path / "net")
    assert found.summary() == net.summary() and kind in found.summary()
    require_same(*(one.run(6.0, record=watched(one)) for one in (net, found)))


def test_a_file_of_a_kind_that_is_not_known_is_refused():
    with pytest.raises(DataError, match="the file holds storage 'holographic'"):
        storage.restored("holographic", {}, {})


@pytest.mark.parametrize(("kind", "pattern", "more"), CASES, ids=IDS)
def test_memory_is_known_before(kind, pattern, more):
    net = made(kind, pattern, **more)
    syn = list(net.projections.values())[1]
    planned = estimate.memory(syn, 4)
    net.build(0.1)
    assert planned == pytest.approx(net.engine.parts.wiring.storage(syn).nbytes, abs=300)


def test_large_networks_are_planned_by_their_kind():
    net = Network()
    a = net.add(CELL, 3_000_000, "a")
    net.connect(a, a, fixed_probability(0.9), storage="procedural")
    net.connect(a, a, low_rank(np.ones((3_000_000, 1)), np.ones((1, 3_000_000))))
    estimate.require_room(net.projections.values(), 4)
    net.connect(a, a, all_to_all(), weight=uniform(0, 1), name="whole")
    with pytest.raises(InputError, match=r"whole alone needs 36,000.0 GB"):
        net.build(0.1)


def test_a_matrix_of_one_weight_takes_no_memory():
    """3.6e9 synapses, of which no list is ever made."""
    net = Network()
    a, b = net.add(SpikeTrain([0.1, 0.1], [0, 59_999]), 60_000, "a"), net.add(CELL, 60_000, "b")
    syn = net.connect(a, b, all_to_all(), to="v", weight=2.0)
    tracemalloc.start()
    made = net.build(0.1).parts.wiring.storage(syn)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(made) == 3_600_000_000 and made.nbytes < 100 and most < 2e8
    assert (net.run(0.2, record={"b": "v"})["b"]["v"][1] == 4.0).all()


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(
    ("pattern", "count", "rise"),
    [
        (lambda n: all_to_all(), 1, 2.0),
        (lambda n: one_to_one(), 1, 2.0),
        (lambda n: convolution(np.full((1, 1, 1), 2.0), (1, n)), 1, 2.0),
        (lambda n: convolution(np.full((1, 1, 3), 2.0), (1, n), padding=1), 1, 2.0),
        (lambda n: low_rank(np.ones((n, 1)), np.full((1, n), 2.0)), 1, 2.0),
        (lambda n: low_rank(np.ones((n, 0)), np.ones((0, n))), 1, 0.0),
        (lambda n: from_matrix(np.zeros((n, n))), 0, 0.0),
        (lambda n: fixed_probability(0.0), 0, 0.0),
    ],
)
@pytest.mark.parametrize("own", [True, False])
def test_the_smallest_ones(n, pattern, count, rise, own):
    """One neuron of n fires; with n = 1 there is one synapse, or none."""
    net = Network(dtype="float64")
    a, b = net.add(CELL, n, "a", initial={"v": [7.0, 0.0][:n]}), net.add(CELL, n, "b")
    made = pattern(n)
    kind = "procedural" if "procedural" in made.kinds and own else made.kinds[0] if own else "sparse"
    syn = net.connect(a, b, made, to="v", storage=kind, weight=1.0 if made.holds_weights else 2.0)
    result = net.run(0.2, record={"b": ("v")})
    assert result["b"]["v"][1, 0] == pytest.approx(rise)
    assert len(syn) == syn.weights().size and (n > 1 or len(syn) == count)


def test_sizes_and_weights_compile_nothing():
    for kind, pattern, more in CASES[::2]:
        made(kind, pattern, **more).run(1.0)
    before = dict(llvm_jit.COMPILED)
    for kind, pattern, more in CASES[::2]:
        net = Network(seed=9)
        a = net.add(CELL, N, "A")
        b = net.add(CELL, 48 if pattern is CONV else N, "B0")
        noise = net.add(Poisson(1.0), N, "noise")
        net.connect(noise, a, one_to_one(), to="v", weight=0.4)
        net.connect(a, b, pattern, to="v", storage=kind, **more, delay=1.1)
        net.run(1.0)
    assert dict(llvm_jit.COMPILED) == before


def test_arrays_with_multapses_stay_sparse():
    assert chosen(from_arrays([0, 0, 1], [1, 1, 0])) == "sparse"


@pytest.mark.parametrize("synapse", [synapses.GapJunction, synapses.BernoulliCurrent], ids=lambda synapse: synapse.name)
def test_synapses_that_act_all_the_time_or_differ_are_kept_one_by_one(synapse: sl.Synapse) -> None:
    """Whatever the pattern, and their delays are those with which they were made."""
    net = sl.Network()
    cell = sl.Neuron("Cell", "dv/dt = (I/C - v/tau) : mV; I : pA (input); C = 100 pF; tau = 9 ms", threshold="v > 1 V")
    cells = net.add(cell, 6, "cells", initial={"v": sl.uniform(0, 10)})
    syn = net.connect(cells, cells, sl.all_to_all(), synapse=synapse, delay=0.2)
    with pytest.raises(InputError, match="are kept in sparse storage, not storage='dense'"):
        net.connect(cells, cells, sl.all_to_all(), synapse=synapse, storage="dense")
    other = net.connect(cells, cells, sl.all_to_all(), to="v", delay=0.3, weight=0.1)
    net.run(1.0)
    with pytest.raises(InputError, match=f"the delays of {synapse.name} cannot be changed"):
        syn.set(delays=0.5)
    other.set(delays=0.5)
    net.run(1.0)
    assert syn.delays() == pytest.approx(0.2) and other.delays() == pytest.approx(0.5)
