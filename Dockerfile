# tonearm and what it needs, for a user without rights:
#   docker build -t tonearm .                                  the core, and the server
#   docker build -t tonearm --build-arg EXTRAS=serve,deep .    with what torch models need; encoders: serve,encoders
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" tonearm run config.toml --out results
#   docker run --rm -p 127.0.0.1:8000:8000 -v "$PWD/results:/run-folder:ro" -e TONEARM_TOKEN=… tonearm-serve
# where the last image is made by: docker build -t tonearm-serve --target serve .
FROM python:3.12-slim AS build
ARG EXTRAS="serve"
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN python -m venv /opt/tonearm && \
    /opt/tonearm/bin/pip install --no-cache-dir ".${EXTRAS:+[$EXTRAS]}" && \
    NUMBA_CACHE_DIR=/opt/tonearm/numba /opt/tonearm/bin/tonearm warm

FROM python:3.12-slim AS base
COPY --from=build /opt/tonearm /opt/tonearm
# whoever runs it, these can be written to, also where all else is read-only: compiled kernels, fonts, weights of encoders
ENV PATH="/opt/tonearm/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/tmp/numba \
    MPLCONFIGDIR=/tmp/matplotlib \
    TONEARM_CACHE=/tmp/tonearm
RUN useradd --create-home --uid 1000 tonearm
USER tonearm
WORKDIR /work
# numba reads kernels only from a folder that it may write to, so those of the image are copied there
ENTRYPOINT ["/bin/sh", "-c", "[ -e /tmp/numba ] || cp -r /opt/tonearm/numba /tmp/numba; exec tonearm \"$@\"", "tonearm"]

FROM base AS serve
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["serve", "/run-folder", "--host", "0.0.0.0"]

FROM base
CMD ["--help"]
