"""Files in the place of a sound card: sound and MIDI come from files, and the output is one."""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import torch
from jaxtyping import Float32

from oscine.audio.output import check_output, write_audio
from oscine.errors import InputError
from oscine.notes.midi_file import message_of
from oscine.performance import Score
from oscine.realtime.priority import raise_priority
from oscine.realtime.session import Session

_RINGS_S = 1.0


class FileDevice:
    """Plays a session from files and into a file, as a sound card would: block after block.

    A MIDI message during a block acts from the next one on, as from a keyboard.

    Args:
        output: A ``.wav`` or ``.flac`` file; it appears complete or not at all.
        heard: The sound that comes in, at the session's rate; silence if left out.
        score: The MIDI that comes in.
        is_paced: Keep the pace of a clock, so that a block can come too late; else as fast as can be.
        seconds: The length; by default that of what comes in, and a second more.

    Raises:
        InputError: When nothing comes in and no length is given, or the output can't be written.
    """

    def __init__(
        self,
        output: Path,
        *,
        heard: Float32[np.ndarray, " time"] | None = None,
        score: Score | None = None,
        is_paced: bool = False,
        seconds: float | None = None,
    ) -> None:
        if heard is None and score is None and seconds is None:
            raise InputError("Nothing comes in: give a sound, a MIDI file, or a length in seconds.")
        check_output(output, output.parent)
        self.output, self.is_paced = output, is_paced
        self._heard, self._score, self._seconds = heard, score, seconds
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._is_stopped = False
        self.latency_s = 0.0
        self.remark = ""
        """The message about the file at the end."""

    def start(self, session: Session) -> None:
        """Begin to play, in a thread of its own."""
        self._thread = threading.Thread(target=self._write, args=(session,), daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether there is more to play."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """End here; what was played until now is written.

        Raises:
            InputError: When the file could not be written, or the like.
        """
        self._is_stopped = True
        while self._thread is not None and self._thread.is_alive():
            try:
                self._thread.join()
            except KeyboardInterrupt:
                continue  # what is written is finished first
        if self._error is not None:
            raise self._error

    def _write(self, session: Session) -> None:
        """Write what another thread plays, so that playing does not wait for the disk."""
        played: SimpleQueue[np.ndarray | None] = SimpleQueue()
        n_samples = self._n_samples(session)
        player = threading.Thread(target=self._play, args=(session, n_samples, played), daemon=True)
        player.start()
        try:
            blocks = self._until_none(played)
            peak, gain = write_audio(self.output, blocks, session.sample_rate, n_samples)
            if gain < 1:
                self.remark = (
                    f"The peak was {peak:.2f}, so all of the file is {-20 * math.log10(gain):.1f} dB softer."
                )
        except BaseException as error:  # noqa: BLE001 - it is raised again where the device is stopped
            self._error = self._error or error
        self._is_stopped = True
        player.join()

    def _until_none(self, played: "SimpleQueue[np.ndarray | None]") -> Iterator[torch.Tensor]:
        while (block := played.get()) is not None:
            yield torch.from_numpy(block)
        if self._error is not None:
            raise self._error  # so no half of a file takes the place of a whole one

    def _n_samples(self, session: Session) -> int:
        if self._seconds is not None:
            return round(self._seconds * session.sample_rate)
        heard_s = 0.0 if self._heard is None else len(self._heard) / session.sample_rate
        score_s = 0.0 if self._score is None else self._score.seconds
        return round((max(heard_s, score_s) + _RINGS_S) * session.sample_rate)

    def _play(self, session: Session, n_samples: int, played: "SimpleQueue[np.ndarray | None]") -> None:
        try:
            self._play_blocks(session, n_samples, played)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the device is stopped
            self._error = error
        played.put(None)

    def _play_blocks(
        self, session: Session, n_samples: int, played: "SimpleQueue[np.ndarray | None]"
    ) -> None:
        if self.is_paced:
            raise_priority()
        messages = _messages(self._score, session.sample_rate)
        heard = np.zeros(0, np.float32) if self._heard is None else self._heard
        began = time.perf_counter()
        at, is_late = 0, False
        for start in range(0, n_samples, session.block):
            if self._is_stopped:
                return
            n_block = min(session.block, n_samples - start)
            while at < len(messages) and messages[at][0] <= start:
                session.post(messages[at][1])
                at += 1
            block = np.zeros(n_block, np.float32)
            given = heard[start : start + n_block]
            block[: len(given)] = given
            played.put(session.process(block, gap=is_late))
            if self.is_paced:
                left_s = began + (start + n_block) / session.sample_rate - time.perf_counter()
                is_late = left_s < 0
                if is_late:
                    # A sound card has played silence meanwhile, and goes on from here.
                    began -= left_s
                else:
                    time.sleep(left_s)


def _messages(score: Score | None, sample_rate: int) -> Sequence[tuple[float, bytes]]:
    events = [] if score is None else score.events
    return [(event.time_s * sample_rate, message_of(event)) for event in events]
