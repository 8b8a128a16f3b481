"""Conditions of the protocol on a stored document, as the store's server judges them.

These are the few operators that `documents.transitions` and `documents.lease` use.
`contracts/store/test_transitions.py` holds the answers to a real server's.
"""


def fulfils(document, condition):
    """Return whether the document, as it is stored, fulfils the condition of a compare-and-set."""
    return all(_fulfils(document, name, wanted) for name, wanted in condition.items())


def _fulfils(document, name, wanted):
    if name == "$or":
        return any(fulfils(document, each) for each in wanted)
    found = _at(document, name)
    if not isinstance(wanted, dict):
        return found == wanted
    ((operator, operand),) = wanted.items()
    if operator == "$all":
        return all(found == each for each in operand)
    if operator == "$lt":
        return found is not None and found < operand
    if operator == "$gt":
        return found is not None and found > operand
    raise NotImplementedError(operator)


def _at(document, path):
    for name in path.split("."):
        if document is None:
            return None
        document = document.get(name)
    return document
