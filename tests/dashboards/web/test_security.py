import hashlib
import html
import json
import stat
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from alignsearch.dashboards.web.auth import COOKIE, Gate
from alignsearch.dashboards.web.tokens import FAILURES_A_MINUTE, HashedToken, Throttle, new_token
from alignsearch.search.documents.states import SearchStatus

TOKEN = "a token of these tests"


@pytest.fixture(scope="module")
def guarded(lab, module_uri, serve):
    """A dashboard that is open to the network, with a token."""
    with serve(module_uri, loopback=False, token=HashedToken.of(TOKEN)) as served:
        yield served


def log_in(dashboard, token=TOKEN, name="eve"):
    return dashboard.post("/login", {"name": name, "token": token})


def program_of(dashboard):
    """A client without a session."""
    return httpx.Client(base_url=dashboard.url, trust_env=False, timeout=300.0)


def test_every_answer_carries_the_headers_of_safety(dashboard):
    for path in ("/", "/docs", "/api/searches", "/nothing", "/api/searches/none"):
        headers = dashboard.http.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_pages_name_no_other_host(dashboard):
    for path in (
        "/",
        "/searches/done",
        "/searches/done/trials/9",
        "/compare",
        "/rules",
        "/submit",
        "/docs",
    ):
        page = dashboard.http.get(path)
        assert page.status_code == 200, path
        for scheme in ("http://", "https://", 'src="//'):
            assert scheme not in page.text.replace("http://www.w3.org", ""), path


def test_static_files_are_compressed_and_kept_for_ever(dashboard):
    assets = dashboard.app.state.context.assets
    script = dashboard.http.get(f"{assets.prefix}/charts/chart.js")
    assert script.headers["content-encoding"] == "gzip"
    assert "immutable" in script.headers["cache-control"]
    assert script.text.startswith("//")
    assert dashboard.http.get(f"{assets.prefix}/style.css").status_code == 200
    for path in ("../app.py", "%2e%2e/app.py", "..%2fapp.py", "/etc/passwd", "%2fetc%2fpasswd"):
        assert dashboard.http.get(f"{assets.prefix}/{path}").status_code == 404


def test_on_the_loopback_interface_everybody_steers_and_events_name_who(dashboard, lab):
    lab.search("mine")
    answer = dashboard.post("/searches/mine/pause")
    assert answer.status_code == 200, answer.text
    assert answer.json()["summary"]["status"] == "paused"
    assert lab.store.logs.events("mine")[-1].who == "ann@lab (dashboard)"
    again = dashboard.post("/searches/mine/pause")
    assert again.status_code == 409
    assert "can't be paused: it is paused" in again.json()["error"]["message"]
    assert dashboard.post("/searches/mine/resume").json()["summary"]["status"] == "running"
    assert dashboard.post("/searches/mine/cancel").json()["summary"]["steps"] == []
    assert lab.store.searches.get("mine").status is SearchStatus.CANCELLED


def test_what_another_site_sends_changes_nothing(dashboard, lab):
    lab.search("aimed-at")
    path = "/api/searches/aimed-at/cancel"
    csrf = dashboard.get("/session").json()["csrf"]
    token = {"X-CSRF-Token": csrf}
    refused = [
        dashboard.http.post(path, json={}),
        dashboard.http.post(path, json={}, headers={"X-CSRF-Token": "0" * 64}),
        dashboard.http.post(path, json={}, headers={**token, "Origin": "http://evil.example"}),
        dashboard.http.post(path, content="{}", headers={**token, "Content-Type": "text/plain"}),
        httpx.post(
            f"{dashboard.url}{path}", json={}, headers=token, trust_env=False, timeout=300.0
        ),
    ]
    assert [answer.status_code for answer in refused] == [403, 403, 403, 422, 403]
    assert lab.store.searches.get("aimed-at").status is SearchStatus.RUNNING


def test_a_name_that_was_pointed_here_is_refused(dashboard):
    for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", ""):
        answer = dashboard.http.get("/api/searches", headers={"Host": host})
        assert answer.status_code == 400, host
    for host in ("localhost:1", "[::1]:8080", "127.0.0.1"):
        assert dashboard.http.get("/api/searches", headers={"Host": host}).status_code == 200


