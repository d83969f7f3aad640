"""What users do wrong with Neurons: each error names the layer, what was given and what was expected."""

import numpy as np
import pytest
import torch

from spikelet import Neuron
from spikelet.errors import BackendError, InputError, ParameterError, ShapeError, StateError
from spikelet.nn import Neurons


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"to": "J"}, InputError, r"Neurons\(LIF\): to='J' is neither an input \('I',\) nor a state"),
        ({"to": ()}, InputError, "names nothing"),
        ({"learn": "t_ref"}, ParameterError, "learn='t_ref' has no gradient.*number of steps"),
        ({"learn": "tau_men"}, ParameterError, "learn='tau_men' is not a parameter.*did you mean 'tau_mem'"),
        ({"output": "u"}, InputError, "output='u' is none of"),
        ({"output": ()}, InputError, "output='' is none of"),
        ({"backend": "torch"}, BackendError, "no back end 'torch'.*did you mean 'torch_eager'"),
        ({"dt": 0.0}, InputError, "dt is 0.0, expected a positive number of ms"),
    ],
)
def test_mistakes_when_made(lif, arguments, error, text):
    with pytest.raises(error, match=text):
        Neurons(lif, **arguments)


def test_a_model_without_input_needs_to(cuba):
    with pytest.raises(InputError, match=r"no \(input\); name in to= one of its states"):
        Neurons(cuba)


def test_a_model_without_threshold_has_no_spikes(integrator):
    with pytest.raises(InputError, match=r"output='spikes' is none of \('v',\) \(the model has no threshold\)"):
        Neurons(integrator)


def test_a_required_parameter_is_asked_for():
    model = Neuron("Needy", "dv/dt = (I - v)/tau : 1; I : 1 (input); tau : ms", threshold="v > 1", reset="v = 0")
    with pytest.raises(ParameterError, match=r"parameter 'tau' has no value; give it: Needy\(tau=...\)"):
        Neurons(model)


def test_a_parameter_called_like_a_module_attribute_is_refused():
    model = Neuron("Odd", "v[k+1] = half*v + I : 1; I : 1 (input); half = 0.5")
    with pytest.raises(ParameterError, match="'half' has the name of an attribute of torch modules"):
        Neurons(model, output="v")


def test_integer_parameters_cannot_be_learnt():
    text = "n[k+1] = n + I*up : int; I : int (input); up = 3 int"
    model = Neuron("Counter", text, threshold="n > 10 int", reset="n = 0")
    with pytest.raises(ParameterError, match="learn='up' has no gradient: it is an integer"):
        Neurons(model, learn="up")


@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        (torch.ones(5), ShapeError, r"'I' has shape \(5,\), expected \(T, B, \*N\), time first"),
        (torch.ones(0, 2, 3), ShapeError, r"shape \(0, 2, 3\): no step, expected T >= 1"),
        (np.ones((5, 2, 3)), InputError, "is a ndarray, expected a torch tensor"),
        ({}, InputError, "x is an empty dict"),
        ({"J": torch.ones(5, 2, 3)}, InputError, r"x names 'J', expected some of \('I',\)"),
        ({"v": torch.ones(5, 2, 3)}, InputError, "a state: name it in to="),
    ],
)
def test_mistakes_of_the_input(lif, x, error, text):
    with pytest.raises(error, match=text):
        Neurons(lif)(x)


def test_several_inputs_need_a_name(two_inputs):
    with pytest.raises(InputError, match=r"several inputs \('I_e', 'I_i'\): name one in to=, or give a dict"):
        Neurons(two_inputs)(torch.ones(3, 1, 1))
    with pytest.raises(ShapeError, match=r"x\['I_i'\] has shape \(3, 1, 2\), expected \(3, 1, 1\)"):
        Neurons(two_inputs)({"I_e": torch.ones(3, 1, 1), "I_i": torch.ones(3, 1, 2)})


def test_per_neuron_parameters_must_fit(lif):
    layer = Neurons(lif(tau_mem=np.array([10.0, 20.0])))
    with pytest.raises(ShapeError, match=r"parameter 'tau_mem' has shape \(2,\), but x has neurons of shape \(3,\)"):
        layer(torch.ones(5, 1, 3))


@pytest.mark.parametrize(
    ("lengths", "error", "text"),
    [
        (torch.tensor([5, 5, 5]), ShapeError, r"lengths have shape \(3,\), expected \(2,\)"),
        (torch.tensor([5, 6]), InputError, r"lengths are \[5, 6\], expected 0 to 5"),
        (torch.tensor([5.0, 5.0]), InputError, "lengths are torch.float32, expected integers"),
    ],
)
def test_mistakes_of_lengths(lif, lengths, error, text):
    with pytest.raises(error, match=text):
        Neurons(lif)(torch.ones(5, 2, 3), lengths=lengths)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda s: {}, "is missing"),
        (lambda s: {**s, "u": s["v"]}, "state 'u' is not known"),
        (lambda s: [s["v"]], "state is a list, expected the dict"),
        (lambda s: {**s, "v": 0.5}, "state 'v' is a float, expected a tensor"),
        (lambda s: {**s, "v": s["v"][:1]}, r"state 'v' has shape \(1, 3\), expected \(2, 3\) \(another batch size"),
        (lambda s: {**s, "v": s["v"][:, :1]}, r"state 'v' has shape \(2, 1\), expected \(2, 3\)$"),
        (lambda s: {**s, "v": s["v"].double()}, "state 'v' is torch.float64, expected torch.float32"),
        (lambda s: {**s, "v": s["v"].to("meta")}, "state 'v' is on meta, expected cpu"),
    ],
)
def test_mistakes_of_the_state(lif, change, text):
    layer, x = Neurons(lif), torch.ones(5, 2, 3)
    _, state = layer(x)
    with pytest.raises(StateError, match=rf"Neurons\(LIF\): .*{text}"):
        layer(x, change(state))


@pytest.mark.parametrize("backend", ["llvm_cpu", "torch_eager"])
@pytest.mark.parametrize(
    ("seed", "text"), [(2.5, "be an integer, not 2.5"), ("a", "be an integer"), (2**70, "fit into 64 bits")]
)
def test_mistakes_of_the_seed(lif, backend, seed, text):
    with pytest.raises(InputError, match=f"seed must {text}"):
        Neurons(lif, backend=backend)(torch.ones(2, 3, 4), seed=seed)
