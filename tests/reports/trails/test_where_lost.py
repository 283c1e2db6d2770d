"""A lost message is labelled with the last stage that is proven, and never with a guess."""

import json

import pytest

from gauntlet.cli import main
from gauntlet.core.history import Kind
from gauntlet.reports.verdict.judge import judge

from ..histories import good_story
from ..mutators import acknowledge_what_is_not_stored, lose_the_tail, withhold_the_tail
from ..story import ZERO, S
from .server_files import ServerFiles


class Case:
    """A broken run, the message concerned, and the files that its server left."""

    def __init__(self, mutate):
        self.story = good_story(1)
        ((self.conv_number, self.author, self.sseq),) = mutate(self.story)
        self.story.reconcile()
        self.files = ServerFiles(self.story)
        self.conv = self.story.convs[self.conv_number]["name"]
        self.sender = self.story.users[self.author]
        acks = self.story.at(Kind.ACK, conv=self.conv_number, peer=self.author, sseq=self.sseq)
        self.seq = self.story.records[acks[0]].seq
        members = self.story.convs[self.conv_number]["members"]
        self.receiver = next(user for user in members if user != self.author)
        self.edge = f"edge-blue-{1 + self.receiver % 2}"

    def remember(self, *stages):
        """Let the processes remember the message as far as these stages."""
        fields = {
            "committed": ("message-1", {}),
            "published": ("message-1", {"edge": self.edge}),
            "received": (self.edge, {}),
            "pushed": (self.edge, {"user": self.story.users[self.receiver], "device": "d0"}),
        }
        for stage in stages:
            name, keys = fields[stage]
            self.files.add(name, stage, self.seq, conv=self.conv, **keys)

    def witness(self, folder, check):
        """Judge the run, and return the first witness of a check."""
        self.run = self.story.write(folder)
        self.files.write(self.run)
        self.result = judge(self.run)
        found = next(each for each in self.result["checks"] if each["id"] == check)
        assert found["verdict"] == "invalid"
        return found["witnesses"][0]


@pytest.fixture
def undelivered():
    """Return a message that is stored, and that its receiver never got."""
    return Case(withhold_the_tail)


@pytest.fixture
def missing():
    """Return a message that was acknowledged with a position, and is not stored."""
    return Case(lose_the_tail)


STAGES = ("committed", "published", "received", "pushed")
LABELS = ("committed", "published", "received by the edge", "pushed")


@pytest.mark.parametrize("reached", range(1, 5))
def test_an_undelivered_message_is_labelled_with_the_last_stage(tmp_path, undelivered, reached):
    undelivered.remember(*STAGES[:reached])
    found = undelivered.witness(tmp_path, "undelivered")["where_lost"]
    assert found["label"] == LABELS[reached - 1]


@pytest.mark.parametrize("reached", range(1, 4))
def test_a_killed_edge_makes_the_stages_after_the_last_known_one_unknown(
    tmp_path, undelivered, reached
):
    undelivered.remember(*STAGES[:reached])
    undelivered.files.left_none.add(undelivered.edge)
    undelivered.files.kill(undelivered.edge, ZERO + 40 * S)
    found = undelivered.witness(tmp_path, "undelivered")["where_lost"]
    known = LABELS[min(reached, 2) - 1]  # what only the edge knew is lost with it
    assert found["label"] == f"unknown after {known}"
    assert f"{undelivered.edge}, which was killed, left no trail" in found["sentence"]


def test_an_edge_killed_before_the_message_was_sent_does_not_matter(tmp_path, undelivered):
    undelivered.remember("committed", "published")
    undelivered.files.kill(undelivered.edge, ZERO)
    undelivered.files.restarted.add(undelivered.edge)
    found = undelivered.witness(tmp_path, "undelivered")["where_lost"]
    assert found["label"] == "published"


def test_a_full_trail_proves_no_absence(tmp_path, undelivered):
    undelivered.remember("committed", "published", "received")
    undelivered.files.full[undelivered.edge] = ["pushed"]
    found = undelivered.witness(tmp_path, "undelivered")["where_lost"]
    assert found["label"] == "unknown after received by the edge"
    assert f"the trail of {undelivered.edge} is full" in found["sentence"]


