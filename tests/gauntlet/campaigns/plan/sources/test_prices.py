"""Reading price files, good and bad ones."""

import hashlib

import pytest

from gauntlet.campaigns.plan.sources import prices
from gauntlet.core.errors import ConfigError

GOOD = """
currency: EUR
per_hour: {small: 0.1, large: 0.4}
tiers: {edge: small, database: large}
storage_gb_month: 0.1
sizes: {large: {cores: 8, memory_gb: 32}}
"""


@pytest.fixture
def read(tmp_path):
    """Reads a text as the price file of two tiers."""

    def reading(text):
        file = tmp_path / "prices.yaml"
        file.write_text(text)
        return prices.read(file, ["edge", "database"])

    return reading


def test_prices_and_the_hash_of_their_file_are_read(read):
    found = read(GOOD)
    assert found.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert found.prices.per_hour == {"small": 0.1, "large": 0.4}
    assert found.prices.egress_gb is None
    assert found.prices.sizes["large"].cores == 8


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("edge: small, ", "", "missing: edge"),
        ("edge: small", "edge: huge", "yaml:4: tiers.edge must be a type of node with a price"),
        ("0.1, large", ".nan, large", "per_hour.small must be a price"),
        ("0.1, large", "-1, large", "per_hour.small must be a price"),
        ("0.1, large", f"1{'0' * 400}, large", "per_hour.small is a number of more than 63 bits"),
        ("0.1, large", "cheap, large", "yaml:3: per_hour.small must be a number; got 'cheap'"),
        ("storage_gb_month: 0.1", "storage_gb_month: .inf", "storage_gb_month"),
        ("cores: 8", "cores: 0", "sizes.large"),
        ("currency: EUR", "currency: ''", "currency"),
        ("currency: EUR", "currency: 'EURO PER MONTH'", "currency"),
        ("currency: EUR", "", "currency is missing"),
        ("currency: EUR", "currency: EUR\nprice: 3", "yaml:3: price is not a known key; allowed"),
        ("{small: 0.1, large: 0.4}", "3", "per_hour must be a mapping; got 3"),
        ("currency: EUR", "currency: [", "not valid YAML"),
    ],
)
def test_a_price_file_that_is_not_valid_is_refused(read, old, new, problem):
    with pytest.raises(ConfigError, match=problem):
        read(GOOD.replace(old, new, 1))


@pytest.mark.parametrize("text", ["", "3", "[]"])
def test_what_is_no_mapping_is_refused(read, text):
    with pytest.raises(ConfigError, match=r"prices\.yaml"):
        read(text)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        prices.read(tmp_path / "none.yaml", [])
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        prices.read(tmp_path / "binary", [])
