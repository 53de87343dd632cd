"""Models, objectives, optimizers and schedules against PyTorch's own."""

import builtins
import math
import pickle
import subprocess
import sys
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import nn

from labtui.engine.evaluate import report_loss
from labtui.engine.learner import make_objective, penalized_parameters
from labtui.engine.models import build_model, has_batch_norm, summarize
from labtui.engine.optim import make_optimizer
from labtui.engine.schedules import make_schedule
from labtui.errors import MachineError, UsageError
from labtui.spec import Adam, AdamW, Cnn, Constant, Cosine, Optimizer, Penalty, ResNet18, Sgd
from tests.support.processes import environment

SHAPE = (3, 32, 32)


def network(**arguments: Any) -> nn.Module:
    return build_model(Cnn(**arguments), shape=SHAPE, classes=10, seed=0)


def test_the_network_has_the_reports_layers_and_pytorchs_default_weights() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 10, 5), nn.Conv2d(10, 30, 5), nn.Conv2d(30, 60, 5)]
    layers += [nn.Linear(540, 270), nn.Linear(270, 130), nn.Linear(130, 10)]
    names = Cnn.modules
    ours = network(dropout=(0.3, 0.2)).state_dict()
    assert list(ours) == [f"{name}.{kind}" for name in names for kind in ("weight", "bias")]
    for name, layer in zip(names, layers, strict=True):
        assert torch.equal(ours[f"{name}.weight"], layer.weight)
        assert torch.equal(ours[f"{name}.bias"], layer.bias)


def test_pooling_before_the_relu_changes_neither_values_nor_gradients() -> None:
    torch.manual_seed(1)
    maps = torch.randn(8, 10, 28, 28).round(decimals=1).requires_grad_()  # many ties
    weights = torch.randn(8, 10, 14, 14)
    first = F.relu(F.max_pool2d(maps, 2))
    second = F.max_pool2d(F.relu(maps), 2)
    assert torch.equal(first, second)
    gradients = [torch.autograd.grad((value * weights).sum(), maps)[0] for value in (first, second)]
    assert torch.equal(*gradients)


def test_dropout_is_where_the_report_has_it() -> None:
    net = network(dropout=(0.3, 0.2))
    assert [module.p for module in net.modules() if isinstance(module, nn.Dropout)] == [0.3, 0.2]
    assert not any(isinstance(module, nn.Dropout) for module in network().modules())
    images = torch.rand(4, *SHAPE)
    with torch.no_grad():
        assert not torch.equal(net.train()(images), net(images))
        assert torch.equal(net.eval()(images), net(images))


def test_the_summary_counts_parameters_and_multiply_adds() -> None:
    summary = summarize(network(), SHAPE)
    assert summary.parameters == 760 + 7_530 + 45_060 + 146_070 + 35_230 + 1_310
    macs = 28 * 28 * 10 * 75 + 10 * 10 * 30 * 250 + 6 * 6 * 60 * 750 + 540 * 270 + 270 * 130 + 130 * 10
    assert summary.flops_per_image == 2 * macs
    assert [(name, count) for name, _, count in summary.layers][3] == ("fc1", 146_070)
    assert summary.layers[0][1].startswith("Conv2d(3, 10, kernel_size=(5, 5)")


def test_a_summary_does_not_change_the_network() -> None:
    net = network(dropout=(0.3, 0.2)).train()
    summarize(net, SHAPE)
    assert net.training
    assert pickle.loads(pickle.dumps(net)).training, "a module with a hook left on it cannot be pickled"


def test_images_too_small_for_the_network_are_rejected() -> None:
    build_model(Cnn(), shape=(3, 24, 24), classes=10, seed=0)
    with pytest.raises(UsageError, match="at least 24x24 pixels, not 23x23"):
        build_model(Cnn(), shape=(3, 23, 23), classes=10, seed=0)


def test_resnet18_is_torchvisions_with_a_stem_for_small_images() -> None:
    net = build_model(ResNet18(), shape=SHAPE, classes=7, seed=0)
    assert has_batch_norm(net)
    assert not has_batch_norm(network())
    assert set(ResNet18.modules) < set(dict(net.named_children()))
    with torch.no_grad():
        assert net.eval()(torch.rand(2, *SHAPE)).shape == (2, 7)
    assert 1.1e9 < summarize(net, SHAPE).flops_per_image < 1.12e9


BROKEN = [
    ImportError("libcudart.so.13: cannot open shared object file"),
    RuntimeError("operator torchvision::nms does not exist"),
    OSError("undefined symbol"),
]


