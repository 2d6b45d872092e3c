# syntax=docker/dockerfile:1
# Oscine's command line in a container:
#   docker build -t oscine .                                    for the CPU
#   docker build -t oscine --build-arg TORCH_BUILD=cu130 .      for NVIDIA GPUs; then docker run --gpus all …
#   docker run --rm -v "$PWD:/sounds" oscine analyze hum.wav
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
ARG TORCH=2.13.0
# PyTorch's name of a build: cpu, or cu and the version of CUDA.
ARG TORCH_BUILD=cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PATH=/opt/oscine/bin:$PATH
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
RUN python -m venv /opt/oscine
# hadolint ignore=DL3059
# The lock first: it has torch's own small dependencies, and changes less often than the source.
COPY requirements/lock.txt requirements/lock.txt
RUN pip install --no-deps --require-hashes -r requirements/lock.txt
RUN pip install --index-url "https://download.pytorch.org/whl/${TORCH_BUILD}" "torch==${TORCH}"
COPY pyproject.toml setup.py README.md LICENSE ./
COPY src src
RUN pip install --no-deps --no-build-isolation . \
    && oscine --version

FROM python:${PYTHON}-slim-bookworm
# ffmpeg reads the formats of phones and of films.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 oscine \
    && install --directory --owner=oscine --group=oscine /sounds
COPY --from=build /opt/oscine /opt/oscine
ENV PATH=/opt/oscine/bin:$PATH PYTHONUNBUFFERED=1
USER 1000
WORKDIR /sounds
ENTRYPOINT ["oscine"]
CMD ["--help"]
