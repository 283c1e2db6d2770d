"""The names of release 0.1 in `gauntlet.locust`; a process of its own, since Locust patches it."""

import pytest

from .child_script import run_script

pytestmark = pytest.mark.integration  # starts processes that import Locust


def test_old_names_are_the_new_classes_and_warn():
    result = run_script(
        """
        import json, warnings
        import gauntlet.locust as public
        renamed = {
            "LoadOver": "LoadFinished", "NoSuchPeer": "UnknownRecipient",
            "NotHeard": "ReceiveTimeout", "PeerAbsent": "PeerNotConnected",
            "Rejected": "SendRejected", "Unknown": "SendUnknown",
        }
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            same = [getattr(public, old) is getattr(public, new) for old, new in renamed.items()]
            from gauntlet.locust import NotHeard
        print(json.dumps({
            "same": same,
            "warnings": [[warning.category.__name__, str(warning.message)] for warning in caught],
            "unknown name": hasattr(public, "NoName"),
        }))
        """,
        preamble="",
    )
    assert result["same"] == [True] * 6
    assert {category for category, _ in result["warnings"]} == {"DeprecationWarning"}
    messages = [message for _, message in result["warnings"]]
    assert messages[0] == "gauntlet.locust.LoadOver is deprecated; use LoadFinished instead"
    assert sum("NotHeard" in message for message in messages) >= 2
    assert not result["unknown name"]


def test_the_old_method_and_keyword_work_and_warn():
    """`heard()` is `received()`, and `wait_for(wanted=…)` is `wait_for(predicate=…)`."""
    result = run_script(
        """
        import json, warnings
        from types import SimpleNamespace
        from gauntlet.locust import IM
        from gauntlet.scenarios.locust_plugin.runtime.gevent_queue import GeventQueue
        engine = SimpleNamespace(command=id, add_user=id)
        im = IM(SimpleNamespace(queue=GeventQueue(), engine=engine))
        for message in ("first", "second", "third"):
            im.add_received(message)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            waited = im.wait_for(wanted=lambda message: message == "second", timeout=1)
            rest = list(im.heard())
        print(json.dumps([waited, rest, [str(warning.message) for warning in caught]]))
        """,
        preamble="",
    )
    waited, rest, warnings = result
    assert (waited, rest) == ("second", ["first", "third"])
    assert warnings == [
        "IM.wait_for(wanted=…) is deprecated; use IM.wait_for(predicate=…) instead",
        "IM.heard() is deprecated; use IM.received() instead",
    ]
