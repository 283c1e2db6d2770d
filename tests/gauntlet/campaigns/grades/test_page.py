"""The page shows every record, and the command of every red."""

from gauntlet.campaigns.grades import page as grades_page

from .example import record

LOST = "lost-acked: 127 of 238 acknowledged messages are missing from storage."


def page(*found):
    """Return the page of these records."""
    return grades_page.page({each.cell: each for each in found})


def red():
    """Return a record of a run that lost messages."""
    grades = {**record().grades, "loss": "F"}
    return record(verdict="fail", exit_code=1, grades=grades, violations=[LOST])


def test_a_red_is_shown_with_its_sentence_and_the_command_that_reproduces_it():
    text = page(red())
    assert "✘ 280/280 `lost-acked`" in text
    assert f"- {LOST}" in text
    assert (
        "$ gauntlet grades --show nats/core/kill > nats-core-kill.yaml "
        "&& gauntlet run nats-core-kill.yaml" in text
    )
    (row,) = [line for line in text.splitlines() if line.startswith("| NATS: core")]
    assert "| **F** (kill) | A | A | A | A | A | in memory |" in row


def test_a_green_needs_no_command():
    text = page(record())
    assert "✔ 280/280" in text
    assert "$ gauntlet" not in text


def test_the_grade_of_a_promise_is_the_worst_of_the_experiments_with_faults():
    partly = record("nats/core/cut", grades={**record().grades, "loss": "C"})
    calm = record("nats/core/steady", grades=dict.fromkeys(record().grades, "B"))
    (row,) = [line for line in page(record(), partly, calm).splitlines() if "| NATS: core" in line]
    assert "| C | A | A | A | A | A | in memory |" in row


def test_the_grade_of_a_loss_of_power_has_a_column():
    kept = record("nats/jetstream-fsync/power")
    lost = record("nats/jetstream-file/power", grades={**record().grades, "loss": "F"})
    killed = record("prosody/disk/kill")
    text = page(kept, lost, killed)
    ends = [
        line.rsplit("|", 2)[1].strip()
        for line in text.splitlines()
        if line.startswith("|") and "on disk" in line
    ]
    assert ends[:3] == ["not tested", "**F** (power)", "A"]


def test_an_inconclusive_run_is_a_question_mark_with_its_reason():
    text = page(record(verdict="inconclusive", exit_code=5, unknown=["undelivered: no power."]))
    assert "? 280/280" in text
    assert "- undelivered: no power." in text


def test_a_system_without_records_is_not_on_the_page_and_a_missing_cell_is_a_dash():
    text = page(record())
    assert "Mosquitto" not in text
    assert "| – |" in text


def test_handed_over_sends_are_counted_where_nothing_is_acknowledged():
    text = page(record(counts={"acked": 0, "ops": 280, "handed_over": 279}))
    assert "✔ 279/280" in text


def test_the_page_names_version_date_and_commit():
    assert "Server: nats-server: v2.10.0. Measured: 2026-11-28. Gauntlet: abc." in page(record())
