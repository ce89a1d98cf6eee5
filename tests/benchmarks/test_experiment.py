"""The benchmark of whole runs: that both sides do the same work, and that it runs."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import Subset, TensorDataset

from baal.active.heuristics import BALD
from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import sample_posterior

SCRIPT = Path(__file__).parents[2] / "experiments" / "benchmarks" / "experiment.py"


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("experiment_benchmark", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pool():
    rng = torch.Generator().manual_seed(0)
    images = torch.randn(70, 1, 28, 28, generator=rng)
    return TensorDataset(images, torch.randint(10, (70,), generator=rng))


def test_all_sides_label_as_much_in_as_many_rounds(script, pool):
    runs = script.compare(pool, script.Sizes(rounds=3, epochs=1, samples=3), repeats=2)
    assert sorted(runs) == ["experiment", "loop", "stack"]
    for side in runs.values():
        for run in side:
            assert run.n_labelled == [20, 30, 40]
            assert [len(chosen) for chosen in run.chosen] == [10, 10, 0]
            assert len({item for chosen in run.chosen for item in chosen}) == 20
            assert set(run.seconds) == {"train", "score", "label", "all"}
            assert all(seconds > 0 for seconds in run.seconds.values())
    assert runs["stack"][0].chosen != runs["stack"][1].chosen  # another seed


def test_sides_that_do_not_do_the_same_are_noticed(script, pool, monkeypatch):
    monkeypatch.setattr(script, "bald_by_hand", lambda logits: np.zeros(5))
    with pytest.raises(RuntimeError, match="the same number of labels each round"):
        script.compare(pool, script.Sizes(rounds=3, epochs=1, samples=2), repeats=1)


def test_training_by_hand_is_training_by_the_wrapper(script, pool):
    """Without dropout, whose masks the two draw in another way, the weights are the same."""
    trained = []
    for by_hand in (True, False):
        torch.manual_seed(0)
        model = script.network()
        for layer in model:
            if isinstance(layer, torch.nn.Dropout):
                layer.p = 0.0
        torch.manual_seed(1)
        if by_hand:
            script.train_by_hand(model, Subset(pool, range(40)), epochs=2)
        else:
            args = script.TrainingArgs(
                torch.optim.Adam(model.parameters(), lr=1e-3), script.BATCH, 2, workers=0,
                criterion=torch.nn.CrossEntropyLoss(),
            )  # fmt: skip
            script.ModelWrapper(model, args).train_on_dataset(Subset(pool, range(40)))
        trained.append(model.state_dict())
    for name, value in trained[0].items():
        torch.testing.assert_close(value, trained[1][name])


@pytest.mark.parametrize("way", ["stack", "loop"])
def test_predictions_by_hand_have_the_distribution_of_posterior_samples(script, pool, way):
    torch.manual_seed(0)
    model, k = script.network(), 2000
    few = Subset(pool, range(3))
    by_hand = script.predict_by_hand(model, few, k, way)
    images = torch.stack([image for image, _ in few])
    with torch.no_grad():
        ours = sample_posterior(patch_module(model), images, k).numpy()
    assert by_hand.shape == ours.shape == (3, 10, k)
    spread = ours.std(axis=-1)
    assert (np.abs(by_hand.mean(axis=-1) - ours.mean(axis=-1)) < 6 * spread / np.sqrt(k)).all()
    np.testing.assert_allclose(by_hand.std(axis=-1), spread, rtol=0.15)


def test_bald_by_hand_is_bald(script):
    logits = np.random.default_rng(0).normal(size=(50, 10, 20)).astype(np.float32)
    np.testing.assert_allclose(
        script.bald_by_hand(logits), BALD(mode="logits").get_uncertainties(logits), atol=1e-5
    )


def test_the_command_prints_two_tables(script, capsys, tmp_path):
    sizes = ["--rounds", "2", "--epochs", "1", "--samples", "2", "--repeats", "1"]
    assert script.main([*sizes, "--folder", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    for stage in ("train", "score", "label", "all"):
        assert out.count(f"\n| {stage} | ") == 1
    assert out.count("the folder adds, ms a round") == 1
    assert not list(tmp_path.iterdir())
