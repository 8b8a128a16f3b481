"""The files of docker/ and the documents, parsed for their tests."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), DOCKER / "README.md"]
BIN = Path(sys.executable).parent
KUBERNETES = "1.31"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
KUSTOMIZED = DOCKER / "kubernetes"
OVERLAYS = ("cpu", "gpu", "tpu")
MANIFESTS = [
    (f"{path.parent.name}/{path.name}", document)
    for path in sorted(KUSTOMIZED.glob("*/*.yaml"))
    if path.name != "kustomization.yaml"
    for document in yaml.safe_load_all(path.read_text())
]
"""The documents as they are written. One of an overlay is a part of what it changes."""


def run(*command, at=DOCKER, check=False, **more):
    return subprocess.run(command, capture_output=True, text=True, check=check, cwd=at, **more)


@cache
def rendered(overlay):
    """Return the documents that `kubectl apply -k` would send, by kind and name."""
    documents = yaml.safe_load_all(
        run("kubectl", "kustomize", KUSTOMIZED / overlay, check=True).stdout
    )
    return {(each["kind"], each["metadata"]["name"]): each for each in documents}


def ray_cluster(overlay):
    """Return an overlay's RayCluster and its only group of workers."""
    cluster = rendered(overlay)["RayCluster", "alignsearch"]
    (group,) = cluster["spec"]["workerGroupSpecs"]
    return cluster, group


def containers(document):
    if isinstance(document, dict):
        yield from document.get("containers", [])
        yield from document.get("initContainers", [])
        for value in document.values():
            yield from containers(value)
    elif isinstance(document, list):
        for value in document:
            yield from containers(value)


def check_schema(document):
    """Hold a Kubernetes manifest to the published schema; unknown fields are refused."""
    # A package of `make test-slow` alone, whose files other tests are collected with.
    import kubernetes_validate

    kubernetes_validate.validate(document, KUBERNETES, strict=True)
