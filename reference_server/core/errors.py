"""The error that services raise, and its form in the protocol."""

import msgspec

STATUS_OF = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "too_large": 413,
    "rate_limited": 429,
    "head_too_large": 431,
    "internal": 500,
    "unavailable": 503,
    "timeout": 504,
}
TEMPORARY = frozenset({"rate_limited", "unavailable", "timeout"})
RETRY_AFTER_S = 1


class ApiError(Exception):
    """An error response; `code` is a key of `STATUS_OF`.

    `stored` is "no" only if the request certainly left nothing behind, otherwise "unknown".
    """

    def __init__(self, code: str, message: str, *, stored: str = "no") -> None:
        super().__init__(message)
        self.code = code
        self.status = STATUS_OF[code]
        self.message = message
        self.stored = stored

    def body(self) -> bytes:
        """Return the JSON body of the response."""
        error = {
            "code": self.code,
            "message": self.message,
            "temporary": self.code in TEMPORARY,
            "stored": self.stored,
        }
        return msgspec.json.encode({"error": error})

    def headers(self) -> dict[str, str]:
        """Return `Retry-After` for temporary errors."""
        return {"retry-after": str(RETRY_AFTER_S)} if self.code in TEMPORARY else {}
