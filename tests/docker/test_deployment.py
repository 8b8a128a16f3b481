"""What docker/ holds, checked by the tools that read it; no container engine is at hand."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import kubernetes_validate
import pytest
import typer.main
import yaml
from ray.autoscaler._private.util import validate_config
from ray.scripts.scripts import cli as ray_cli
from typer.exceptions import TyperException

from search.cli.app import app
from search.processes import wait_until

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
BIN = Path(sys.executable).parent
KUBERNETES = "1.31"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
MANIFESTS = [
    (path.name, document)
    for path in sorted((DOCKER / "kuberay").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
COMMANDS = {"alignsearch": typer.main.get_command(app), "ray": ray_cli}
RAY_CLUSTER = {
    "spec": "autoscalerOptions enableInTreeAutoscaling headGroupSpec rayVersion workerGroupSpecs",
    "head": "rayStartParams template",
    "group": "groupName maxReplicas minReplicas numOfHosts rayStartParams replicas template",
    "autoscaler": "env idleTimeoutSeconds resources volumeMounts",
}
"""The fields of a RayCluster (ray.io/v1) that we use; KubeRay publishes no schema as a package."""
MONGODB = {
    "spec": "members security statefulSet type users version",
    "tls": "caCertificateSecretRef certificateKeySecretRef enabled",
    "authentication": "ignoreUnknownUsers modes",
    "user": "db name passwordSecretRef roles scramCredentialsSecretName",
}
"""So of a MongoDBCommunity (mongodbcommunity.mongodb.com/v1), by the operator's own definition."""
FOREIGN = ("RayCluster", "MongoDBCommunity", "Certificate")
"""Kinds that Kubernetes learns from an operator."""


def run(*command, at=DOCKER, check=False, **more):
    return subprocess.run(command, capture_output=True, text=True, check=check, cwd=at, **more)


def check(words):
    """Parse a command as its program would, without running it."""
    program, *arguments = words
    command = COMMANDS[program]
    with click.Context(command, info_name=program) as outer:
        # A group alone lists what it has.
        while hasattr(command, "commands") and arguments:
            name = arguments.pop(0)
            assert name in command.commands, f"{program} has no {name}"
            command = command.commands[name]
        # A verb alone is named, not called.
        if not hasattr(command, "commands") and arguments:
            command.make_context(command.name, arguments, parent=outer)


def compose_commands():
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    for name, service in services.items():
        entry = service.get("entrypoint", ["alignsearch"])
        if "command" in service:
            program = "alignsearch" if entry == ["join-ray"] else entry[0]
            yield f"compose {name}", [program, *service["command"]]
        tested = service.get("healthcheck", {}).get("test", [""])[1:]
        if tested and tested[0] in COMMANDS:
            yield f"health of {name}", tested
        for hook in service.get("pre_stop", []):
            yield f"before the end of {name}", hook["command"]


def kubernetes_commands():
    for name, document in MANIFESTS:
        for container in containers(document):
            if container.get("command", ["join-ray"]) == ["join-ray"] and "args" in container:
                yield f"{name} {container['name']}", ["alignsearch", *container["args"]]
            asked = {
                "preStop": container.get("lifecycle", {}).get("preStop"),
                "readiness": container.get("readinessProbe"),
                "liveness": container.get("livenessProbe"),
            }
            for what, each in asked.items():
                command = (each or {}).get("exec", {}).get("command", [""])
                if command[0] in COMMANDS:
                    yield f"{name} {container['name']} {what}", command


def containers(document):
    if isinstance(document, dict):
        yield from document.get("containers", [])
        yield from document.get("initContainers", [])
        for value in document.values():
            yield from containers(value)
    elif isinstance(document, list):
        for value in document:
            yield from containers(value)


PLACEHOLDERS = {'"$@"': "status", "TID": "7", "experiment NAME": "experiment"}
"""What stands for any one in a script or a document."""


def written_commands():
    """Those in scripts, in the `ray up` file and in documents' code."""
    files = [*DOCKER.glob("*.sh"), DOCKER / "ray-gcp-tpu.yaml", DOCKER / "README.md"]
    for path in (*files, ROOT / "README.md"):
        text = re.sub(r"\\\n\s*|\n {4}(?=--)", " ", path.read_text())
        for line in lines_of_code(text) if path.suffix == ".md" else text.splitlines():
            found = re.search(r"(?<![-\w./])(alignsearch|ray) (?=[a-z-]+( |$))([^;|`#>'&]*)", line)
            if not found:
                continue
            said = found.group()
            for placeholder, example in PLACEHOLDERS.items():
                said = said.replace(placeholder, example)
            words = shlex.split(said)
            if path.suffix == ".md" or words[1] in COMMANDS[words[0]].commands:
                yield f"{path.name}: {found.group()}", words


