"""How far AdamW moves the row of an entity per mention, by beta2 and by the number of steps between its mentions.

    python -m scripts.rare_rows

The row of an entity in a table gets a gradient when one of its mentions is masked, and next to none in between. The
table shows the distance of one weight from one mention to the next, in learning rates, after several mentions. The
optimizer is torch's. It takes 10 s.
"""

from __future__ import annotations

import torch

BETA2 = (0.95, 0.98, 0.999, 0.9999)
INTERVALS = (10, 30, 100, 300, 1000)
MENTIONS = 4
LEARNING_RATE = 1e-6
"""So small that the weight hardly changes; distances are given as multiples of it."""


def main() -> None:
    """Print the table in Markdown."""
    print("| steps between two mentions | " + " | ".join(f"beta2 {beta2:g}" for beta2 in BETA2) + " |")
    print("|---" * (1 + len(BETA2)) + "|")
    for interval in INTERVALS:
        print(f"| {interval:,} | " + " | ".join(f"{distance(beta2, interval):.1f}" for beta2 in BETA2) + " |")


def distance(beta2: float, interval: int) -> float:
    """Return how far a weight moves from one mention to the next, in learning rates."""
    weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.AdamW([weight], lr=LEARNING_RATE, betas=(0.9, beta2), eps=1e-6, weight_decay=0.0)
    before = 0.0
    for step in range(MENTIONS * interval):
        if step == (MENTIONS - 1) * interval:
            before = weight.item()
        weight.grad = torch.full_like(weight, -0.01 if step % interval == 0 else 0.0)
        optimizer.step()
    return (weight.item() - before) / LEARNING_RATE


if __name__ == "__main__":
    main()
