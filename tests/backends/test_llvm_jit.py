"""The compiler behind the CPU kernels: it vectorises, compiles once, survives forks, threads and a damaged cache."""

import ctypes
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from spikelet import cache
from spikelet.backends import llvm_jit
from spikelet.errors import BackendError

SOURCE = Path(__file__).parents[2] / "src"
VECTOR = re.compile(r"<(?:vscale x )?\d+ x (?:float|double)>")
LOOP = """
define void @{name}(i64 %n, ptr noalias %x, ptr noalias %y) {{
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %px = getelementptr {real}, ptr %x, i64 %i
  %a = load {real}, ptr %px
  %b = fmul {real} %a, %a
  %c = fadd {real} %b, {constant}
  %py = getelementptr {real}, ptr %y, i64 %i
  store {real} %c, ptr %py
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %loop, label %done
done:
  ret void
}}
"""


def loop(constant: float = 1.0, real: str = "float", name: str = "square") -> str:
    """Return a module with a function that writes x * x + constant."""
    return LOOP.format(constant=constant, real=real, name=name)


def call(library: llvm_jit.Library, x: np.ndarray, name: str = "square") -> np.ndarray:
    y = np.empty_like(x)
    function = library.function(name, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
    function(x.size, x.ctypes.data, y.ctypes.data)
    return y


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty cache and a process that has compiled nothing; return the cache folder."""
    monkeypatch.setenv("SPIKELET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(llvm_jit, "_libraries", {})
    monkeypatch.setattr(cache, "_warned", False)
    llvm_jit.COMPILED.clear()
    return tmp_path / "cache" / "llvm"


def counts() -> tuple[int, int]:
    return llvm_jit.COMPILED["compiled"], llvm_jit.COMPILED["loaded"]


def forget() -> None:
    """Make this process as one that has just begun."""
    llvm_jit._libraries.clear()
    llvm_jit.COMPILED.clear()


# -- what it makes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("real", "dtype"), [("float", np.float32), ("double", np.float64)])
def test_a_function_computes(real: str, dtype: type) -> None:
    x = np.arange(1003, dtype=dtype)
    assert np.array_equal(call(llvm_jit.compile(loop(2.0, real)), x), x * x + 2)


@pytest.mark.parametrize("real", ["float", "double"])
def test_a_simple_loop_is_vectorised(real: str) -> None:
    found = set(VECTOR.findall(llvm_jit.optimised(loop(1.0, real))))
    assert found
    assert all(real in vector for vector in found)


def test_a_product_and_a_sum_are_not_contracted() -> None:
    x = np.array([1 + 2**-12], dtype=np.float32)  # x * x rounds; x * x - 1 by one instruction would not
    y = call(llvm_jit.compile(loop(-1.0)), x)
    assert y[0] == np.float32(x[0] * x[0]) - np.float32(1)
    assert y[0] != np.float32(float(x[0]) ** 2 - 1)


def test_a_function_may_have_a_result() -> None:
    text = "define double @half(double %x) {\n  %y = fmul double %x, 0.5\n  ret double %y\n}"
    assert llvm_jit.compile(text).function("half", ctypes.c_double, result=ctypes.c_double)(3.0) == 1.5


def test_a_function_of_the_mathematical_library_is_found() -> None:
    text = """
declare double @llvm.sin.f64(double)
define double @sine(double %x) {
  %y = call double @llvm.sin.f64(double %x)
  ret double %y
}
"""
    sine = llvm_jit.compile(text).function("sine", ctypes.c_double, result=ctypes.c_double)
    assert sine(1.0) == pytest.approx(np.sin(1.0), rel=1e-15)


def test_the_assembly_can_be_read() -> None:
    assert re.search(r"^_?square:", llvm_jit.assembly(loop()), re.M)


def test_a_function_keeps_its_code_in_memory() -> None:
    function = llvm_jit.compile(loop()).function("square", ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
    llvm_jit._libraries.clear()
    x, y = np.ones(8, dtype=np.float32), np.empty(8, dtype=np.float32)
    function(8, x.ctypes.data, y.ctypes.data)
    assert (y == 2).all()


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["nonsense", loop().replace("ret void", "ret i32 0"), loop().replace("%b,", "%q,")])
def test_a_module_that_is_wrong_is_an_error_and_not_kept(fresh: Path, text: str) -> None:
    for _ in range(2):
        with pytest.raises(BackendError, match="LLVM refuses the module: "):
            llvm_jit.compile(text)
    assert not list(fresh.iterdir())


@pytest.mark.parametrize("name", ["circle", "squar", "square2", "s.*", ""])
def test_an_unknown_function_is_an_error(name: str) -> None:
    library = llvm_jit.compile(loop())
    with pytest.raises(BackendError, match="the module defines no function "):
        library.function(name)


# -- compiled once ----------------------------------------------------------------------------------------------------


def test_a_module_is_compiled_once_in_a_process() -> None:
    library = llvm_jit.compile(loop())
    assert llvm_jit.compile(loop()) is library
    assert counts() == (1, 0)


def test_another_module_is_another_library() -> None:
    x = np.ones(4, dtype=np.float32)
    assert [call(llvm_jit.compile(loop(c)), x)[0] for c in (1.0, 2.0, 3.0)] == [2, 3, 4]  # one name in three modules
    assert counts() == (3, 0)


def test_the_next_process_loads_it() -> None:
    llvm_jit.compile(loop())
    forget()
    assert (call(llvm_jit.compile(loop()), np.ones(4, dtype=np.float32)) == 2).all()
    assert counts() == (0, 1)


def test_another_cpu_or_version_compiles_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    llvm_jit.compile(loop())
    cpu, features = llvm_jit._host()
    for name, value in [("_host", lambda: (cpu, features + ",")), ("_versions", lambda: ("0.0",))]:
        with monkeypatch.context() as patch:
            patch.setattr(llvm_jit, name, value)
            forget()
            llvm_jit.compile(loop())
            assert counts() == (1, 0)


@pytest.mark.parametrize("damaged", [b"", b"\x7fELF", b"\0" * 5000])
def test_a_damaged_file_is_compiled_anew(fresh: Path, damaged: bytes) -> None:
    llvm_jit.compile(loop())
    (path,) = fresh.iterdir()
    path.write_bytes(damaged)
    forget()
    assert (call(llvm_jit.compile(loop()), np.ones(4, dtype=np.float32)) == 2).all()
    assert counts() == (1, 0)


def test_without_a_disk_it_still_compiles(fresh: Path) -> None:
    fresh.parent.write_text("a file in its place")
    with pytest.warns(RuntimeWarning, match="nothing is kept on disk"):
        library = llvm_jit.compile(loop())
    assert (call(library, np.ones(4, dtype=np.float32)) == 2).all()
    assert counts() == (1, 0)


WARM = """
import json, sys, numpy as np
from spikelet.backends import llvm_jit
library = llvm_jit.compile(sys.stdin.read())
print(json.dumps([dict(llvm_jit.COMPILED), sorted({"numba", "torch"} & set(sys.modules))]))
"""


def test_a_warm_process_compiles_nothing() -> None:
    path = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])
    seen = []
    for _ in range(2):
        command = [sys.executable, "-c", WARM]
        environment = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run(command, input=loop(), env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        seen.append(json.loads(done.stdout))
    assert [(c.get("compiled", 0), c.get("loaded", 0), heavy) for c, heavy in seen] == [(1, 0, []), (0, 1, [])]


# -- other threads and processes --------------------------------------------------------------------------------------


def test_several_python_threads_may_compile_at_once() -> None:
    found: list[float] = []

    def work() -> None:
        for c in range(4):
            found.append(float(call(llvm_jit.compile(loop(float(c))), np.ones(4, dtype=np.float32))[0]) - 1)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert sorted(found) == sorted([0, 1, 2, 3] * 3)
    assert counts() == (4, 0)


FORK = """
import ctypes, os, sys, threading
from spikelet.backends import llvm_jit
text = sys.stdin.read()
call = lambda library: library.function("half", ctypes.c_double, result=ctypes.c_double)(3.0)
library = llvm_jit.compile(text)
stop = threading.Event()
def compile_on():
    number = 0
    while not stop.is_set():
        number += 1
        llvm_jit.compile(text + f"define void @f{number}() {{\\n  ret void\\n}}\\n")
other = threading.Thread(target=compile_on)
other.start()
for _ in range(10):
    child = os.fork()
    if child == 0:  # while another thread of the parent is in the compiler
        new = llvm_jit.compile(text + "\\n; another text, to be compiled here")
        os._exit(0 if call(library) == call(new) == 1.5 else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
other.join()
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_may_use_and_compile_while_the_parent_compiles() -> None:
    text = "define double @half(double %x) {\n  %y = fmul double %x, 0.5\n  ret double %y\n}\n"
    path = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK],
        input=text,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
