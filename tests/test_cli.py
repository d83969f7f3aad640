"""The command: what it prints, and one line with a hint for each mistake. Training has tests of its own."""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import spikelet as sl
from spikelet import cli, simulate
from spikelet.cli import main


def lines(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


MISTAKES = {
    "trian digits": "unknown command 'trian'; did you mean 'train'? (known: train, list, show, run, simulate, "
    "reproduce, encode, events, analyse, info)",
    "train": "the following arguments are required: DATASET (see spikelet train --help)",
    "train digts": "unknown data set 'digts'; did you mean 'digits'? (known: digits, mnist, fashion-mnist, "
    "fsdd, nmnist)",
    "train fashion_mnist": "unknown data set 'fashion_mnist'; did you mean 'fashion-mnist'? "
    "(known: digits, mnist, fashion-mnist, "
    "fsdd, nmnist)",
    "train digits --epoch 3": "train: unknown option '--epoch'; did you mean '--epochs'?",
    "train digits --batchsize=3": "train: unknown option '--batchsize'; did you mean '--batch-size'?",
    "train digits 3": "train: unknown argument '3'",
    "train digits --epochs two": "argument --epochs: 'two' is not a whole number (see spikelet train --help)",
    "train digits --epochs 0": "epochs must be positive, not 0",
    "train digits --lr fast": "argument --lr: 'fast' is not a number (see spikelet train --help)",
    "train digits --lr nan": "lr must be positive, not nan",
    "train digits --threads 0": "--threads must be at least 1, not 0",
    "train digits --checkpoint-every -1": "--checkpoint-every must be at least 1, not -1",
    "train digits --seed 1e3": "argument --seed: '1e3' is not a whole number (see spikelet train --help)",
    "train digits --encoder poison": "unknown encoder 'poison' (known: constant, bernoulli, latency)",
    "train mnist --recipe artcle": "mnist has no recipe 'artcle'; did you mean 'article'? (known: default, article)",
    "train digits --device gpu": "device 'gpu' is not available here",
    "show Lif": "unknown neuron, synapse or rule 'Lif'; did you mean 'LIF'? (`spikelet list` names them)",
    "show LIF --target latx": "did you mean 'latex'?",
    "show STDP --target ir": "show: STDP is no neuron; of a synapse or a rule show 'model' or 'latex'",
    "list synapse": "list: unknown zoo 'synapse'; did you mean 'synapses'? (known: neurons, synapses, rules)",
    "run LIFF": "unknown neuron 'LIFF'; did you mean 'LIF'? (`spikelet list` names them)",
    "run LIF --curent 3": "run: unknown option '--curent'; did you mean '--current'?",
    "run LIF --param tau_men=3": "LIF has no parameter 'tau_men'; did you mean 'tau_mem'? "
    "(known: tau_mem, R, v_rest, v_reset, v_th, t_ref, surrogate_scale)",
    "run LIF --param tau_mem": "'tau_mem' is not of the form NAME=VALUE",
    "run LIF --param tau_mem=3mV": "'3mV' is in mV; expected a quantity in ms",
    "run LIF --param tau_mem=-3": "LIF: parameter 'tau_mem' is a time constant and must be positive, got -3",
    "run LIF --param tau_mem=slow": "'slow' is not a number with a unit, such as '500 ms'",
    "run LIF --input J=3": "LIF has no input 'J'",
    "run McCullochPitts --current 3": "McCullochPitts has the inputs E, I: use --input NAME=VALUE",
    "run LIF --time 5mV": "'5mV' is in mV; expected a quantity in ms",
    "run LIF --time 5sec": "unknown unit 'sec'",
    "run LIF --record u": "'u'",
    "run LIF --method rk5": "rk5",
    "run LIF --backend numba": "numba",
    "run LIF --current 2 --plot out.jpgg": "cannot draw into out.jpgg: it ends in none of",
    "run LIF --current 2 --plot none/out.png": "cannot write none/out.png: No such file or directory",
    "simulate": "the following arguments are required: NETWORK (see spikelet simulate --help)",
    "simulate brunl": "unknown network 'brunl'; did you mean 'brunel'? (known: brunel, vogels-abbott-cuba, ",
    "simulate brunel --sede 3": "simulate: unknown option '--sede'; did you mean '--seed'?",
    "simulate brunel --scale 0": "scale must be positive, not 0",
    "simulate brunel --scale big": "argument --scale: 'big' is not a number (see spikelet simulate --help)",
    "simulate microcircuit --scale 2": "microcircuit: scale must be at most 1, not 2",
    "simulate brunel --threads 0": "--threads must be at least 1, not 0",
    "simulate brunel --seed 1e3": "argument --seed: '1e3' is not a whole number (see spikelet simulate --help)",
    "simulate brunel --time 5mV": "'5mV' is in mV; expected a quantity in ms",
    "simulate brunel --time 0": "--time must be positive, not 0 ms",
    "simulate brunel --time 10ms --discard 10ms": "--discard must be at least 0 and less than the time of 10 ms",
    "simulate brunel --plot out.jpgg": "cannot draw into out.jpgg: it ends in none of",
    "simulate brunel --plot none/out.png": "cannot write none/out.png: No such file or directory",
    "train mnist --speaker theo": "mnist has no speakers",
    "train fsdd --speaker teo": "speaker must be one of george, jackson, lucas, nicolas, theo, yweweler, not "
    "'teo'; did you mean 'theo'",
    "train fsdd --encoder latency": "unknown encoder 'latency' (known: cochlea)",
    "encode": "the following arguments are required: FILE (see spikelet encode --help)",
    "encode a.txt": "a.txt: the extension is none of .png, .jpg, .jpeg, .wav, .csv",
    "encode a.png": "a.png: cannot be read (No such file or directory)",
    "events none.raw": "none.raw: cannot be read (No such file or directory)",
    "events none.raw --size 3": "--size must be columns x rows, such as 34x34, not '3'",
    "analyse none.npz": "none.npz: cannot be read (No such file or directory)",
    "list --jsn": "list: unknown option '--jsn'; did you mean '--json'?",
    "info LIF": "info: unknown argument 'LIF'",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_line_on_stderr(
    line: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" or "--plot" in line
    assert err.startswith("spikelet: error: ") and err.endswith("\n") and err.count("\n") == 1
    assert MISTAKES[line] in err
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(lines(capsys))
    assert all(f"    {name}" in text for name in tuple(cli._COMMANDS))
    with pytest.raises(SystemExit) as done:
        main(["train", "--help"])
    assert done.value.code == 0 and "--checkpoint-every" in capsys.readouterr().out


def test_every_command_and_option_says_what_it_is() -> None:
    _, commands = cli._parser()
    assert set(commands) == set(cli._COMMANDS)
    for name, command in commands.items():
        assert command.description, name
        for action in command._actions:
            assert action.help and action.help != argparse.SUPPRESS, (name, action.dest)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["--version"])
    assert done.value.code == 0
    assert capsys.readouterr().out == f"spikelet {sl.__version__}\n"


def test_list_has_every_neuron(capsys: pytest.CaptureFixture[str]) -> None:
    zoo = {name: value for name, value in vars(sl.neurons).items() if isinstance(value, sl.Neuron)}
    rows = lines(capsys, "list")
    assert [row.split()[0] for row in rows] == list(zoo)
    assert all(len(row.split()) > 3 for row in rows)
    (text,) = lines(capsys, "list", "--json")
    assert json.loads(text)["LIF"] == {"doc": sl.neurons.LIF.doc, "ref": sl.neurons.LIF.ref}


def test_list_and_show_know_synapses_and_rules(capsys: pytest.CaptureFixture[str]) -> None:
    for zoo, name in (("synapses", "GapJunction"), ("rules", "STDP")):
        entries = getattr(sl, zoo).entries()
        assert [row.split()[0] for row in lines(capsys, "list", zoo)] == list(entries)
        assert "\n".join(lines(capsys, "show", name)) == str(entries[name])
        assert "\n".join(lines(capsys, "show", name, "--target", "latex")) == entries[name]._repr_latex_()


@pytest.mark.parametrize("target", ["model", "ir", "torch", "numpy", "latex"])
def test_show(capsys: pytest.CaptureFixture[str], target: str) -> None:
    assert (
        "\n".join(lines(capsys, "show", "LIF", "--target", target)).rstrip() == sl.show(sl.neurons.LIF, target).rstrip()
    )


def test_run_prints_spikes(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("run", "LIF", "--current", "2", "--time", "0.05 s", "--dt", "100us", "--param", "tau_mem=10ms")
    (text,) = lines(capsys, *arguments)
    result = sl.run(sl.neurons.LIF(tau_mem=10.0), I=2, t=50.0, dt=0.1)
    times = [float(f"{time:.6g}") for time in result.spikes.times]
    assert len(times) > 3
    assert text == f"{len(times)} spikes in 50 ms ({len(times) * 20:g} Hz): " + ", ".join(f"{time:g}" for time in times)
    (text,) = lines(capsys, *arguments, "--json")
    numbers = json.loads(text)
    assert numbers == {"spikes": pytest.approx(times), "rate_hz": len(times) * 20}


def test_run_shortens_many_spikes(capsys: pytest.CaptureFixture[str]) -> None:
    (text,) = lines(capsys, "run", "LIF", "--current", "50")
    assert text.endswith(", ...") and text.count(",") == 10


def test_run_without_spikes_or_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(capsys, "run", "LIF", "--time", "10ms") == ["0 spikes in 10 ms (0 Hz)"]
    (text,) = lines(capsys, "run", "LI", "--current", "1", "--time", "1s")
    name, _, value, *after = text.split()
    assert (name, after) == ("v", ["after", "1000", "ms"]) and abs(float(value) - 1) < 1e-4


def test_run_takes_named_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("run", "McCullochPitts", "--time", "3ms", "--dt", "1ms", "--input", "E=2")
    assert lines(capsys, *arguments)[0].startswith("3 spikes")
    assert lines(capsys, *arguments, "--input", "I=1")[0].startswith("0 spikes")


@pytest.mark.parametrize("record", [(), ("--record", "v", "--record", "w")])
def test_run_draws(capsys: pytest.CaptureFixture[str], tmp_path: Path, record: tuple[str, ...]) -> None:
    file = tmp_path / "out.png"
    lines(capsys, "run", "AdEx", "--current", "0.8nA", "--time", "100ms", "--plot", str(file), *record)
    assert file.read_bytes().startswith(b"\x89PNG")


def test_simulate_tells_its_numbers_and_draws(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "out.png"
    arguments = ("simulate", "vogels-abbott-cuba", "--scale", "0.25", "--time", "0.1 s", "--seed", "3")
    (text,) = lines(capsys, *arguments, "--json", "--plot", str(file))
    numbers = json.loads(text)
    wanted = "rates_hz cv_isi synchrony neurons synapses build_s core_s_per_bio_s events_per_s peak_rss_mb spike_hash"
    assert set(wanted.split()) <= set(numbers)
    assert list(numbers["rates_hz"]) == ["E", "I"] and numbers["neurons"] == 1000 and len(numbers["spike_hash"]) == 64
    assert file.read_bytes().startswith(b"\x89PNG")
    first = lines(capsys, *arguments)[0]
    assert first == f"vogels-abbott-cuba: 1,000 neurons, {numbers['synapses']:,} synapses, 100 ms (seed 3)"


def test_simulate_replaces_a_recording_when_asked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["simulate", "izhikevich", "--scale", "0.1", "--time", "20ms", "--to", str(tmp_path / "run.zarr")]
    first = lines(capsys, *arguments)
    assert main(arguments) == 2 and "--overwrite" in capsys.readouterr().err
    assert lines(capsys, *arguments, "--overwrite")[:3] == first[:3]


def test_simulate_knows_every_network() -> None:
    from spikelet.experiments import networks

    (place,) = (action for action in cli._parser()[1]["simulate"]._actions if action.dest == "network")
    assert place.help.replace(" or ", ", ").split(", ") == list(networks.NETWORKS)


def test_simulate_after_ctrl_c_tells_what_there_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from spikelet.sim import running

    calls = iter([False] * 3 + [True] * 9)
    monkeypatch.setattr(running, "listening", lambda: contextlib.nullcontext(lambda: next(calls)))
    assert main(["simulate", "izhikevich", "--scale", "0.1", "--time", "100s", "--discard", "0ms", "--json"]) == 130
    assert 0 < json.loads(capsys.readouterr().out)["time_ms"] < 100_000


def test_info(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIKELET_DATA", str(tmp_path))
    text = "\n".join(lines(capsys, "info"))
    assert f"spikelet         {sl.__version__}" in text
    assert "numpy_reference" in text and "torch_eager" in text
    (text,) = lines(capsys, "info", "--json")
    found = json.loads(text)
    assert list(found) == ["versions", "backends", "data"]
    assert str(tmp_path / "mnist") in found["data"]["mnist"]


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # as if it were not there
    assert main(["run", "LIF", "--plot", "out.png"]) == 2
    assert capsys.readouterr().err == (
        "spikelet: error: this needs matplotlib, which is not installed: pip install 'spikelet[plot]'\n"
    )


def test_ctrl_c_anywhere_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(simulate, "run", interrupt)
    assert main(["run", "LIF"]) == 130


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(simulate, "run", fail)
    with pytest.raises(ZeroDivisionError):
        main(["run", "LIF"])


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


def test_help_and_mistakes_load_nothing_heavy() -> None:
    code = (
        "import sys; from spikelet.cli import main; main([]); main(['trian']); main(['train', 'digts'])\n"
        "print([name for name in ('torch', 'numba', 'scipy', 'matplotlib', 'numpy') if name in sys.modules])"
    )
    assert run_python(code).stdout.splitlines()[-1] == "[]"


def test_list_needs_no_torch() -> None:
    code = "import sys; from spikelet.cli import main; main(['list']); print('torch' in sys.modules)"
    assert run_python(code).stdout.splitlines()[-1] == "False"


def test_a_reader_that_has_seen_enough() -> None:
    code = "import sys; from spikelet.cli import main; sys.exit(main(['list'] ))"
    command = f'{sys.executable} -c "{code}" | true; echo ${{PIPESTATUS[0]}}'
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout in ("141\n", "0\n")  # 0 where `true` was slower than all of it
