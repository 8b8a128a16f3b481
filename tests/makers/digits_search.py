"""A search over trainings on digits that is over, without the trainings."""

from suggestions import suggest

from alignsearch.search.documents import Recipe, Result, Search, Trial
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.use_cases.defined import objective_of, stored_definition
from alignsearch.spaces.definitions import find_definition


def finished_training(store, name="trained", losses=(0.5, 0.25, 0.75), space="ia", **fields):
    """Store a search whose trials have these losses; it trains a dense network on digits."""
    definition = find_definition(space)
    objective = objective_of(definition, space, definition.space, dataset="digits")
    found = definition.space
    recipe = {"dataset": "digits", "model": "dense", "width": 8, "stem": "small", "epochs": 2}
    recipe |= {"batch_divisor": 32, **fields.pop("recipe", {})}
    store.searches.create(
        Search(
            name=name,
            space=found.name,
            space_hash=found.space_hash,
            **{
                "definition": stored_definition(definition, found, objective),
                "recipe": Recipe.model_validate(recipe),
                "trials": len(losses),
                "parallel": 2,
                "seed": 0,
                "startup": 3,
                "resources": {"CPU": 0.5},
                "created_by": "a test",
                **fields,
            },
        )
    )
    for tid, loss in enumerate(losses):
        point = suggest(found, [], [], tid=tid, seed=0, algo="random", startup=0)
        trial = store.trials.add(
            Trial(
                id=f"{name}/{tid}",
                search=name,
                tid=tid,
                point=point,
                config=found.resolve(point),
            )
        )
        held = store.attempts.begin(trial.id, "w", ttl=60, host="h", accelerator="cpu", versions={})
        store.attempts.finish(trial.id, 1, held.lease.token, Result(status="ok", loss=loss))
    store.searches.change(name, SearchStatus.RUNNING, "a driver")
    return store.searches.change(name, SearchStatus.COMPLETED, "a driver")
