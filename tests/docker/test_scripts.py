"""The scripts of docker/, run; a program of their own takes the place of one that is not here."""

import os
import re
import shutil

import pytest
import yaml
from deployment_files import BIN, COMPOSE, DOCKER, ROOT, run


def test_up_asks_compose_for_what_it_has(tmp_path):
    """With a program in docker's place, which there is none of here, that notes its arguments."""
    folder = tmp_path / "docker"
    folder.mkdir()
    for name in ("up.sh", "secrets.sh", "compose.yaml", "compose.gpu.yaml"):
        shutil.copy(DOCKER / name, folder)
    noted = tmp_path / "noted"
    stand_in(tmp_path / "docker.bin" / "docker", f'echo "$@" >>{noted}')
    paths = f"{tmp_path / 'docker.bin'}:{os.environ['PATH']}"
    for target, workers, files in (
        ("cpu", 4, "compose.yaml"),
        ("gpu", 1, "compose.yaml:compose.gpu.yaml"),
    ):
        noted.unlink(missing_ok=True)
        run(
            folder / "up.sh",
            "4",
            check=True,
            env={**os.environ, "PATH": paths, "ALIGNSEARCH_TARGET": target},
        )
        asked = [line.split() for line in noted.read_text().splitlines()]
        assert [words[1] for words in asked] == ["build", "run", "run", "up"]
        assert {words[-1] for words in asked if words[1] == "run"} <= COMPOSE["services"].keys()
        assert asked[-1][-1] == f"worker={workers}"
        settings = dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines())
        assert (settings["COMPOSE_FILE"], settings["ALIGNSEARCH_TARGET"]) == (files, target)
        assert (settings["ALIGNSEARCH_SITE"], settings["ALIGNSEARCH_DATA"]) == ("localhost", "data")
        read = run(BIN / "docker-compose", "--profile", "*", "config", "--images", at=folder)
        assert f"alignsearch:{target}" in read.stdout.split(), read.stderr


def stand_in(path, script):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_up_serves_at_the_address_and_over_the_folders_that_it_is_given(tmp_path):
    folder, images = tmp_path / "docker", tmp_path / "images"
    folder.mkdir()
    images.mkdir()
    for name in ("up.sh", "secrets.sh", "compose.yaml"):
        shutil.copy(DOCKER / name, folder)
    stand_in(tmp_path / "bin" / "docker", "exit 0")
    given = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "ALIGNSEARCH_ADDRESS": "0.0.0.0:443",
        "ALIGNSEARCH_SITE": "search.example.org",
        "ALIGNSEARCH_DATA": str(images),
    }
    said = run(folder / "up.sh", check=True, env={**os.environ, **given}).stdout
    assert said.splitlines()[-1] == "https://search.example.org:443/ shows it"
    # Later commands find it in .env.
    read = run(BIN / "docker-compose", "--profile", "*", "config", at=folder, check=True)
    services = yaml.safe_load(read.stdout)["services"]
    (port,) = services["tls"]["ports"]
    assert (port["host_ip"], port["published"], port["target"]) == ("0.0.0.0", "443", 8443)
    assert services["tls"]["environment"]["ALIGNSEARCH_SITE"] == "search.example.org"
    for name in ("worker", "dashboard", "submit"):
        mounted = {each["target"]: each for each in services[name]["volumes"]}
        assert (mounted["/data"]["type"], mounted["/data"]["source"]) == ("bind", str(images))
        assert mounted["/data"]["read_only"] is True
    checkpoints = {each["target"]: each for each in services["worker"]["volumes"]}["/checkpoints"]
    assert (checkpoints["type"], checkpoints["source"]) == ("volume", "checkpoints")


def test_a_dump_that_failed_is_none_and_old_ones_go(tmp_path):
    """The script's own part; no mongodump is at hand, so a program takes its place."""
    script = (DOCKER / "backup.sh").read_text().replace("/backups", str(tmp_path))
    (tmp_path / "backup.sh").write_text(script)
    dump = tmp_path / "bin" / "mongodump"
    stand_in(tmp_path / "bin" / "sleep", "exit 1")
    old = tmp_path / "alignsearch-20200101T000000Z.gz"
    environment = {
        **os.environ,
        "PATH": f"{dump.parent}:{os.environ['PATH']}",
        "BACKUP_HOURS": "6",
        "BACKUP_DAYS": "14",
    }
    for made in (
        "exit 1",
        'for each; do case $each in --archive=*) echo x >"${each#*=}";; esac; done',
    ):
        stand_in(dump, made)
        old.touch()
        os.utime(old, (0, 0))
        said = run("sh", tmp_path / "backup.sh", env=environment).stderr
        found = sorted(path.name for path in tmp_path.glob("*.gz*"))
        if made == "exit 1":
            assert "failed; the next one is tried in 6 hours" in said
            # Nothing better than the old one is there.
            assert found == [old.name]
        else:
            assert len(found) == 1
            assert found != [old.name]
            assert said == ""


def test_a_login_shell_finds_what_is_installed():
    """KubeRay starts Ray in one, and Debian's begins with a PATH of its own."""
    found = run("sh", "-c", ". /etc/profile; . ./path.sh; echo $PATH", env={})
    assert found.stdout.startswith("/opt/alignsearch/bin:/usr/")
    assert (
        "COPY docker/path.sh /etc/profile.d/alignsearch.sh" in (DOCKER / "Dockerfile").read_text()
    )


def test_what_the_image_copies_is_let_through():
    allowed = (ROOT / ".dockerignore").read_text().split()
    copied = re.findall(r"COPY ((?:docker|locks)/\S+)", (DOCKER / "Dockerfile").read_text())
    assert len(copied) == 5
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in allowed or ("!locks/*.lock" in allowed and name.endswith(".lock"))


def test_secrets_are_made_once_and_for_their_owner(tmp_path):
    folder = tmp_path / "secrets"
    assert run("./secrets.sh", str(folder)).returncode == 0
    first = {path.name: path.read_text() for path in folder.iterdir()}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert first["mongo-root"] in first["admin"]
    assert 6 <= len(first["mongo-key"]) <= 1024
    assert run("./secrets.sh", str(folder)).returncode == 0
    assert {path.name: path.read_text() for path in folder.iterdir()} == first


@pytest.mark.parametrize("script", sorted(DOCKER.glob("*.sh")), ids=lambda path: path.name)
def test_a_script_can_be_read_by_a_shell(script):
    assert run("sh", "-n", str(script)).returncode == 0
