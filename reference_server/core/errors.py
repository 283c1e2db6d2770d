"""The one error that services raise and the gateway answers: the protocol's error body."""

import msgspec

STATUS_OF = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "too_large": 413,
    "rate_limited": 429,
    "internal": 500,
    "unavailable": 503,
    "timeout": 504,
}
TEMPORARY = frozenset({"rate_limited", "unavailable", "timeout"})
RETRY_AFTER_S = 1


class ApiError(Exception):
    """`code` is one of `STATUS_OF`; `stored` is "no" only if nothing was left behind for sure."""

    def __init__(self, code: str, message: str, *, stored: str = "no") -> None:
        super().__init__(message)
        self.code = code
        self.status = STATUS_OF[code]
        self.message = message
        self.stored = stored

    def body(self) -> bytes:
        """The JSON of the answer."""
        what = {"code": self.code, "message": self.message}
        more = {"temporary": self.code in TEMPORARY, "stored": self.stored}
        return msgspec.json.encode({"error": {**what, **more}})

    def headers(self) -> dict[str, str]:
        """`Retry-After`, where a retry may help."""
        return {"retry-after": str(RETRY_AFTER_S)} if self.code in TEMPORARY else {}
