"""What is checked and noted when the launch specifications of all components are made."""

from dataclasses import replace

import pytest

from gauntlet.reference_server.cluster.engines import catalog
from gauntlet.reference_server.cluster.supervision.launch_spec import LaunchSpec
from gauntlet.reference_server.cluster.topology.errors import StartError

from .test_python_process import make_wiring

STANDBYS = ("messages-db", "registry")


@pytest.fixture
def make_specs(tmp_path, monkeypatch):
    """Make the specifications of a cluster with these standbys; return the pairs of its stores."""

    def make(*standbys):
        pairs = {}

        def launch(component, _data_dir, log, _password, pair=None):
            pairs[component.name] = pair
            return LaunchSpec(argv=(component.name,), log=log)

        for engine in catalog.STORES:
            monkeypatch.setitem(catalog.STORES, engine, launch)
        wiring = replace(make_wiring("full", standbys=standbys), data_dir=tmp_path)
        catalog.make_launch_specs(wiring, tmp_path)
        return pairs

    return make


@pytest.mark.parametrize("later", [(), STANDBYS])
def test_a_primary_is_refused_after_a_failover_of_an_earlier_cluster(make_specs, tmp_path, later):
    """Also by a cluster without standbys: it would show its users the past."""
    make_specs(*STANDBYS)["messages-db-standby"].promote("messages-db-standby")
    with pytest.raises(StartError, match=r"messages-db-standby .* newer data") as at:
        make_specs(*later)
    assert at.value.component == "messages-db"
    (tmp_path / "messages-db.promoted").unlink()
    assert make_specs(*later)


def test_without_a_failover_and_after_one_of_the_registry_a_folder_is_used_again(make_specs):
    """The registry is empty at each start, so no copy of it is newer."""
    make_specs(*STANDBYS)["registry-standby"].promote("registry-standby")
    pairs = make_specs(*STANDBYS)
    assert pairs["registry"].is_primary("registry")
    assert pairs["messages-db"] is pairs["messages-db-standby"]
