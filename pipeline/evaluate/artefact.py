"""The artefact `evaluate/<run>`: its file names, the keys of metrics.json, the columns of mentions.parquet.

metrics.json            the figures: a flat object, key -> number, or null where nothing was scored
mentions.parquet        one row per masked entity of the held-out pages
loss_curves.png         losses over the steps of all phases
checkpoints.json        with evaluate.checkpoints=true: the figures of each checkpoint, in the order of training
checkpoint_curves.png   the same as curves, with the rivals as horizontal lines
report.html             all of it and more for people, in one file; not a part of the fingerprint

`evaluate/comparison.json` is beside the runs' folders: what evaluate.runs=[a,b] prints.

A key of metrics.json is made of names joined by dots, such as "entities.visible.prior_as_seen.hits_at_10". The tables
below say what each name means, and KEYS which combinations there are.
"""

from __future__ import annotations

import re

from pipeline.store.layout import REPORT_FILE

METRICS = "metrics.json"
MENTIONS = "mentions.parquet"
LOSS_CURVES = "loss_curves.png"
CHECKPOINTS = "checkpoints.json"
CHECKPOINT_CURVES = "checkpoint_curves.png"
COMPARISON = "comparison.json"
REPORT = REPORT_FILE

MODEL = "model"
WORD_RIVALS = {
    "unigram": "predicts by the frequency of the tokens in the training examples",
    "bigram": "predicts from the token before, if it is visible",
}
ENTITY_RIVALS = {
    "unigram": "predicts by the number of training mentions of the entity, without context",
    "prior_as_seen": "counts which entity the mention, as the model sees it, led to in the training examples",
    "prior_and_titles": "the same, and matches by folded case and by titles and aliases",
    "prior_clean": "the same as prior_as_seen for the mention without masks: it sees more than the model",
    "naive_bayes_mention": "predicts from the mention's visible tokens, each on its own",
    "mention_bag": "predicts from the same tokens by a trained embedding bag with a linear layer",
    "naive_bayes_tokens": "predicts from the visible tokens around the mention, never from the mention",
    "naive_bayes_tokens_and_entities": "predicts from these tokens and from the entities around",
    "naive_bayes_all": "predicts from the mention, the tokens and the entities around: all that the model sees",
}
"""Rivals, which are fitted on the training examples of the run's own dataset. With evaluate.bag_passes=0, there are no
keys and columns of `mention_bag`."""
SEES_MORE = "prior_clean"
"""The rival that reads more than the model in the setting `visible`; in `moved` no word is masked."""
SETTINGS = {
    "visible": "held-out pages, masked once",
    "hidden": "the same masks, and <mask> for every token of the masked entities' mentions",
    "moved": "the mention of each masked entity in the place of another one, on another page, no word masked",
    "train": "a sample of the training examples, with masks that training did not use",
}
"""The ways in which masked entities are shown to the model."""
SETTING_RIVALS = {
    "visible": tuple(ENTITY_RIVALS),
    "hidden": ("unigram", "naive_bayes_tokens", "naive_bayes_tokens_and_entities"),
    "moved": ("prior_clean",),
    "train": ("unigram", "prior_as_seen"),
}
"""Rivals of the model in each setting. In `train`, they were fitted on the mentions that they are scored on."""
STRONGEST = {
    "visible": ("prior_as_seen", "prior_and_titles", "naive_bayes_all"),
    "hidden": ("naive_bayes_tokens", "naive_bayes_tokens_and_entities"),
}
"""Rivals to which the model's difference is given with an interval."""
WORD_FIGURES = {
    "loss": "mean loss in nats per masked token",
    "perplexity": "exp(loss)",
    "accuracy": "share of masked tokens whose first choice is right",
}
ENTITY_FIGURES = {
    "loss": "mean loss in nats per masked entity, over the full entity vocabulary",
    "accuracy": "share of masked entities whose first choice is right: hits@1",
    "mrr": "mean of 1 / rank",
    "hits_at_10": "share of masked entities that are among the first ten choices",
}
COMPARED = ("accuracy", "hits_at_10")
"""Figures whose differences are given with an interval."""
INTERVAL = {
    "mean": "the model's figure minus the rival's; above 0, the model is better",
    "low": "lower end of the 95 % interval of a paired bootstrap over pages",
    "high": "its upper end",
}
GROUPINGS = {
    "frequency": "by the number of training mentions of the entity",
    "ambiguity": "by what the training examples say about the mention as the model sees it",
}

WORD_SCORERS, ENTITY_SCORERS = (MODEL, *WORD_RIVALS), (MODEL, *ENTITY_RIVALS)
KEYS = {
    "pages.count": "held-out pages that are scored",
    "pages.left_out": "held-out pages of evaluate.dataset that the run was trained on",
    "words.count": "masked tokens",
    "words.{word_scorer}.{word_figure}": "figures of the words",
    "entities.{setting}.count": "masked entities",
    "entities.{setting}.{scorer}.{figure}": "figures of the entities",
    "entities.moved.left_out": "mentions without a place on another page where they fit",
    "entities.moved.host": "share of the model's first choices that are the entity of the place, not of the mention",
    "entities.{probed}.{grouping}.{group}.count": "masked entities of a group",
    "entities.{probed}.{grouping}.{group}.{scorer}.{figure}": "figures of a group",
    "entities.{probed}.difference.{scorer}.{compared}.{interval}": "the model minus its strongest rivals",
}
"""Keys of metrics.json; a name in braces is one of those in PLACEHOLDERS. A words-only model has no `entities`."""
PLACEHOLDERS = {
    "word_scorer": WORD_SCORERS,
    "word_figure": tuple(WORD_FIGURES),
    "setting": tuple(SETTINGS),
    "probed": ("visible", "hidden"),
    "scorer": ENTITY_SCORERS,
    "figure": tuple(ENTITY_FIGURES),
    "compared": COMPARED,
    "interval": tuple(INTERVAL),
    "grouping": tuple(GROUPINGS),
    "group": ("0", "1-5", "6-20", "21-100", "more", "one", "several", "unseen", "damaged"),
}

MENTION_COLUMNS = {
    "page_id": "id of the page",
    "example": "index of the example in the dataset's validation/",
    "entity_number": "which entity of the example it is, from 0",
    "mention": "text of the mention",
    "seen": "text of the mention as the model sees it, with <mask> and random replacements",
    "entity_id": "id of the entity that is to be predicted",
    "title": "its title",
    "train_count": "number of its mentions in the training examples",
    "frequency": "its group by that number",
    "ambiguity": "group of the mention",
    "rank_{scorer}": "rank of the entity, from 1, by the model or a rival of the setting `visible`",
    "loss_{scorer}": "its loss in nats",
    "hidden_rank_{scorer}": "rank with the mention hidden, by the model or a rival of the setting `hidden`",
    "hidden_loss_{scorer}": "its loss in nats",
}
"""Columns of mentions.parquet, in order."""


def key_pattern(key: str) -> str | None:
    """Return the pattern in KEYS that a key of metrics.json follows, or None if it follows none."""
    for pattern in KEYS:
        expression = re.escape(pattern)
        for name, values in PLACEHOLDERS.items():
            expression = expression.replace(re.escape(f"{{{name}}}"), f"(?:{'|'.join(map(re.escape, values))})")
        if re.fullmatch(expression, key):
            return pattern
    return None
