"""All states that a model can reach, breadth first, so that a counterexample is a shortest one.

None of the explorers on PyPI fits: those that are kept check models that are written in their own
terms, and here the steps are the program's own functions.
"""

from collections import deque


class CounterexampleError(AssertionError):
    """A rule that a model breaks, with the shortest way there."""

    def __init__(self, rule, way):
        """Keep the rule's words and the names of the steps that lead to it."""
        self.rule = rule
        self.way = way
        super().__init__("\n  ".join([f"{rule}, after {len(way)} steps:", *way]))


class Explored:
    """The states that a model reaches.

    Attributes:
        states: number of different states.
        steps: number of steps between them.
        seen: how often each kind of step was taken, by its first word.
    """

    def __init__(self, states, steps, seen):
        """Keep the numbers."""
        self.states = states
        self.steps = steps
        self.seen = seen


def explore(model):
    """Return what the model reaches.

    model: has `initial`, a state; `steps(state)`, which yields the name of each step, the state
        after it, and the rule that it breaks or None; and `is_end(state)`.

    Raises:
        CounterexampleError: a step breaks a rule, or no way leads from a state to an end.
    """
    came_from = {model.initial: None}
    before = {}
    ends, seen, steps = [], {}, 0
    waiting = deque([model.initial])
    while waiting:
        state = waiting.popleft()
        if model.is_end(state):
            ends.append(state)
        for name, after, broken in model.steps(state):
            steps += 1
            kind = name.partition(" ")[0]
            seen[kind] = seen.get(kind, 0) + 1
            if broken is not None:
                raise CounterexampleError(broken, [*_way(came_from, state), name])
            if after not in came_from:
                came_from[after] = (state, name)
                waiting.append(after)
            before.setdefault(after, []).append(state)
    stuck = came_from.keys() - _leading_to(ends, before)
    for state in came_from:
        # The first one that was found has the shortest way.
        if state in stuck:
            raise CounterexampleError("no way leads to the end", _way(came_from, state))
    return Explored(len(came_from), steps, seen)


def _way(came_from, state):
    names = []
    while came_from[state] is not None:
        state, name = came_from[state]
        names.append(name)
    return names[::-1]


def _leading_to(ends, before):
    leading, waiting = set(ends), list(ends)
    while waiting:
        for state in before.get(waiting.pop(), ()):
            if state not in leading:
                leading.add(state)
                waiting.append(state)
    return leading
