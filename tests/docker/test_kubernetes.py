"""docker/kubernetes, rendered by kubectl and held to Kubernetes's published schemas."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from deployment_files import (
    DOCKER,
    OVERLAYS,
    check_schema,
    containers,
    ray_cluster,
    rendered,
    run,
)

from alignsearch.search.store.processes import wait_until

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

COMMAND = Path(sys.executable).with_name("alignsearch")
DEVICES = {"cpu": {}, "gpu": {"nvidia.com/gpu": "1"}, "tpu": {"google.com/tpu": "8"}}
"""The devices that a pod of each overlay's workers takes."""


@pytest.mark.parametrize("overlay", [*OVERLAYS, "mongodb"])
def test_kubernetes_knows_every_field(overlay):
    known = [each for (kind, _), each in rendered(overlay).items() if kind not in FOREIGN]
    assert known
    for document in known:
        check_schema(document)


def test_an_overlay_has_everything_that_a_cluster_needs():
    kinds = {kind for kind, _ in rendered("cpu")}
    assert kinds == {
        *("CronJob", "Deployment", "Ingress", "NetworkPolicy", "PersistentVolumeClaim"),
        *("PodDisruptionBudget", "RayCluster", "Service"),
    }
    # The overlays differ in their workers and their image alone.
    assert rendered("cpu").keys() == rendered("gpu").keys() == rendered("tpu").keys()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_all_parts_run_one_image_with_the_devices_of_the_overlay(overlay):
    images = {each["image"] for each in containers(list(rendered(overlay).values()))}
    assert images == {f"REGISTRY/alignsearch:{overlay}", "mongo:8.0.12"}
    dockerfile = (DOCKER / "Dockerfile").read_text()
    assert f"FROM runtime AS {overlay}" in dockerfile
    _, group = ray_cluster(overlay)
    (worker,) = group["template"]["spec"]["containers"]
    limits = worker["resources"]["limits"]
    assert {name: amount for name, amount in limits.items() if "/" in name} == DEVICES[overlay]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_ray_cluster_has_fields_that_there_are_and_pods_that_kubernetes_knows(overlay):
    cluster, group = ray_cluster(overlay)
    spec = cluster["spec"]
    assert set(spec) <= set(RAY_CLUSTER["spec"].split())
    assert set(spec["headGroupSpec"]) <= set(RAY_CLUSTER["head"].split())
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


def test_a_mongodb_has_fields_that_its_operator_knows():
    (mongo,) = (d for (kind, _), d in rendered("mongodb").items() if kind == "MongoDBCommunity")
    (certificate,) = (d for (kind, _), d in rendered("mongodb").items() if kind == "Certificate")
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


def pod_labels(overlay):
    """Return the labels of every kind of pod, with those that KubeRay gives to Ray's."""
    documents = rendered(overlay)
    labels = [
        documents["Deployment", f"alignsearch-{name}"]["spec"]["template"]["metadata"]["labels"]
        for name in ("serve", "dashboard")
    ]
    cluster, group = ray_cluster(overlay)
    for node, part in (("head", cluster["spec"]["headGroupSpec"]), ("worker", group)):
        own = part["template"]["metadata"]["labels"]
        labels.append({**own, "ray.io/cluster": "alignsearch", "ray.io/node-type": node})
    return labels


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_selector_finds_its_pods(overlay):
    labels = pod_labels(overlay)

    def chosen(selector):
        return sum(selector.items() <= each.items() for each in labels)

    spec_of = {key: document["spec"] for key, document in rendered(overlay).items()}
    found = {
        (kind, name): chosen(spec.get("podSelector", spec.get("selector", {}))["matchLabels"])
        for (kind, name), spec in spec_of.items()
        if kind in {"NetworkPolicy", "PodDisruptionBudget", "Deployment"}
    }
    # All four kinds of pods are closed to others, and each other selector means one.
    assert found.pop(("NetworkPolicy", "alignsearch")) == 4
    assert set(found.values()) == {1}
    assert chosen(spec_of["Service", "alignsearch-dashboard"]["selector"]) == 1


