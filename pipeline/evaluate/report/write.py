"""Write report.html: everything that an evaluation found, for people, in one file.

    write_report(inputs, rivals, builder.folder)

The file is not a part of the fingerprint, because it shows times and depends on the version of matplotlib. For the
demo's LUKE it has 400 KB and takes 4 s, most of it for the charts.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.evaluate.artefact import REPORT
from pipeline.evaluate.fit_rivals import EntityRivals
from pipeline.evaluate.inputs import Inputs
from pipeline.evaluate.report.gather import gather_report
from pipeline.evaluate.report.page import render_page
from pipeline.store.files import atomic_write


def write_report(inputs: Inputs, rivals: EntityRivals, folder: Path) -> None:
    """Write the report of an evaluation whose other files are in `folder`.

    Args:
        inputs: the run with its data.
        rivals: the fitted rivals of the entities; none for a words-only model.
        folder: the evaluation's folder, finished or not.
    """
    page = render_page(gather_report(inputs, rivals, folder))
    with atomic_write(folder / REPORT) as file:
        file.write(page)
