"""The table of commands, in the order in which `--help` lists them."""

import typer

from alignsearch.cli import (
    best,
    budget,
    confirm,
    copy,
    dashboard,
    data,
    doctor,
    drive,
    events,
    experiments,
    export,
    given,
    hand_back,
    importance,
    logs,
    report,
    retain,
    show,
    spaces,
    status,
    steer,
    store,
    submit,
    train,
    trials,
    whole_search,
)

app = typer.Typer(
    name="alignsearch",
    help="Distributed hyperparameter search for learning rules without weight symmetry.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(spaces.spaces)
app.command()(submit.submit)
app.command()(drive.serve)
app.command()(status.status)
app.command()(trials.trials)
app.command()(show.show)
app.command()(logs.logs)
app.command()(best.best)
app.command()(importance.importance)
app.command()(confirm.confirm)
app.command()(steer.pause)
app.command()(steer.resume)
app.command()(steer.stop)
app.command()(steer.cancel)
app.command()(steer.release)
app.command()(budget.extend)
app.command(name="set")(budget.set_)
app.command()(steer.retry)
app.command()(given.enqueue)
app.command(name="import")(given.import_)
app.command()(events.events)
app.command()(export.export)
app.command()(copy.dump)
app.command()(copy.load)
app.command()(whole_search.note)
app.command(cls=whole_search.TagCommand)(whole_search.tag)
app.command()(whole_search.rename)
app.command()(whole_search.delete)
app.command()(retain.retain)
app.command()(dashboard.dashboard)
app.command()(train.train)
app.command()(report.report)
app.add_typer(experiments.app, name="experiment")
app.add_typer(store.app, name="store")
app.command()(data.data)
app.command()(doctor.doctor)
app.command()(hand_back.hand_back)