def test_a_push_to_another_device_or_edge_is_not_the_receivers(tmp_path, undelivered):
    undelivered.remember("committed")
    other = "edge-blue-1" if undelivered.edge == "edge-blue-2" else "edge-blue-2"
    files, conv, seq = undelivered.files, undelivered.conv, undelivered.seq
    files.add("message-1", "published", seq, conv=conv, edge=other)
    files.add(other, "received", seq, conv=conv)
    files.add(other, "pushed", seq, conv=conv, user=undelivered.sender, device="d0")
    found = undelivered.witness(tmp_path, "undelivered")["where_lost"]
    assert found["label"] == "committed"
    assert f"it was not published to {undelivered.edge}" in found["sentence"]


def test_a_broadcast_reaches_every_edge(tmp_path, undelivered):
    undelivered.remember("committed")
    undelivered.files.add(
        "message-1", "published", undelivered.seq, conv=undelivered.conv, edge="*"
    )
    found = undelivered.witness(tmp_path, "undelivered")["where_lost"]
    assert found["label"] == "published"


def test_a_missing_message_that_waits_for_its_commit_was_accepted(tmp_path, missing):
    missing.files.accept("message-1", missing.conv, missing.sender, missing.sseq)
    found = missing.witness(tmp_path, "lost-acked")["where_lost"]
    assert found["label"] == "accepted"
    assert "message-1 accepted it" in found["sentence"]


def test_another_message_that_waits_for_its_commit_is_no_proof(tmp_path, missing):
    missing.files.accept("message-1", missing.conv, missing.sender, missing.sseq + 1)
    missing.remember("committed")
    assert missing.witness(tmp_path, "lost-acked")["where_lost"]["label"] == "committed"


def test_a_missing_message_that_was_committed_and_is_gone(tmp_path, missing):
    missing.remember("committed", "published")
    found = missing.witness(tmp_path, "lost-acked")["where_lost"]
    assert found == {
        "label": "committed",
        "sentence": f"message-1 committed it at position {missing.seq}, and the messages DB does "
        "not hold it after the run.",
    }


def test_a_missing_message_that_the_store_holds_is_omitted_by_a_read(tmp_path, missing):
    missing.files.stored.append((missing.conv, [[1, missing.seq]]))
    found = missing.witness(tmp_path, "lost-acked")["where_lost"]
    assert found["label"] == "committed"
    assert "the audit did not read it there" in found["sentence"]


def test_a_missing_message_is_unknown_after_accepted_if_the_service_was_killed(tmp_path, missing):
    missing.files.left_none.add("message-1")
    missing.files.kill("message-1", ZERO + 40 * S)
    found = missing.witness(tmp_path, "lost-acked")["where_lost"]
    assert found["label"] == "unknown after accepted"
    assert "message-1, which was killed, left no trail" in found["sentence"]


def test_an_acknowledgement_without_a_position_leaves_it_unknown(tmp_path):
    case = Case(acknowledge_what_is_not_stored)
    found = case.witness(tmp_path, "lost-acked")["where_lost"]
    assert found["label"] == "unknown after accepted"
    assert "states no position" in found["sentence"]


def test_a_position_that_another_message_has_is_no_proof_of_a_commit(tmp_path, missing):
    """The acknowledgement stated a position that was given to another message."""
    (ack,) = missing.story.at(
        Kind.ACK, conv=missing.conv_number, peer=missing.author, sseq=missing.sseq
    )
    missing.story.change(ack, seq=missing.seq - 1)
    missing.seq -= 1
    missing.remember("committed")
    found = missing.witness(tmp_path, "lost-acked")["where_lost"]
    assert found["label"] == "accepted"


def test_a_run_without_trails_has_no_label_and_no_error(tmp_path, undelivered):
    run = undelivered.story.write(tmp_path)
    (found,) = (each for each in judge(run)["checks"] if each["id"] == "undelivered")
    assert found["witnesses"]
    assert not any("where_lost" in witness for witness in found["witnesses"])


def test_explain_and_judge_print_where_a_message_was_lost(tmp_path, undelivered, capsys):
    undelivered.remember("committed", "published")
    undelivered.witness(tmp_path, "undelivered")
    name = f"message {undelivered.sseq} of {undelivered.sender} in {undelivered.conv}"
    assert main.main(["explain", str(undelivered.run.path), name]) == 0
    line = f"where it was lost: published. message-1 published it to {undelivered.edge}"
    assert line in " ".join(capsys.readouterr().out.split())
    main.main(["judge", str(undelivered.run.path)])
    assert line in " ".join(capsys.readouterr().out.split())
    main.main(["explain", str(undelivered.run.path), name, "--json"])
    (life,) = json.loads(capsys.readouterr().out)
    labels = [each["where_lost"]["label"] for each in life["receivers"] if "where_lost" in each]
    assert labels == ["published"]
