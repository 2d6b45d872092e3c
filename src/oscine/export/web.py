"""An instrument as a web page: a folder for any static host, which is a package for npm as well."""

import hashlib
import html
import json
import re
import string
from pathlib import Path

from oscine.errors import InputError
from oscine.files import printable

_FOLDER = Path(__file__).parent / "web"
_MODULE = "oscine.wasm"
_SCRIPTS = (
    *("oscine-instrument.js", "oscine-node.js", "worklet.js", "piano.js", "sliders.js", "meter.js"),
    *("sources.js", "look.js", "page.js"),
)
_AS_THEY_ARE = (*_SCRIPTS, "oscine-instrument.d.ts", "icon.svg", "LICENSE", _MODULE)
_NOT_FOR_THE_PAGE = {"package.json", "README.md", "oscine-instrument.d.ts", "LICENSE"}


def web_files(content: bytes, name: str, credits_text: str) -> dict[str, bytes]:
    """Return the files of a page that plays an instrument, by their names.

    They ask for nothing outside their folder, and are also a package for npm with the element
    ``<oscine-instrument>``.

    Args:
        content: A program file.
        name: Of the instrument, for people.
        credits_text: Licence and credit of the recordings, as lines of text.

    Raises:
        InputError: When the package lacks the compiled runtime.
    """
    if not (_FOLDER / _MODULE).exists():
        raise InputError("The runtime for browsers (oscine.wasm) is missing here; run `make wasm`.")
    # Of letters, digits and hyphens alone: so it is safe in addresses, in HTML and as the name of a package.
    short = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "instrument"
    title = " ".join(printable(name).replace("_", " ").replace("-", " ").split()) or "Instrument"
    title = title[0].upper() + title[1:]
    file = f"{short}.oscine"
    files = {kept: (_FOLDER / kept).read_bytes() for kept in _AS_THEY_ARE}
    files[file] = content
    page = string.Template((_FOLDER / "index.html").read_text(encoding="utf-8"))
    files["index.html"] = page.substitute(title=html.escape(title), file=file).encode()
    files["manifest.webmanifest"] = _json(
        {
            "name": title,
            "short_name": title[:12],
            "start_url": "./",
            "display": "standalone",
            "background_color": "#ffffff",
            "theme_color": "#ffffff",
            "icons": [{"src": "icon.svg", "sizes": "any", "type": "image/svg+xml"}],
        }
    )
    files["CREDITS.txt"] = (credits_text + _NOTICES).encode()
    files["package.json"] = _json(
        {
            "name": f"oscine-{short}",
            "version": "1.0.0",
            "description": f"{title}, an instrument learned with Oscine, as a custom element",
            "license": "SEE LICENSE IN CREDITS.txt",
            "type": "module",
            "main": "./oscine-instrument.js",
            "types": "./oscine-instrument.d.ts",
            "exports": {
                ".": {"types": "./oscine-instrument.d.ts", "default": "./oscine-instrument.js"},
                "./*": "./*",
            },
        }
    )
    files["README.md"] = _README.format(file=file, short=short).encode()
    files["service-worker.js"] = _service_worker(files)
    return files


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def _service_worker(files: dict[str, bytes]) -> bytes:
    """Return the service worker: its version changes whenever a file does."""
    kept = sorted(set(files) - _NOT_FOR_THE_PAGE)
    version = hashlib.sha256(b"".join(hashlib.sha256(files[name]).digest() for name in kept)).hexdigest()[:16]
    head = f"const VERSION = {json.dumps(version)};\nconst FILES = {json.dumps(['./', *kept])};\n"
    return head.encode() + (_FOLDER / "service-worker.js").read_bytes()


_NOTICES = """
The runtime and this page are part of Oscine, under the Apache License 2.0: see LICENSE.

oscine.wasm contains parts of musl, under the MIT licence:

Copyright (c) 2005-2019 Rich Felker and other contributors

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction, including
without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the
following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO
EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR
THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

_README = """\
# oscine-{short}

An instrument that was learned with Oscine, for web pages.

```html
<script type="module" src="oscine-instrument.js"></script>
<oscine-instrument src="{file}"></oscine-instrument>
```

As a node of an audio graph, live or offline:

```js
import {{ OscineNode, loadInstrument }} from "oscine-{short}";

const context = new AudioContext();
const instrument = await loadInstrument(new URL("oscine-{short}/{file}", import.meta.url));
const node = await OscineNode.create(context, instrument, {{ voices: 4 }});
node.connect(context.destination);
node.send([0x90, 69, 100]); // A4, as a MIDI message
```

Licences and credits are in CREDITS.txt.
"""