def test_the_ingress_leads_to_the_port_on_which_the_dashboard_answers_probes():
    documents = rendered("cpu")
    (rule,) = documents["Ingress", "alignsearch-dashboard"]["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    service = documents["Service", backend["name"]]["spec"]["ports"][0]
    pod = documents["Deployment", "alignsearch-dashboard"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    port = container["ports"][0]["containerPort"]
    assert (backend["port"]["number"], service["targetPort"]) == (service["port"], port)
    assert f"--port={port}" in container["args"]
    asked = {"path": "/api/health", "port": port}
    assert container["livenessProbe"]["httpGet"] == asked == container["readinessProbe"]["httpGet"]
    policy = documents["NetworkPolicy", "alignsearch-dashboard"]["spec"]["ingress"][0]
    assert policy["ports"] == [{"port": port}]


def test_a_probe_is_answered_without_a_token_at_an_address(store_uri, tmp_path):
    """The kubelet names no host but the pod's address, and has no token."""
    token = tmp_path / "hash"
    made = ("dashboard", "--set-token", "--token-file", str(token))
    run(COMMAND, *made, at=tmp_path, check=True)
    (container,) = rendered("cpu")["Deployment", "alignsearch-dashboard"]["spec"]["template"][
        "spec"
    ]["containers"]
    arguments = [
        word.replace("8080", "0").replace("/run/token/hash", str(token))
        for word in container["args"]
    ]
    dashboard = subprocess.Popen(
        [COMMAND, *arguments, "--store", store_uri],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in dashboard.stdout:
            if found := re.search(r"http://[^:]+:(\d+)", line):
                break
        with urllib.request.urlopen(
            f"http://127.0.0.2:{found[1]}/api/health", timeout=300
        ) as answer:
            assert json.load(answer)["available"] is True
    finally:
        dashboard.kill()
        dashboard.communicate()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_host_that_goes_has_time_to_hand_back(overlay):
    _, group = ray_cluster(overlay)
    pod = group["template"]["spec"]
    asked = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert float(asked[asked.index("--patience") + 1]) < pod["terminationGracePeriodSeconds"]


def test_a_worker_that_runs_a_raylet_is_taken_for_alive():
    _, group = ray_cluster("cpu")
    pod = group["template"]["spec"]
    command = pod["containers"][0]["livenessProbe"]["exec"]["command"]
    with subprocess.Popen(
        [*("sh", "-c"), "printf raylet >/proc/self/comm; sleep 3600 & wait"]
    ) as shell:
        wait_until(lambda: Path(f"/proc/{shell.pid}/comm").read_text() == "raylet\n", 300)
        assert run(*command).returncode == 0
        shell.kill()
    other = [command[0], command[1], command[2].replace("raylet", "no-raylet")]
    assert run(*other).returncode == 1


def test_the_backup_keeps_no_half_dump_and_drops_old_ones(tmp_path):
    """The job's own script, with a program in mongodump's place."""
    job = rendered("cpu")["CronJob", "alignsearch-backup"]["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    *shell, script = container["command"]
    script = script.replace("/backups", str(tmp_path))
    dump = tmp_path / "bin" / "mongodump"
    dump.parent.mkdir()
    environment = {**os.environ, "PATH": f"{dump.parent}:{os.environ['PATH']}"}
    old, half = tmp_path / "alignsearch-20200101T000000Z.gz", tmp_path / "alignsearch-x.gz.part"
    for works in (False, True):
        dump.write_text(
            '#!/bin/sh\nfor each; do case $each in --archive=*) echo x >"${each#*=}";; esac; done\n'
            f"exit {0 if works else 1}\n"
        )
        dump.chmod(0o755)
        half.touch()
        old.touch()
        os.utime(old, (0, 0))
        assert (run(*shell, script, env=environment).returncode == 0) is works
        whole = {path.name for path in tmp_path.glob("*.gz")}
        assert (old.name in whole) is not works
        assert len(whole) == 1
        assert not half.exists()


def test_every_secret_is_one_that_the_readme_makes():
    made = set(re.findall(r"secret generic (\S+)", (DOCKER / "README.md").read_text()))
    named = {
        name
        for overlay in (*OVERLAYS, "mongodb")
        for document in rendered(overlay).values()
        for name in re.findall(r"'secretName': '([^']+)'", str(document))
    }
    of_certificates = {"alignsearch-mongo-tls", "alignsearch-dashboard-tls"}
    for role in ("worker", "submitter"):
        # The document shows the command for `driver`.
        made.add(f"alignsearch-{role}")
    assert named - of_certificates <= made
