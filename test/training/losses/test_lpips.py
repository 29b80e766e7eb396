"""LPIPS against scipy's correlations in float64; both ways of writing its weights; refusals."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.signal import correlate

from gsn_perception.geometry import InputError
from gsn_perception.scenes.datasets.views_dataset import build_dataset
from gsn_perception.scenes.objects import random_object
from gsn_perception.training.config import LossWeights
from gsn_perception.training.config import TrainConfig
from gsn_perception.training.losses.lpips import Lpips
from gsn_perception.training.trainer import Trainer

ALEX = {
    0: (64, 3, 11, 4, 2),
    3: (192, 64, 5, 1, 2),
    6: (384, 192, 3, 1, 1),
    8: (256, 384, 3, 1, 1),
    10: (256, 256, 3, 1, 1),
}
VGG = dict(
    zip(
        (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
        ((3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 512), *((512, 512),) * 5),
        strict=True,
    )
)


def alex_weights() -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Backbone and linear layers as torchvision and lpips name them."""
    torch.manual_seed(0)
    backbone, linear = {}, {}
    for k, (layer, (out, into, size, _, _)) in enumerate(ALEX.items()):
        backbone[f"features.{layer}.weight"] = torch.randn(out, into, size, size) * (2 / (into * size * size)) ** 0.5
        backbone[f"features.{layer}.bias"] = torch.randn(out) * 0.1
        linear[f"lin{k}.model.1.weight"] = torch.rand(1, out, 1, 1)
    backbone["classifier.1.weight"] = torch.zeros(2, 2)
    return backbone, linear


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("lpips")
    backbone, linear = alex_weights()
    save_file(backbone, folder / "alexnet.safetensors")
    torch.save(linear, folder / "alex.pth")
    return folder / "alexnet.safetensors", folder / "alex.pth"


