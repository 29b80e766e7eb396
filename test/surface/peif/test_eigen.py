import numpy as np
import pytest
import torch

from gsn_perception.geometry import InputError
from gsn_perception.surface.peif.eigen import decompose_tensors
from gsn_perception.surface.peif.eigen import eigh3

EPS = {torch.float32: 2e-6, torch.float64: 4e-15}


def rotations(count, seed=0):
    """Random orthogonal matrices [N,3,3], float64."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((count, 3, 3)))[0]


def symmetric(values, seed=0):
    """Matrices [N,3,3] with the given eigenvalues [N,3] in random frames, float64."""
    frames = torch.from_numpy(rotations(len(values), seed))
    a = frames @ torch.diag_embed(torch.as_tensor(values, dtype=torch.float64)) @ frames.mT
    return 0.5 * (a + a.mT)


def spectra():
    rng = np.random.default_rng(1)
    ordinary = rng.uniform(0, 1, (2000, 3))
    pairs = {}
    for gap in (0.0, 1e-12, 1e-9, 1e-6, 1e-4, 1e-3):
        pairs[f"two large ones {gap:g} apart"] = np.tile([1.0, 1.0 - gap, 0.01], (300, 1))
        pairs[f"two small ones {gap:g} apart"] = np.tile([1.0, 0.3 + gap, 0.3], (300, 1))
        pairs[f"three within {gap:g}"] = np.tile([1.0, 1.0 - gap, 1.0 - 2 * gap], (300, 1))
    return {
        "ordinary": ordinary,
        "indefinite": rng.uniform(-1, 1, (2000, 3)),
        "flat": np.column_stack([ordinary[:, :2], np.zeros(len(ordinary))]),
        "lines": np.column_stack([ordinary[:, 0], np.zeros((len(ordinary), 2))]),
        **pairs,
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", spectra())
def test_agrees_with_lapack_in_double_precision(name, dtype):
    matrices = symmetric(spectra()[name]).to(dtype)
    values, vectors = eigh3(matrices)
    expected, frames = (x.flip(-1) for x in torch.linalg.eigh(matrices.double()))
    tolerance = EPS[dtype]
    assert values.dtype == vectors.dtype == dtype
    assert (values - expected).abs().max() < tolerance
    vectors = vectors.double()
    assert (vectors.mT @ vectors - torch.eye(3)).abs().max() < tolerance
    rebuilt = vectors @ torch.diag_embed(values.double()) @ vectors.mT
    assert (rebuilt - matrices.double()).abs().max() < tolerance
    # A vector is determined as well as its gap to the nearest other eigenvalue allows.
    gap = (expected[:, :, None] - expected[:, None, :]).abs() + 1e3 * torch.eye(3)
    sine = (vectors - frames * (vectors * frames).sum(-2, keepdim=True)).norm(dim=-2)  # [N,3]
    assert (sine * gap.amin(-1)).max() < 2 * tolerance


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("power", [-30, -12, 12, 30])
def test_any_magnitude(dtype, power):
    matrices = symmetric(spectra()["ordinary"])
    values, vectors = eigh3((matrices * 10.0**power).to(dtype))
    expected = torch.linalg.eigvalsh(matrices).flip(-1)
    assert (values.double() / 10.0**power - expected).abs().max() < EPS[dtype]
    assert (vectors.double().mT @ vectors.double() - torch.eye(3)).abs().max() < EPS[dtype]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nothing_and_multiples_of_one_have_some_frame(dtype):
    scales = torch.tensor([0.0, 1.0, -3.0, 1e-20, 1e20], dtype=dtype)
    values, vectors = eigh3(scales[:, None, None] * torch.eye(3, dtype=dtype))
    assert torch.equal(values, scales[:, None].expand(-1, 3))
    assert (vectors.mT @ vectors - torch.eye(3, dtype=dtype)).abs().max() < EPS[dtype]
    axes = torch.tensor([[3.0, 1.0, 2.0], [1.0, 1.0, 0.0], [-1.0, 2.0, 2.0]], dtype=dtype)
    values, vectors = eigh3(torch.diag_embed(axes))
    assert (values - axes.sort(-1, descending=True)[0]).abs().max() < EPS[dtype]
    assert torch.isfinite(vectors).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensor_operations_and_the_compiled_loop_agree(dtype):
    matrices = torch.cat([symmetric(v) for v in spectra().values()]).to(dtype)
    matrices = torch.cat([matrices, torch.zeros(1, 3, 3, dtype=dtype)])
    entries = matrices.reshape(-1, 9).T[[0, 4, 8, 1, 2, 5]]
    values, vectors = decompose_tensors(entries)
    compiled, _ = eigh3(matrices)
    assert (values.T - compiled).abs().max() < EPS[dtype]
    frames = vectors.permute(2, 1, 0).double()
    rebuilt = frames @ torch.diag_embed(values.T.double()) @ frames.mT
    assert (rebuilt - matrices.double()).abs().max() < EPS[dtype]
    assert (frames.mT @ frames - torch.eye(3)).abs().max() < EPS[dtype]


def test_shapes():
    batch = symmetric(spectra()["ordinary"][:12]).reshape(3, 4, 3, 3)
    values, vectors = eigh3(batch)
    assert values.shape == (3, 4, 3)
    single, _ = eigh3(batch[1, 2])
    assert torch.equal(values[1, 2], single)
    assert vectors.shape == (3, 4, 3, 3)
    assert eigh3(torch.zeros(0, 3, 3))[0].shape == (0, 3)
    with pytest.raises(InputError, match=r"3,3"):
        eigh3(torch.zeros(4, 2, 2))
    with pytest.raises(InputError, match="float16"):
        eigh3(torch.zeros(4, 3, 3, dtype=torch.float16))
