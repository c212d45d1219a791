import pytest

from lungnet.models.curve_descriptions import describe


@pytest.mark.parametrize("name", ["critic_loss", "gan/critic_loss", "a/b/critic_loss"])
def test_prefixes_play_no_part(name):
    assert (
        describe(name) == "What the critic minimises: E[D(fake)] - E[D(real)] + lambda x penalty (section 4)."
    )


def test_patterns_match_the_whole_name():
    assert describe("calm/cluster_12_size") == describe("cluster_0_size")
    assert describe("loss") != describe("validation_loss")
    assert describe("cluster_x_size") is None
    assert describe("lossless") is None
