"""STAGE pretrain: dataset + RoBERTa -> LUKE (or, words only, dataset -> RoBERTa).

The program builds five things (the processes, the artefact, the data, the model, the sinks of metrics) and walks
through the phases: each has its own trainable parameters, optimizer and schedule, and a step is a handful of named
calls. Order, masks and dropout are seeded by (seed, phase, step), so a killed training goes on as if it had not been.

Processes are accelerate's: one on this machine, or whatever `accelerate launch` started. accelerate places the model,
wraps it for DDP and reduces; the data is dealt here, because accelerate cannot resume a shuffled loader exactly.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch.utils.data import DataLoader

from pipeline.errors import PipelineError
from pipeline.model.config import ModelConfig
from pipeline.model.luke import WORD_PAD, Luke
from pipeline.model.start import initial_model, start_fingerprint
from pipeline.model.weights import save_model
from pipeline.pretrain import checkpoint
from pipeline.pretrain.batches import Order, StepBatches, in_turn
from pipeline.pretrain.checkpoint import Place
from pipeline.pretrain.config import PretrainConfig
from pipeline.pretrain.data import MODEL, Data
from pipeline.pretrain.masking import example_keys
from pipeline.pretrain.metrics import Metrics, told
from pipeline.pretrain.objective import Tally, loss, measured, to_device
from pipeline.pretrain.optim import adamw, choose_trained, learning_rate, set_learning_rate
from pipeline.pretrain.signals import REQUEUE, StopFlag
from pipeline.records import Batch
from pipeline.runner import Context, console, progress_bar
from pipeline.store import Job, begin, open_artefact


def build(config: PretrainConfig, model_config: ModelConfig, context: Context) -> None:
    """Train, or go on with a training, or find it up to date."""
    accelerator = Accelerator(mixed_precision=config.precision)
    if config.batch < accelerator.num_processes:
        raise PipelineError(
            f"pretrain.batch is {config.batch}, but {accelerator.num_processes} processes were started: "
            f"each needs at least one Example of every step"
        )
    job = begun(config, model_config, context, accelerator)
    if job is None:
        return
    data = Data.open(context.layout, masking=config.masking, entities=model_config.entities, seed=config.seed)
    initial = initial_model(
        model_config,
        start=config.start,
        words=data.words,
        entities=data.entities,
        language=data.language,
        generator=torch.Generator().manual_seed(config.seed),
    )
    model = initial.model
    if initial.told and accelerator.is_main_process:
        console.print(f"pretrain: {initial.told}")
    refuse_long_examples(model, data)
    with StopFlag() as stop, Metrics(job.folder, config, accelerator) as metrics:
        trainer = Trainer(config, accelerator, model, data, metrics, stop, job.folder / "checkpoints")
        trainer.show_plan()
        trainer.run()
    if accelerator.is_main_process:
        save_model(model, job.folder / MODEL)
        artefact = job.finish(trainer.account() | initial.counts)
        console.print(f"pretrain: {artefact.folder} is finished")
    accelerator.wait_for_everyone()


def begun(config: PretrainConfig, model_config: ModelConfig, context: Context, accelerator: Accelerator) -> Job | None:
    """`store.begin` on the main process, its outcome on all; None when there is nothing to do."""
    target = context.layout.folder("pretrain")
    outcome: list[Any] = [None]
    if accelerator.is_main_process:
        try:
            parents = {
                stage: open_artefact(context.layout.folder(stage), stage=stage).fingerprint
                for stage in ("vocab", "dataset")
            }
            if config.start:
                parents["start"] = start_fingerprint(config.start)
            both = {"pretrain": config, "model": model_config}
            outcome = [begin(target, stage="pretrain", config=both, parents=parents, overwrite=context.overwrite)]
            if outcome == [None]:
                console.print(f"pretrain: {target} is up to date")
        except PipelineError as error:
            outcome = [error]
    broadcast_object_list(outcome)
    if isinstance(outcome[0], PipelineError):
        raise outcome[0]
    job: Job | None = outcome[0]
    return job


def refuse_long_examples(model: Luke, data: Data) -> None:
    """Stop before the first step where the dataset has sequences that the model has no positions for."""
    positions = model.dimensions.max_positions - WORD_PAD - 1
    longest = max(int(store.lengths.max(initial=0)) for store in (data.train, data.validation))
    if longest > positions:
        raise PipelineError(
            f"the dataset has sequences of {longest} words, the model positions for {positions}: "
            f"make a dataset with dataset.max_words={positions}, or start from a checkpoint with more positions"
        )


class Trainer:
    """The loop: phases, and in each of them steps."""

    def __init__(
        self,
        config: PretrainConfig,
        accelerator: Accelerator,
        model: Luke,
        data: Data,
        metrics: Metrics,
        stop: StopFlag,
        checkpoints: Path,
    ) -> None:
        self.config, self.accelerator, self.model, self.data = config, accelerator, model, data
        self.metrics, self.stop, self.checkpoints = metrics, stop, checkpoints
        self.names = list(config.phases)
        self.orders = [
            Order(examples=len(data.train), batch=config.batch, seed=config.seed, phase=number)
            for number in range(len(self.names))
        ]
        self.steps = [
            order.steps(phase.epochs) for order, phase in zip(self.orders, config.phases.values(), strict=True)
        ]

    def show_plan(self) -> None:
        if not self.accelerator.is_main_process:
            return
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        console.print(
            f"pretrain: {parameters / 1e6:.1f}M parameters, {len(self.data.train):,} Examples of "
            f"{int(self.data.train.lengths.sum()):,} tokens, {self.accelerator.num_processes} process(es) "
            f"on {self.accelerator.device.type}"
        )
        for name, steps, phase in zip(self.names, self.steps, self.config.phases.values(), strict=True):
            console.print(
                f"  phase {name}: {steps:,} steps of {self.config.batch} ({phase.epochs:g} epochs), "
                f"{round(phase.warmup * steps):,} of them up to the learning rate {phase.learning_rate:g}"
            )

    def run(self) -> None:
        """Go through the phases from the newest checkpoint, if there is one."""
        found = checkpoint.newest(self.checkpoints)
        place = found.place if found else Place(0, 0)
        if found:
            found.restore_model(self.model)
            if self.accelerator.is_main_process:
                console.print(f"pretrain: going on after step {place.step:,} of phase {self.names[place.phase]}")
        self.metrics.go_on_from(place)
        for number in range(place.phase, len(self.names)):
            self.begin_phase(number)
            first = place.step if number == place.phase else 0
            if found and first:
                found.restore_optimizer(self.optimizer, self.model)
            self.run_phase(first)

    def begin_phase(self, number: int) -> None:
        """Set what the phase trains, with a fresh optimizer."""
        self.number, self.name = number, self.names[number]
        self.phase, self.total = self.config.phases[self.name], self.steps[number]
        choose_trained(self.model, self.phase.trains)
        self.accelerator.free_memory()
        self.wrapped = self.accelerator.prepare_model(self.model)
        self.optimizer = adamw(self.model, self.config.optimizer)
        self.metrics.clear()

    def run_phase(self, first: int) -> None:
        """Steps `first` ... of the phase, with what is due after some of them."""
        save_at, measure_at = due(self.total, self.config.checkpoints), due(self.total, self.config.validations)
        self.wrapped.train()
        with progress_bar() as bar:
            task = bar.add_task(f"pretrain {self.name}", total=self.total, completed=first)
            loader, waiting = self.batches(first), time.perf_counter()
            for step, batches in zip(range(first, self.total), loader, strict=True):
                waited = time.perf_counter() - waiting
                place = Place(self.number, step + 1)
                tally, norm, rate, stopping = self.step(step, batches)
                self.metrics.step(tally, batches, waited)
                if place.step % self.config.log_every == 0 or place.step == self.total:
                    figures = self.metrics.train_line(place, self.name, rate=rate, norm=norm)
                    bar.update(task, description=f"{self.name}: {told(figures)}")
                if place.step in measure_at:
                    self.metrics.validation_line(place, self.name, self.validated())
                if place.step in save_at or stopping:
                    self.save(place)
                if stopping:
                    raise SystemExit(REQUEUE)
                bar.advance(task)
                waiting = time.perf_counter()

    def batches(self, first: int) -> Iterator[list[Batch]]:
        """This process's micro-batches, step by step, prepared ahead by `loader_workers` processes."""
        steps = StepBatches(
            order=self.orders[self.number],
            masker=self.data.masker(self.data.train, phase=self.number),
            micro_batch=self.config.micro_batch,
            rank=self.accelerator.process_index,
            ranks=self.accelerator.num_processes,
        )
        loader: DataLoader[list[Batch]] = DataLoader(
            steps,  # type: ignore[arg-type]  # any object with __getitem__ will do
            batch_size=None,
            sampler=range(first, self.total),
            num_workers=self.config.loader_workers,
            collate_fn=unchanged,
        )
        return iter(loader)

    def step(self, step: int, batches: list[Batch]) -> tuple[Tally, float, float, bool]:
        """One optimizer step over the global batch.

        Returns:
            This process's tally, the gradient's norm, the learning rate, and whether any process was told to stop.
        """
        device = self.accelerator.device
        counts = [sum(len(b.word_targets) for b in batches), sum(len(b.entity_targets) for b in batches)]
        shared = self.accelerator.reduce(torch.tensor([*counts, int(self.stop.raised)], device=device), "sum")
        words, entities, stopping = shared.tolist()
        tally = Tally.zero(device)
        for number, batch in enumerate(batches):
            self.seed_dropout(step, number)
            on_device = to_device(batch, device)
            with self.synchronised(last=number == len(batches) - 1):
                with self.accelerator.autocast():
                    output = self.wrapped(on_device)
                # DDP averages gradients over the processes, but what is wanted is their sum.
                part = loss(output, words=words, entities=entities) * self.accelerator.num_processes
                self.accelerator.backward(part)
            tally += Tally.of(output, on_device)
        norm = self.clipped_norm()
        if not np.isfinite(norm):
            self.give_up(step, batches, norm)
        rate = learning_rate(step, peak=self.phase.learning_rate, steps=self.total, warmup=self.phase.warmup)
        set_learning_rate(self.optimizer, rate)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return tally, norm, rate, bool(stopping)

    def seed_dropout(self, step: int, number: int) -> None:
        """Dropout can only draw from torch's global generator; seeded per forward pass, it needs no saved state."""
        key = example_keys(self.config.seed, self.number, np.array([step]), np.array([number]))[0]
        torch.manual_seed(int(key >> np.uint64(1)) ^ self.accelerator.process_index)

    def synchronised(self, *, last: bool) -> contextlib.AbstractContextManager[Any]:
        """DDP exchanges gradients in the last backward pass of a step only."""
        return contextlib.nullcontext() if last else self.accelerator.no_sync(self.wrapped)

    def clipped_norm(self) -> float:
        """The norm of the gradient before clipping."""
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        limit = self.config.optimizer.clip_norm
        return float(self.accelerator.clip_grad_norm_(trained, float("inf") if limit is None else limit))

    def validated(self) -> Tally:
        """This process's part of the held-out tally; the masks are the same each time."""
        indices = np.arange(min(self.config.validation_examples, len(self.data.validation)))
        share = indices[self.accelerator.process_index :: self.accelerator.num_processes]
        masker = self.data.masker(self.data.validation, phase=0)
        return measured(self.model, in_turn(masker, share, self.config.micro_batch), self.accelerator.device)

    def save(self, place: Place) -> None:
        if self.accelerator.is_main_process:
            checkpoint.save(
                self.checkpoints,
                phases=self.names,
                place=place,
                model=self.model,
                optimizer=self.optimizer,
                keep=self.config.keep,
            )
        self.accelerator.wait_for_everyone()

    def give_up(self, step: int, batches: list[Batch], norm: float) -> None:
        """Save the state before the step and say which Examples broke it."""
        self.save(Place(self.number, step))
        examples = sorted(int(index) for batch in batches for index in batch.examples)
        raise PipelineError(
            f"the gradient's norm is {norm} at step {step + 1} of phase {self.name}: training cannot go on.\n"
            f"The state before that step is saved in {self.checkpoints}; the step's Examples on process "
            f"{self.accelerator.process_index} are {examples} of the dataset's train/.\n"
            f"A lower pretrain.phases.{self.name}.learning_rate or pretrain.optimizer.clip_norm=1.0 often helps."
        )

    def account(self) -> dict[str, int]:
        """What the training was, for the manifest."""
        return {f"steps_{name}": steps for name, steps in zip(self.names, self.steps, strict=True)} | {
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "train_examples": len(self.data.train),
        }


def unchanged(item: list[Batch]) -> list[Batch]:
    """DataLoader's collate function: a step's micro-batches are ready as they are."""
    return item


def due(steps: int, times: int) -> set[int]:
    """The steps, counted from 1, after which something is due that happens `times` times, the last at the end."""
    return {max(1, round(steps * turn / times)) for turn in range(1, times + 1)}
