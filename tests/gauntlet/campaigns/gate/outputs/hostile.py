"""Texts of a system that tries to break what is made of them."""

MARKUP = "<img src=x onerror=alert(1)> | **b** `c` [l](http://x) \n## h @team #1 <!-- -->"
COMMAND = "a%0A\r\n::error title=x::b"
CONTROL = "\x1b[31m\x00\u202e\u2028"
LINES = "a\n::error::b\r\n  ::stop-commands::x\n##[error]c"
ALL = LINES + MARKUP + COMMAND + CONTROL
