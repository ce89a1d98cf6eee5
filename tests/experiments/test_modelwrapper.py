import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.active.dataset import ActiveLearningDataset
from baal.active.heuristics import CoreSet
from baal.bayesian import consistent_dropout, resample
from baal.bayesian.joint import joint_of
from baal.ensemble import EnsembleModelWrapper
from baal.exceptions import InvalidTypeError, StateError
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.configuration import describe, differences
from baal.experiments.modelwrapper import ModelWrapperAdapter
from baal.experiments.plain_state import digest_of, to_plain, to_state
from baal.modelwrapper import ModelWrapper, TrainingArgs


class WithScheduler(ModelWrapper):
    def __init__(self, model, args):
        super().__init__(model, args)
        self.plan = torch.optim.lr_scheduler.MultiStepLR(args.optimizer, [1], 0.5)

    def train_on_dataset(self, dataset):
        history = super().train_on_dataset(dataset)
        self.plan.step()
        return history


def make(kind=WithScheduler, optimizer=torch.optim.Adam):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2))
    consistent_dropout.patch_module(model, seed=1)
    args = TrainingArgs(
        optimizer(model.parameters(), lr=0.1), epoch=2, batch_size=4, workers=0,
        criterion=nn.CrossEntropyLoss(),
    )  # fmt: skip
    wrapper = kind(model, args)
    data = TensorDataset(torch.randn(8, 3), torch.arange(8) % 2)
    return ModelWrapperAdapter(wrapper), wrapper, data


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.SGD])
def test_all_that_training_changes_comes_back(optimizer):
    adapter, wrapper, data = make(optimizer=optimizer)
    initial = to_plain(adapter.state_dict())
    before = digest_of(initial)
    metrics = adapter.train(data)
    assert metrics["train_loss"] > 0
    assert metrics["dataset_size"] == 8
    resample(wrapper.model, seed=5)
    trained = to_plain(adapter.state_dict())
    assert not torch.equal(trained["model"]["1.running_mean"], initial["model"]["1.running_mean"])
    assert trained["optimizer"]["param_groups"][0]["lr"] == 0.05
    assert trained["schedulers"][0]["last_epoch"] == 1
    for _ in range(2):  # loading must not tie the saved state to the model
        adapter.load_state_dict(to_state(initial))
        assert digest_of(to_plain(adapter.state_dict())) == before
        assert joint_of(wrapper.model[2]).seed == 1
        adapter.train(data)
    adapter.load_state_dict(to_state(trained))
    assert digest_of(to_plain(adapter.state_dict())) == digest_of(trained)
    assert digest_of(initial) == before


def test_a_round_after_a_reset_is_the_first_one_again():
    adapter, _, data = make()
    initial, results = to_plain(adapter.state_dict()), []
    for _ in range(2):
        adapter.load_state_dict(to_state(initial))
        torch.manual_seed(1)
        adapter.train(data)
        results.append(adapter.evaluate(data, average_predictions=3)["test_loss"])
        assert [batch.shape for batch in adapter.predict(data, 3)] == [(4, 2, 3)] * 2
        assert adapter.samples_are_joint is True
    assert results[0] == results[1]


def test_members_of_an_ensemble_are_forgotten():
    adapter, wrapper, _ = make(EnsembleModelWrapper)
    initial = to_plain(adapter.state_dict())
    wrapper.add_checkpoint()
    with_member = to_plain(adapter.state_dict())
    adapter.load_state_dict(to_state(initial))
    assert wrapper.checkpoints == ()
    adapter.load_state_dict(to_state(with_member))
    assert len(wrapper.checkpoints) == 1


def test_schedulers_are_found_or_given():
    adapter, wrapper, _ = make()
    assert adapter.schedulers == [wrapper.plan]
    assert ModelWrapperAdapter(wrapper, schedulers=[]).schedulers == []
    with pytest.raises(InvalidTypeError, match="have a `load_state_dict`, but got 3"):
        ModelWrapperAdapter(wrapper, schedulers=[3])
    with pytest.raises(InvalidTypeError, match="`wrapper` to be a ModelWrapper, but got Linear"):
        ModelWrapperAdapter(nn.Linear(1, 1))


def test_a_wrapper_that_cannot_train():
    class OwnWay(ModelWrapper):
        def train_on_dataset(self, dataset):
            return []

    ModelWrapperAdapter(OwnWay(nn.Linear(1, 1), TrainingArgs())).check()
    model = nn.Linear(1, 1)
    adapter = ModelWrapperAdapter(ModelWrapper(model, TrainingArgs()))
    assert adapter.state_dict()["optimizer"] is None
    adapter.load_state_dict(to_state(to_plain(adapter.state_dict())))
    with pytest.raises(StateError, match="optimizer"):
        adapter.check()
    args = TrainingArgs(torch.optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(StateError, match="criterion"):
        ModelWrapperAdapter(ModelWrapper(model, args)).check()


def scheduled(seed=0, gamma=0.5):
    torch.manual_seed(seed)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    args = TrainingArgs(
        optimizer, epoch=2, batch_size=4, workers=0, criterion=nn.CrossEntropyLoss(),
        scheduler=torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma),
        mixed_precision=torch.float16,
    )  # fmt: skip
    data = TensorDataset(torch.randn(8, 3), torch.arange(8) % 2)
    return ModelWrapperAdapter(ModelWrapper(model, args)), data


