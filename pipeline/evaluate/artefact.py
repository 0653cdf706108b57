"""The artefact `evaluate/<run>`: its file names.

metrics.json        the figures, name -> value
loss_curves.png     losses over the steps of all phases
"""

METRICS = "metrics.json"
LOSS_CURVES = "loss_curves.png"
