"""The picture of a timeline."""

import numpy as np
import pytest
from prediction.plot import plot_timeline, summarise
from ser.timeline import Segment


def make_segments(number, classes):
    """Makes windows of 4 s, the classes in turn for 12 each: the last class is
    uncertain, and three windows have no answer."""
    for start in range(number):
        emotion = classes[start // 12 % len(classes)]
        shares = {name: 0.9 if name == emotion else 0.05 for name in classes}
        if emotion == classes[-1]:
            emotion = "uncertain"
        if 100 <= start < 103:
            yield Segment(start, start + 4, None, {}, "silence")
        else:
            yield Segment(start, start + 4, emotion, shares)


@pytest.mark.parametrize("number", [1, 7200])
@pytest.mark.parametrize(
    "ending, start", [("png", b"\x89PNG"), ("SVG", b"<?xml"), ("pdf", b"%PDF")]
)
def test_picture(tmp_path, number, ending, start):
    """Four seconds and two hours are drawn in every format."""
    classes, path = ["happy", "very_sad", "$angry$"], tmp_path / f"a.{ending}"
    segments = list(make_segments(number, classes))
    plot_timeline(segments, classes, path, 99 * "$x$")
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize("number, cells", [(120, 120), (800, 400), (801, 267)])
def test_cells_of_a_picture(number, cells):
    """Every window is in one cell of the picture, which holds their means."""
    classes = ["happy", "sad", "angry"]
    segments = list(make_segments(number, classes))
    edges, shares, votes = summarise(segments, [*classes, "uncertain", None])
    assert len(edges) == cells + 1 and (np.diff(edges.astype(int)) > 0).all()
    assert edges[-1].astype(float) / 1000 == segments[-1].end
    every = -(-number // cells)
    for cell, start in enumerate(range(0, number, every)):
        near = segments[start : start + every]
        sound = [list(s.probabilities.values()) for s in near if not s.note]
        mean = np.mean(sound, axis=0) if sound else np.zeros(3)
        np.testing.assert_allclose(shares[:3, cell], mean)
        assert votes[4, cell] == len(near) - len(sound)
        assert votes[0, cell] == sum(s.emotion == "happy" for s in near)
