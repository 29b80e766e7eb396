"""Components of voxels against scipy's."""

import numpy as np
import pytest
from scipy import ndimage

from gsn_perception.segmentation.masks.voxels import labelled_voxels


@pytest.mark.parametrize("share", [0.0, 0.02, 0.06, 0.2, 1.0])
def test_labels_are_those_of_scipy(share):
    space = np.random.default_rng(0).random((17, 9, 23)) < share
    labels, count = labelled_voxels(space)
    truth, number = ndimage.label(space, structure=np.ones((3, 3, 3)))
    assert count == number
    np.testing.assert_array_equal(labels, truth)
