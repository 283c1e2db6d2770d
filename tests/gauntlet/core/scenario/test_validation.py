"""Problems of scenarios that are well typed."""

import math
import re

import pytest

from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import from_builtins
from gauntlet.core.scenario.validation import problems, role_of, target_fits


@pytest.mark.parametrize(
    ("target", "role"),
    [
        ("edge-blue-1", "edge"),
        ("gateway-2", "gateway"),
        ("messages-db", "messages-db"),
        ("edge", "edge"),
        ("edgy", "edgy"),
        ("gateway-x", "gateway-x"),
    ],
)
def test_the_role_of_a_component_is_derived_from_its_name(target, role):
    assert role_of(target) == role


@pytest.mark.parametrize(
    ("kind", "target", "fits"),
    [
        ("kill", "gateway-1", True),
        ("kill", "client>edge", False),
        ("latency", "edge>broker", True),
        ("latency", "broker", False),
        ("latency", "nobody>broker", False),
        ("disconnect", "client>edge-blue-1", True),
        ("disconnect", "edge>broker", False),
        ("cutover", "edge", True),
        ("broker-failure", "gateway", False),
    ],
)
def test_faults_accept_only_targets_they_can_act_on(kind, target, fits):
    assert target_fits(target, catalog.FAULTS[kind].targets) is fits


def problems_of(system=None, **fault):
    """Return the problems of a scenario with this target and fault, as (path, found, allowed)."""
    plain = {
        "version": 1, "name": "x", "about": "x", "target": system or {},
        "faults": [{"id": "f", "at": "1s", **fault}] if fault else [],
    }  # fmt: skip
    return [tuple(problem) for problem in problems(from_builtins(plain))]


@pytest.mark.parametrize("key", ["queue_max", "backlog_max"])
def test_queue_and_backlog_must_hold_at_least_one_send(key):
    plain = {"version": 1, "name": "x", "about": "x", "load": {key: 0}}
    assert [tuple(problem) for problem in problems(from_builtins(plain))] == [
        (("load", key), "0", "1 or more")
    ]


def test_a_description_of_more_than_a_page_is_refused():
    plain = {"version": 1, "name": "x", "about": "x" * 2000}
    assert list(problems(from_builtins(plain))) == []
    ((path, found, _),) = problems(from_builtins({**plain, "about": "x" * 2001}))
    assert (path, found) == (("about",), "2001")


@pytest.mark.parametrize(("seed", "fine"), [(2**63 - 1, True), (2**63, False), (-(10**30), False)])
def test_a_seed_has_no_more_bits_than_a_scenario_file_may_contain(seed, fine):
    """The command line can set another one than the file."""
    plain = {"version": 1, "name": "x", "about": "x", "seed": seed}
    found = [problem.path for problem in problems(from_builtins(plain))]
    assert found == ([] if fine else [("seed",)])


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("attempt_timeout", "0s", "0 s"),
        ("give_up_after", 0, "0 s"),
        ("lag_budget_ms", -5, "-5"),
        ("lag_budget_ms", float("inf"), "inf"),
        ("lag_budget_ms", float("nan"), "nan"),
    ],
)
def test_a_limit_that_every_send_or_none_would_exceed_is_refused(key, value, found):
    plain = {"version": 1, "name": "x", "about": "x", "load": {key: value}}
    assert [problem[:2] for problem in problems(from_builtins(plain))] == [(("load", key), found)]