def lines_of_code(text):
    """What a Markdown document shows as code: indented lines, and what is between backticks."""
    fenced = re.sub(r"(?ms)^```.*?^```$", "", text)
    yield from (line for line in fenced.splitlines() if line.startswith("    "))
    spans = "\n".join(line for line in fenced.splitlines() if not line.startswith("    "))
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", spans))


ALL = [*compose_commands(), *kubernetes_commands(), *written_commands()]


@pytest.mark.parametrize("words", [words for _, words in ALL], ids=[name for name, _ in ALL])
def test_only_commands_and_options_that_exist_are_used(words):
    check(words)


def test_documents_name_only_options_and_targets_that_exist():
    known = {name for command in leaves(COMMANDS["alignsearch"]) for name in options(command)}
    # Of other programs, said to be theirs.
    known |= {"--no-deps", "--target", "--help"}
    targets = set(re.findall(r"(?m)^([a-z][a-z-]*):", (ROOT / "Makefile").read_text()))
    for path in (ROOT / "README.md", DOCKER / "README.md"):
        for line in lines_of_code(path.read_text()):
            if re.match(r"\s*(docker|kubectl|git|pip|python|ray) ", line):
                continue
            assert set(re.findall(r"(?<![-\w])--[a-z][a-z-]+", line)) <= known, (path.name, line)
            made = re.match(r"\s*make ((?:[a-z-]+ ?)+)(?=$| )", line)
            if made:
                assert made[1].split()[0] in targets, (path.name, line)


def leaves(command):
    if hasattr(command, "commands"):
        for each in command.commands.values():
            yield from leaves(each)
    else:
        yield command


def options(command):
    return (name for each in command.params for name in (*each.opts, *each.secondary_opts))


def test_a_command_that_does_not_exist_is_found():
    with pytest.raises(TyperException, match="--no-such-option"):
        check(["alignsearch", "serve", "--no-such-option"])


def test_the_dockerfile_is_clean():
    linted = run(BIN / "hadolint", "Dockerfile")
    assert (linted.returncode, linted.stdout) == (0, "")


def test_compose_understands_its_file():
    asked = run(BIN / "docker-compose", "-f", "compose.yaml", "--profile", "*", "config", "-q")
    assert (asked.returncode, asked.stderr) == (0, "")


@pytest.mark.parametrize("target", ["gpu", "tpu"])
def test_compose_gives_a_worker_the_devices_of_its_host(target):
    files = ("-f", "compose.yaml", "-f", f"compose.{target}.yaml")
    asked = run(BIN / "docker-compose", *files, "config")
    assert (asked.returncode, asked.stderr) == (0, "")
    worker = yaml.safe_load(asked.stdout)["services"]["worker"]
    if target == "gpu":
        (devices,) = worker["deploy"]["resources"]["reservations"]["devices"]
        assert (devices["count"], devices["capabilities"]) == (-1, ["gpu"])
    else:
        assert [each["target"] for each in worker["devices"]] == ["/dev/vfio"]
    # What compose.yaml says of it holds too.
    assert worker["cap_drop"] == ["ALL"]
    assert "pre_stop" in worker


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
        read = run(BIN / "docker-compose", "--profile", "*", "config", "--images", at=folder)
        assert f"alignsearch:{target}" in read.stdout.split(), read.stderr


def stand_in(path, script):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


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
    copied = re.findall(r"COPY (docker/\S+)", (DOCKER / "Dockerfile").read_text())
    assert len(copied) == 5
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in allowed or ("!docker/*.lock" in allowed and name.endswith(".lock"))


def test_a_worker_that_runs_a_raylet_is_taken_for_alive():
    (cluster,) = (d for _, d in MANIFESTS if d["kind"] == "RayCluster")
    pod = cluster["spec"]["workerGroupSpecs"][0]["template"]["spec"]
    command = pod["containers"][0]["livenessProbe"]["exec"]["command"]
    with subprocess.Popen(
        [*("sh", "-c"), "printf raylet >/proc/self/comm; sleep 60 & wait"]
    ) as shell:
        wait_until(lambda: Path(f"/proc/{shell.pid}/comm").read_text() == "raylet\n", 30)
        assert run(*command).returncode == 0
        shell.kill()
    other = [command[0], command[1], command[2].replace("raylet", "no-raylet")]
    assert run(*other).returncode == 1


