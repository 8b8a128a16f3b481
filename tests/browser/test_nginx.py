"""A dashboard behind a real nginx, by the configuration that docs/proxies.md gives."""

import getpass
import re
import shutil
import socket
import subprocess
import time
import uuid
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from playwright.sync_api import expect

from alignsearch.dashboards.client import Client
from alignsearch.search.store import Store

pytestmark = [pytest.mark.process, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
PREFIX = "/alignsearch"
TOKEN = "a token of these tests"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
WHOLE = """{user}daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; {location} }}
}}
"""


def location(*, removing):
    """The page's location, or its variant that leaves the prefix in the path."""
    page = (ROOT / "docs" / "proxies.md").read_text()
    found = re.search(r"```nginx\n(.*?)```", page, re.DOTALL)[1]
    if removing:
        return found
    kept = [line for line in found.splitlines() if "X-Forwarded-Prefix" not in line]
    return "\n".join(kept).replace(":8080/;", ":8080;")


@pytest.fixture(params=["removing", "keeping"])
def proxied(request, server_uri, tmp_path, run_dashboard, seed):
    """The dashboard's address behind nginx, and its store."""
    assert NGINX, "install Debian's nginx, as `make test-slow` does"
    removing = request.param == "removing"
    uri = f"{server_uri.rstrip('/')}/nginx_{uuid.uuid4().hex}"
    options = ["--allow-host", "search.example.org"]
    options += [] if removing else ["--root-path", PREFIX]
    with Store.connect(uri) as store:
        seed(store, "a-search", trials=6)
        with run_dashboard(uri, tmp_path, *options, ALIGNSEARCH_DASHBOARD_TOKEN=TOKEN) as dashboard:
            yield from behind_nginx(dashboard, store, tmp_path, location(removing=removing))


def behind_nginx(dashboard, store, folder, location):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = dashboard.url.removeprefix("http://").partition("/")[0]
    user = "user root;\n" if getpass.getuser() == "root" else ""
    written = folder / "nginx.conf"
    location = location.replace("127.0.0.1:8080", own)
    written.write_text(WHOLE.format(user=user, folder=folder, port=port, location=location))
    nginx = subprocess.Popen([NGINX, "-p", folder, "-c", written])
    try:
        url = f"http://127.0.0.1:{port}{PREFIX}"
        deadline = time.monotonic() + 300.0
        while True:
            try:
                httpx.get(f"{url}/api/health", trust_env=False, timeout=300.0)
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, (folder / "error.log").read_text()
                time.sleep(0.05)
        yield SimpleNamespace(url=url, store=store)
    finally:
        nginx.terminate()
        nginx.wait(timeout=300.0)


def test_pages_streams_login_and_client_work_below_nginx(proxied, open_page):
    page = open_page(proxied, "/", forgiven=["401"])
    page.get_by_role("link", name="a-search", exact=True).click()
    page.wait_for_url(f"{proxied.url}/searches/a-search")
    page.get_by_role("link", name="Log in to steer").click()
    page.get_by_label("Your name").fill("ann")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{proxied.url}/searches/a-search")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()

    # The stream's events come at once, not when a buffer of nginx is full.
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(page.locator("#status")).to_have_text("paused")
    with Client(proxied.url, token=TOKEN) as client:
        assert len(client.trials("a-search")) == 6
        client.resume("a-search")
    expect(page.locator("#status")).to_have_text("running")

    page.get_by_role("link", name="API").click()
    page.get_by_role("link", name=f"{PREFIX}/openapi.json").click()
    page.wait_for_url(f"{proxied.url}/openapi.json")


def test_hosts_are_told_apart_behind_nginx(proxied):
    with httpx.Client(trust_env=False, timeout=300.0) as http:
        named = {"Host": "search.example.org"}
        assert http.get(f"{proxied.url}/api/session", headers=named).status_code == 200
        refused = http.get(f"{proxied.url}/", headers={"Host": "other.example.org"})
        assert refused.status_code == 400
        assert "--allow-host other.example.org" in refused.json()["error"]["message"]