def features(image: np.ndarray) -> list[np.ndarray]:
    """AlexNet's five maps [C,H,W] of an image [H,W,3], by scipy in float64."""
    backbone = {k: v.double().numpy() for k, v in alex_weights()[0].items()}
    x = (2 * image - 1 - [-0.030, -0.088, -0.188]) / [0.458, 0.448, 0.450]
    x, maps = np.moveaxis(x, -1, 0), []
    for layer, (_, _, _, stride, pad) in ALEX.items():
        if layer in (3, 6):  # max pooling, 3 by 3, step 2
            h, w = ((n - 3) // 2 + 1 for n in x.shape[1:])
            x = np.array(
                [[[c[2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max() for j in range(w)] for i in range(h)] for c in x]
            )
        x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
        full = [correlate(x, kernel, "valid")[0] for kernel in backbone[f"features.{layer}.weight"]]
        x = np.stack(full)[:, ::stride, ::stride] + backbone[f"features.{layer}.bias"][:, None, None]
        x = np.maximum(x, 0)
        maps.append(x / (np.sqrt((x**2).sum(0)) + 1e-10))
    return maps


def test_the_distance_is_that_of_the_paper(files) -> None:
    rng = np.random.default_rng(0)
    a = rng.random((40, 40, 3))
    b = np.clip(a + rng.normal(0, 0.2, a.shape), 0, 1)
    weights = [v.double().numpy()[0, :, 0, 0] for v in alex_weights()[1].values()]
    wanted = sum(
        np.tensordot(w, (x - y) ** 2, 1).mean() for w, x, y in zip(weights, features(a), features(b), strict=True)
    )
    found = Lpips(files)(*(torch.from_numpy(x).float()[None, None] for x in (a, b)))
    assert found.shape == (1, 1)
    assert float(found) == pytest.approx(wanted, rel=1e-3)


def test_equal_images_are_at_zero_and_gradients_flow(files) -> None:
    distance = Lpips(files)
    assert not list(distance.parameters())  # nothing to train
    image = torch.rand(2, 3, 48, 48, 3)
    assert distance(image, image).abs().max() == 0
    other = torch.rand(2, 3, 48, 48, 3, requires_grad=True)
    distance(other, image).sum().backward()
    assert other.grad is not None
    assert other.grad.abs().max() > 0


def test_a_whole_lpips_state_dict_is_read_too(files, tmp_path: Path) -> None:
    backbone, linear = alex_weights()
    slices = {0: 1, 3: 2, 6: 3, 8: 4, 10: 5}
    whole = {
        f"net.slice{slices[i]}.{i}.{part}": backbone[f"features.{i}.{part}"]
        for i in ALEX
        for part in ("weight", "bias")
    }
    torch.save({**whole, **linear, "scaling_layer.shift": torch.zeros(1, 3, 1, 1)}, tmp_path / "whole.pth")
    a, b = torch.rand(1, 40, 40, 3), torch.rand(1, 40, 40, 3)
    torch.testing.assert_close(Lpips([tmp_path / "whole.pth"])(a, b), Lpips(files)(a, b))


def test_vgg_is_told_by_its_first_layer(tmp_path: Path) -> None:
    state = {}
    for layer, (into, out) in VGG.items():
        state[f"features.{layer}.weight"] = torch.randn(out, into, 3, 3) * (2 / (9 * into)) ** 0.5
        state[f"features.{layer}.bias"] = torch.zeros(out)
    for k, width in enumerate((64, 128, 256, 512, 512)):
        state[f"lin{k}.model.1.weight"] = torch.ones(1, width, 1, 1)
    save_file(state, tmp_path / "vgg.safetensors")
    distance = Lpips([tmp_path / "vgg.safetensors"])
    assert distance.kind == "vgg"
    maps = distance._features(torch.rand(1, 3, 32, 32))
    assert [tuple(m.shape[1:]) for m in maps] == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (512, 2, 2)]
    reference = torch.nn.Sequential(  # torchvision's layout up to the second tap
        torch.nn.Conv2d(3, 64, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(64, 64, 3, padding=1), torch.nn.ReLU(),
        torch.nn.MaxPool2d(2, 2), torch.nn.Conv2d(64, 128, 3, padding=1), torch.nn.ReLU(),
        torch.nn.Conv2d(128, 128, 3, padding=1), torch.nn.ReLU(),
    )  # fmt: skip
    reference.load_state_dict({k.removeprefix("features."): v for k, v in state.items() if k[:11] in
                               ("features.0.", "features.2.", "features.5.", "features.7.")})  # fmt: skip
    image = torch.rand(1, 3, 32, 32)
    x = (2 * image - 1 - distance.shift) / distance.scale
    with torch.no_grad():
        wanted = torch.nn.functional.normalize(reference(x), dim=1)
        torch.testing.assert_close(distance._features(image)[1], wanted, atol=1e-4, rtol=1e-3)


def test_missing_and_foreign_weights_are_sentences(files, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file"):
        Lpips([tmp_path / "none.pth"])
    with pytest.raises(InputError, match=r"lack lin0\.weight"):
        Lpips(files[:1])
    with pytest.raises(InputError, match="neither VGG-16 nor AlexNet"):
        Lpips(files[1:])
    for name in ("bad.pth", "bad.safetensors"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(InputError, match="no state dict"):
            Lpips([tmp_path / name])


def test_the_loss_has_it_only_with_weights(files, tmp_path: Path) -> None:
    data = build_dataset([partial(random_object, 1)], tmp_path / "d", views=4, size=64, workers=0, progress=False)
    config = TrainConfig(
        config="tiny", data=(data,), out=tmp_path / "run", steps=1, batch=2, views=2, precision="32-true"
    )
    with pytest.raises(InputError, match="no weights of it"):
        Trainer(replace(config, loss=LossWeights(lpips=0.1)), progress=False)
    trainer = Trainer(replace(config, loss=LossWeights(lpips=0.1), lpips=files), progress=False)
    batch, image = trainer._prepare(trainer.sets[0].batch([0, 0], np.array([[0, 1], [2, 3]])))
    parts = trainer._parts(trainer._infer(image, batch.theta)[-1], batch)
    assert parts["lpips"] > 0
    assert "lpips" not in Trainer(config, progress=False)._parts(trainer._infer(image, batch.theta)[-1], batch)
