"""The parameters of a request, in any of AWS's protocols."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import cbor2

from local_aws.emulator import query_protocol


def is_cbor(headers: Mapping[str, str]) -> bool:
    return "cbor" in headers.get("content-type", "")


def read(headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's parameters, whichever of AWS's protocols it uses: CBOR, JSON, or form fields.

    A body that cannot be read has none, so no policy allows the request by a resource's name.
    """
    try:
        if is_cbor(headers):
            return dict(cbor2.loads(body))
        if body[:1] == b"{":
            return dict(json.loads(body))
        form = parse_qs(body.decode()) if "form-urlencoded" in headers.get("content-type", "") else {}
        return query_protocol.nested({**query, **form})
    except (ValueError, TypeError, cbor2.CBORDecodeError):
        return {}
