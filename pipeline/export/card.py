"""The model card: a description of the model, its use, and the artefacts that it was made from."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.pretrain.artefact import Training

LUKE_USAGE = """```python
from transformers import AutoModelForMaskedLM, LukeForEntityPairClassification, LukeTokenizer

tokenizer = LukeTokenizer.from_pretrained(folder)
model = AutoModelForMaskedLM.from_pretrained(folder)           # both pretraining heads
classifier = LukeForEntityPairClassification.from_pretrained(folder)  # its classifier has random weights: fine-tune it

inputs = tokenizer("Taro belong to Keio university", entity_spans=[(0, 4), (15, 30)], return_tensors="pt")
outputs = model(**inputs)                                      # outputs.logits, outputs.entity_logits
```
The LukeTokenizer of transformers 5 turns a literal "[MASK]" or "[UNK]" in a text into a special token whose id is
outside the word embeddings; remove or escape such strings.
"""

SENTENCEPIECE_USAGE = """```python
import json
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForMaskedLM.from_pretrained(folder)           # both pretraining heads
entities = json.load(open(f"{folder}/entity_vocab.json"))      # title -> id

text, start, end = "Taro belongs to Keio university", 16, 31
inputs = tokenizer(text, return_tensors="pt")
first, last = inputs.char_to_token(start), inputs.char_to_token(end - 1)
inputs["entity_ids"] = torch.tensor([[entities["[MASK]"]]])
inputs["entity_position_ids"] = torch.arange(first, last + 1)[None, None]  # pad shorter mentions with -1
outputs = model(**inputs)                                      # outputs.logits, outputs.entity_logits
```
In pretraining, mentions were tokenized separately from the text around them. Do the same if there is no space before or
after a mention. Do not use MLukeTokenizer of transformers 5: it gives other ids than this model was trained with.
"""

ROBERTA_USAGE = """```python
from transformers import AutoModelForMaskedLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForMaskedLM.from_pretrained(folder)
```
"""

POOLER_NOTE = """
Pretraining does not train the pooler. Its linear layer is exported as the identity, to be trained by fine-tuning, so
`pooler_output` is the tanh of the first token's `last_hidden_state`.
"""

CARD_TEMPLATE = """---
language: "{language}"
library_name: transformers
pipeline_tag: fill-mask
{licence}tags: [{tags}]
---
# {run}

{kind} with {parameters:.1f}M parameters, pretrained on {text} `{dump}`
({examples:,} sequences). Method: Yamada et al., *LUKE: Deep Contextualized Entity Representations with
Entity-aware Self-attention*, EMNLP 2020 (arXiv 2010.01057).

## Use
{use}
## Training
Batches of {batch} sequences, seed {seed}.

| phase | trains | steps | epochs | peak learning rate |
|---|---|---|---|---|
{phases}

## Made from
| stage | fingerprint (sha256 of its manifest) |
|---|---|
{made_from}
{source}"""

WIKIPEDIA_LICENCE = """
The text of Wikipedia is licensed CC BY-SA 4.0; its authors are named in the articles' histories.
"""


def render_card(
    *,
    run: str,
    language: str,
    dump: str,
    is_own_text: bool,
    entities: bool,
    sentencepiece: bool,
    attention: str,
    training: Training,
    parents: Mapping[str, str],
) -> str:
    """Return the README.md of the exported folder.

    Args:
        run: name of the run.
        language: language code of the text.
        dump: name of the dump.
        is_own_text: whether the text is the user's own and not Wikipedia's; the card names no licence then.
        entities: False for a words-only model.
        sentencepiece: whether the tokenizer is a SentencePiece model, which LukeTokenizer cannot read.
        attention: the attention of the exported model.
        training: the finished training.
        parents: stage -> fingerprint of the artefact.
    """
    phases = (
        f"| {phase.name} | {phase.trains} | {phase.steps:,} | {phase.epochs:g} | {phase.learning_rate:g} |"
        for phase in training.phases
    )
    return CARD_TEMPLATE.format(
        language=language,
        tags="luke, fill-mask" if entities else "fill-mask",
        run=run,
        kind=f"LUKE ({attention.replace('_', '-')} attention)" if entities else "RoBERTa",
        parameters=training.parameters / 1e6,
        dump=dump,
        text="the text" if is_own_text else "the Wikipedia dump",
        licence="" if is_own_text else "license: cc-by-sa-4.0\n",
        source="" if is_own_text else WIKIPEDIA_LICENCE,
        examples=training.train_examples,
        use=(SENTENCEPIECE_USAGE if sentencepiece else LUKE_USAGE) + POOLER_NOTE if entities else ROBERTA_USAGE,
        batch=training.batch_size,
        seed=training.seed,
        phases="\n".join(phases),
        made_from="\n".join(f"| {stage} | `{fingerprint}` |" for stage, fingerprint in parents.items()),
    )