@pytest.mark.parametrize(
    ("name", "share", "where", "found"),
    [
        ("slow_consumer", {"size": 0}, ("size",), "0"),
        ("slow_consumer", {"size": -3}, ("size",), "-3"),
        ("group", {"size": 1}, ("size",), "1"),
        ("group", {"size": 201}, ("size",), "201"),
        ("direct", {"weight": float("nan")}, ("weight",), "nan"),
        ("direct", {"weight": float("inf")}, ("weight",), "inf"),
        ("group", {"sizes": [[3, float("inf")]]}, ("sizes", 0), "weight inf"),
        ("offline_catchup", {"percent": 0}, ("percent",), "0"),
        ("reconnect_storm", {"percent": 101}, ("percent",), "101"),
        ("slow_consumer", {"percent": float("nan")}, ("percent",), "nan"),
        ("group", {"exits": 1e6, "offline": 0}, ("exits",), "1e+06/s"),
        ("member_changes", {"removals": 1e6}, ("removals",), "1e+06/s"),
        ("slow_consumer", {"exits": 1e-300}, ("exits",), "1e-300/s"),
    ],
)
def test_parameters_of_a_workload_outside_their_range_are_refused(name, share, where, found):
    """Otherwise making the plan would not end, or there would be nothing to do."""
    plain = {"version": 1, "name": "x", "about": "x", "load": {"workload": {name: share}}}
    ((path, value, _),) = problems(from_builtins(plain))
    assert (path, value) == (("load", "workload", name, *where), found)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://[::1]:8080", None),
        ("https://chat.example", None),
        ("wss://127.0.0.1:1/ws", None),
        ("tls://127.0.0.1:8883", None),
        ("http://[::1", "an address such as wss://chat.example/ws"),
        ("http://127.0.0.1:99999", "an address such as wss://chat.example/ws"),
        ("127.0.0.1", "an address such as wss://chat.example/ws"),
        ("file:///etc/passwd", "an address such as wss://chat.example/ws"),
        (
            "ftp://h/",
            "an address that begins with one of: http://, https://, ws://, wss://, tcp://, tls://",
        ),
        ("tcp://127.0.0.1", "an address with a port, such as tcp://127.0.0.1:1883"),
    ],
)
def test_an_address_needs_a_known_scheme_and_a_host(url, allowed):
    found = problems_of({"stack": "external", "url": [url]})
    assert found == ([] if allowed is None else [(("target", "url", 0), url, allowed)])


@pytest.mark.parametrize(
    ("headers", "where", "found"),
    [
        ({"Bad Name": "x"}, "Bad Name", "'Bad Name'"),
        ({"X-A": "one\r\nX-B: two"}, "X-A", "'one\\r\\nX-B: two'"),
    ],
)
def test_a_header_that_would_be_another_one_is_refused(headers, where, found):
    ((path, value, _),) = problems_of({"stack": "external", "headers": headers})
    assert (path, value) == (("target", "headers", where), found)


def test_a_key_without_a_certificate_is_refused():
    assert problems_of({"tls": {"cert": "c.pem", "key": "k.pem"}}) == []
    ((path, _, allowed),) = problems_of({"tls": {"key": "k.pem"}})
    assert path == ("target", "tls", "key")
    assert allowed == "given together with target.tls.cert"


def test_an_unknown_layout_is_refused():
    assert problems_of({"layout": "split"}) == []
    assert problems_of({"layout": "heap"}) == [
        (("target", "layout"), "heap", "one of: default, split, single")
    ]


def test_an_adapter_is_a_known_name_or_a_class_with_the_stack_external():
    external = {"stack": "external", "url": ["ws://127.0.0.1:1"]}
    assert problems_of({"adapter": "acme_im.adapter:Acme", **external}) == []
    ((path, found, allowed),) = problems_of({"adapter": "nosuch", **external})
    assert (path, found) == (("target", "adapter"), "nosuch")
    assert allowed == f"one of: {', '.join(catalog.ADAPTERS)}, package.module:Class"
    ((path, _, allowed),) = problems_of({"adapter": "acme_im.adapter:Acme"})
    assert (path, allowed) == (
        ("target", "stack"),
        "external (with the adapter acme_im.adapter:Acme)",
    )


def test_a_fault_that_needs_another_stack_is_refused():
    block = {"kind": "block", "target": "broker", "for": "1s"}
    assert problems_of({"stack": "full"}, **block) == []
    ((path, found, allowed),) = problems_of({"stack": "embedded"}, **block)
    assert path == ("faults", 0, "kind")
    assert found == "block"
    assert allowed == "available on the stack embedded (block needs the stack full)"


@pytest.mark.parametrize("target", ["messages-db", "users-db"])
def test_a_database_that_is_a_file_has_no_standby_to_fail_over_to(target):
    failover = {"kind": "failover", "target": target, "for": "5s"}
    assert problems_of({"stack": "full"}, **failover) == []
    allowed = "registry (on the stack embedded, databases are files without a standby)"
    assert problems_of({"stack": "embedded"}, **failover) == [
        (("faults", 0, "target"), target, allowed)
    ]
    assert problems_of({"stack": "embedded"}, **(failover | {"target": "registry"})) == []


