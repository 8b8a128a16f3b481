"""A thousand faults on three kinds of stores: what strikes, what is searched, and who judges.

`make chaos` runs it; `python -m campaign --help` names its options. Files:

- `stores`, `world`: the processes that are struck: a store, a cluster of two hosts, drivers
- `kinds`: tables of faults, a file a family; `targets`: how many of each are wanted
- `searches`: what is searched meanwhile; `lanes`: faults that strike it side by side
- `rounds`: one search with its twin under such faults
- `oracle`, `leftovers`: what a store's documents, processes and folders must be in the end
- `journal`, `summary`: the log that a run goes on from, and its table for people
- `mutations`: programs with one fault built in, which the campaign must find
"""
