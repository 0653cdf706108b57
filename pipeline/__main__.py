"""Entry point of the command line: `python -m pipeline stage=corpus corpus.allow_truncated=true`.

The handler for Ctrl-C is installed before `pipeline.cli.main` is imported, because that import takes a second.
"""

from pipeline.execution.interrupts import install_sigint_handler

if __name__ == "__main__":
    install_sigint_handler()
    from pipeline.cli.main import run_command_line

    run_command_line()