@pytest.mark.parametrize("kind", ["oom-kill", "slow-start"])
def test_a_stack_that_starts_nothing_by_itself_refuses_faults_that_need_that(kind):
    fault = {"kind": kind, "target": "edge"}
    assert problems_of({"stack": "embedded"}, **fault) == []
    found = problems_of({"stack": "nats", "adapter": "nats"}, **fault)
    allowed = (
        f"available on the stack nats ({kind} needs one of the stacks: embedded, full); use kill"
    )
    assert (("faults", 0, "kind"), kind, allowed) in found


@pytest.mark.parametrize(
    ("params", "fine"),
    [
        ({"end": "rolled-back", "rollback_after": "2s", "broken": True}, True),
        ({"end": "sideways"}, False),
        ({"rollback_after": "soon"}, False),
        ({"broken": "yes"}, False),
    ],
)
def test_parameters_of_a_fault_must_have_their_kind(params, fine):
    assert (problems_of(kind="cutover", target="edge", params=params) == []) is fine


@pytest.mark.parametrize(
    ("fault", "key", "found", "allowed"),
    [
        (
            {"kind": "partition", "target": "edge>broker"},
            ("for",),
            "0 s",
            "longer than 0, because partition acts while it lasts",
        ),
        (
            {"kind": "latency", "for": "1s", "params": {"latency": "0ms"}},
            ("params", "latency"),
            "'0ms'",
            "a duration such as 15s, 300ms or 1m30s, longer than 0",
        ),
        (
            {"kind": "latency", "for": "1s", "params": {"latency": "10ms", "jitter": "500ms"}},
            ("params", "jitter"),
            "500 ms",
            "at most latency",
        ),
        (
            {"kind": "latency", "for": "1s", "params": {"jitter": "101ms"}},
            ("params", "jitter"),
            "101 ms",
            "at most latency",
        ),
        (
            {"kind": "restart", "target": "edge", "for": "3s", "params": {"every": "3s"}},
            ("params", "every"),
            "'3s'",
            "shorter than the fault itself (for: 3 s), which otherwise restarts nothing again",
        ),
        (
            {"kind": "restart", "target": "edge", "params": {"every": "1s"}},
            ("params", "every"),
            "'1s'",
            "shorter than the fault itself (for: 0 ms), which otherwise restarts nothing again",
        ),
        (
            {"kind": "terminate-backends", "for": "1s", "params": {"every": 1}},
            ("params", "every"),
            "1",
            "shorter than the fault itself (for: 1 s), which otherwise ends nothing again",
        ),
        (
            {"kind": "failover", "target": "registry", "for": "1s"},
            ("params", "promote_after"),
            "'1s'",
            "shorter than the fault itself (for: 1 s), which otherwise ends before the promotion",
        ),
        (
            {
                "kind": "disk-slow-fsync",
                "target": "message",
                "for": "3s",
                "params": {"delay": "5s"},
            },
            ("params", "delay"),
            "'5s'",
            "shorter than the fault itself (for: 3 s), which otherwise ends before a sync shows it",
        ),
        (
            {"kind": "surge", "target": "gateway", "for": "1s", "params": {"factor": 1.0}},
            ("params", "factor"),
            "1",
            "above 1, because a surge by 1 changes nothing",
        ),
        (
            {"kind": "command", "params": {"inject": ["a"], "heal": ["b"], "timeout": "0s"}},
            ("params", "timeout"),
            "'0s'",
            "a duration such as 15s, 300ms or 1m30s, longer than 0",
        ),
        (
            {"kind": "power-loss", "target": "message", "params": {"torn": -1}},
            ("params", "torn"),
            "-1",
            "between 0 and 100",
        ),
        (
            {"kind": "blackhole", "for": "1s", "params": {"on": "1s"}},
            ("params", "off"),
            "nothing",
            "given together with on",
        ),
        (
            {"kind": "bandwidth", "for": "1s", "params": {"kb_per_s": 0}},
            ("params", "kb_per_s"),
            "0",
            "a whole number between 1 and 1000000000 (the fault stall lets nothing through)",
        ),
        (
            {"kind": "slicer", "for": "1s", "params": {"bytes": math.inf}},
            ("params", "bytes"),
            "inf",
            "a whole number between 1 and 1000000000",
        ),
        (
            {"kind": "limit-data", "for": "1s", "params": {"bytes": 10**20}},
            ("params", "bytes"),
            "100000000000000000000",
            "a whole number between 1 and 1000000000 (the fault drop lets nothing pass)",
        ),
        (
            {"kind": "kill", "target": "gateway", "params": {"count": 1.5}},
            ("params", "count"),
            "1.5",
            "a whole number between 1 and 1000000000",
        ),
        (
            {"kind": "surge", "target": "gateway", "for": "1s", "params": {"factor": math.inf}},
            ("params", "factor"),
            "inf",
            "a number between 1 and 1000000000",
        ),
        (
            {"kind": "kill", "target": "gateway", "params": {"count": 1, "percent": 50}},
            ("params", "count"),
            "1",
            "absent where params.percent is given",
        ),
    ],
)
def test_a_fault_that_could_not_act_is_refused(fault, key, found, allowed):
    problem = (("faults", 0, *key), found, allowed)
    assert problem in problems_of({}, **{"target": "edge>broker", **fault})