def test_the_scheduler_and_the_scaler_of_the_arguments_are_kept():
    adapter, data = scheduled()
    initial = to_plain(adapter.state_dict())
    assert initial["scaler"]["scale"] == 65536.0
    runs = []
    for _ in range(2):
        adapter.load_state_dict(to_state(initial))
        torch.manual_seed(1)
        adapter.train(data)
        adapter.wrapper.grad_scaler.update(1024.0)
        runs.append(to_plain(adapter.state_dict()))
    assert digest_of(runs[0]) == digest_of(runs[1])
    assert runs[0]["schedulers"][0]["last_epoch"] == 2
    assert runs[0]["optimizer"]["param_groups"][0]["lr"] == pytest.approx(0.025)
    assert runs[0]["scaler"]["scale"] == 1024.0
    # Gone on with in another process: the same weights as without the break.
    resumed, _ = scheduled(seed=7)
    resumed.load_state_dict(to_state(runs[0]))
    for one in (adapter, resumed):
        torch.manual_seed(2)
        one.train(data)
    assert digest_of(to_plain(resumed.state_dict())) == digest_of(to_plain(adapter.state_dict()))


def test_a_state_from_before_there_was_a_scaler():
    adapter, data = scheduled()
    before = {k: v for k, v in to_plain(adapter.state_dict()).items() if k != "scaler"}
    adapter.train(data)
    adapter.wrapper.grad_scaler.update(1024.0)
    adapter.load_state_dict(to_state(before))
    assert adapter.wrapper.grad_scaler.get_scale() == 65536.0
    plain, _, _ = make()
    assert sorted(plain.state_dict()) == ["joint", "model", "optimizer", "schedulers"]


def test_a_scheduler_is_not_kept_twice():
    adapter, _ = scheduled()
    adapter.wrapper.plan = adapter.wrapper.args.scheduler
    assert ModelWrapperAdapter(adapter.wrapper).schedulers == [adapter.wrapper.args.scheduler]


def test_settings_of_older_runs_are_the_same_and_others_differ():
    plain, wrapper, _ = make()
    described = plain.settings()["args"]
    assert not {"max_grad_norm", "mixed_precision", "scheduler", "verbose"} & set(described)
    assert described["class"] == "TrainingArgs"
    assert described["epoch"] == 2
    wrapper.args.max_grad_norm = 1.0
    assert plain.settings()["args"]["max_grad_norm"] == 1.0
    half, other = (describe(scheduled(gamma=gamma)[0].settings()) for gamma in (0.5, 0.25))
    assert [line.split(":")[0] for line in differences(half, other)] == ["args.scheduler.gamma"]


def test_embeddings_of_any_layer():
    adapter, wrapper, data = make()
    default = wrapper.embed_on_dataset(data, verbose=False)
    np.testing.assert_array_equal(adapter.embed(data), default)
    factors = adapter.gradient_embed(data)
    np.testing.assert_array_equal(factors.embeddings, default)
    assert factors.residuals.shape == (8, 2)
    first = ModelWrapperAdapter(wrapper, layer="0")
    np.testing.assert_allclose(
        first.embed(data), wrapper.model[0](data.tensors[0]).detach().numpy(), rtol=1e-6
    )


@pytest.mark.parametrize("pool_size", [None, 10])
def test_core_set_in_an_experiment_and_again_from_its_folder(tmp_path, pool_size):
    def experiment(folder):
        adapter, _, _ = make(ModelWrapper)
        torch.manual_seed(1)
        data = TensorDataset(torch.randn(40, 3), torch.arange(40) % 2)
        dataset = ActiveLearningDataset(data, random_state=0)
        dataset.label_randomly(4)
        return ActiveLearningExperiment(
            adapter, dataset, data, CoreSet(6), 6, pool_size=pool_size, folder=folder, verbose=False
        )

    records = experiment(tmp_path / "run").start()
    assert [record["n_labelled"] for record in records] == [4, 10, 16, 22, 28, 34, 40]
    assert all(record["collapsed"] is None for record in records)
    again = experiment(tmp_path / "run").start()
    assert again == records
    # Of equal first rounds, the batch is that of the heuristic.
    first = experiment(None)
    first.adapter.load_state_dict(to_state(first._initial))
    first.adapter.train(first.al_dataset)
    if pool_size is None:
        ranks = CoreSet(6)(
            embeddings=first.adapter.embed(first.al_dataset.pool),
            labelled_embeddings=first.adapter.embed(first.al_dataset),
        )
        chosen = first.al_dataset.pool.dataset_indices[ranks[:6]]
        assert records[0]["chosen"] == chosen.tolist()
