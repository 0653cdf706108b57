"""Where units are worked on: processes of this machine, a Slurm job array by datatrove's executor, or a Ray.

Each has a `launch`, which takes a `Share`, has its tasks done, and returns when no task is left; it raises a failed
unit's own message. All exchange is by the units' marks, so an executor cannot change a byte of what is built, and a new
one needs a `launch` and nothing else.

    config      how units are spread
    local       processes of this machine
    slurm       a job array
    ray         tasks of a Ray
"""