@pytest.mark.parametrize(
    ("load", "problem"),
    [
        ({"body_bytes": 99}, (("load", "body_bytes"), "99", "between 100 and 65536")),
        (
            {"bodies": {"kind": "fixed", "bytes": 65_537}},
            (("load", "bodies", "bytes"), "65537", "between 100 and 65536"),
        ),
        (
            {"bodies": {"max_bytes": 20}},
            (("load", "bodies", "max_bytes"), "20", "between 100 and 65536"),
        ),
        (
            {"body_bytes": 120, "bodies": {"max_bytes": 500}},
            (("load", "body_bytes"), "120", "absent if bodies is given"),
        ),
        (
            {"bodies": {"kind": "fixed", "max_bytes": 500}},
            (("load", "bodies", "max_bytes"), "500", "absent if fixed"),
        ),
        (
            {"bodies": {"bytes": 500}},
            (("load", "bodies", "bytes"), "500", "absent unless kind is fixed"),
        ),
    ],
)
def test_bodies_have_sizes_that_fit_their_kind(load, problem):
    plain = {"version": 1, "name": "x", "about": "x", "load": load}
    assert [tuple(each) for each in problems(from_builtins(plain))] == [problem]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_value_of_an_objective_is_a_finite_number(value):
    sla = [{"id": "a", "indicator": "ack_p99_ms", "op": "<", "value": value}]
    plain = {"version": 1, "name": "x", "about": "x", "sla": sla}
    assert [tuple(problem) for problem in problems(from_builtins(plain))] == [
        (("sla", 0, "value"), str(value), "a finite number")
    ]


@pytest.mark.parametrize(
    ("guard", "where", "found"),
    [
        ({}, (), "neither"),
        ({"check": "wire-order", "indicator": "acked_per_s"}, (), "both"),
        ({"check": "phantom"}, ("check",), "phantom"),
        ({"check": "wire-order", "older_than": 5}, ("older_than",), "5 s"),
        ({"check": "lost-acked", "older_than": "500ms"}, ("older_than",), "500 ms"),
        ({"check": "lost-acked", "value": 3}, ("value",), "3.0"),
        ({"check": "lost-acked", "op": ">"}, ("op",), ">"),
        ({"indicator": "recovery_ms", "op": ">", "value": 3}, ("indicator",), "recovery_ms"),
        ({"indicator": "acked_per_s", "op": "=", "value": 3}, ("op",), "="),
        ({"indicator": "acked_per_s", "value": 3}, ("op",), "nothing"),
        ({"indicator": "acked_per_s", "op": "<"}, ("value",), "nothing"),
        ({"indicator": "acked_per_s", "op": "<", "value": float("nan")}, ("value",), "nan"),
        ({"check": "wire-order", "min_samples": 0}, ("min_samples",), "0"),
    ],
)
def test_a_guard_that_could_not_be_watched_is_refused(guard, where, found):
    plain = {"version": 1, "name": "x", "about": "x", "guards": [{"check": "wire-order"}, guard]}
    ((path, value, _),) = problems(from_builtins(plain))
    assert (path, value) == (("guards", 1, *where), found)


