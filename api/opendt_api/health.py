"""Whether the API of this machine is ready, for the health check of a container.

    python -m opendt_api.health

ends with 0 if it is, 1 if not. It listens where the run folder ($OPENDT_RUN_DIR) or the environment says.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import httpx

from opendt_streams.settings import load
from opendt_streams.streams.deployment import CONFIG_FILE, RUN_DIR_VARIABLE

_TIMEOUT_S: Final = 5.0


def is_ready() -> bool:
    kept = Path(os.environ.get(RUN_DIR_VARIABLE, ".")) / CONFIG_FILE
    settings = load(kept if kept.exists() else None).settings.api
    scheme = "http" if settings.tls_certificate is None else "https"
    try:
        # The certificate is made out to a name of the machine, not to its loopback address.
        answer = httpx.get(f"{scheme}://127.0.0.1:{settings.port}/health/ready", timeout=_TIMEOUT_S, verify=False, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK


if __name__ == "__main__":
    sys.exit(0 if is_ready() else 1)
