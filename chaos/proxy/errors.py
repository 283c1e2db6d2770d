"""The errors of the API, with the statuses and messages of Toxiproxy."""


class ApiError(Exception):
    """A request that is refused, with the message and the HTTP status of the answer."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


def bad_body(reason: object) -> ApiError:
    return ApiError(f"bad request body: {reason}", 400)


def body_too_large(limit_bytes: int) -> ApiError:
    return ApiError(f"bad request body: http: request body too large, limit {limit_bytes}", 413)


def name_too_long(limit: int) -> ApiError:
    return ApiError(f"bad request body: name is too long, limit {limit} characters", 400)


def missing_field(field: str) -> ApiError:
    return ApiError(f"missing required field: {field}", 400)


def invalid_stream() -> ApiError:
    return ApiError("stream was invalid, can be either upstream or downstream", 400)


def invalid_toxic_type() -> ApiError:
    return ApiError("invalid toxic type", 400)


def proxy_exists() -> ApiError:
    return ApiError("proxy already exists", 409)


def proxy_not_found() -> ApiError:
    return ApiError("proxy not found", 404)


def toxic_exists() -> ApiError:
    return ApiError("toxic already exists", 409)


def toxic_not_found() -> ApiError:
    return ApiError("toxic not found", 404)