@pytest.mark.parametrize(
    ("kind", "params", "name", "allowed"),
    [
        ("limit-data", {"bytes": 0}, "bytes", "(the fault drop lets nothing pass)"),
        ("slicer", {"delay": "0ms"}, "delay", ", longer than 0"),
        ("stall", {"on": "4s", "off": "1s"}, "on", "(for: 4 s), which otherwise never pauses"),
    ],
)
def test_a_link_fault_that_would_not_do_what_it_says_is_refused(kind, params, name, allowed):
    """The message names what to use in its place."""
    found = problems_of(kind=kind, target="client>edge", params=params, **{"for": "4s"})
    ((path, _, message),) = found
    assert path == ("faults", 0, "params", name)
    assert message.endswith(allowed)


@pytest.mark.parametrize(
    ("groups", "target", "where"),
    [
        ({"a": ["edge", "message"], "b": ["broker"]}, "", None),
        ({"a": ["client"], "b": ["edge-blue-1"]}, "", None),
        ({"a": ["edge"], "b": ["broker"]}, "edge>broker", ("target",)),
        ({"a": ["edge"]}, "", ("params", "groups")),
        ({"a": ["edge"], "b": []}, "", ("params", "groups")),
        ({"a": ["edge"], "b": ["edgy"]}, "", ("params", "groups")),
        ([["edge"], ["broker"]], "", ("params", "groups")),
    ],
)
def test_groups_take_the_place_of_a_target(groups, target, where):
    found = problems_of(kind="partition", target=target, params={"groups": groups}, **{"for": "1s"})
    assert [path for path, _, _ in found] == ([] if where is None else [("faults", 0, *where)])


def test_groups_are_refused_on_an_external_system():
    system = {"stack": "external", "url": ["ws://127.0.0.1:1"], "adapter": "a.b:C"}
    params = {"groups": {"a": ["client"], "b": ["edge"]}}
    ((path, _, _),) = problems_of(system, kind="partition", params=params, **{"for": "1s"})
    assert path == ("faults", 0, "params", "groups")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "power-loss", "target": "message", "params": {"torn": 0}},
        {"kind": "restart", "target": "edge", "for": "3s", "params": {"every": "2s"}},
        {"kind": "restart", "target": "edge"},
        {"kind": "failover", "target": "registry", "for": "2s"},
    ],
)
def test_what_the_reference_writes_as_a_default_may_also_be_given(fault):
    assert problems_of({}, **fault) == []


@pytest.mark.parametrize("written", ["reset-peer", "TIMEOUT", "Slow_Close", "packet-reorder"])
def test_names_of_toxiproxy_are_known_however_they_are_written(written):
    ((_, _, allowed),) = problems_of(kind=written)
    assert allowed.startswith(catalog.INSTEAD[written.lower().replace("-", "_")])


@pytest.mark.parametrize("name", catalog.INSTEAD)
def test_names_of_toxiproxy_are_refused_with_the_fault_to_use(name):
    assert name not in catalog.FAULTS
    ((path, found, allowed),) = problems_of(kind=name)
    assert (path, found) == (("faults", 0, "kind"), name)
    assert allowed.startswith(catalog.INSTEAD[name])
    assert re.match("[a-z-]+", allowed)[0] in catalog.FAULTS


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "a/b", "..", "a\\b", "a b", "A", "a" * 65, "ok"]
)
@pytest.mark.parametrize("named", ["scenario", "fault"])
def test_names_that_lead_out_of_the_run_directory_are_refused(named, name):
    """Directories and files have these names."""
    fault = {"id": "f", "kind": "kill", "target": "edge", "at": "6s", "for": "1s"}
    plain = {"version": 1, "name": "s", "about": "x", "faults": [fault]}
    (plain if named == "scenario" else fault)["name" if named == "scenario" else "id"] = name
    found = [problem.sentence for problem in problems(from_builtins(plain))]
    if name == "ok":
        assert found == []
    else:
        assert repr(name) in found[0] or name in found[0]
