"""Reasons for a worker's death in one sentence; Ray's own error messages fill a page."""

from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from alignsearch.workers.actor import WorkerStartError

_LOW_MEMORY = "running low on memory"
_KILLED = "Worker unexpectedly exits with a connection error code 2"
_NOT_MADE = "creation task"
_NODE_GONE = ("The node", "node is dead", "node has died", "marked dead")


def reason(error: RayError) -> str:
    """Return the reason to record as the error of the dead worker's attempt."""
    if isinstance(error, RayTaskError) and isinstance(error.cause, WorkerStartError):
        return f"its worker could not start: {error.cause}"
    text = str(error).strip()
    if isinstance(error, OutOfMemoryError) or _LOW_MEMORY in text:
        return (
            "its worker was killed: its host ran low on memory (Ray's memory monitor); let fewer "
            "trials share a host with --resources"
        )
    if _KILLED in text:
        return (
            "its worker was killed (SIGKILL, or a crash of native code): likely its host ran out "
            "of memory, which `dmesg` there tells; let fewer trials share a host with --resources"
        )
    if _NOT_MADE in text:
        return f"its worker could not start: {text.splitlines()[-1].strip()}"
    if any(words in text for words in _NODE_GONE):
        return f"the host of its worker is gone: {text.splitlines()[-1]}"
    return text or type(error).__name__
