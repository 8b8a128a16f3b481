"""The rules of the protocol, which no step of its model may break."""

from protocol_documents import has_ended, result_of

OF_THE_HOLDER = ("renew", "complete", "hand_back", "crash")
"""Writes of an attempt: only the one that holds the trial changes anything by them."""
OUTCOMES = {"complete": "completed", "hand_back": "handed_back", "crash": "crashed"}


def broken_by_write(before, after, request, processes):
    """Return the rule that a write breaks, in words; None if it breaks none.

    before, after: the document without and with it. processes: as they were.
    """
    if before == after:
        return None
    if request.trial < 0:
        return _broken_in_search(before, request, processes)
    if before == {}:
        return None
    return _broken_in_trial(before, after) or _broken_by_sender(before, request, processes)


def broken_by_answer(after, request, told):
    """Return the rule that an answer breaks: a sender is told what is.

    after: the document with its write. told: whether it is told that its write is in there.
    """
    if request.trial < 0:
        held = (after["driver"] or {}).get("token") == request.token
        wrong = request.kind != "release_driver" and held != told
    elif request.kind in ("begin", "renew"):
        held = ((after or {}).get("lease") or {}).get("token") == request.token
        wrong = held != told
    elif request.kind in OUTCOMES:
        attempt = after.get("attempts", {}).get(str(request.attempt), {})
        done = (attempt.get("token"), attempt.get("outcome"))
        wrong = (done == (request.token, OUTCOMES[request.kind])) != told
    else:
        wrong = False
    return "a sender is told what is" if wrong else None


def _broken_in_search(before, request, processes):
    lease = before["driver"]
    if request.kind == "take":
        sure = lease is not None and any(
            process.token == lease["token"] and process.sure for process in processes
        )
        return "no two drivers hold one search within their leases" if sure else None
    if lease is None or lease["token"] != request.token:
        return "a driver without its lease changes nothing"
    return None


def _broken_in_trial(before, after):
    if has_ended(before):
        return "an ended trial never changes"
    if after["attempt"] < before["attempt"]:
        return "attempts are counted upwards"
    for number, attempt in before["attempts"].items():
        if attempt["outcome"] is not None and after["attempts"][number] != attempt:
            return "an ended attempt never changes"
    done = [each for each in after["attempts"].values() if each["outcome"] == "completed"]
    result = after["result"]
    if len(done) > 1 or (result is not None) != (len(done) == 1):
        return "a loss is written once"
    if done and result["loss"] != result_of(done[0]["token"]).loss:
        return "a loss is the completed attempt's"
    return None


def _broken_by_sender(before, request, processes):
    lease = before["lease"]
    token = None if lease is None else lease["token"]
    if request.kind in OF_THE_HOLDER and request.token != token:
        return "an attempt without its lease changes nothing"
    if request.kind in ("begin", "expire"):
        sure = token is not None and any(
            process.token == token and process.sure for process in processes
        )
        if sure:
            return "no two attempts hold one trial within their leases"
    return None
