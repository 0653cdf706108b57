"""The way in: `python -m pipeline stage=corpus corpus.allow_truncated=true`.

Ctrl-C is taken over before `program` is imported, which takes a second.
"""

from pipeline.execution.interrupts import obey

if __name__ == "__main__":
    obey()
    from pipeline.cli.main import guarded

    guarded()
