"""The C interface as a host uses it: memory of its own, handles, codes."""

import ctypes

import pytest
import torch
from tests.runtime.programs import busy_program

from oscine.kernels.library import open_library
from oscine.runtime import Engine, Live, engines

pytestmark = pytest.mark.skipif(
    not engines(), reason="no compiled runtime: there was no C++ compiler when the package was installed"
)

CONTENT = busy_program().to_bytes()
OK, NO_MEMORY, WRONG_ARGUMENT = 0, 6, 7
GUARD = 0xA5


@pytest.fixture
def library() -> ctypes.CDLL:
    Engine(CONTENT)  # declares the functions' types
    library = open_library()
    assert library is not None
    return library


def _size(library: ctypes.CDLL, content: bytes = CONTENT) -> int:
    needed = ctypes.c_size_t()
    assert library.oscine_size(content, ctypes.c_size_t(len(content)), ctypes.byref(needed)) == OK
    return needed.value


def _load(library: ctypes.CDLL, content: bytes, memory: int | None, size: int) -> tuple[int, ctypes.c_void_p]:
    player = ctypes.c_void_p()
    arguments = ctypes.c_size_t(len(content)), ctypes.c_void_p(memory), ctypes.c_size_t(size)
    return library.oscine_load(content, *arguments, ctypes.byref(player)), player


def _play(library: ctypes.CDLL, player: ctypes.c_void_p, f0_hz: torch.Tensor) -> torch.Tensor:
    audio = torch.empty(len(f0_hz) * 48)
    inputs = (ctypes.c_void_p * 4)(f0_hz.data_ptr(), None, None, None)
    assert library.oscine_play(player, inputs, 4, len(f0_hz), audio.data_ptr()) == OK
    return audio


def test_a_player_lives_in_the_callers_memory_and_touches_no_other(library: ctypes.CDLL) -> None:
    size, f0_hz = _size(library), 200 + 100 * torch.rand(30)
    expected = Engine(CONTENT).play({"f0_hz": f0_hz[None]})[0]
    for shift in (0, 1, 17, 63):
        memory = (ctypes.c_ubyte * (size + 256)).from_buffer_copy(bytes([GUARD]) * (size + 256))
        content = bytearray(CONTENT)
        code, player = _load(library, bytes(content), ctypes.addressof(memory) + 64 + shift, size)
        assert code == OK
        played = _play(library, player, f0_hz)
        assert torch.equal(played, expected)
        library.oscine_free(player)
        untouched = bytes(memory)[: 64 + shift] + bytes(memory)[64 + shift + size :]
        assert set(untouched) == {GUARD}


def test_the_bytes_may_go_after_loading(library: ctypes.CDLL) -> None:
    buffer = ctypes.create_string_buffer(CONTENT, len(CONTENT))
    player = ctypes.c_void_p()
    size = ctypes.c_size_t(len(CONTENT))
    assert library.oscine_load(buffer, size, None, ctypes.c_size_t(0), ctypes.byref(player)) == OK
    ctypes.memset(buffer, 0xFF, len(CONTENT))
    f0_hz = torch.full((20,), 300.0)
    assert torch.equal(_play(library, player, f0_hz), Engine(CONTENT).play({"f0_hz": f0_hz[None]})[0])
    library.oscine_free(player)


def test_too_little_memory_is_refused(library: ctypes.CDLL) -> None:
    size = _size(library)
    memory = (ctypes.c_ubyte * size)()
    code, player = _load(library, CONTENT, ctypes.addressof(memory), size - 1)
    assert (code, player.value) == (NO_MEMORY, None)
    assert not any(memory)


