"""The tests of this folder share a stand-in instrument; importlib mode adds no folder to the path itself."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
