"""Edit cases: the mask holds the whole edit, the captions name it, other objects stay."""

import numpy as np
import pytest

from flowanchor_engine.demo.scene_clip import DemoShot, demo_shot
from flowanchor_engine.demo.scenes import EDIT_KINDS


@pytest.mark.parametrize("kind", EDIT_KINDS)
@pytest.mark.parametrize("same_shape", [False, True])
def test_a_case_is_whole_and_true(kind: str, same_shape: bool) -> None:
    for seed in range(8):
        shot = demo_shot(seed, kind=kind, same_shape=same_shape, objects=2 + seed % 2)
        changed = (shot.frames != shot.truth_frames).any(-1)
        assert changed.any()
        assert not (changed & ~shot.mask).any()
        assert not (shot.other_masks & shot.object_mask[None]).any() or kind == "background"
        assert shot.changed_words in shot.wanted
        assert shot.changed_words not in shot.now
        assert shot.now != shot.wanted
        if kind != "background":
            kept = shot.other_masks.any(0) & ~shot.mask
            np.testing.assert_array_equal(shot.frames[kept], shot.truth_frames[kept])
            assert len(shot.other_masks) == len(shot.scene.objects) - 1


def test_the_plain_caption_style() -> None:
    shot = demo_shot(0, kind="colour")
    assert shot.now.count(" and ") == 1
    assert " on a" in shot.now
    assert shot.now.endswith("background")


def test_equal_arguments_give_equal_cases() -> None:
    a, b = demo_shot(5, kind="shape"), demo_shot(5, kind="shape")
    assert a.scene == b.scene
    assert a.wanted == b.wanted
    np.testing.assert_array_equal(a.mask, b.mask)


def test_sizes_frames_and_counts_are_as_asked() -> None:
    shot: DemoShot = demo_shot(2, objects=3, size=(160, 96), frames=17)
    assert shot.frames.shape == (17, 96, 160, 3)
    assert shot.mask.shape == (17, 96, 160)
    assert len(shot.scene.objects) == 3


def test_a_single_object_has_no_others() -> None:
    assert demo_shot(1, objects=1).other_masks.shape[0] == 0


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="'size' is none of colour"):
        demo_shot(0, kind="size")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seeds start at 0"):
        demo_shot(-1)