def test_open_to_the_network_it_only_shows_without_a_token(lab, module_uri, serve):
    with serve(module_uri, loopback=False) as shown:
        session = shown.get("/session").json()
        assert (session["login"], session["can_steer"]) == ("impossible", False)
        refused = shown.post("/searches/done/cancel")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
        assert log_in(shown).status_code == 409


def test_with_a_token_a_login_steers_under_its_name(guarded, lab):
    lab.search("shared")
    refused = guarded.post("/searches/shared/pause")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "login_required")
    answer = log_in(guarded)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert answer.json()["can_steer"]
    assert guarded.post("/searches/shared/pause").status_code == 200
    assert lab.store.logs.events("shared")[-1].who == "eve (dashboard)"
    guarded.post("/logout")
    assert guarded.post("/searches/shared/resume").status_code == 401


def test_programs_steer_with_the_token_alone(guarded, lab):
    lab.search("scripted")
    with httpx.Client(base_url=guarded.url, trust_env=False, timeout=300.0) as program:
        path = "/api/searches/scripted/pause"
        wrong = program.post(path, json={}, headers={"Authorization": "Bearer wrong"})
        assert wrong.status_code == 401
        right = program.post(path, json={}, headers={"Authorization": f"Bearer {TOKEN}"})
        assert right.status_code == 200


def test_a_cookie_of_ones_own_making_is_no_login(guarded):
    forged = Gate(None, loopback=True, person="x")
    guarded.http.cookies.set(COOKIE, forged.cookie(forged.new_session("root")))
    assert guarded.get("/session").json()["user"] is None
    guarded.http.cookies.clear()


def test_wrong_tokens_are_few_and_the_right_one_always_passes(lab, module_uri, serve):
    with serve(module_uri, loopback=False, token=HashedToken.of(TOKEN)) as dashboard:
        codes = [log_in(dashboard, "wrong").status_code for _ in range(FAILURES_A_MINUTE + 1)]
        assert codes == [401] * FAILURES_A_MINUTE + [429]
        throttled = log_in(dashboard, "wrong")
        assert 0 < int(throttled.headers["retry-after"]) <= 60
        assert log_in(dashboard).status_code == 200
        right = {"Authorization": f"Bearer {TOKEN}"}
        lab.search("beside-guesses")
        with program_of(dashboard) as program:
            path = "/api/searches/beside-guesses/pause"
            assert program.post(path, json={}, headers=right).status_code == 200


def test_guesses_that_come_at_once_are_counted_before_they_are_answered(lab, module_uri, serve):
    with serve(module_uri, loopback=False, token=HashedToken.of(TOKEN)) as dashboard:
        lab.search("guessed-at")
        path = "/api/searches/guessed-at/pause"

        def guess(number):
            wrong = {"Authorization": f"Bearer wrong {number}"}
            return program.post(path, json={}, headers=wrong).status_code

        with program_of(dashboard) as program, ThreadPoolExecutor(24) as pool:
            codes = Counter(pool.map(guess, range(120)))
        assert codes == {401: FAILURES_A_MINUTE, 429: 120 - FAILURES_A_MINUTE}


def test_guesses_count_by_the_address_that_a_trusted_proxy_forwards(lab, module_uri, serve):
    with serve(module_uri, loopback=False, token=HashedToken.of(TOKEN)) as dashboard:
        lab.search("proxied")

        def guess(address):
            headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": address}
            path = "/api/searches/proxied/pause"
            return program.post(path, json={}, headers=headers).status_code

        # uvicorn trusts the loopback interface, where a proxy of the same host would be.
        with program_of(dashboard) as program:
            assert [guess("192.0.2.1") for _ in range(6)] == [401] * FAILURES_A_MINUTE + [429]
            assert guess("192.0.2.2") == 401
            # A host has a whole /64 to itself.
            assert [guess(f"2001:db8::{n}") for n in range(6)] == [401] * FAILURES_A_MINUTE + [429]
            assert guess("2001:db8:0:1::1") == 401


