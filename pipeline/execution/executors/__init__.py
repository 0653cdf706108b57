"""Executors: they run the tasks that process a stage's units.

Each executor is a module with a function `launch`. It takes a `UnitQueue` and the executor's config, runs the queue's
tasks, and returns when all of them have ended. It raises the message of a unit that failed. Tasks and caller exchange
nothing but marker files (`units.py`), so an executor cannot change a byte of an artefact. A new executor needs its
config and a `launch`, and a line in `map_units.launch`.

    config      settings of each kind of executor
    local       processes on this machine
    slurm       a Slurm job array, submitted by datatrove
    ray         tasks of a Ray cluster
"""
