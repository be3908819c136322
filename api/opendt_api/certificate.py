"""Whether the API can speak TLS with the files it was given: found out before it listens."""

from __future__ import annotations

import ssl

from opendt_streams.errors import BadConfiguration
from opendt_streams.settings.sections import ApiSettings


def require_certificate(settings: ApiSettings) -> None:
    """Both files, or neither.

    Raises:
        BadConfiguration: one without the other, a file that cannot be read, a key of another certificate.
    """
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise BadConfiguration("api.tls_certificate and api.tls_key belong together", expected="both, or neither")
    for name, path in (("api.tls_certificate", certificate), ("api.tls_key", key)):
        if not path.is_file():
            raise BadConfiguration(f"there is no file {path}", expected="a PEM file", where=name)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise BadConfiguration(f"certificate and key cannot be used: {error}", where="api.tls_certificate") from None
