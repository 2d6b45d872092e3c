"""The window of an encoder's spectrogram."""

_LONGEST = 1 << 17


def require_window(name: str, n_samples: int) -> None:
    """Refuse a window that no sound needs: the mel filters of it would fill memory.

    Args:
        name: Of the config's field that sets the window's length, for the message.
        n_samples: Length of the window.

    Raises:
        ValueError: When it is longer than 131072 samples.
    """
    if n_samples > _LONGEST:
        raise ValueError(
            f"The window of the encoder's spectrogram is {n_samples} samples long; give a smaller {name}, so "
            f"that it is {_LONGEST} at most."
        )
