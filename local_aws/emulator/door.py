"""The emulator's door: it checks every request before any of the emulator's own code sees it.

The emulator takes a constant key, an account's number and an unsigned request for the account's root, and has paths of
its own that ask for nothing. Every user of the machine reaches its port. Behind this door a request is served only

- with a SigV4 signature in its Authorization header, by the root's key of this start or by a user's or session's key;
- with the root's signature, if its path is one of the emulator's own;
- unsigned, if it is for a deployed API, as on AWS, or is AssumeRoleWithWebIdentity, whose token decides.

Signatures in a query string, older and other algorithms, and WebSockets are refused: nothing here uses them.
"""

import dataclasses
import hashlib
import hmac
import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote

from ministack import app as emulator
from ministack.core import iam_evaluator, router
from ministack.core.iam_evaluator import AuthError
from ministack.core.responses import get_account_id
from ministack.services import sts

from local_aws.emulator import patches, web_identity
from local_aws.emulator.patches import Patch

API_PATH = "/_aws/execute-api/"
_API_HOST = re.compile(r"([0-9a-z]+)\.execute-api\.localhost")
_LOOPBACK = ("localhost", "127.0.0.1")
_IN_QUERY = {
    "awsaccesskeyid", "signature", "x-amz-algorithm", "x-amz-credential", "x-amz-security-token", "x-amz-signature",
}  # fmt: skip
"""The parameters of signatures in a query string, which the emulator would take for the caller's."""

_FORM = "application/x-www-form-urlencoded"
_TOKEN_REQUEST_HEADERS = {b"host", b"content-type", b"content-length", b"user-agent", b"accept", b"accept-encoding"}
"""What remains of the headers of AssumeRoleWithWebIdentity, because others choose the service that gets a request."""
_TOKEN_REQUEST_BYTES = 65536
"""AWS accepts a token of 20,000 characters and policies of 2,048."""

MISSING = AuthError("MissingAuthenticationToken", "Request is missing Authentication Token")
UNKNOWN = AuthError("UnrecognizedClientException", "The security token included in the request is invalid.")
OTHER_SIGNATURE = AuthError("IncompleteSignature", "Only one AWS4-HMAC-SHA256 signature, in the Authorization header")
NOT_ROOT = AuthError("AccessDenied", "Only the root of the account may call the emulator itself")
OTHER_BODY = AuthError("SignatureDoesNotMatch", "The body is not the one whose hash was signed")


def install(app: Any, root: dict[str, str]) -> Any:
    """Return the app behind the door; `root` is the only key that the emulator takes for the root's from now on.

    Raises LocalAwsError when a function of ministack has another signature than its patch expects.
    """
    root_key, secret = root["AWS_ACCESS_KEY_ID"], root["AWS_SECRET_ACCESS_KEY"]
    patches.install(
        Patch(iam_evaluator, "is_root_access_key", "access_key_id", lambda original: root_key.__eq__),
        # It exempts keys from the check of their signatures.
        Patch(iam_evaluator, "_is_root_key", "access_key_id", lambda original: lambda access_key_id: False),
        Patch(
            iam_evaluator,
            "resolve_credential",
            "access_key_id account_id session_token",
            lambda original: _with_secret_of_root(original, root_key, secret),
        ),
        Patch(
            sts,
            "_web_identity_trust_denied",
            "role_arn params use_json",
            lambda original: _checking_tokens(original, secret),
        ),
        Patch(
            emulator,
            "_enforce_execute_api",
            "api_id stage method execute_path headers query_params iam_action",
            _serving_open_routes,
        ),
    )

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif public := _for_public_api(scope):
            await app(public, receive, send)
        elif _may_be_token_request(scope):
            body = await _read(receive, _TOKEN_REQUEST_BYTES)
            if not _is_token_request(body):
                await _refuse(MISSING, scope, send)
                return
            headers = [header for header in scope["headers"] if header[0].lower() in _TOKEN_REQUEST_HEADERS]
            await app({**scope, "headers": headers}, _again(body, receive), send)
        else:
            checked = await _check(scope, receive, root_key)
            if isinstance(checked, AuthError):
                await _refuse(checked, scope, send)
            else:
                await app(scope, _again(checked, receive), send)

    return serve


def _with_secret_of_root(resolve_credential: Callable[..., Any], root_key: str, secret: str) -> Callable[..., Any]:
    def resolve(access_key_id: str, *rest: Any) -> Any:
        credential = resolve_credential(access_key_id, *rest)
        if access_key_id == root_key and isinstance(credential, iam_evaluator.ResolvedCredential):
            return dataclasses.replace(credential, secret_access_key=secret)
        return credential

    return resolve


def _checking_tokens(decide_trust: Callable[..., Any], secret: str) -> Callable[..., Any]:
    """Refuse a token that was not signed for this emulator: without that, whoever knows a role's trust policy has the
    role. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html#API_AssumeRoleWithWebIdentity_Errors"""

    def decide(role_arn: str, params: dict[str, Any], use_json: bool) -> Any:
        if not web_identity.is_signed(sts._p(params, "WebIdentityToken"), secret):
            return sts._error(400, "InvalidIdentityToken", "The token's signature is not valid", ns="sts")
        return decide_trust(role_arn, params, use_json)

    return decide


