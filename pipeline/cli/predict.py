"""The command `predict`: print the words and entities that a model predicts for a text.

make passes TEXT and MODEL in environment variables, because hydra's grammar would change quotes, commas, equals signs,
braces and backslashes in a value, and make and the shell dollar signs. Without make, set PREDICT_TEXT, or quote the
text for hydra: python -m pipeline stage=predict "predict.text='...'".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from pipeline.errors import PipelineError
from pipeline.execution.console import print_page
from pipeline.inference.markup import parse_markup
from pipeline.inference.predictor import Place, Prediction, Predictor

TEXT_VARIABLE, MODEL_VARIABLE = "PREDICT_TEXT", "PREDICT_MODEL"
EXAMPLE = 'make predict TEXT="Taro belongs to [[Keio University]]."'
ENTITY_STYLE, WORD_STYLE, GIVEN_STYLE = "cyan", "magenta", "dim"


def print_prediction(text: str | None, model: str | None, default_model: Path, count: int) -> None:
    """Print the `count` most probable words and entities at each marked place of a text.

    Args:
        text: the marked text; None for that of the environment variable.
        model: folder of the model; None for that of the environment variable, or else `default_model`.
        default_model: the folder of the run's export.
        count: number of words or entities per place.

    Raises:
        PipelineError: there is no text, nothing is marked in it, its marks are wrong, or the model cannot be opened.
    """
    marked = read_text(text, os.environ)
    folder = model or os.environ.get(MODEL_VARIABLE) or str(default_model)
    passage = parse_markup(marked)
    if not passage.hidden and all(mention.title is not None for mention in passage.mentions):
        raise PipelineError(
            f"nothing is marked in {marked!r}: [[...]] marks a mention whose entity is predicted, [[_]] hides its "
            f"words too, and <mask> hides a word. Example: {EXAMPLE}"
        )
    [prediction] = Predictor.open(folder).predict_passages([passage], count)
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    with console.capture() as page:
        console.print(Text(folder, style="dim"), format_prediction(prediction), sep="\n", end="")
    print_page(page.get())


def read_text(text: str | None, environment: Mapping[str, str]) -> str:
    """Return the text that was given as a setting or else in the environment.

    Raises:
        PipelineError: none was given, or it is not valid UTF-8.
    """
    found = environment.get(TEXT_VARIABLE, "") if text is None else text
    if not found.strip():
        raise PipelineError(f"TEXT is missing: the text whose entities are predicted. Example: {EXAMPLE}")
    try:
        found.encode()
    except UnicodeEncodeError as error:
        raise PipelineError(f"TEXT is not valid UTF-8 at character {error.start + 1}: {found!r}") from None
    return found


def format_prediction(prediction: Prediction) -> Text:
    """Return the text with its numbered places, and the candidates of each place."""
    places = [(place, "entity") for place in prediction.entities] + [(place, "word") for place in prediction.words]
    places.sort(key=lambda item: item[0].start)  # an entity comes before the words of its mention
    result = format_text(prediction, [place for place, _ in places])
    for number, (place, kind) in enumerate(places, start=1):
        style = ENTITY_STYLE if kind == "entity" else WORD_STYLE
        mention = prediction.passage.text[place.start : place.end]
        result.append(f"\n\n{number} ", style="bold").append(kind, style=f"bold {style}")
        result.append(f" of {mention!r}" if kind == "entity" else "")
        for rank, (text, probability) in enumerate(place.candidates):
            result.append(f"\n  {probability:.4f}  ", style="dim")
            result.append(text if kind == "entity" else repr(text), style=f"bold {style}" if rank == 0 else "")
    return result


def format_text(prediction: Prediction, places: list[Place]) -> Text:
    """Return the text of a prediction; each place is in brackets with its number, a given entity with its title."""
    text, result = prediction.passage.text, Text()
    edges: list[tuple[int, int, str, str]] = []  # position, order at the position, inserted text, style
    for number, place in enumerate(places, start=1):
        style = ENTITY_STYLE if place in prediction.entities else WORD_STYLE
        edges += [(place.start, number, f"[{number} ", f"bold {style}"), (place.end, -number, "]", f"bold {style}")]
    for mention in prediction.passage.mentions:
        if mention.title is not None:
            edges += [
                (mention.start, 0, "[", GIVEN_STYLE),
                (mention.end, 0, f" → {mention.title}]", GIVEN_STYLE),
            ]
    position = 0
    for edge, _, inserted, style in sorted(edges):
        result.append(text[position:edge]).append(inserted, style=style)
        position = edge
    return result.append(text[position:])
