"""Shares of a GPU's memory, as numbers: no GPU is here to try them on."""

import sys

import pytest

from alignsearch.workers import gpu_memory


def test_only_a_fraction_of_a_gpu_is_limited():
    for resources in ({}, {"CPU": 1.0}, {"GPU": 1.0}, {"GPU": 2.0}, {"GPU": 0.0}):
        assert gpu_memory.fraction(resources) is None
        assert gpu_memory.environment(resources) == {}
    assert gpu_memory.fraction({"GPU": 0.25}) == 0.25


def test_frameworks_are_told_by_their_environment():
    assert gpu_memory.environment({"GPU": 0.5}) == {
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.450",
    }


@pytest.mark.parametrize("parts", [2, 3, 4, 10])
def test_the_parts_of_a_card_fit_on_it(parts):
    total = 16_384
    assert 0.85 * total < parts * gpu_memory.limit_megabytes(total, 1 / parts) <= 0.9 * total


def test_the_cards_memory_is_what_nvidia_smi_says(monkeypatch, caplog):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    told = [sys.executable, "-c", "import sys; print({'--id=1': 16384}[sys.argv[1]])"]
    assert gpu_memory.total_megabytes(told) == 16384
    assert gpu_memory.total_megabytes(["no-such-program"]) is None
    assert gpu_memory.total_megabytes([sys.executable, "-c", "print('[N/A]')"]) is None
    assert "the GPU's memory is unknown" in caplog.text
