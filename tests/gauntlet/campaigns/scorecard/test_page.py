"""The page is made from records alone, and shows every miss and alarm."""

from gauntlet.campaigns.scorecard import page, picture
from gauntlet.campaigns.scorecard.trials import Part, Records

from .example import record


def test_a_share_has_its_interval():
    assert page.share(20, 20) == "20 of 20 (84–100 %)"


def test_a_page_without_records_says_so():
    assert "There are no records yet." in page.page(Records([]))


def test_a_bug_has_its_rate_its_names_and_its_median_time():
    records = [record(seed=seed, detected_s=seed) for seed in (1, 2, 3)]
    records.append(record(seed=4, first="undelivered", detected_s=10.0))
    text = page.page(Records(records))
    assert (
        "| `drops`: a server drops pushes | 4 of 4 (51–100 %) | 3 of 4 | "
        "`wire-order` ×3, `undelivered` ×1 | 2.5 s |"
    ) in text
    assert "Missed" not in text


def test_a_miss_and_an_alarm_are_listed_with_their_sentences():
    missed = record(seed=3, verdict="pass", first="", sentence="", detected_s=None)
    alarm = record(Part.CLEAN, "cut", verdict="fail", sentence="late: it | was\nlate.")
    text = page.page(Records([record(), missed, alarm]))
    assert "Missed:\n\n- `bugs/drops`, seed 3, pass: there is no reason" in text
    assert "Alarms:\n\n- `clean/cut`, seed 1, fail: late: it \\| was late." in text
    assert "1 of 2 (9–91 %)" in text


def test_a_trial_without_a_verdict_counts_neither_way_and_is_listed():
    text = page.page(Records([record(), record(seed=2, verdict="error", sentence="No server.")]))
    assert "1 further trials count neither as detected nor as missed" in text
    assert "- `bugs/drops`, seed 2, error: No server." in text
    assert "1 of 1 (21–100 %)" in text


def test_a_run_in_which_the_bug_never_acted_is_no_evidence():
    idle = record(seed=2, verdict="pass", first="", sentence="", detected_s=None, acted=False)
    text = page.page(Records([record(), idle]))
    assert "- `bugs/drops`, seed 2, pass: the bug never acted" in text
    assert "1 of 1 (21–100 %)" in text


def test_a_busy_machine_is_stated():
    assert "machine was busy" not in page.page(Records([record()]))
    busy = page.page(Records([record(load=2.5), record(seed=2)]))
    assert "1 of 2 trials ended while the machine was busy" in busy


def test_the_picture_has_a_row_for_each_part_and_bug_and_is_reproducible():
    records = Records([record(), record(Part.CLEAN, "cut")])
    drawn = picture.draw(records)
    assert drawn == picture.draw(records)
    assert all(label in drawn for label in ("all bugs (1)", "bugs/drops (1)", "all clean (1)"))
