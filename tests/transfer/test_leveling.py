"""Leveling brings an instrument with a loudness error of its own to the target."""

import torch
from torch import Tensor
from transfer_standin import HOP, SAMPLE_RATE, SineInstrument, features, statistics, tone

from oscine.analysis import analyze
from oscine.transfer import match, play
from oscine.transfer.leveling import leveled


def _matched():
    midi = torch.cat([tone(m, 0.8) for m in (62, 66, 69, 62)])
    loudness = -35 + 8 * torch.sin(torch.arange(len(midi)) / 60)
    confidence = torch.full_like(midi, 0.95)
    confidence[150:200] = 0.1
    return match(features(midi, loudness, confidence), None)


def _error_db(matched, n_passes: int) -> tuple[Tensor, Tensor]:
    """Return the loudness error on notes, and the change of the gain in dB."""
    instrument = SineInstrument(statistics(), level=0.2)
    n_samples = len(matched.gain) * HOP

    def played(current):
        return play(instrument, current, n_samples)

    found = leveled(matched, played, SAMPLE_RATE, HOP, n_passes)
    heard = analyze(torch.cat(list(played(found))), SAMPLE_RATE, HOP).loudness_db
    change_db = 20 * torch.log10(found.gain / matched.gain.clamp(min=1e-9))
    return (heard - matched.target_loudness_db)[matched.on_notes].abs(), change_db


def test_two_passes_bring_notes_to_their_loudness():
    matched = _matched()
    before, _ = _error_db(matched, 0)
    after, _ = _error_db(matched, 2)
    assert float(before.mean()) > 2
    assert float(after.mean()) < 0.25 * float(before.mean())


def test_far_from_notes_nothing_changes():
    matched = _matched()
    _, change_db = _error_db(matched, 2)
    assert change_db[matched.on_notes].abs().max() > 1
    far = torch.arange(165, 180)
    assert not matched.on_notes[far].any()
    torch.testing.assert_close(change_db[far], torch.zeros(len(far)))


def test_no_pass_is_the_match_itself():
    matched = _matched()
    found = leveled(matched, lambda current: iter(()), SAMPLE_RATE, HOP, 0)
    torch.testing.assert_close(found.gain, matched.gain)
