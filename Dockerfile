# tonearm and what it needs, for a user without rights:
#   docker build -t tonearm .                                  the core
#   docker build -t tonearm --build-arg EXTRAS=deep,encoders . with networks
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" tonearm run config.toml --out results
FROM python:3.12-slim AS build
ARG EXTRAS=""
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN python -m venv /opt/tonearm && \
    /opt/tonearm/bin/pip install --no-cache-dir ".${EXTRAS:+[$EXTRAS]}"

FROM python:3.12-slim
COPY --from=build /opt/tonearm /opt/tonearm
# whoever runs it, these can be written to: compiled kernels, fonts, weights of encoders
ENV PATH="/opt/tonearm/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/tmp/numba \
    MPLCONFIGDIR=/tmp/matplotlib \
    TONEARM_CACHE=/tmp/tonearm
RUN useradd --create-home --uid 1000 tonearm
USER tonearm
WORKDIR /work
ENTRYPOINT ["tonearm"]
CMD ["--help"]
