"""Sums over active inputs are the dense products, for every shape and value, and the same bits for any thread count."""

import threading

import numpy as np
import pytest
from hypothesis import given, strategies

from spikelet.backends import sparse_calls, sparse_kernels, sparse_product
from spikelet.backends.sparse_kernels import Host
from spikelet.backends.sparse_product import most_active, multiply, weight_gradient

OTHERS = {"avx": Host(32, 8, False), "none": Host(16, 8, False)}
SHAPES = [  # rows, inputs, outputs
    (1, 1, 1),
    (3, 1, 5),
    (5, 17, 1),
    (64, 64, 64),
    (65, 100, 33),
    (130, 33, 300),
    (70, 1024, 257),
    (2100, 40, 70),
    (300, 16, 1000),
]
KINDS = ["spikes", "graded"]


@pytest.fixture(autouse=True)
def always_sparse(monkeypatch):
    """The sparse way, and several threads, however little there is to do."""
    monkeypatch.setattr(sparse_product, "most_active", lambda rows, width, *_, **__: rows * width)
    monkeypatch.setattr(sparse_product, "_SERIAL", 0)


@pytest.fixture
def machine(monkeypatch, request):
    """Kernels as another machine would have them."""
    caches = sparse_calls.index_kernels, sparse_calls.tile_kernels, sparse_calls.rows_kernel
    for cache in caches:
        cache.cache_clear()
    if request.param != "this":
        monkeypatch.setattr(sparse_calls, "_host", lambda: OTHERS[request.param])
    yield request.param
    for cache in caches:
        cache.cache_clear()


