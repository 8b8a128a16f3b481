"""`alignsearch extend|set`: more trials, other slots, other rules that end a search."""

from alignsearch.cli.model_options import with_options_of
from alignsearch.cli.options import NameArgument, StoreOption, print_text
from alignsearch.names import whoami
from alignsearch.search.use_cases import budget
from alignsearch.search.use_cases.rules import Changes, wrong_change
from alignsearch.wiring import open_store


@with_options_of(Changes, wrong_change)
def extend(asked: Changes, name: NameArgument, store: StoreOption = None) -> None:
    """Let a search go on to more trials (--trials), also one that is over."""
    with open_store(store) as opened:
        search = budget.extend(opened, name, asked, whoami())
    print_text(budget.outcome_in_words(search))


@with_options_of(Changes, wrong_change)
def set_(asked: Changes, name: NameArgument, store: StoreOption = None) -> None:
    """Change a search's slots, priority, budget, rules or webhook while it lives."""
    with open_store(store) as opened:
        search = budget.adjust(opened, name, asked, whoami())
    print_text(budget.outcome_in_words(search))
