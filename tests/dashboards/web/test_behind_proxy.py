"""The dashboard below a path prefix and under another name, as reverse proxies show it."""

import re

import httpx
import pytest

from alignment_core.errors import ConfigurationError
from alignsearch.dashboards.client import Client
from alignsearch.dashboards.web.assets import FOLDER
from alignsearch.dashboards.web.behind_proxy import checked_prefix, checked_proxies

PREFIX = "/lab/search"
LINK = re.compile(r'(?:href|src|data-plotly)="(/[^"]*)"')
HUB = "/user/a%40lab/proxy/8080"


@pytest.fixture(scope="module")
def below(lab, module_uri, serve):
    """A dashboard that is told its prefix."""
    with serve(module_uri, root_path=PREFIX) as served:
        yield served


def links_of(dashboard, path, **headers):
    answer = dashboard.http.get(path, headers={"Accept": "text/html", **headers})
    return answer, LINK.findall(answer.text)


@pytest.mark.parametrize("before", ["", PREFIX])
def test_all_links_lie_below_the_prefix_whether_or_not_the_proxy_removes_it(below, before):
    pages = (
        "/",
        "/searches/done",
        "/searches/done/trials/9",
        "/compare",
        "/rules",
        "/submit",
        "/docs",
    )
    for path in (*pages, "/login", "/nothing"):
        answer, links = links_of(below, before + path)
        assert answer.status_code == (404 if path == "/nothing" else 200), path
        assert links
        assert [link for link in links if not link.startswith(f"{PREFIX}/")] == [], path
        for link in links:
            assert below.http.get(link).status_code == 200, link
    assert below.http.get(before + "/searches").headers["location"] == f"{PREFIX}/"
    assert below.http.get(PREFIX).status_code == 200
    described = below.http.get(f"{before}/openapi.json").json()
    assert described["servers"] == [{"url": PREFIX}]


def test_a_login_comes_back_below_the_prefix_and_nowhere_else(below):
    for given, kept in (
        (f"{PREFIX}/searches/done?x=1", f"{PREFIX}/searches/done?x=1"),
        ("/another-service", f"{PREFIX}/"),
        (f"//{PREFIX}/x", f"{PREFIX}/"),
        ("", f"{PREFIX}/"),
    ):
        page = below.http.get(f"{PREFIX}/login", params={"next": given}).text
        assert f'data-next="{kept}"' in page, given
    cookie = below.http.get(f"{PREFIX}/api/session").headers["set-cookie"]
    assert f"Path={PREFIX};" in cookie


def test_the_python_client_reads_and_steers_below_a_prefix(below, lab):
    lab.search("below")
    with Client(below.url + PREFIX) as client:
        assert len(client.trials("done")) == 11
        assert client.pause("below").startswith("below is paused")
        assert client.rename("below", "below-2") == "below-2"


def test_a_trusted_proxy_tells_the_prefix_and_another_one_does_not(
    dashboard, lab, module_uri, serve
):
    prefix = {"X-Forwarded-Prefix": HUB}
    answer, links = links_of(dashboard, "/searches/done", **prefix)
    assert answer.status_code == 200
    assert all(link.startswith(f"{HUB}/") for link in links)
    refused = dashboard.http.get("/nothing", headers={"Accept": "text/html", **prefix})
    assert "--root-path" not in refused.text
    for odd in ("//evil.example", "/a/../b", '/"><script>', "/%0a", "https://evil.example", "/api"):
        _, links = links_of(dashboard, "/", **{"X-Forwarded-Prefix": odd})
        assert "/compare" in links, odd
    with serve(module_uri, trusted_proxies=("10.0.0.0/8",)) as distrusting:
        _, links = links_of(distrusting, "/", **prefix)
        assert "/compare" in links


def test_a_refusal_names_the_option_that_is_missing(dashboard):
    answer = dashboard.http.get("/", headers={"Host": "search.example.org:8443"})
    assert answer.status_code == 400
    message = answer.json()["error"]["message"]
    assert "--allow-host search.example.org`" in message
    assert "--root-path" in message
    lost = dashboard.http.get("/alignsearch/searches/done").json()["error"]["message"]
    assert "--root-path" in lost


def test_an_allowed_host_is_answered_and_makes_a_dashboard_open_to_the_network(
    lab, module_uri, serve
):
    with serve(module_uri, allowed_hosts=("search.example.org",)) as served:
        for host in ("search.example.org", "Search.Example.org.:8443", "127.0.0.1"):
            answer = served.http.get("/api/session", headers={"Host": host})
            assert answer.json()["login"] == "impossible", host
        assert served.http.get("/", headers={"Host": "other.example.org"}).status_code == 400
        public = {"loopback": False, "allowed_hosts": ("search.example.org",)}
    with serve(module_uri, **public) as served:
        assert served.http.get("/", headers={"Host": "10.0.0.7:8080"}).status_code == 400
        assert served.http.get("/", headers={"Host": "search.example.org"}).status_code == 200


def test_a_page_steers_through_a_proxy_that_tells_its_own_host(dashboard, lab):
    lab.search("forwarded")
    page = {"Origin": "https://search.example.org"}
    refused = dashboard.post("/searches/forwarded/pause", **page)
    assert refused.status_code == 403
    assert "must pass on the Host" in refused.json()["error"]["message"]
    told = {**page, "X-Forwarded-Host": "search.example.org"}
    assert dashboard.post("/searches/forwarded/pause", **told).status_code == 200


def test_the_client_behind_a_trusted_proxy_is_the_one_that_is_throttled(dashboard):
    secure = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    with httpx.Client(base_url=dashboard.url, trust_env=False, timeout=300.0) as fresh:
        cookie = fresh.get("/api/session", headers=secure).headers["set-cookie"]
        assert "Secure" in cookie
        assert "Secure" not in fresh.get("/api/session").headers.get("set-cookie", "")


@pytest.mark.parametrize(
    "text",
    ["lab", "//evil", "/a//b", "/a/../b", "/a b", "/searches", "/api/x", "/%2e%2e/x", "/a?b"],
)
def test_a_prefix_without_sense_is_refused(text):
    with pytest.raises(ConfigurationError, match="--root-path"):
        checked_prefix(text)


def test_prefixes_and_proxies_are_checked():
    assert [checked_prefix(text) for text in ("", "/", "/a/", HUB)] == ["", "", "/a", HUB]
    assert checked_proxies(["10.0.0.0/8", "::1", "*"]) == ("10.0.0.0/8", "::1", "*")
    with pytest.raises(ConfigurationError, match=r"--trusted-proxy 'proxy\.lab'"):
        checked_proxies(["proxy.lab"])


def test_no_page_names_a_path_without_the_prefix():
    inside = re.compile(
        r"""(?:href|src|action)\s*[:=]\s*["'`]/|["'`]/(?:api/|login|submit|compare|\?)"""
    )
    found = [
        f"{path.name}: {line.strip()}"
        for folder, kind in ((FOLDER, "*.js"), (FOLDER.parent / "templates", "*.html"))
        for path in sorted(folder.rglob(kind))
        for line in path.read_text().splitlines()
        if inside.search(line)
    ]
    assert found == []
