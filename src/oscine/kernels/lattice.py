"""The all-pole lattice in torch: all frames side by side, sample by sample, then one after the other.

Inside a frame, each output is an affine function of the state before the frame. The recursion is run for the
unit states and for the audio without a state, all at once; what is left is a small product per frame.
Backward is the same, with the rotations the other way.

Written as plain forward and backward functions: inside an operator nothing is recorded for autograd.
"""

from collections.abc import Iterator

import torch
from torch import Tensor


def forward(
    audio: Tensor, angles: Tensor, previous: Tensor, initial: Tensor, hop_length: int
) -> tuple[Tensor, Tensor]:
    """Return the output and the states; see `oscine.kernels.allpole.allpole`."""
    batch, n_frames, order = angles.shape
    x = audio.reshape(-1, hop_length)
    state = _units(order, x)
    rows = []
    for i, (sine, cosine) in enumerate(_rotations(angles, previous, hop_length)):
        entering = _only_last(x[:, i], order)
        _, left, came = _sample(entering, sine, cosine, state)
        state = torch.cat([left[:1], came[:-1]])
        rows.append(left[0])
    transitions = state.permute(1, 0, 2).reshape(batch, n_frames, order, order + 1)
    states = [initial]
    for transition in transitions.unbind(1):
        states.append(_affine(transition, states[-1]))
    before = torch.stack(states[:-1], 1).reshape(-1, order)
    output = _affine(torch.stack(rows, 1), before)
    return output.reshape(audio.shape), torch.stack(states, 1)


def backward(
    grad: Tensor,
    grad_states: Tensor,
    audio: Tensor,
    angles: Tensor,
    previous: Tensor,
    states: Tensor,
    hop_length: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of audio, angles, previous and initial."""
    batch, n_frames, order = angles.shape
    x, given = audio.reshape(-1, hop_length), grad.reshape(-1, hop_length)
    rotations = list(_rotations(angles, previous, hop_length))
    state = states[:, :-1].reshape(-1, order).T.unsqueeze(-1)
    kept = []
    for i, (sine, cosine) in enumerate(rotations):
        _, left, came = _sample(x[:, i, None], sine, cosine, state)
        state = torch.cat([left[:1], came[:-1]])
        kept.append((left, came))
    # The frames' own transitions, then the state's gradient at the end of each.
    after = _units(order, x)
    for i in range(hop_length - 1, -1, -1):
        after, _, _ = _sample_back(_only_last(given[:, i], order), *rotations[i], after)
    transitions = after.permute(1, 0, 2).reshape(batch, n_frames, order, order + 1)
    ends = [grad_states[:, -1]]
    for t in range(n_frames - 1, -1, -1):
        ends.append(_affine(transitions[:, t], ends[-1]) + grad_states[:, t])
    after = torch.stack(ends[-2::-1], 1).reshape(-1, order).T.unsqueeze(-1)
    grad_audio, first, last = [], torch.zeros_like(angles), torch.zeros_like(angles)
    for i in range(hop_length - 1, -1, -1):
        left, came = kept[i]
        above = torch.cat([after[1:], torch.zeros_like(after[:1])])
        after, entering, here = _sample_back(given[:, i, None], *rotations[i], after)
        angle = (above * left - here * came)[..., 0].T.reshape(angles.shape)
        first += (1 - i / hop_length) * angle
        last += i / hop_length * angle
        grad_audio.append(entering[:, 0])
    last[:, :-1] += first[:, 1:]
    return torch.stack(grad_audio[::-1], 1).reshape(grad.shape), last, first[:, 0].clone(), ends[-1].clone()


def _rotations(angles: Tensor, previous: Tensor, hop_length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Return sine and cosine of all sections and frames, (section, frame, 1), sample by sample."""
    start = torch.cat([previous.unsqueeze(1), angles[:, :-1]], 1)
    first, rise = (x.flatten(0, 1).T.unsqueeze(-1) for x in (start, angles - start))
    for i in range(hop_length):
        angle = first + i / hop_length * rise
        yield torch.sin(angle), torch.cos(angle)


def _sample(f: Tensor, sine: Tensor, cosine: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what enters the sections, what leaves them downward and upward, (section, frame, column).

    ``f_{m−1} = c f_m − s g_{m−1}``, ``g_m = s f_m + c g_{m−1}``
    """
    entering, leaving = [], []
    for product, c in zip((-sine * state).flip(0).unbind(), cosine.flip(0).unbind(), strict=True):
        entering.append(f)
        f = torch.addcmul(product, c, f)
        leaving.append(f)
    entered = torch.stack(entering[::-1])
    return entered, torch.stack(leaving[::-1]), sine * entered + cosine * state


def _sample_back(f: Tensor, sine: Tensor, cosine: Tensor, after: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of the state before, of x, and of what leaves the sections downward.

    Args:
        f: Gradient of the output, (frame, column).
        sine: (section, frame, 1).
        cosine: Alike.
        after: Gradient of the state after the sample, (section, frame, column).
    """
    above = torch.cat([after[1:], torch.zeros_like(after[:1])])
    f = f + after[0]
    gradients = []
    for product, c in zip((sine * above).unbind(), cosine.unbind(), strict=True):
        gradients.append(f)
        f = torch.addcmul(product, c, f)
    here = torch.stack(gradients)
    return cosine * above - sine * here, f, here


def _units(order: int, x: Tensor) -> Tensor:
    """Return the unit states and the state of zeros behind them, (section, frame, order + 1)."""
    units = torch.eye(order, order + 1, dtype=x.dtype, device=x.device)
    return units.unsqueeze(1).expand(-1, x.shape[0], -1)


def _only_last(x: Tensor, order: int) -> Tensor:
    """Return audio that only the state of zeros is given, (frame, order + 1)."""
    return torch.nn.functional.pad(x.unsqueeze(-1), (order, 0))


def _affine(rows: Tensor, state: Tensor) -> Tensor:
    return (rows[..., :-1] @ state.unsqueeze(-1)).squeeze(-1) + rows[..., -1]
