"""The files of docker/ pass the tools that read them; no container engine is at hand."""

import re

import pytest
import yaml
from deployment_files import BIN, COMPOSE, DOCKER, MANIFESTS, ROOT, check_schema, containers, run
from ray.autoscaler._private.util import validate_config

from alignsearch.driving import RAY_LOGS

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
"""The fields of a MongoDBCommunity (mongodbcommunity.mongodb.com/v1) that its operator defines."""
FOREIGN = ("RayCluster", "MongoDBCommunity", "Certificate")
"""Kinds that Kubernetes learns from an operator."""


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


@pytest.mark.parametrize(
    "document", [d for _, d in MANIFESTS if d["kind"] not in FOREIGN], ids=lambda d: d["kind"]
)
def test_kubernetes_knows_every_field(document):
    check_schema(document)


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
    check_schema({**pod, "spec": {"containers": [autoscaler]}})
    for each in (spec["headGroupSpec"], group):
        check_schema({**pod, **each["template"]})
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
    # Our part is merged into the operator's own set, so it must fit into one.
    meta = {"metadata": {"name": "set"}, "apiVersion": "apps/v1", "kind": "StatefulSet"}
    own = {"selector": {}, "serviceName": "set"}
    check_schema({**meta, "spec": {**own, **spec["statefulSet"]["spec"]}})


def test_a_host_that_goes_has_time_to_hand_back():
    (cluster,) = (d for _, d in MANIFESTS if d["kind"] == "RayCluster")
    pod = cluster["spec"]["workerGroupSpecs"][0]["template"]["spec"]
    asked = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert float(asked[asked.index("--patience") + 1]) < pod["terminationGracePeriodSeconds"]


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
