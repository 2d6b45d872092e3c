"""The compiled library: it finds what the processor can do."""

import os
import sys
from pathlib import Path

import pytest

from oscine.kernels.library import find, open_library
from oscine.runtime import engines

_CPU = Path("/proc/cpuinfo")


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="Linux on x86-64 alone")
@pytest.mark.skipif(open_library() is None, reason="no C++ compiler has built the library here")
def test_the_vectors_of_this_processor_are_found():
    flags = set(_CPU.read_text(encoding="utf-8").split())
    has_avx2 = {"avx2", "fma", "f16c"} <= flags
    has_avx512 = has_avx2 and {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= flags
    expected = {"avx512": has_avx512, "avx2": has_avx2, "portable": True}
    assert {name: find(name) is not None for name in expected} == expected
    assert set(engines()) == {name for name, is_there in expected.items() if is_there}
