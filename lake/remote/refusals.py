"""What a storage service answers, in words that say what to do; obstore's errors come in, ours go out."""

import re

import obstore.exceptions as told

from lake.remote.errors import MissingError, RemoteError, UnsureError

_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,200})")
_STATUS = re.compile(r"status code: (\d{3})")
_WRONG_KEYS = (
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired",
    "Unauthorized", "UnrecognizedClientException",
)  # fmt: skip
_WRONG_PLACE = ("PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint")
# The service is busy, or two writes met: neither says that nothing was done.
_BUSY = ("SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "ConditionalRequestConflict")
_DOES = {"get": "read", "put": "write", "list": "list"}


def explained(error: Exception, name: str, key: str, does: str, at: str) -> RemoteError:
    """The error to raise for obstore's: `name` is the remote's address, `does` get, put or list, `at` the endpoint."""
    text = str(error).partition("\n\nDebug source:")[0]
    code = (_CODE.search(text) or ("", ""))[1]
    message = (_MESSAGE.search(text) or ("", ""))[1]
    status = int((_STATUS.search(text) or ("", "0"))[1])
    if code == "NoSuchBucket":
        return RemoteError(
            f"{name}: there is no such bucket at {at}. Check the address and the endpoint, "
            "or make the bucket with the provider's own tools; a push does not."
        )
    if code == "RequestTimeTooSkewed":
        return RemoteError(f"{name}: this machine's clock is too far off for {at}. Set it right.")
    # R2 calls keys of another length an invalid argument
    is_credential = code == "InvalidArgument" and "redential" in message
    if code in _WRONG_KEYS or status == 401 or is_credential or isinstance(error, told.UnauthenticatedError):
        return RemoteError(
            f"{name}: {at} does not know these keys ({code or status}). "
            "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile, and that they are of this endpoint."
        )
    if code in _WRONG_PLACE:
        return RemoteError(f"{name}: {at} says that the bucket is elsewhere ({code}). Set AWS_REGION or the endpoint.")
    if status == 403 or isinstance(error, told.PermissionDeniedError):
        return RemoteError(
            f"{name}: these keys may not {_DOES[does]} {key or 'its files'} ({code or status}). "
            "Have the bucket's owner allow it, or use keys that may."
        )
    if isinstance(error, told.NotSupportedError) and does == "get":
        return RemoteError(
            f"{name}: {at} gives files only whole, and a question to a remote reads pieces of them. "
            f"Have the server answer byte ranges, or pull it into a lake and ask that: ./run lake pull {name}"
        )
    if isinstance(error, FileNotFoundError) or status == 404:
        return MissingError(f"{name}/{key} does not exist.")
    if status == 0 and not isinstance(error, told.NotSupportedError):
        return _unreachable(str(error), name, at)
    if code in _BUSY or status >= 500 or status in (408, 409, 425, 429):
        return UnsureError(f"{name}: {at} answers {status} {code} to every try. Run the same command again later.")
    return RemoteError(
        f"{name}: {at} refuses to {_DOES[does]} {key}: {status or ''} {code or repr(text[:200])} {message!r}. "
        "Check the endpoint, the region and the keys."
    )


def _unreachable(text: str, name: str, at: str) -> UnsureError:
    why = "no answer came in time, or the connection broke"
    for sign, reason in (
        ("dns error", "its name is not known"),
        ("ConnectionRefused", "nothing listens there"),
        ("Connection refused", "nothing listens there"),
        ("certificate", "its certificate is not one this machine trusts"),
    ):
        if sign in text:
            why = reason
    return UnsureError(f"{name}: {at} cannot be reached: {why}. Check the endpoint and the network, then run it again.")