def test_null_is_refused_where_something_is_needed(library: ctypes.CDLL) -> None:
    n, needed, player = ctypes.c_size_t(len(CONTENT)), ctypes.c_size_t(), ctypes.c_void_p()
    assert library.oscine_size(None, n, ctypes.byref(needed)) == WRONG_ARGUMENT
    assert library.oscine_size(CONTENT, n, None) == WRONG_ARGUMENT
    assert library.oscine_load(None, n, None, ctypes.c_size_t(0), ctypes.byref(player)) == WRONG_ARGUMENT
    assert library.oscine_load(CONTENT, n, None, ctypes.c_size_t(0), None) == WRONG_ARGUMENT
    assert library.oscine_reset(None, 0) == WRONG_ARGUMENT
    assert library.oscine_play(None, None, 0, 0, None) == WRONG_ARGUMENT
    library.oscine_free(None)
    _, player = _load(library, CONTENT, None, 0)
    assert library.oscine_play(player, (ctypes.c_void_p * 3)(), 3, 1, None) == WRONG_ARGUMENT
    assert library.oscine_play(player, None, 0, 1, None) == WRONG_ARGUMENT
    assert library.oscine_play(player, None, 0, 0, None) == OK
    library.oscine_free(player)


def test_a_live_player_lives_in_the_callers_memory_and_touches_no_other(library: ctypes.CDLL) -> None:
    n, needed = ctypes.c_size_t(len(CONTENT)), ctypes.c_size_t()
    assert library.oscine_live_size(None, CONTENT, n, 44100, ctypes.byref(needed)) == OK
    size = needed.value
    expected = Live(CONTENT, 44100).play(1000)
    for shift in (0, 1, 63):
        memory = (ctypes.c_ubyte * (size + 256)).from_buffer_copy(bytes([GUARD]) * (size + 256))
        live, at = ctypes.c_void_p(), ctypes.addressof(memory) + 64 + shift
        assert library.oscine_live_load(None, CONTENT, n, 44100, at, size, ctypes.byref(live)) == OK
        audio = torch.empty(1000)
        assert library.oscine_live_play(live, 1000, audio.data_ptr()) == OK
        assert torch.equal(audio, expected)
        library.oscine_live_free(live)
        untouched = bytes(memory)[: 64 + shift] + bytes(memory)[64 + shift + size :]
        assert set(untouched) == {GUARD}
    code = library.oscine_live_load(None, CONTENT, n, 44100, at, size - 1, ctypes.byref(live))
    assert (code, live.value) == (NO_MEMORY, None)


def test_null_is_refused_by_a_live_player(library: ctypes.CDLL) -> None:
    n, needed, live = ctypes.c_size_t(len(CONTENT)), ctypes.c_size_t(), ctypes.c_void_p()
    assert library.oscine_live_size(None, None, n, 0, ctypes.byref(needed)) == WRONG_ARGUMENT
    assert library.oscine_live_size(None, CONTENT, n, 0, None) == WRONG_ARGUMENT
    assert library.oscine_live_load(None, CONTENT, n, 0, None, 0, None) == WRONG_ARGUMENT
    assert library.oscine_live_load(None, None, n, 0, None, 0, ctypes.byref(live)) == WRONG_ARGUMENT
    assert library.oscine_live_reset(None, 0) == WRONG_ARGUMENT
    assert library.oscine_live_set(None, 0, None) == WRONG_ARGUMENT
    assert library.oscine_live_play(None, 0, None) == WRONG_ARGUMENT
    library.oscine_live_free(None)
    assert library.oscine_live_load(None, CONTENT, n, 0, None, 0, ctypes.byref(live)) == OK
    assert library.oscine_live_set(live, 4, None) == WRONG_ARGUMENT
    assert library.oscine_live_play(live, 1, None) == WRONG_ARGUMENT
    assert library.oscine_live_play(live, 0, None) == OK
    library.oscine_live_free(live)


def test_there_is_nothing_beyond_the_last_input(library: ctypes.CDLL) -> None:
    _, player = _load(library, CONTENT, None, 0)
    assert library.oscine_input_name(player, 3) == b"gain"
    assert library.oscine_input_name(player, 4) is None
    assert library.oscine_input_size(player, 4) == 0
    library.oscine_free(player)


def test_every_code_has_a_sentence(library: ctypes.CDLL) -> None:
    sentences = [library.oscine_error_text(code).decode() for code in range(9)]
    assert len(set(sentences)) == 9
    assert all(one[0].isupper() and one.endswith(".") for one in sentences)
    assert library.oscine_error_text(99) == b"Unknown error."