def batch(rows, width, density, kind="spikes", dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    active = rng.random((rows, width)) < density
    values = 1.0 if kind == "spikes" else rng.choice([-2.0, 0.25, 1.0, 3.0], (rows, width))
    return np.where(active, values, 0.0).astype(dtype)


def numbers(*shape, dtype=np.float32, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def product(x, weight, bias=None, threads=1):
    out = np.full((len(x), len(weight)), np.nan, x.dtype)
    choice = multiply(x, weight, bias, out, threads)
    return out, choice


def gradients(gradient, x, threads=1):
    out = np.full((gradient.shape[1], x.shape[1]), np.nan, x.dtype)
    sums = np.full(gradient.shape[1], np.nan)
    choice = weight_gradient(gradient, x, out, sums, threads)
    return out, sums, choice


def assert_rounded(found, a, b, offset=0.0):
    """Assert that ``found`` is a @ b + offset, but for the rounding of a sum in its own precision."""
    a64, b64 = a.astype(float), b.astype(float)
    bound = np.abs(a64) @ np.abs(b64) + np.abs(offset)
    error = np.abs(found - (a64 @ b64 + offset))
    assert np.all(error <= 4 * np.finfo(found.dtype).eps * np.sqrt(1 + a.shape[1]) * bound)


# -- equality with the dense products ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("density", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_product_is_the_dense_one(shape, density, kind, dtype):
    rows, width, outputs = shape
    x, weight = batch(rows, width, density, kind, dtype), numbers(outputs, width, dtype=dtype)
    bias = numbers(outputs, dtype=dtype, seed=2)
    out, choice = product(x, weight, bias)
    assert choice.sparse
    assert_rounded(out, x, weight.T, bias)
    assert_rounded(product(x, weight)[0], x, weight.T)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("density", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_weight_gradient_is_the_dense_one(shape, density, kind, dtype):
    rows, width, outputs = shape
    x, gradient = batch(rows, width, density, kind, dtype), numbers(rows, outputs, dtype=dtype)
    out, sums, choice = gradients(gradient, x)
    assert choice.sparse
    assert_rounded(out, gradient.T, x)
    np.testing.assert_allclose(sums, gradient.sum(0, dtype=float), rtol=1e-12, atol=1e-12)


@given(
    sizes=strategies.tuples(*[strategies.integers(1, 50)] * 3),
    density=strategies.sampled_from([0.0, 0.1, 0.5, 1.0]),
    kind=strategies.sampled_from(KINDS),
    seed=strategies.integers(0, 1000),
)
def test_small_shapes(sizes, density, kind, seed):
    rows, width, outputs = sizes
    x = batch(rows, width, density, kind, seed=seed)
    weight, gradient = numbers(outputs, width, seed=seed), numbers(rows, outputs, seed=seed)
    assert_rounded(product(x, weight)[0], x, weight.T)
    assert_rounded(gradients(gradient, x)[0], gradient.T, x)


def test_long_rows_and_wide_weights():
    x, weight = batch(20, 20_000, 0.01), numbers(600, 20_000)
    assert_rounded(product(x, weight)[0], x, weight.T)


def test_negative_zero_is_silent():
    x = batch(20, 30, 0.2)
    silent = np.where(x == 0, np.float32(-0.0), x)
    weight, gradient = numbers(10, 30), numbers(20, 10)
    np.testing.assert_array_equal(product(silent, weight)[0], product(x, weight)[0])
    np.testing.assert_array_equal(gradients(gradient, silent)[0], gradients(gradient, x)[0])


def test_memory_of_a_call_does_not_show_in_the_next():
    bad = np.full((300, 100), np.nan, np.float32)
    product(batch(100, 100, 0.5), bad)
    gradients(bad, batch(300, 70, 0.5))
    x, weight, gradient = batch(50, 60, 0.3), numbers(21, 60), numbers(50, 21)
    assert_rounded(product(x, weight)[0], x, weight.T)
    assert_rounded(gradients(gradient, x)[0], gradient.T, x)


# -- the choice -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [10, 1000])
def test_one_active_input_too_many_is_left_to_the_dense_way(monkeypatch, rows):
    x = batch(rows, 50, 0.2)
    active = int(x.sum())
    for most, sparse in ((active, True), (active - 1, False)):
        monkeypatch.setattr(sparse_product, "most_active", lambda *_, most=most, **__: most)
        assert product(x, numbers(5, 50))[1].sparse is sparse
        assert gradients(numbers(rows, 5), x)[2].sparse is sparse


def test_activity_that_the_first_look_misses_is_found(monkeypatch):
    monkeypatch.setattr(sparse_product, "most_active", lambda rows, width, *_, **__: rows * width // 10)
    x = np.ones((640, 50), np.float32)
    x[::10] = 0.0  # the rows that are looked at first
    out, choice = product(x, numbers(5, 50))
    assert not choice.sparse and "10.0%" in choice.reason
    assert np.isnan(out).all()


def test_silence_that_the_first_look_misses_is_left_alone(monkeypatch):
    monkeypatch.setattr(sparse_product, "most_active", lambda rows, width, *_, **__: rows * width // 5)
    x = np.zeros((640, 50), np.float32)
    x[::10] = 1.0
    assert not product(x, numbers(5, 50))[1].sparse  # not listed, though few are active: the look is all that is spent


def test_sparse_products_pay_only_where_they_are_large():
    assert most_active(3200, 1024, 1024, "float") > 0.1 * 3200 * 1024
    assert most_active(3200, 1024, 1024, "float", gradient=True) > 0.1 * 3200 * 1024
    assert most_active(3200, 1024, 1024, "double") > 0.1 * 3200 * 1024
    for shape in ((1, 1024, 1024), (16, 64, 64), (3200, 1000, 2), (0, 5, 5), (5, 0, 5), (5, 5, 0)):
        assert most_active(*shape, "float") == most_active(*shape, "float", gradient=True) == 0


# -- what is not finite -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (299, 99), (150, 3)])
def test_a_weight_that_is_not_finite_is_left_to_the_dense_way(value, place):
    weight = numbers(300, 100)
    weight[place] = value
    choice = product(batch(70, 100, 0.1), weight)[1]
    assert not choice.sparse and "finite" in choice.reason


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (2099, 69), (70, 3)])
def test_a_gradient_that_is_not_finite_is_left_to_the_dense_way(value, place):
    gradient = numbers(2100, 70)
    gradient[place] = value
    choice = gradients(gradient, batch(2100, 40, 0.1))[2]
    assert not choice.sparse and "finite" in choice.reason


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_input_that_is_not_finite_acts_as_in_the_dense_product(value):
    x, weight, gradient = batch(40, 30, 0.2), numbers(20, 30), numbers(40, 20)
    x[7, 5] = value
    gradient[7, 3] = 0.0
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(product(x, weight)[0], x @ weight.T, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(gradients(gradient, x)[0], gradient.T @ x, rtol=1e-5, atol=1e-5)


# -- the same bits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(700, 300, 500), (2500, 70, 40)])
def test_bits_do_not_depend_on_the_threads(shape, kind):
    rows, width, outputs = shape
    x, weight, gradient = batch(rows, width, 0.1, kind), numbers(outputs, width), numbers(rows, outputs)
    one, (to_weight, sums, _) = product(x, weight)[0], gradients(gradient, x)
    for threads in (2, 3, 7):
        np.testing.assert_array_equal(product(x, weight, threads=threads)[0], one)
        found = gradients(gradient, x, threads=threads)
        np.testing.assert_array_equal(found[0], to_weight)
        np.testing.assert_array_equal(found[1], sums)


@pytest.mark.parametrize("machine", ["this", *OTHERS], indirect=True)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_machine_sums_in_the_order_of_the_lists(machine, dtype):
    if machine in OTHERS:
        assert sparse_calls.tile_widths("float") == OTHERS[machine].widths("float")
    x, weight, gradient = batch(300, 77, 0.1, dtype=dtype), numbers(90, 77, dtype=dtype), numbers(300, 90, dtype=dtype)
    np.testing.assert_array_equal(product(x, weight)[0], sequential(x, weight.T))
    np.testing.assert_array_equal(gradients(gradient, x)[0], sequential(x.T, gradient).T)
    graded = batch(300, 77, 0.1, "graded", dtype)
    assert_rounded(product(graded, weight)[0], graded, weight.T)
    assert_rounded(gradients(gradient, graded)[0], gradient.T, graded)


def sequential(x, rows):
    """Return x @ rows for an x of zeros and ones, each sum in the order of the rows."""
    sums = np.zeros((len(x), rows.shape[1]), rows.dtype)
    for j, row in enumerate(rows):
        sums[x[:, j] == 1] += row
    return sums


def test_threads_of_the_caller_do_not_meet():
    x, weight, gradient = batch(300, 200, 0.1), numbers(100, 200), numbers(300, 100)
    expected = product(x, weight)[0], gradients(gradient, x)[0]
    wrong = []

    def work():
        for _ in range(20):
            found = product(x, weight, threads=2)[0], gradients(gradient, x, threads=2)[0]
            wrong.extend(1 for a, b in zip(found, expected, strict=True) if not np.array_equal(a, b))

    callers = [threading.Thread(target=work) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


# -- machines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("+avx,+avx2,+avx512f", Host(64, 16, True)),
        ("+avx,+avx2,-avx512f", Host(32, 8, False)),
        ("+sse2,-avx", Host(16, 8, False)),
        ("+neon", Host(16, 8, False)),
        ("", Host(16, 8, False)),
    ],
)
def test_machines_are_told_apart(features, expected):
    assert sparse_kernels.host(frozenset(features.split(","))) == expected


def test_sums_stay_in_registers():
    for host in (Host(64, 16, True), *OTHERS.values()):
        assert host.widths("float")[-1] * 4 == host.widths("double")[-1] * 8 == host.bytes * host.registers