def test_no_secret_is_in_an_environment():
    for name, service in COMPOSE["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search("STORE|TOKEN|PASSWORD", variable):
                assert re.match("(file:)?/run/", value), (name, variable)
    for _, document in MANIFESTS:
        for container in containers(document):
            for each in container.get("env", []):
                if re.search("STORE|TOKEN", each["name"]):
                    assert re.match("(file:)?/run/", each["value"]), each


def test_ray_up_understands_its_file():
    config = yaml.safe_load((DOCKER / "ray-gcp-tpu.yaml").read_text())
    validate_config(config)
    assert config["available_node_types"]["tpu-v3-8"]["max_workers"] == 60


@pytest.mark.parametrize(
    "document", [d for _, d in MANIFESTS if d["kind"] not in FOREIGN], ids=lambda d: d["kind"]
)
def test_kubernetes_knows_every_field(document):
    kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_a_ray_cluster_has_fields_that_there_are_and_pods_that_kubernetes_knows():
    (cluster,) = (d for _, d in MANIFESTS if d["kind"] == "RayCluster")
    spec = cluster["spec"]
    assert set(spec) <= set(RAY_CLUSTER["spec"].split())
    assert set(spec["headGroupSpec"]) <= set(RAY_CLUSTER["head"].split())
    (group,) = spec["workerGroupSpecs"]
    assert set(group) <= set(RAY_CLUSTER["group"].split())
    beside = spec["autoscalerOptions"]
    assert set(beside) <= set(RAY_CLUSTER["autoscaler"].split())
    autoscaler = {"name": "autoscaler", **{k: v for k, v in beside.items() if "Seconds" not in k}}
    volumes = {each["name"] for each in spec["headGroupSpec"]["template"]["spec"]["volumes"]}
    assert {each["name"] for each in beside["volumeMounts"]} <= volumes
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}}
    kubernetes_validate.validate(
        {**pod, "spec": {"containers": [autoscaler]}}, KUBERNETES, strict=True
    )
    for each in (spec["headGroupSpec"], group):
        kubernetes_validate.validate({**pod, **each["template"]}, KUBERNETES, strict=True)
    assert (group["minReplicas"], group["maxReplicas"]) == (0, 60)
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["google.com/tpu"] == "8"


def test_a_mongodb_has_fields_that_its_operator_knows():
    mongo, certificate = (d for _, d in MANIFESTS if d["kind"] in FOREIGN[1:])
    spec = mongo["spec"]
    assert set(spec) == set(MONGODB["spec"].split())
    assert set(spec["security"]["tls"]) == set(MONGODB["tls"].split())
    assert set(spec["security"]["authentication"]) == set(MONGODB["authentication"].split())
    assert set(spec["users"][0]) == set(MONGODB["user"].split())
    asked = spec["security"]["tls"]["certificateKeySecretRef"]["name"]
    assert certificate["spec"]["secretName"] == asked
    # What is merged into the operator's own set is a part of one.
    meta = {"metadata": {"name": "set"}, "apiVersion": "apps/v1", "kind": "StatefulSet"}
    own = {"selector": {}, "serviceName": "set"}
    kubernetes_validate.validate(
        {**meta, "spec": {**own, **spec["statefulSet"]["spec"]}}, KUBERNETES, strict=True
    )


def test_a_host_that_goes_has_time_to_hand_back():
    (cluster,) = (d for _, d in MANIFESTS if d["kind"] == "RayCluster")
    pod = cluster["spec"]["workerGroupSpecs"][0]["template"]["spec"]
    asked = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert float(asked[asked.index("--patience") + 1]) < pod["terminationGracePeriodSeconds"]


def test_an_image_has_the_versions_that_are_tested():
    tested = pins(ROOT / "requirements.lock")
    for target in ("cpu", "gpu", "tpu"):
        held = pins(DOCKER / f"{target}.lock")
        assert {name for name in held.keys() & tested.keys() if not held[name] <= tested[name]} == (
            set()
        )
        assert {"ray", "keras", "pymongo", "numpy"} <= held.keys()
        assert "pytest" not in held


def pins(path):
    found = {}
    for name, version in re.findall(r"(?m)^([\w.-]+)(?:\[.*?\])?==(\S+)", path.read_text()):
        found.setdefault(name, set()).add(version)
    return {name: frozenset(versions) for name, versions in found.items()}


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
