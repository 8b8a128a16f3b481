"""What docker/ holds, checked by the tools that read it; no container engine is at hand."""

import re
import shlex
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
}
"""The fields of a RayCluster (ray.io/v1) that we use; KubeRay publishes no schema as a package."""


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=DOCKER, **more)


def check(words):
    """Parse a command as its program would, without running it."""
    program, *arguments = words
    command = COMMANDS[program]
    with click.Context(command, info_name=program) as outer:
        while hasattr(command, "commands"):
            assert arguments, words
            name = arguments.pop(0)
            assert name in command.commands, f"{program} has no {name}"
            command = command.commands[name]
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
            if container.get("command") == ["join-ray"]:
                yield f"{name} {container['name']}", ["alignsearch", *container["args"]]
            hook = container.get("lifecycle", {}).get("preStop")
            if hook:
                yield f"{name} preStop", hook["exec"]["command"]


def containers(document):
    if isinstance(document, dict):
        yield from document.get("containers", [])
        for value in document.values():
            yield from containers(value)
    elif isinstance(document, list):
        for value in document:
            yield from containers(value)


def written_commands():
    """Those in scripts, in the `ray up` file and in documents' code."""
    files = [*DOCKER.glob("*.sh"), DOCKER / "ray-gcp-tpu.yaml", DOCKER / "README.md"]
    for path in files:
        text = re.sub(r"\\\n\s*|\n {4}(?=--)", " ", path.read_text())
        for line in text.splitlines():
            found = re.search(r"(?<![-\w.])(alignsearch|ray) (?=[a-z-]+( |$))([^;|`#>'&]*)", line)
            if not found or (path.suffix == ".md" and not line.startswith("    ")):
                continue
            words = shlex.split(found.group().replace('"$@"', "status"))
            if path.suffix == ".md" or words[1] in COMMANDS[words[0]].commands:
                yield f"{path.name}: {found.group()}", words


ALL = [*compose_commands(), *kubernetes_commands(), *written_commands()]


@pytest.mark.parametrize("words", [words for _, words in ALL], ids=[name for name, _ in ALL])
def test_only_commands_and_options_that_exist_are_used(words):
    check(words)


def test_a_command_that_does_not_exist_is_found():
    with pytest.raises(TyperException, match="--no-such-option"):
        check(["alignsearch", "serve", "--no-such-option"])


def test_the_dockerfile_is_clean():
    linted = run(BIN / "hadolint", "Dockerfile")
    assert (linted.returncode, linted.stdout) == (0, "")


def test_compose_understands_its_file():
    asked = run(BIN / "docker-compose", "-f", "compose.yaml", "--profile", "*", "config", "-q")
    assert (asked.returncode, asked.stderr) == (0, "")


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
    "document", [d for _, d in MANIFESTS if d["kind"] != "RayCluster"], ids=lambda d: d["kind"]
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
    for each in (spec["headGroupSpec"], group):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}}
        kubernetes_validate.validate({**pod, **each["template"]}, KUBERNETES, strict=True)
    assert (group["minReplicas"], group["maxReplicas"]) == (0, 60)
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["google.com/tpu"] == "8"


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
