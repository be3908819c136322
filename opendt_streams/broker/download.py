"""Fetching jars from a Maven repository: digest-checked, atomic, a few at a time.

Proxies and certificate bundles come from the usual environment variables (`HTTPS_PROXY`, `NO_PROXY`,
`REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE`); `OPENDT_MAVEN_REPOSITORY` names a mirror of Maven Central.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from opendt_streams.broker.lock import Jar
from opendt_streams.errors import BadConfiguration, Unavailable

PARALLEL = 4
TIMEOUT_S = (15.0, 60.0)  # to connect, between two reads
CHUNK_BYTES = 1 << 16
ATTEMPTS = 3
RETRIED_STATUS = (429, 500, 502, 503, 504)

Progress = Callable[[int], None]
"""Told the number of bytes that have just arrived (negative when an attempt is thrown away)."""


def repository_url(environ: Mapping[str, str] = os.environ) -> str:
    """The Maven repository to fetch from, without a trailing slash."""
    mirror = environ.get("OPENDT_MAVEN_REPOSITORY")
    if not mirror:
        from jgo.constants import MAVEN_CENTRAL_URL  # late: jgo is only needed when something must be fetched

        return str(MAVEN_CENTRAL_URL)
    if urlsplit(mirror).scheme not in ("http", "https") or not urlsplit(mirror).hostname:
        raise BadConfiguration(
            "not the address of a Maven repository",
            expected="an http or https address, the folder that holds org/apache/…",
            where="OPENDT_MAVEN_REPOSITORY",
        )
    return mirror.rstrip("/")


def fetch_all(jars: Sequence[Jar], folder: Path, repository: str, progress: Progress) -> None:
    """Fetch `jars` into `folder`; each appears there complete and checked, or not at all.

    Raises `Unavailable` when the repository cannot be reached, lacks a jar, or serves one with another digest.
    """
    with _session() as session, ThreadPoolExecutor(PARALLEL, thread_name_prefix="fetch") as pool:
        pending = [pool.submit(_fetch, session, jar, folder, repository, progress) for jar in jars]
        try:
            for download in pending:
                download.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _session() -> requests.Session:
    session = requests.Session()
    retry = Retry(total=3, connect=1, backoff_factor=0.5, status_forcelist=RETRIED_STATUS, raise_on_status=False)
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=PARALLEL, max_retries=retry))
    # requests reads REQUESTS_CA_BUNDLE itself and lets it win; SSL_CERT_FILE is OpenSSL's name for the same thing.
    if bundle := os.environ.get("SSL_CERT_FILE"):
        session.verify = bundle
    return session


def _fetch(session: requests.Session, jar: Jar, folder: Path, repository: str, progress: Progress) -> None:
    source = urlsplit(repository).hostname  # never the whole address: it may carry a password
    for attempt in range(1, ATTEMPTS + 1):
        try:
            digest = _stream(session, jar, folder, repository, progress)
        except requests.RequestException as error:  # before OSError, which it derives from
            if attempt == ATTEMPTS or not _worth_another_try(error):
                raise _failed(jar, source, error) from error
            continue
        except OSError as error:
            raise Unavailable(
                f"cannot store Kafka's jars: {error.strerror or error}",
                where=str(folder),
                hint="Free space there, or set OPENDT_CACHE_DIR to a folder that can be written",
            ) from error
        if digest == jar.sha256:
            return
        if attempt == ATTEMPTS:
            raise Unavailable(
                f"{source} serves {jar.filename} with sha256 {digest}",
                expected=jar.sha256,
                hint="Something between here and Maven Central changes files; set OPENDT_MAVEN_REPOSITORY to a "
                "faithful mirror, or KAFKA_HOME to an installed Kafka",
            )


def _stream(session: requests.Session, jar: Jar, folder: Path, repository: str, progress: Progress) -> str:
    """One attempt; moves the file into place only when its digest is the recorded one. Returns the digest seen."""
    hasher, received = hashlib.sha256(), 0
    handle, name = tempfile.mkstemp(prefix=f"{jar.filename}.", suffix=".part", dir=folder)
    try:
        address = f"{repository}/{jar.path}"
        with os.fdopen(handle, "wb") as file, session.get(address, stream=True, timeout=TIMEOUT_S) as response:
            response.raise_for_status()
            for chunk in response.iter_content(CHUNK_BYTES):
                file.write(chunk)
                hasher.update(chunk)
                received += len(chunk)
                progress(len(chunk))
        if hasher.hexdigest() == jar.sha256:
            Path(name).replace(folder / jar.filename)
            received = 0
        return hasher.hexdigest()
    finally:
        Path(name).unlink(missing_ok=True)
        progress(-received)


def _worth_another_try(error: requests.RequestException) -> bool:
    return isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ConnectionError) and not (
        isinstance(error, requests.exceptions.SSLError | requests.exceptions.ProxyError)
    )


def _failed(jar: Jar, source: str | None, error: requests.RequestException) -> Unavailable:
    ways_out = (
        "Check the network and HTTPS_PROXY, set OPENDT_MAVEN_REPOSITORY to a mirror, KAFKA_HOME to an installed "
        "Kafka, or use your own cluster with --broker kafka://HOST:PORT"
    )
    if error.response is not None:
        return Unavailable(f"{source} answered {error.response.status_code} for {jar.filename}", hint=ways_out)
    if isinstance(error, requests.exceptions.SSLError):
        reason = "its certificate is not trusted (REQUESTS_CA_BUNDLE or SSL_CERT_FILE names the bundle to trust)"
    elif isinstance(error, requests.exceptions.ProxyError):
        reason = "the proxy refuses or does not answer"
    elif isinstance(error, requests.exceptions.Timeout):
        reason = "it does not answer in time"
    else:
        reason = "no connection"
    return Unavailable(f"cannot fetch Kafka's jars from {source}: {reason}", hint=ways_out)
