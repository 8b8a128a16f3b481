"""The files of docker/ pass the tools that read them; no container engine is at hand."""

import re

import pytest
import yaml
from deployment_files import BIN, COMPOSE, DOCKER, MANIFESTS, ROOT, containers, run
from ray.autoscaler._private.util import validate_config

from alignsearch.driving import RAY_LOGS


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
    # The limits that compose.yaml sets hold, too.
    assert worker["cap_drop"] == ["ALL"]
    assert "pre_stop" in worker


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


def test_logs_do_not_grow_for_ever():
    for name, service in COMPOSE["services"].items():
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}, name
    ours = {f"{variable}={value}" for variable, value in RAY_LOGS.items()}
    assert ours <= set((DOCKER / "Dockerfile").read_text().split())
    config = yaml.safe_load((DOCKER / "ray-gcp-tpu.yaml").read_text())
    for role in ("head", "worker"):
        started = config[f"{role}_start_ray_commands"][-1]
        assert ours <= set(re.split(r"[ ;]+", started)), role


def test_ray_up_understands_its_file():
    config = yaml.safe_load((DOCKER / "ray-gcp-tpu.yaml").read_text())
    validate_config(config)
    assert config["available_node_types"]["tpu-v3-8"]["max_workers"] == 60


def test_an_image_is_published_for_each_target():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "images.yaml").read_text())
    job = workflow["jobs"]["image"]
    targets = set(job["strategy"]["matrix"]["target"])
    built = set(re.findall(r"FROM runtime AS (\w+)", (DOCKER / "Dockerfile").read_text()))
    assert targets == built
    (build,) = (step["with"] for step in job["steps"] if "build-push" in step.get("uses", ""))
    assert (ROOT / build["context"] / build["file"]).samefile(DOCKER / "Dockerfile")


def test_an_image_has_the_versions_that_are_tested():
    tested = pins(ROOT / "locks" / "test.lock")
    for target in ("run", "gpu", "tpu"):
        held = pins(ROOT / "locks" / f"{target}.lock")
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
