"""A store of searches in MongoDB, and the embedded server: the whole interface on this page.

`Store.connect(uri)` opens a store; `with` or `close()` closes it. `now()` is the server's clock,
`ping()` the seconds that an answer takes, `uri_for_people` the URI without passwords, `place` the
store's id and database, `lacking()` what the server can't do of what a search needs, `news` wakes
those who poll the store.

Every method raises StoreUnavailableError if the server doesn't answer, StoreRefusedError if this
user may not do that, StoreCorruptedError if a document can't be read. A name that doesn't exist is
an UnknownNameError. Every change is a compare-and-set that is safe to send twice. An attempt writes
with its token; a token that no longer holds the trial is a StaleAttemptError, and nothing is
written. Times are the server's.

store.searches (searches.py)
    create(search) -> Search: insert; NameTakenError, or StateConflictError if the queue is full
    get(name) -> Search: read one; UnknownNameError
    all() -> list[Search]: read all, the oldest first, without unreadable ones
    active() -> list[Search]: read those that aren't over, the oldest first
    named(names) -> list[Search]: read those of the names that exist, without unreadable ones
    change(name, to, who, *, detail) -> Search: set the status, add an event; StateConflictError
    request_stop(name, who) -> Search: let no new trial begin, add an event; StateConflictError
    extend(name, changes, who, *, detail) -> Search: change what ends it, go on if over;
        StateConflictError if it was cancelled
    adjust(name, changes, who, *, detail) -> Search: change settings; StateConflictError if over
    decide(name) -> tuple[Search, str]: read one, with the token of its last change
    end(search, change, to, who, *, detail) -> Search | None: end it; None if it was changed since
    confirm(name, asked, who) -> Search: have the best trials repeated, go on if over;
        StateConflictError if it was cancelled
    reopen(name, who, detail) -> Search: queue a search again that is over; StateConflictError
    edit(name, changes, who, what, detail) -> Search: change fields in any status, add an event
    acquire_driver(name, owner, ttl) -> str | None: take the driver's lease; None if another has it
    renew_driver(name, token, ttl) -> bool: extend the lease; False if another has it
    pull_back_driver(search) -> None: cut the lease to its duration if it passes far later
    note_driven(name, token, seconds) -> None: record how long it was driven, if the token holds
    release_driver(name, token) -> None: give the lease up, if the token holds it

store.trials (trials.py)
    add(trial) -> Trial: insert one, as add_many
    add_many(trials, *, placed) -> list[Trial]: insert queued trials; the same again is no error
    get(trial, tid) -> Trial: read one by id, or by search and tid; UnknownNameError
    all(search, states) -> list[Trial]: read a search's trials, or those in some states, by tid
    all_readable(search, states) -> list[Trial]: the same, without unreadable ones
    find(trial, tid) -> Trial | None: read one; None if it is lost or can't be read
    by_id(ids) -> list[Trial]: read those of the ids that can be read, in the ids' order
    best(search, number) -> list[Trial]: read the so many best completed trials, the best first
    changed(ids, seen) -> list[Trial]: read those that changed since the last call with `seen`
    unreadable(search) -> set[int]: numbers of the trials that reads have left out so far
    last_change(search) -> int: number all changes; the number up to which all can be read
    changes(search, after_seq) -> list[Trial]: read the trials that changed after a number
    change_pages(search, after_seq) -> Iterator[list[Trial]]: the same, a page at a time
    numbered(search, after_seq, last) -> Iterator[list[Trial]]: read the changes up to `last`
    numbered_records(search, after_seq, last) -> Iterator[list[Record]]: the same, undecoded
    unnumbered(search) -> list[Trial]: read the readable trials whose last change has no number yet
    changed_records(search, after_seq, up_to) -> list[Record]: the changes up to a number, undecoded
    place(ids) -> None: note on queued trials that the cluster has them
    note_start_failure(trial_id, attempt, why) -> None: note why no worker could begin the trial

store.attempts (attempts.py)
    begin(trial, owner, *, ttl, host, accelerator, versions, slot) -> Trial | None: take a queued
        trial; None if it isn't queued
    renew(trial_id, attempt, token, ttl) -> None: extend the attempt's lease
    pull_back(trial) -> None: cut the attempt's lease to its duration if it passes far later
    record_epoch(trial_id, attempt, token, epoch, *, for_pruner, metric) -> None: add an epoch
    resume(trial_id, attempt, token, epochs, metric) -> Trial: add the epochs of a checkpoint
    request_prune(trial_id, attempt, token, reason) -> bool: ask the attempt to end early
    prune(trial_id, attempt, token, result) -> Trial: end the trial early
    finish(trial, attempt, token, result, best_epoch) -> Trial: complete the trial
    hand_back(trial_id, attempt, token, reason) -> Trial: queue the trial again, free of charge
    release(trial_id, reason) -> Trial: take the trial from its worker; StateConflictError if none
    crash(trial_id, attempt, token, error, *, retry, max_attempts) -> Trial: queue again, or fail
    expire(trial_id, attempt, *, max_attempts, reason) -> Trial | None: crash an attempt whose lease
        has passed; None if it hasn't
    withdraw(trial, reason) -> Trial | None: cancel it as it was read; None if it changed since
    cancel(trial_id, reason) -> Trial: end one trial now; StateConflictError if it has ended
    cancel_all(search) -> int: cancel the search's trials that haven't ended; their number

store.points (points.py)
    read(search, first, end) -> list[GivenPoint]: read the points numbered from first to end - 1
    all(search) -> list[GivenPoint]: read all points, also those that no driver may read yet
    records(search, first, end) -> list[Record]: what `read` does, undecoded
    add(points) -> list[GivenPoint]: insert points of one search under its next numbers
    publish(search) -> int: let drivers read all stored points; how many there are

store.totals (totals.py)
    update(search) -> Tally: sum up the trials that ended since the last update
    standing(search) -> Standing: counts, best trial, live trials and recent durations
    since_best(search) -> int: trials with a result that ended after the best one
    counts(search) -> dict[TrialState, int]: trials by state, every state named
    best(search) -> Trial | None: the best completed trial
    diverged(search) -> int: number of completed trials without a finite loss

store.logs (logs.py)
    add_event(search, who, what, detail, *, once) -> None: add an event, dated now
    events(search) -> list[Event]: read a search's events, the oldest first
    events_since(search, at) -> list[Event]: read the events from a time on
    epochs(trial_id, attempt) -> list[Epoch]: read a trial's epochs, or one attempt's
    epoch_records(trial_id) -> list[Record]: a trial's epochs, undecoded
    count_epochs(trial_id) -> int: count a trial's epochs
    drop_epochs(trial_id) -> None: delete a trial's epochs and log lines
    record_lines(trial_id, attempt, lines) -> None: replace an attempt's log lines
    lines(trial_id, attempt) -> tuple[LogLine, ...]: read an attempt's log lines

store.copies (copies.py)
    documents(name) -> Iterator[tuple[str, Record]]: read a whole search, undecoded
    begin_load(counter, load) -> str: reserve a name for a load; 24 digits of this copy alone;
        NameTakenError
    load_each(collection, documents, copy) -> None: insert documents of a reserved name
    note_load(name, copy, who, detail) -> None: add an event, once a load
    finish_load(search, copy, folders) -> None: insert the search itself, which shows all;
        NameTakenError

store.renames (renames.py)
    begun(name) -> str | None: the new name, if the renaming was broken off
    source(name) -> str | None: the old name, while something is left of the old search
    unfinished() -> list[tuple[str, str]]: old and new names of renamings that were broken off
    is_hidden(name) -> bool: whether no reader finds the search by this name
    reserve(old, new) -> None: reserve the new name; NameTakenError, StateConflictError
    copy(old, new) -> None: copy trials and points that changed since the last call
    switch(old, new) -> bool: hide the old one; False if it is driven or was changed meanwhile
    undo(old, new) -> None: delete the copies of a search that isn't hidden yet
    finish(old, new, who) -> Search: show the new one, delete the rest of the old one, add events

store.deletions (deletions.py)
    begun(name) -> Search | None: the search as it was, if its deletion was broken off
    unfinished() -> list[str]: names of searches whose deletion was broken off
    trials(name) -> int: number of the search's trials, readable or not
    begin(name, who) -> bool: hide the search; False if it is driven or was changed meanwhile
    finish(name) -> int: delete the rest of a hidden search; the number of its trials
"""

from alignsearch.search.store.store import Store

__all__ = ["Store"]
