"""Which edge a login gets."""

from collections import Counter

from reference_server.services.sessions import Balance

NAMES = ["e1", "e2"]


def test_the_less_loaded_edge_is_chosen():
    """Of two, by the counts of their leases."""
    balance = Balance()
    balance.counted({"e1": 100, "e2": 3})
    assert {balance.choose(NAMES) for _ in range(50)} == {"e2"}


def test_old_counts_do_not_send_a_crowd_to_one_edge():
    """What was assigned since the last lease counts too."""
    balance = Balance()
    for _ in range(100):
        balance.counted({"e1": 7, "e2": 7})
        balance.choose(NAMES)
    assert sum(balance._assigned.values()) == 100
    assert balance._assigned == {"e1": 50, "e2": 50}


def test_a_new_count_includes_what_was_assigned():
    """So it starts from nothing."""
    balance = Balance()
    balance.counted({"e1": 0, "e2": 9})
    for _ in range(5):
        balance.choose(NAMES)
    balance.counted({"e1": 5, "e2": 9})
    assert balance._load("e1") == 5


def test_a_dead_edge_is_avoided():
    """As long as another one lives."""
    balance = Balance()
    balance.counted({"e2": 1000})
    assert {balance.choose(NAMES) for _ in range(50)} == {"e2"}


def test_without_a_registry_the_choice_is_any():
    """Nobody is known to live, so all may."""
    balance = Balance()
    balance.counted({})
    assert set(Counter(balance.choose(NAMES) for _ in range(50))) == set(NAMES)
