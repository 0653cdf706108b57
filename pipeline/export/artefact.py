"""The artefact `export/<run>`: the file names that are ours to choose; the others are transformers'.

model.safetensors, config.json       the weights and settings that `from_pretrained` loads
tokenizer files, entity_vocab.json   see `tokenizer.py`
README.md                            the model card
"""

WEIGHTS = "model.safetensors"
CARD = "README.md"
