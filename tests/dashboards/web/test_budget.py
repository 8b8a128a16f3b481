"""A search's budget over HTTP: extended and set by name, refused in the fields' words."""


def test_a_search_is_set_and_extended_under_its_authors_name(dashboard, lab):
    lab.search("wide")
    done = dashboard.post("/searches/wide/set", {"parallel": 7, "patience": 30}).json()
    assert "7 at once" in done["message"]
    summary = done["summary"]
    assert (summary["parallel"], summary["limits"]["patience"]) == (7, 30)
    assert summary["limits"]["progress"]["patience"].endswith("of 30 trials without a better one")
    assert summary["changes"] == ["extend", "set"]
    done = dashboard.post("/searches/wide/extend", {"trials": 40, "without": ["patience"]}).json()
    assert (done["summary"]["trials"], done["summary"]["limits"]["patience"]) == (40, None)
    events = {e["what"]: e for e in dashboard.json("/searches/wide/events")["events"]}
    assert events["extended"]["detail"] == "trials 40, patience none"
    assert events["set"]["who"]


def test_what_is_refused_names_its_field(dashboard, lab):
    lab.search("narrow")
    for body, field, words in (
        ({"parallel": 0}, "parallel", "at least 1"),
        ({"timeout": "12"}, "timeout", "must be a duration"),
        ({"until": "2020-01-01T00:00Z"}, "until", "in the past"),
        ({"patience": True}, "patience", "can't be True"),
        ({"notify": "ftp://example.org"}, "notify", "no webhook's address"),
        ({"notify": "http://h/", "without": ["notify"]}, "without", "no use beside a new"),
        ({}, None, "nothing is to change"),
    ):
        answer = dashboard.post("/searches/narrow/set", body)
        assert answer.status_code == 422, body
        error = answer.json()["error"]
        assert words in error["message"]
        if field is not None:
            assert error["field"] == field
    dashboard.post("/searches/narrow/cancel")
    answer = dashboard.post("/searches/narrow/extend", {"trials": 99})
    assert (answer.status_code, "cancelled" in answer.text) == (409, True)
