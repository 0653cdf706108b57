"""The training loop: phases, and in each of them steps.

Each phase has its own trainable parameters, optimizer and learning-rate schedule. Data order, masks and dropout are
seeded by (seed, phase, step), so a resumed training run produces exactly the same result as an uninterrupted one.

accelerate starts the processes: one on this machine, or as many as `accelerate launch` was asked for. batches.py splits
the data over them, because accelerate cannot resume a shuffled loader exactly, and parallel.py distributes the model.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader

from pipeline.errors import PipelineError
from pipeline.execution.console import console, progress_bar
from pipeline.io.arrow import Int64Array
from pipeline.model.luke import Luke
from pipeline.pretrain import checkpoint
from pipeline.pretrain.artefact import CHECKPOINTS, LOGS
from pipeline.pretrain.batches import EpochOrder, StepBatches
from pipeline.pretrain.checkpoint import Checkpoint, TrainProgress, copy_to_cpu
from pipeline.pretrain.config import PhaseConfig, PretrainConfig
from pipeline.pretrain.data import TrainingData
from pipeline.pretrain.masking import example_keys
from pipeline.pretrain.metrics import MetricsWriter, format_losses
from pipeline.pretrain.objective import Tally, evaluate_tally, loss_divisors, micro_batch_loss, to_device
from pipeline.pretrain.optim import build_adamw, learning_rate, set_learning_rate, set_trainable
from pipeline.pretrain.parallel import (
    clip_gradient_norm,
    fsdp_requested,
    full_tensor,
    named_moments,
    set_gradient_sync,
    unsharded_model,
    wrap_model,
)
from pipeline.pretrain.plan import make_plan, render_plan
from pipeline.pretrain.signals import REQUEUE_EXIT_CODE, StopFlag
from pipeline.records import Batch
from pipeline.store.files import write_json


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the training run, with the order of its examples and the number of its steps."""

    number: int
    name: str
    config: PhaseConfig
    order: EpochOrder
    steps: int


@dataclass(frozen=True, slots=True)
class PhaseState:
    """The model and the optimizer while a phase is trained."""

    phase: Phase
    wrapped: nn.Module
    """The module to call for training: the model, wrapped for this phase."""
    optimizer: torch.optim.Optimizer


class StepResult(NamedTuple):
    """The outcome of one optimizer step."""

    tally: Tally
    """Sums over this process's part of the batch."""
    gradient_norm: float
    learning_rate: float
    stop_requested: bool
    """Whether any process has received a signal to stop."""


