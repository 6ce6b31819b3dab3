# syntax=docker/dockerfile:1
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/imagegen
ENV PATH=/opt/imagegen/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The dependencies first: they change less often than the code.
COPY requirements/runtime.txt requirements/runtime.txt
RUN pip install --require-hashes --only-binary :all: -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip install --no-deps .

FROM python:3.11.14-slim-bookworm
ENV PATH=/opt/imagegen/bin:$PATH PYTHONUNBUFFERED=1 IMAGEGEN_ENV=production
RUN useradd --uid 10001 --create-home --home-dir /var/lib/imagegen imagegen
COPY --from=build /opt/imagegen /opt/imagegen
USER 10001
WORKDIR /var/lib/imagegen
EXPOSE 5000
# A process that is told to end hands its jobs back first, which takes up to 20 s.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:5000/health/live', timeout=4)"]
# imagegen is process 1 itself, so that the signal reaches it.
ENTRYPOINT ["imagegen"]
CMD ["serve", "--host", "0.0.0.0"]
