import numpy as np
import pytest

from baal.active.heuristics.masks import masked_blocks, valid_positions
from baal.active.heuristics.predictions import BLOCK_ELEMENTS
from baal.exceptions import InvalidArgumentError, InvalidTypeError

P = np.random.default_rng(0).random((7, 3, 5, 4))
VALID = np.random.default_rng(1).random((7, 5)) < 0.5


def test_positions_that_do_not_count_hold_equal_classes():
    [(block, valid)] = masked_blocks(P, VALID)
    np.testing.assert_array_equal(valid, VALID)
    by_position = np.moveaxis(block, 1, -1)
    np.testing.assert_array_equal(by_position[VALID], np.moveaxis(P, 1, -1)[VALID])
    assert (by_position[~VALID] == 1 / 3).all()
    [(block, _)] = masked_blocks(P[:, :1], VALID)
    assert (np.moveaxis(block, 1, -1)[~VALID] == 0.5).all()


def test_cuts_need_not_agree_and_inputs_stay():
    before = P.copy()
    [(block, valid)] = masked_blocks(iter(np.split(P, [2])), iter(np.split(VALID, [1, 6])))
    [(expected, _)] = masked_blocks(P, VALID)
    np.testing.assert_array_equal(block, expected)
    np.testing.assert_array_equal(valid, VALID)
    np.testing.assert_array_equal(P, before)


def test_large_predictions_come_in_blocks_with_their_masks():
    p = np.zeros((3000, 2, 10, 20), np.float32)
    valid = np.random.default_rng(2).random((3000, 10)) < 0.5
    pairs = list(masked_blocks(p, valid))
    assert len(pairs) > 1
    assert all(len(block) == len(mask) for block, mask in pairs)
    np.testing.assert_array_equal(np.concatenate([mask for _, mask in pairs]), valid)


@pytest.mark.parametrize("n", [0, 6, 8])
def test_wrong_number_of_items(n):
    mask = np.ones((n, 5), bool)
    for given in (mask, iter([mask])):
        with pytest.raises(InvalidArgumentError, match="Expected `mask` to"):
            list(masked_blocks(P, given))
    with pytest.raises(InvalidArgumentError, match="no more items"):
        list(masked_blocks(P, iter([])))


def test_no_numbers():
    with pytest.raises(InvalidTypeError, match="Expected `mask` to be an array"):
        list(masked_blocks(P, "all"))


def test_masks_of_more_blocks_than_the_predictions_have():
    length = BLOCK_ELEMENTS // 8
    p = np.zeros((2, 2, length, 4), np.float32)  # an item is a block
    with pytest.raises(InvalidArgumentError, match="but got more"):
        list(masked_blocks(p, np.ones((3, length), bool)))


def test_items_without_classes_are_passed_on_as_they_are():
    values = np.arange(3.0)  # [N]: whoever scores the block says what is wrong with its shape
    [(block, valid)] = masked_blocks(values, [True, False, True])
    np.testing.assert_array_equal(block, values)
    assert valid.tolist() == [True, False, True]


def test_padding_that_is_marked():
    nan = np.nan
    # [N=1, C=2, L=3, K=2]: one NaN is a fault of the model, not padding.
    p = np.array([[[[0.5, 0.5], [nan, nan], [nan, 0.5]], [[0.5, 0.5], [nan, nan], [0.5, 0.5]]]])
    assert valid_positions(p).tolist() == [[True, False, True]]
    assert valid_positions(np.zeros((2, 3, 4))).tolist() == [True, True]
