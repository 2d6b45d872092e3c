"""Playing live: an instrument between a sound card, or files in its place, and MIDI."""

from oscine.realtime.file_device import FileDevice
from oscine.realtime.session import Session, SessionReport
from oscine.realtime.sound_card import SoundCard

__all__ = ["FileDevice", "Session", "SessionReport", "SoundCard"]