class Trainer:
    """The training of one model, from the newest checkpoint to the end of the last phase."""

    def __init__(
        self,
        config: PretrainConfig,
        accelerator: Accelerator,
        model: Luke,
        data: TrainingData,
        metrics: MetricsWriter,
        stop: StopFlag,
        folder: Path,
    ) -> None:
        self.config, self.accelerator, self.model, self.data = config, accelerator, model, data
        self.metrics, self.stop, self.folder = metrics, stop, folder
        self.phases: list[Phase] = []
        for number, (name, phase) in enumerate(config.phases.items()):
            order = EpochOrder(examples=len(data.train), batch_size=config.batch_size, seed=config.seed, phase=number)
            self.phases.append(Phase(number, name, phase, order, order.step_count(phase.epochs)))

    def print_plan(self) -> None:
        """Print the estimated memory and time, on the main process."""
        if self.accelerator.is_main_process:
            plan = make_plan(
                self.config, self.model, self.data.train, [phase.steps for phase in self.phases],
                device=self.accelerator.device, processes=self.accelerator.num_processes, sharded=fsdp_requested(),
            )  # fmt: skip
            console.print(render_plan(plan, self.config))

    def run(self) -> Luke:
        """Train all phases, from the newest checkpoint if there is one, and return the unsharded model.

        Raises:
            PipelineError: the gradient is not finite.
            SystemExit: after a checkpoint, with code 85, because a signal asked the training run to stop.
        """
        newest = checkpoint.find_newest(self.folder / CHECKPOINTS)
        progress = newest.progress if newest else TrainProgress(0, 0)
        if newest:
            newest.restore_model(self.model)
            if self.accelerator.is_main_process:
                name = self.phases[progress.phase].name
                console.print(f"pretrain: resuming after step {progress.step:,} of phase {name}")
        self.metrics.resume_from(progress)
        for phase in self.phases[progress.phase :]:
            self.run_phase(phase, newest if phase.number == progress.phase else None)
        return unsharded_model(self.model)

    def run_phase(self, phase: Phase, resume_from: Checkpoint | None) -> None:
        """Train one phase, from a checkpoint of this phase or from its first step."""
        state = self.begin_phase(phase)
        first = resume_from.progress.step if resume_from else 0
        if resume_from and first:
            resume_from.restore_optimizer(state.optimizer, self.model)
        self.train_steps(state, first)

    def begin_phase(self, phase: Phase) -> PhaseState:
        """Wrap the model for a phase and make a fresh optimizer."""
        self.model = unsharded_model(self.model)
        set_trainable(self.model, phase.config.trains)
        wrapped = wrap_model(self.model, self.accelerator, compile_layers=self.config.compile)
        optimizer = build_adamw(self.model, self.config.optimizer)
        self.metrics.reset()
        return PhaseState(phase, wrapped, optimizer)

    def train_steps(self, state: PhaseState, first: int) -> None:
        """Run the steps from `first` to the end of the phase, and save, validate and log at their intervals."""
        phase = state.phase
        save_at = evenly_spaced_steps(phase.steps, self.config.checkpoints_per_phase)
        validate_at = evenly_spaced_steps(phase.steps, self.config.validations_per_phase)
        state.wrapped.train()
        with progress_bar(shown=self.accelerator.is_main_process) as bar:
            task = bar.add_task(f"pretrain {phase.name}", total=phase.steps, completed=first)
            loader, wait_start = self.step_batches(phase, first), time.perf_counter()
            for step, batches in zip(range(first, phase.steps), loader, strict=True):
                waited = time.perf_counter() - wait_start
                progress = TrainProgress(phase.number, step + 1)
                result = self.train_step(state, step, batches)
                self.metrics.add_step(result.tally, batches, waited, self.model.dimensions, phase.config.trains)
                if progress.step % self.config.log_every == 0 or progress.step == phase.steps:
                    line = self.metrics.write_train_line(
                        progress, phase.name, rate=result.learning_rate, norm=result.gradient_norm
                    )
                    speed = f"{line['tokens_per_second']:,.0f} tokens/s"
                    bar.update(task, description=f"{phase.name}: {format_losses(line)}, {speed}")
                if progress.step in validate_at:
                    self.metrics.write_validation_line(progress, phase.name, self.validate())
                if progress.step in save_at or result.stop_requested:
                    self.save(state, progress)
                if result.stop_requested:
                    raise SystemExit(REQUEUE_EXIT_CODE)
                bar.advance(task)
                wait_start = time.perf_counter()

    def step_batches(self, phase: Phase, first: int) -> Iterator[list[Batch[Int64Array]]]:
        """Return this process's micro-batches, step by step, prepared in advance by `loader_workers` processes."""
        steps = StepBatches(
            order=phase.order,
            masker=self.data.masker(self.data.train, phase=phase.number),
            micro_batch_tokens=self.config.micro_batch_tokens,
            rank=self.accelerator.process_index,
            ranks=self.accelerator.num_processes,
        )
        loader: DataLoader[list[Batch[Int64Array]]] = DataLoader(
            steps,  # type: ignore[arg-type]  # any object with __getitem__ works
            batch_size=None,
            sampler=range(first, phase.steps),
            num_workers=self.config.loader_workers,
            collate_fn=identity,
        )
        return iter(loader)

    def train_step(self, state: PhaseState, step: int, batches: list[Batch[Int64Array]]) -> StepResult:
        """Run one optimizer step over the global batch; `batches` is this process's part of it."""
        phase, device, processes = state.phase, self.accelerator.device, self.accelerator.num_processes
        counts = [sum(len(b.word_targets) for b in batches), sum(len(b.entity_targets) for b in batches)]
        shared = self.accelerator.reduce(torch.tensor([*counts, int(self.stop.is_set)], device=device), "sum")
        words, entities, stop_requests = shared.tolist()
        tally = Tally.zero(device)
        for number, batch in enumerate(batches):
            torch.manual_seed(
                dropout_seed(
                    self.config.seed,
                    phase=phase.number,
                    step=step,
                    micro_batch=number,
                    rank=self.accelerator.process_index,
                )
            )
            set_gradient_sync(state.wrapped, enabled=number == len(batches) - 1)
            on_device = to_device(batch, device)
            with self.accelerator.autocast():
                output = state.wrapped(on_device)
            by_words, by_entities = loss_divisors(
                self.config.loss_normalization,
                batch,
                words=words,
                entities=entities,
                micro_batches=len(batches) * processes,
            )
            # DDP and FSDP2 average the gradients over the processes; the factor turns the mean into the sum.
            (micro_batch_loss(output, words=by_words, entities=by_entities) * processes).backward()
            tally += Tally.from_output(output, on_device)
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        norm = clip_gradient_norm(trained, self.config.optimizer.clip_norm)
        if not np.isfinite(norm):
            self.stop_on_bad_gradient(state, step, norm)
        rate = learning_rate(step, phase=phase.config, steps=phase.steps)
        set_learning_rate(state.optimizer, rate)
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        return StepResult(tally, norm, rate, stop_requests > 0)

    def validate(self) -> Tally:
        """Return the tally of this process's part of the held-out examples; the masks are the same each time."""
        indices = np.arange(min(self.config.validation_examples, len(self.data.validation)))
        if not len(indices):
            return Tally.zero(self.accelerator.device)
        masker = self.data.masker(self.data.validation, phase=0)
        parts = masker.partition(
            indices,
            budget=self.config.micro_batch_tokens,
            rank=self.accelerator.process_index,
            ranks=self.accelerator.num_processes,
        )
        own = [part for part in parts if len(part)]
        # A process without examples computes one and does not count it, because all processes gather the shards.
        batches = (masker.masked_batch(part, np.zeros_like(part)) for part in own or [indices[:1]])
        with self.accelerator.autocast():
            tally = evaluate_tally(self.model, batches, self.accelerator.device)
        return tally if own else Tally.zero(self.accelerator.device)

    def save(self, state: PhaseState, progress: TrainProgress) -> None:
        """Write a checkpoint; every process takes part, the main one writes."""
        main = self.accelerator.is_main_process
        weights = copy_to_cpu(
            ((name, full_tensor(tensor)) for name, tensor in self.model.state_dict().items()), keep=main
        )  # fmt: skip
        moments = copy_to_cpu(named_moments(self.model, state.optimizer), keep=main)
        if main:
            checkpoint.save(
                self.folder / CHECKPOINTS,
                phases=[phase.name for phase in self.phases],
                progress=progress,
                weights=weights,
                moments=moments,
                keep=self.config.keep_checkpoints,
            )
        self.accelerator.wait_for_everyone()

    def stop_on_bad_gradient(self, state: PhaseState, step: int, norm: float) -> NoReturn:
        """Save the state before `step`, list the examples of that step and raise; all processes must call this.

        Raises:
            PipelineError: always.
        """
        phase = state.phase
        self.save(state, TrainProgress(phase.number, step))
        examples, epochs = phase.order.examples_of_step(step)
        report = self.folder / LOGS / f"failed-{phase.name}-{step + 1}.json"
        if self.accelerator.is_main_process:
            write_json(report, {"examples": examples.tolist(), "epochs": epochs.tolist(), "gradient_norm": str(norm)})
        raise PipelineError(
            f"the gradient's norm is {norm} at step {step + 1:,} of phase {phase.name}: training cannot continue.\n"
            f"The state before that step is saved in {self.folder / CHECKPOINTS}; {report} lists the step's "
            f"{len(examples):,} examples, as indices into the dataset's train/ ({examples[:8].tolist()}, ...).\n"
            f"A lower pretrain.phases.{phase.name}.learning_rate or pretrain.optimizer.clip_norm=1.0 often helps."
        )

    def counts(self) -> dict[str, int]:
        """Return the counts for the manifest: steps by phase, parameters and training examples."""
        return {f"steps_{phase.name}": phase.steps for phase in self.phases} | {
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "train_examples": len(self.data.train),
        }


def dropout_seed(seed: int, *, phase: int, step: int, micro_batch: int, rank: int) -> int:
    """Return the seed of torch's global generator, the only one dropout can use, for one forward pass.

    The generator is seeded before every forward pass, so a checkpoint needs no generator state.
    """
    key = example_keys(seed, phase, np.array([step]), np.array([micro_batch]))[0]
    return int(key >> np.uint64(1)) ^ rank


def identity(item: list[Batch[Int64Array]]) -> list[Batch[Int64Array]]:
    """Return the item; DataLoader's collate function, because a step's micro-batches need no collation."""
    return item


def evenly_spaced_steps(steps: int, times: int) -> set[int]:
    """Return `times` evenly spaced steps out of `steps`, counted from 1; the last step is one of them."""
    return {max(1, round(steps * turn / times)) for turn in range(1, times + 1)}
