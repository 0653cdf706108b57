"""The model card: what the model is, what it was made from, how it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PROGRAM = """```python
from transformers import AutoModelForMaskedLM, LukeForEntityPairClassification, LukeTokenizer

tokenizer = LukeTokenizer.from_pretrained(folder)
model = AutoModelForMaskedLM.from_pretrained(folder)           # both pretraining heads
classifier = LukeForEntityPairClassification.from_pretrained(folder)  # its classifier is new: fine-tune it

inputs = tokenizer("Taro belong to Keio university", entity_spans=[(0, 4), (15, 30)], return_tensors="pt")
outputs = model(**inputs)                                      # outputs.logits, outputs.entity_logits
```
transformers 5's LukeTokenizer takes a literal "[MASK]" or "[UNK]" in a text for a special token whose id lies past the
word embeddings; remove or escape such strings.
"""

SENTENCEPIECE_PROGRAM = """```python
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
inputs["entity_position_ids"] = torch.arange(first, last + 1)[None, None]  # pad with -1 for mentions of unlike lengths
outputs = model(**inputs)                                      # outputs.logits, outputs.entity_logits
```
In pretraining a mention's words were tokenized apart from those around it, so tokenize them apart where no space stands
before or after a mention. MLukeTokenizer of transformers 5 gives other ids than this model was trained with.
"""

WORDS_PROGRAM = """```python
from transformers import AutoModelForMaskedLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForMaskedLM.from_pretrained(folder)
```
"""

POOLER = """
No pretraining loss reaches the pooler: it is exported as the identity before its tanh, for fine-tuning to train, and
`pooler_output` says no more than the first token's `last_hidden_state`.
"""

CARD = """---
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

WIKIPEDIA = """
The text of Wikipedia is licensed CC BY-SA 4.0; its authors are named in the articles' histories.
"""


def card(
    *,
    run: str,
    language: str,
    dump: str,
    own: bool,
    entities: bool,
    sentencepiece: bool,
    attention: str,
    training: Mapping[str, Any],
    parents: Mapping[str, str],
) -> str:
    """The README.md of the exported folder.

    Args:
        own: whether the text is one's own, under whatever licence, not a Wikipedia's.
        sentencepiece: whether the word tokenizer is one, which LukeTokenizer cannot read.
        training: the manifest of the stage pretrain.
        parents: stage -> fingerprint of what the model was made from.
    """
    pretrain, counts = training["config"]["pretrain"], training["counts"]
    phases = (
        f"| {name} | {phase['trains']} | {counts[f'steps_{name}']:,} | {phase['epochs']:g} "
        f"| {phase['learning_rate']:g} |"
        for name, phase in ((name, pretrain["phases"][name]) for name in training["config"]["phases"])
    )
    return CARD.format(
        language=language,
        tags="luke, fill-mask" if entities else "fill-mask",
        run=run,
        kind=f"LUKE ({attention.replace('_', '-')} attention)" if entities else "RoBERTa",
        parameters=counts["parameters"] / 1e6,
        dump=dump,
        text="one's own text" if own else "the Wikipedia dump",
        licence="" if own else "license: cc-by-sa-4.0\n",
        source="" if own else WIKIPEDIA,
        examples=counts["train_examples"],
        use=(SENTENCEPIECE_PROGRAM if sentencepiece else PROGRAM) + POOLER if entities else WORDS_PROGRAM,
        batch=pretrain["batch"],
        seed=pretrain["seed"],
        phases="\n".join(phases),
        made_from="\n".join(f"| {stage} | `{fingerprint}` |" for stage, fingerprint in parents.items()),
    )