@pytest.mark.parametrize("error", BROKEN)
def test_a_broken_torchvision_is_a_machine_error_with_the_pip_command(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    real = builtins.__import__

    def broken(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("torchvision"):
            raise error
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(MachineError, match="torchvision cannot be imported") as info:
        build_model(ResNet18(), shape=SHAPE, classes=10, seed=0)
    assert str(error) in info.value.message
    assert "-m pip install --force-reinstall torch torchvision" in info.value.advice
    assert info.value.exit_code == 3


def test_training_the_reports_network_imports_neither_torchvision_nor_the_compiler() -> None:
    program = """
import sys, torch
import labtui.engine.session
from labtui.engine.learner import Learner
from tests.support.samples import make_spec
learner = Learner(make_spec(), torch.device("cpu"), shape=(3, 32, 32), classes=10, steps_per_epoch=1)
images = torch.zeros(4, 3, 32, 32, dtype=torch.uint8)
learner.train_step(images, torch.zeros(4, dtype=torch.int64), 0)
unwanted = {"torchvision", "torch._dynamo", "torch._inductor", "tensorboard", "textual", "matplotlib", "scipy"}
print(sorted(unwanted & set(sys.modules)))
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    assert done.stdout.strip() == "[]"


# --- The objective ----------------------------------------------------------------------------------------------------


def test_the_l1_penalty_starts_where_the_report_says() -> None:
    net = network()
    objective = make_objective(net, Penalty(norm="l1", weight=0.5, modules="fc1"))
    logits, labels = torch.zeros(4, 10), torch.zeros(4, dtype=torch.int64)
    assert objective(logits, labels).item() == pytest.approx(1_570 + math.log(10), rel=5e-3)


@pytest.mark.parametrize("modules", ["fc1", ("conv1", "fc3"), "all", ("fc1", "fc1")])
@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_a_penalty_is_the_norm_of_all_parameters_as_one_vector(norm: Any, modules: Any) -> None:
    net = network()
    chosen = [p for name, p in net.named_parameters() if modules == "all" or name.split(".")[0] in modules]
    vector = torch.cat([parameter.flatten() for parameter in chosen])
    logits, labels = torch.randn(8, 10), torch.arange(8)
    objective = make_objective(net, Penalty(norm=norm, weight=0.25, modules=modules))
    expected = F.cross_entropy(logits, labels) + 0.25 * torch.linalg.vector_norm(vector, ord=int(norm[1]))
    assert torch.allclose(objective(logits, labels), expected)
    ours = torch.autograd.grad(objective(logits, labels), chosen)
    theirs = torch.autograd.grad(expected, chosen)
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(ours, theirs, strict=True))


def test_a_penalty_names_modules_that_the_network_has() -> None:
    assert len(penalized_parameters(network(), ("all",))) == 12
    with pytest.raises(UsageError, match="no module 'fc4'; it has conv1"):
        penalized_parameters(network(), ("fc4",))


def test_the_reports_loss_is_not_a_mean() -> None:
    losses = torch.tensor([1.0] * 64 + [3.0] * 6)
    assert report_loss(losses, 64) == pytest.approx(math.sqrt((1 + 3) / 70))
    assert report_loss(losses[:64], 64) == pytest.approx(math.sqrt(1 / 64))


# --- Optimizers and schedules -----------------------------------------------------------------------------------------

OPTIMIZERS: list[tuple[Optimizer, Any, dict[str, Any]]] = [
    (Adam(lr=0.01), torch.optim.Adam, {}),
    (
        Adam(lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
        torch.optim.Adam,
        {"betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.1},
    ),
    (AdamW(lr=0.01, weight_decay=0.1), torch.optim.AdamW, {"weight_decay": 0.1}),
    (Sgd(lr=0.1), torch.optim.SGD, {}),
    (Sgd(lr=0.1, momentum=0.9, weight_decay=0.01), torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.01}),
    (Sgd(lr=0.1, momentum=0.9, nesterov=True), torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
]


@pytest.mark.parametrize(("choice", "theirs", "arguments"), OPTIMIZERS)
def test_an_optimizer_steps_as_pytorchs_does(choice: Optimizer, theirs: Any, arguments: dict[str, Any]) -> None:
    def layers() -> nn.Module:
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 5))
        return net.to(memory_format=torch.channels_last)

    ours, reference = layers(), layers()
    optimizer = make_optimizer(ours, choice)
    their_optimizer = theirs(reference.parameters(), lr=choice.lr, **arguments)
    generator = torch.Generator().manual_seed(3)
    for _ in range(20):
        images = torch.randn(6, 3, 8, 8, generator=generator)
        ours(images).square().mean().backward()
        optimizer.step(choice.lr)
        their_optimizer.zero_grad()
        reference(images).square().mean().backward()
        their_optimizer.step()
    for mine, other in zip(ours.parameters(), reference.parameters(), strict=True):
        assert torch.allclose(mine, other, atol=1e-6, rtol=1e-4)


def test_an_optimizers_state_is_rejected_by_another() -> None:
    net = network()
    adam, sgd = make_optimizer(net, Adam()), make_optimizer(net, Sgd(momentum=0.9))
    with pytest.raises(KeyError):
        sgd.load(adam.state())
    small = make_optimizer(nn.Linear(2, 2), Adam())
    with pytest.raises(ValueError, match="another network"):
        small.load(adam.state())


def test_a_constant_schedule_is_the_optimizers_rate() -> None:
    rate = make_schedule(Constant(), 0.1, 10, 100)
    assert {rate(step) for step in range(100)} == {0.1}


def test_a_cosine_schedule_warms_up_linearly_and_falls_to_its_final_share() -> None:
    rate = make_schedule(Cosine(warmup_epochs=0.5, final=0.1), 0.2, 10, 100)
    assert [rate(step) for step in range(5)] == pytest.approx([0.04, 0.08, 0.12, 0.16, 0.2])
    assert rate(5) == pytest.approx(0.2)
    assert rate(5 + 95 // 2) == pytest.approx(0.1 * 0.2 + 0.9 * 0.2 / 2, rel=0.02)
    assert rate(100) == pytest.approx(0.02)
    falling = [rate(step) for step in range(5, 100)]
    assert falling == sorted(falling, reverse=True)
    assert make_schedule(Cosine(), 0.2, 10, 100)(0) == pytest.approx(0.2)
