"""Which tests belong to a changed file."""

from pathlib import Path

import pytest

from benchmarks.mutation.session import mirrors


@pytest.mark.parametrize(
    ("tests", "file", "expected"),
    [
        ("checks/test_late.py", "checks/late.py", True),
        ("checks/test_pages.py", "checks/_pages.py", True),
        # The tests of a large file are in several files.
        ("checks/test_history_gap_audit.py", "checks/history_gap.py", True),
        ("checks/test_page_gaps.py", "checks/_pages.py", False),
        # The tests of a small package are in the folder of its parent.
        ("history/test_times_order.py", "history/times/order.py", True),
        ("history/test_order.py", "history/times/membership.py", False),
        # A file of another folder may have a similar name.
        ("history/test_late_commits.py", "checks/late.py", False),
    ],
)
def test_tests_that_mirror_a_file_are_found_by_their_folder_and_name(tests, file, expected):
    assert mirrors(Path("/any/tests/reports") / tests, f"reports/{file}") is expected
