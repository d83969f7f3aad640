"""What the figures were measured on: the machine, and the versions of what ran."""

import contextlib
import ctypes
import functools
import importlib.metadata
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import spikelet

_CHAIN = 500_000  # products: a millisecond
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_STEPS = """\
define i64 @chain(i64 %n) {
entry:
  br label %step
step:
  %i = phi i64 [0, %entry], [%next, %step]
  %x = phi i64 [1, %entry], [%y, %step]
  %p = mul i64 %x, 6364136223846793005
  %y = xor i64 %p, %i
  %next = add i64 %i, 1
  %go = icmp ult i64 %next, %n
  br i1 %go, label %step, label %end
end:
  ret i64 %y
}
"""
_VECTORS = ("amx_tile", "avx512f", "avx2", "asimd")  # what tells two processors of one name apart


def describe() -> dict[str, Any]:
    """Return processor, usable cores, caches, memory, system, and the GPU if torch is loaded and sees one.

    What a system does not tell is left out. The load is the mean number of busy processes of the last minute, at the
    moment of asking: above the number of cores, times in the same line are to be read as ratios only.
    """
    found = {
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "caches": _caches(),
        "memory_GiB": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "gpu": _gpu(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "clock_GHz": clock(),
    }
    return {name: value for name, value in found.items() if value}


def clock() -> float:
    """Return how fast a core runs just now [GHz], from a chain of products: four cycles each on present processors.

    What else runs on the same core, also of other tenants of the machine, makes it slower.
    """
    step = _chain()
    step(_CHAIN)
    times = []
    for _ in range(20):
        begin = time.perf_counter()
        step(_CHAIN)
        times.append(time.perf_counter() - begin)
    return round(4e-9 * _CHAIN / min(times), 2)


@functools.cache
def _chain() -> Any:
    """Return a function of a number of steps, each of which waits for the one before it."""
    from spikelet.backends import llvm_jit

    return llvm_jit.compile(_STEPS).function("chain", ctypes.c_int64, result=ctypes.c_int64)


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python, Spikelet and these packages; those that are not installed are left out."""
    found = {"python": platform.python_version(), "spikelet": spikelet.__version__}  # also where it is not installed
    for package in ("numpy", "llvmlite", *packages):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def peak_rss() -> float | None:
    """Return the largest resident set of this process since ``reset_peak_rss``, or since its start [MiB]."""
    status = _fields(Path("/proc/self/status"))
    if "VmHWM" in status:
        return int(status["VmHWM"].split()[0]) / 1024
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform != "darwin" else 1024**2)  # kB, and bytes on a Mac


def release_memory() -> None:
    """Hand freed memory back to the system, where the allocator (that of glibc) can: else it hides in the next peak."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another libc has no such function
            ctypes.CDLL(None).malloc_trim(0)


def rss() -> float | None:
    """Return the resident set of this process [MiB], where the system tells it."""
    size = _fields(Path("/proc/self/status")).get("VmRSS")
    return int(size.split()[0]) / 1024 if size else None


def reset_peak_rss() -> bool:
    """Start to count the peak anew; tell whether the system could."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _fields(path: Path) -> dict[str, str]:
    """Read the lines ``name: value`` of a file; the first of each name counts, and no file gives none."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":")[::2] for line in reversed(lines))
    return {name.strip(): value.strip() for name, value in pairs}


def _processor() -> str:
    info = _fields(Path("/proc/cpuinfo"))
    name = info.get("model name") or platform.processor() or platform.machine()
    numbers = [
        f"{short} {info[long]}" for short, long in (("family", "cpu family"), ("model", "model")) if long in info
    ]
    flags = (info.get("flags") or info.get("Features") or "").split()
    vectors = [flag for flag in _VECTORS if flag in flags]
    return ", ".join([name, " ".join(numbers), " ".join(vectors)]).replace(", ,", ",").strip(", ")


def _caches() -> dict[str, str]:
    found = {}
    for index in sorted(_CACHES.glob("index*")) if _CACHES.is_dir() else ():
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found[f"L{level}" + ("d" if kind == "Data" else "")] = size
    return found


def _memory() -> float | None:
    total = _fields(Path("/proc/meminfo")).get("MemTotal")
    return round(int(total.split()[0]) / 1024**2, 1) if total else None


def _gpu() -> str | None:
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else None