def _serving_open_routes(enforce: Callable[..., Any]) -> Callable[..., Any]:
    """Serve a route that has no authorization, and the response to an unknown one, to everybody, as on AWS."""

    def enforce_api(api_id: str, stage: str, method: str, path: str, headers: Any, query: Any,
                    iam_action: str = "execute-api:Invoke") -> Any:  # fmt: skip
        is_invoked = iam_action == "execute-api:Invoke"
        if is_invoked and emulator._execute_api_authorization_type(api_id, stage, method, path) != "AWS_IAM":
            return None
        return enforce(api_id, stage, method, path, headers, query, iam_action)

    return enforce_api


def _for_public_api(scope: Any) -> Any:
    """Return the request if it is an unsigned one for a deployed API, in the form that only the API's code serves.

    In the other form, with the API in the host's name, the emulator looks for its own paths first.
    """
    host, path = _host(scope), scope["path"]
    if _credentials(scope):
        return None
    if api := _API_HOST.fullmatch(host):
        prefix = f"{API_PATH}{api[1]}"
        raw_path = prefix.encode() + (scope.get("raw_path") or quote(path).encode())
        headers = [(name, b"localhost" if name.lower() == b"host" else value) for name, value in scope["headers"]]
        scope = {**scope, "path": prefix + path, "raw_path": raw_path, "headers": headers}
    elif not (path.startswith(API_PATH) and host in _LOOPBACK):
        return None
    return None if "/@connections/" in scope["path"] else scope  # the owner's way to an API's clients


def _host(scope: Any) -> str:
    """Return the request's host without its port."""
    return re.sub(r":\d+$", "", ", ".join(_values(scope, b"host")))


def _values(scope: Any, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _credentials(scope: Any) -> list[str]:
    """Return what the request has of AWS's signatures, wherever it has it; a deployed API has headers of its own."""
    authorizations = [value for value in _values(scope, b"authorization") if value.startswith("AWS")]
    return authorizations + [name for name in _query(scope) if name.lower() in _IN_QUERY]


def _query(scope: Any) -> dict[str, list[str]]:
    return parse_qs(scope.get("query_string", b"").decode("utf-8", "replace"), keep_blank_values=True)


def _may_be_token_request(scope: Any) -> bool:
    content_types = [value.partition(";")[0].strip() for value in _values(scope, b"content-type")]
    return (
        (scope["method"], scope["path"], scope.get("query_string", b"")) == ("POST", "/", b"")
        and content_types == [_FORM]
        and _host(scope) in _LOOPBACK
        and not _values(scope, b"authorization")
    )


def _is_token_request(body: bytes | None) -> bool:
    fields = parse_qs((body or b"").decode("utf-8", "replace"), keep_blank_values=True)
    return fields.get("Action") == ["AssumeRoleWithWebIdentity"] and all(len(value) == 1 for value in fields.values())


async def _check(scope: Any, receive: Any, root_key: str) -> bytes | AuthError:
    """Return the request's body if its signature is right and its caller may use its path, or else the failure."""
    authorizations = _values(scope, b"authorization")
    if not (authorizations or _credentials(scope)):
        return MISSING
    if _credentials(scope) != authorizations or len(authorizations) != 1:
        return OTHER_SIGNATURE
    if not authorizations[0].startswith("AWS4-HMAC-SHA256 "):
        return OTHER_SIGNATURE
    key = router.extract_access_key_id({"authorization": authorizations[0]})
    try:
        account = iam_evaluator.find_iam_access_key_account(key) or get_account_id()
    except iam_evaluator.AmbiguousAccessKeyError:
        return UNKNOWN
    if not isinstance(iam_evaluator.resolve_credential(key, account), iam_evaluator.ResolvedCredential):
        return UNKNOWN
    body = await _read(receive)
    if body is None:
        return MISSING
    raw_path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
    iam_evaluator.pin_signed_request(scope["method"], raw_path, _query(scope), scope["headers"])
    iam_evaluator.pin_signed_body(body)
    checked = iam_evaluator.authenticate(key, account)
    if not isinstance(checked, iam_evaluator.ResolvedCredential):
        return checked if isinstance(checked, AuthError) else UNKNOWN
    for signed_hash in _values(scope, b"x-amz-content-sha256"):
        if re.fullmatch("[0-9a-f]{64}", signed_hash) and not hmac.compare_digest(
            signed_hash, hashlib.sha256(body).hexdigest()
        ):
            return OTHER_BODY
    is_own_path = scope["path"] == "/health" or scope["path"].startswith("/_")
    if key != root_key and is_own_path and not scope["path"].startswith(API_PATH):
        return NOT_ROOT
    return body


async def _read(receive: Any, limit: int | None = None) -> bytes | None:
    """Return the request's body, or None when the client is gone or sends more than `limit` bytes."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or (limit is not None and len(body) > limit):
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes | None, receive: Any) -> Any:
    """Return a `receive` for the app that begins with the body that was read."""
    messages = [{"type": "http.request", "body": body or b"", "more_body": False}]

    async def receive_again() -> Any:
        return messages.pop() if messages else await receive()

    return receive_again


async def _refuse(failure: AuthError, scope: Any, send: Any) -> None:
    """Respond as the service does that the request is for, always with 403."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    service = router.detect_service(scope["method"], scope["path"], headers, _query(scope))
    _, response_headers, body = emulator._credential_failure(service, "", str(uuid.uuid4()), failure, headers)
    await emulator._send_response(send, 403, response_headers, body, head=scope["method"] == "HEAD")