def test_a_minute_later_an_address_is_told_again_and_few_are_remembered(monkeypatch):
    now = [0.0]
    throttle = Throttle(2, 60.0, lambda: now[0])
    assert [throttle.failed("a") for _ in range(3)] == [0.0, 0.0, 60.0]
    now[0] = 45.0
    assert throttle.failed("a") == 15.0
    now[0] = 60.0
    assert throttle.failed("a") == 0.0
    monkeypatch.setattr("alignsearch.dashboards.web.tokens.MOST_ADDRESSES", 3)
    for address in ("b", "c", "d"):
        throttle.failed(address)
    assert len(throttle._failures) == 3
    assert throttle.wait("a") == 0.0


ELSEWHERE = (
    *("//127.0.0.1:9/x", "/\t/127.0.0.1:9/x", "/\n/127.0.0.1:9/x", "/\r//127.0.0.1:9"),
    *("/\\127.0.0.1:9/x", "/\t\\127.0.0.1:9", "\\\\127.0.0.1:9", " //127.0.0.1:9/x"),
    *("javascript:alert(1)", "http://127.0.0.1:9", "127.0.0.1:9", "/ /x", "", "\x00/x"),
    *("/\x00/127.0.0.1:9/x", "/x\\..\\y"),
)


@pytest.mark.parametrize("path", ELSEWHERE)
def test_after_a_login_no_other_origin_is_opened(guarded, path):
    page = guarded.http.get("/login", params={"next": path})
    assert 'data-next="/"' in page.text


@pytest.mark.parametrize("path", ["/", "/searches/a", "/searches/a?x=1&y=%2F#here", "/compare?a=é"])
def test_after_a_login_the_own_page_is_opened(guarded, path):
    page = guarded.http.get("/login", params={"next": path})
    assert f'data-next="{html.escape(path)}"' in page.text


def test_a_token_is_kept_as_a_hash_for_its_owner_only(tmp_path):
    token = new_token()
    path = tmp_path / "settings" / "token.json"
    HashedToken.of(token).write(path)
    assert token not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = HashedToken.read(path)
    assert kept.fits(token)
    assert not kept.fits(f"{token}x")
    assert HashedToken.of(token).digest != kept.digest


def test_a_file_of_an_earlier_version_lets_its_token_in(lab, module_uri, serve, tmp_path):
    salt = b"0123456789abcdef"
    digest = hashlib.scrypt(TOKEN.encode(), salt=salt, n=2**14, r=8, p=1)
    path = tmp_path / "token.json"
    path.write_text(json.dumps({"salt": salt.hex(), "scrypt": digest.hex()}))
    with serve(module_uri, loopback=False, token=HashedToken.read(path)) as dashboard:
        assert log_in(dashboard).status_code == 200
        codes = [log_in(dashboard, "wrong").status_code for _ in range(FAILURES_A_MINUTE + 1)]
        assert codes == [401] * FAILURES_A_MINUTE + [429]
        assert log_in(dashboard).status_code == 200


def test_large_bodies_are_refused_before_they_are_read(dashboard):
    whole = dashboard.http.post("/api/submit", content=b"x" * 10_000_000)
    assert whole.status_code == 413

    def pieces():
        for _ in range(10_000):
            yield b" " * 1000

    headers = {"Content-Type": "application/json"}
    assert dashboard.http.post("/api/login", content=pieces(), headers=headers).status_code == 413


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/searches/done/trials?page_size=100000000", 422),
        ("/searches/done/trials?page=-1", 422),
        ("/searches/done/trials?sort[$gt]=", 422),
        ("/searches/done/trials?where=sigma:$gt:1", 422),
        ("/searches/done/trials?where=state:is:nothing", 404),
        ("/searches/done/trials?state[$ne]=x", 422),
        ("/searches/done/trials/$where", 422),
        ("/searches/%7B%22%24gt%22%3A%22%22%7D", 404),
        ("/searches/..%2F..%2Fetc%2Fpasswd", 404),
        ("/searches/%00", 404),
        ("/searches/done/changes?since[$gt]=0", 200),
        ("/searches/done/curves?limit=99999", 422),
        ("/compare?" + "&".join(["name=done"] * 9), 422),
    ],
)
def test_hostile_parameters_are_refused_in_words(dashboard, path, status):
    answer = dashboard.get(path)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.json()["error"]["message"]


def test_an_error_text_is_text(dashboard):
    page = dashboard.http.get(
        "/searches/<script>alert(1)</script>", headers={"Accept": "text/html"}
    )
    assert page.status_code == 404
    assert "<script>alert" not in page.text
