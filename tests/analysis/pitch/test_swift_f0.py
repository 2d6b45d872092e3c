"""What is done with the tracker's own values before the signal refines them."""

import numpy as np

from oscine.analysis.pitch.swift_f0 import mend_octaves


def mended(hz):
    hz = np.asarray(hz, dtype=np.float64)
    return 2.0 ** mend_octaves(np.log2(np.where(hz > 0, hz, 333.0)), hz > 0)


def test_a_wrong_octave_at_an_onset_and_at_the_end_is_set_right():
    hz = [0, 0, 72, 70, 140, 141, 142, 143, 144, 145, 146, 140, 66, 66, 66, 0, 0]
    assert np.allclose(mended(hz)[2:15], [144, 140, 140, 141, 142, 143, 144, 145, 146, 140, 132, 132, 132])
    assert np.allclose(mended([0, *[440] * 8, 1330, 0])[9], 1330 / 3)


def test_what_may_be_music_stays():
    for hz in (
        [0, *[220] * 6, *[440] * 20, 0],  # a note of 96 ms
        [*[440] * 10, 220, 220, *[440] * 10],  # within a phrase
        [0, 330, 330, *[440] * 10, 0],  # a fourth
        [0, 220, 220, 440, 440, 440, 0],  # no longer note to go by
        [0, 220, 220, 0, *[440] * 10],  # silence in between
        [220],
        [0],
    ):
        voiced = np.asarray(hz) > 0
        assert np.allclose(mended(hz)[voiced], np.asarray(hz)[voiced])
