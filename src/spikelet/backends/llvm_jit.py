"""From the text of an LLVM module to functions that can be called: text -> optimised -> object code -> address.

The object code is kept on disk (`spikelet.cache`) under the text, the CPU and the versions, so that a second process
only loads it. The compiler is the library that numba is built on, used without numba. There are no fast-math flags in
the texts and none is added here: a multiplication and an addition become one instruction where the text says so, and
nothing is reordered.
"""

import ctypes
import os
import re
import threading
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from spikelet import cache
from spikelet.errors import BackendError

COMPILED: Counter[str] = Counter()
"""What `compile` did in this process: how many modules it ``"compiled"``, and how many it ``"loaded"`` from disk."""

_PIPELINE = "1"  # part of the key on disk: to be raised when `_optimise` or `_emit` changes
_DEFINED = re.compile(r'^define [^@]*@"?([^\s"(]+)"?\(', re.M)
_libraries: dict[str, "Library"] = {}
_lock = threading.RLock()
if hasattr(
    os, "register_at_fork"
):  # a fork waits until no thread is inside the compiler, whose locks a child would inherit
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


class Library:
    """The machine code of a module, which stays in memory as long as this object or one of its functions.

    Attributes:
        text: the module as it was given.
    """

    def __init__(self, text: str, code: bytes) -> None:
        self.text = text
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self._defined = frozenset(_DEFINED.findall(text))

    def function(self, name: str, *arguments: Any, result: Any = None) -> Callable[..., Any]:
        """Return a function of the module, which drops the interpreter's lock while it runs.

        Args:
            name: its name in the text, without ``@``.
            arguments: the type of each argument, from `ctypes`.
            result: the type of the result, None for void.
        """
        if name not in self._defined:  # looked up at each beginning of a run: the text is searched once
            raise BackendError(f"the module defines no function {name!r}")
        with _lock:
            address = self._engine.get_function_address(name)
        function: Any = ctypes.CFUNCTYPE(result, *arguments)(address)
        function.library = self
        return function


def compile(text: str) -> Library:
    """Return the machine code of a module, from this process or from disk where it has been compiled before.

    Args:
        text: an LLVM module, without triple and data layout: they are those of this machine.

    Raises:
        BackendError: LLVM refuses the text.
    """
    with _lock:
        library = _libraries.get(text)
        if library is None:
            library = _libraries[text] = Library(text, _object_code(text))
        return library


def _object_code(text: str) -> bytes:
    before = COMPILED["compiled"]
    code = cache.fetch("llvm", "\n".join([*_host(), *_versions(), text]), lambda: _emit(text))
    COMPILED["loaded"] += COMPILED["compiled"] == before
    return code


def optimised(text: str) -> str:
    """Return the text of a module after optimisation for this machine."""
    with _lock:
        return str(_optimise(text, _machine()))


def assembly(text: str) -> str:
    """Return the assembly of a module for this machine."""
    with _lock:
        machine = _machine()
        return machine.emit_assembly(_optimise(text, machine))


# -- the compiler -----------------------------------------------------------------------------------------------------


def _emit(text: str) -> bytes:
    machine = _machine()
    code = machine.emit_object(_optimise(text, machine))
    COMPILED["compiled"] += 1
    return code


def _optimise(text: str, machine: llvm.TargetMachine) -> llvm.ModuleRef:
    try:
        module = llvm.parse_assembly(text)
        module.verify()
    except RuntimeError as error:
        raise BackendError(f"LLVM refuses the module: {error}") from error
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module


@lru_cache(maxsize=1)
def _host() -> tuple[str, str]:
    """Return the name and the features of this CPU; once, since LLVM has to be told first what machine it runs on."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def _versions() -> tuple[str, ...]:
    return llvmlite.__version__, ".".join(map(str, llvm.llvm_version_info)), _PIPELINE


def _machine() -> llvm.TargetMachine:
    """Return a new machine: an engine takes possession of its own."""
    cpu, features = _host()
    return llvm.Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=3, jit=True)


def features() -> frozenset[str]:
    """Return what this CPU can do, such as ``{"+avx2", "-avx512f", ...}``."""
    return frozenset(_host()[1].split(","))
