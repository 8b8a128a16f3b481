"""Every page's data of a store with a damaged document: the sound search is shown as before."""

import json

import pytest
from hostile_store import DAMAGES, HURT, SOUND, fill

PATHS = (
    "",
    "/history",
    "/changes?since=0",
    "/curves",
    "/failures",
    "/importance",
    "/events",
    "/trials/0",
    "/trials/0/epochs",
    "/trials/0/log",
    "/trials",
    "/trials/1",
    "/trials/3",
    "/trials/3/export",
    "/table",
    "/export?format=json",
)
UNSEEN = {
    *("an unreadable search", "a search of a newer version"),
    "a search in a newer version's state",
}
"""Damages after which the hurt search has no page; its answer says why."""


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_takes_only_itself_out_of_sight(damage, store, store_uri, serve, make_search):
    fill(store, make_search)
    DAMAGES[damage](store)
    with serve(store_uri) as dashboard:
        names = [each["name"] for each in dashboard.json("/searches")["searches"]]
        assert SOUND in names
        assert (HURT in names) is (damage not in UNSEEN)
        whole = {}
        for path in PATHS:
            sound = dashboard.get(f"/searches/{SOUND}{path}")
            hurt = dashboard.get(f"/searches/{HURT}{path}")
            whole[path] = sound.status_code
            assert sound.status_code in (200, 404, 409), (path, sound.text)
            assert hurt.status_code != 500, (path, hurt.text)
            if hurt.status_code >= 400:
                assert json.loads(hurt.text)["error"]["message"], path
        assert whole["/history"] == whole["/events"] == whole["/trials/0"] == 200
        if damage not in UNSEEN:
            assert dashboard.json(f"/searches/{HURT}")["summary"]["name"] == HURT
            assert dashboard.get(f"/searches/{HURT}/history").status_code == 200
            assert dashboard.get(f"/searches/{HURT}/events").status_code == 200
        assert dashboard.get(f"/compare?names={SOUND}&names={HURT}").status_code != 500
        assert dashboard.json("/health")["available"]
