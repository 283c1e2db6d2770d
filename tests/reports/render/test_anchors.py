"""Each reason of a verdict leads to what it is about."""

import pytest

from gauntlet.reports.render import anchors

RESULT = {
    "checks": [
        {"id": "lost-acked", "sentence": "2 are lost.", "witnesses": [{}]},
        {"id": "late", "sentence": "It is unknown.", "witnesses": []},
    ],
    "objectives": [{"id": "p99", "sentence": "It is 2 s."}, {"id": "p50", "sentence": "5 ms."}],
    "faults": [{"id": "edge-crash"}, {"id": "edge"}],
    "guards": [
        {"fired": False, "sentence": "It did not fire."},
        {"fired": True, "sentence": "The guard stopped the load."},
    ],
}


@pytest.mark.parametrize(
    ("reason", "anchor"),
    [
        ("lost-acked: 2 are lost. Message 3 is missing.", "evidence-lost-acked"),
        ("late: It is unknown.", "check-late"),
        ("p99: It is 2 s.", "objective-p99"),
        ("p99, p50 are unknown: the generator was late.", "objective-p99"),
        ("p50 is unknown: the generator was late.", "objective-p50"),
        ("There is no proof that fault edge-crash took effect.", "fault-edge-crash"),
        ("Fault edge was not healed: x.", "fault-edge"),
        ("There is no proof that fault edge-crash was healed.", "fault-edge-crash"),
        ("Fault edge did not begin: x.", "fault-edge"),
        ("The guard stopped the load.", "guard-1"),
        ("acked-floor: only 3 of 9.", "timeline"),
        ("task-errors: x", "errors"),
        ("unrecovered: It is unknown for every fault", "recovery"),
        ("fault nothing-of-this-name x", None),
        ("Something else.", None),
    ],
)
def test_a_reason_leads_to_its_evidence(reason, anchor):
    assert anchors.of_reason(reason, RESULT) == anchor


def test_hostile_and_similar_names_have_ids_of_their_own():
    names = ["a b", "a-b", "a_b", "a_20_b", 'a"b', "a<b", "ä"]
    ids = [anchors.element_id("fault", name) for name in names]
    assert len(set(ids)) == len(names)
    assert all(set(id_) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_") for id_ in ids)
