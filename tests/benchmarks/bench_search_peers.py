"""Empty trials over the same space, as peers run them: Ray Tune, and Optuna's journal file."""

import io
import os
import tempfile
import time
from contextlib import redirect_stdout
from multiprocessing import get_context

SPACE = "ia"
TUNE_SETTINGS = ((2, 2500, 600.0), (2, 120, 120.0), (8, 120, 120.0), (60, 90, 180.0))
"""Ray Tune's settings: trials at once, trials in all, seconds after which it is stopped."""


def ray_tune(arguments):
    """Print trials a second of Ray Tune."""
    import ray
    from ray import tune
    from ray.tune.search import ConcurrencyLimiter
    from ray.tune.search.hyperopt import HyperOptSearch

    from alignsearch.spaces.catalog import get_space
    from alignsearch.spaces.hyperopt_space import to_hyperopt

    ray.init(
        address="local",
        num_cpus=os.cpu_count(),
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
    )
    for concurrent, samples, limit in TUNE_SETTINGS:
        ended = []

        class Ends(tune.Callback):
            def on_trial_complete(self, iteration, trials, trial, ended=ended, **_):
                ended.append(time.perf_counter())

        def objective(config):
            tune.report({"loss": config["sigma"]})

        search = HyperOptSearch(to_hyperopt(get_space(SPACE)), metric="loss", mode="min")
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
            began = time.perf_counter()
            tune.Tuner(
                tune.with_resources(objective, {"cpu": os.cpu_count() / concurrent}),
                tune_config=tune.TuneConfig(
                    search_alg=ConcurrencyLimiter(search, max_concurrent=concurrent),
                    num_samples=samples,
                    reuse_actors=True,
                    time_budget_s=limit,
                ),
                run_config=tune.RunConfig(storage_path=folder, verbose=0, callbacks=[Ends()]),
            ).fit()
            seconds = time.perf_counter() - began
        # Trials that the limit stops end, too.
        ended = [at for at in ended if at < began + limit]
        warm = ended[concurrent:]
        after = f"{(len(warm) - 1) / (warm[-1] - warm[0]):.2f}" if len(warm) > 1 else "no"
        print(
            f"Ray Tune {ray.__version__}, {concurrent} at once, {len(ended)} trials: "
            f"{after} trials/s after the first {concurrent}; "
            f"{len(ended) / seconds:.2f} over the whole run",
            flush=True,
        )


def journal(arguments):
    """Print trials a second of Optuna's journal file."""
    import optuna

    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/journal.log"
        optuna.create_study(study_name="bench", storage=journal_storage(file))
        context = get_context("spawn")
        go = context.Barrier(9)
        each = arguments.journal_trials // 8
        workers = [
            context.Process(target=journal_worker, args=(file, seed, each, go)) for seed in range(8)
        ]
        for worker in workers:
            worker.start()
        go.wait()
        began = time.perf_counter()
        for worker in workers:
            worker.join()
        seconds = time.perf_counter() - began
    print(
        f"Optuna {optuna.__version__} journal, 8 processes, {8 * each} trials: "
        f"{8 * each / seconds:.1f} trials/s"
    )


def journal_storage(file):
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.storages.JournalStorage(JournalFileBackend(file))


def journal_worker(file, seed, trials, go):
    import optuna
    from bench_tpe_speed import DISTRIBUTIONS

    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.load_study(study_name="bench", storage=journal_storage(file), sampler=sampler)
    go.wait()
    for _ in range(trials):
        trial = study.ask(DISTRIBUTIONS)
        study.tell(trial, trial.params["sigma"])
