"""STAGE pretrain: dataset + RoBERTa -> LUKE (or, words only, dataset -> RoBERTa).

The program builds five things (the processes, the artefact, the data, the model, the sinks of metrics) and walks
through the phases: each has its own trainable parameters, optimizer and schedule, and a step is a handful of named
calls. Order, masks and dropout are seeded by (seed, phase, step), so a killed training goes on as if it had not been.

Processes are accelerate's: one on this machine, or whatever `accelerate launch` started. The data is dealt here,
because accelerate cannot resume a shuffled loader exactly, and the model is spread by parallel.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader

from pipeline.errors import PipelineError
from pipeline.execution.console import console, progress_bar
from pipeline.execution.context import Context
from pipeline.model.config import ModelConfig
from pipeline.model.from_checkpoint import initial_model
from pipeline.model.luke import Luke
from pipeline.model.weights import save_model
from pipeline.pretrain import checkpoint
from pipeline.pretrain.batches import Order, StepBatches
from pipeline.pretrain.checkpoint import Place, on_cpu
from pipeline.pretrain.config import PretrainConfig
from pipeline.pretrain.data import MODEL, Data
from pipeline.pretrain.masking import example_keys
from pipeline.pretrain.metrics import Metrics, told
from pipeline.pretrain.objective import Tally, divisors, loss, measured, to_device
from pipeline.pretrain.optim import adamw, choose_trained, learning_rate, set_learning_rate
from pipeline.pretrain.parallel import gathered, gradient_norm, named_moments, sharded, spread, synchronise, whole
from pipeline.pretrain.plan import planned, show
from pipeline.pretrain.setup import CHECKPOINTS, begun, refuse_misfits
from pipeline.pretrain.signals import REQUEUE, StopFlag
from pipeline.records import Batch
from pipeline.store.builder import ArtefactBuilder
from pipeline.store.files import write_json


def build(config: PretrainConfig, model_config: ModelConfig, context: Context) -> None:
    """Train, or go on with a training, or find it up to date."""
    accelerator = Accelerator(mixed_precision=config.precision)
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
    if initial.told and accelerator.is_main_process:
        console.print(f"pretrain: {initial.told}")
    refuse_misfits(config, initial.model, data, accelerator.num_processes)
    with StopFlag() as stop, Metrics(job.folder, config, accelerator) as metrics:
        trainer = Trainer(config, accelerator, initial.model, data, metrics, stop, job)
        trainer.show_plan()
        trained = trainer.run()
    if accelerator.is_main_process:
        save_model(trained, job.folder / MODEL)
        counts = trainer.account() | initial.counts
        artefact = job.finish(counts, processes=accelerator.num_processes, sharded=sharded())
        console.print(f"pretrain: {artefact.folder} is finished")
    accelerator.wait_for_everyone()


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
        job: ArtefactBuilder,
    ) -> None:
        self.config, self.accelerator, self.model, self.data = config, accelerator, model, data
        self.metrics, self.stop, self.folder = metrics, stop, job.folder
        self.wrapped: nn.Module = model
        self.names = list(config.phases)
        self.orders = [
            Order(examples=len(data.train), batch=config.batch, seed=config.seed, phase=number)
            for number in range(len(self.names))
        ]
        self.steps = [
            order.steps(phase.epochs) for order, phase in zip(self.orders, config.phases.values(), strict=True)
        ]

    def show_plan(self) -> None:
        if self.accelerator.is_main_process:
            plan = planned(
                self.config, self.model, self.data.train, self.steps, device=self.accelerator.device,
                processes=self.accelerator.num_processes, in_shards=sharded(),
            )  # fmt: skip
            console.print(show(plan, self.config))

    def run(self) -> Luke:
        """Go through the phases, from the newest checkpoint if there is one; the model at the end of the last."""
        found = checkpoint.newest(self.folder / CHECKPOINTS)
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
        return gathered(self.model)

    def begin_phase(self, number: int) -> None:
        """Set what the phase trains, with a fresh optimizer."""
        self.number, self.name = number, self.names[number]
        self.phase, self.total = self.config.phases[self.name], self.steps[number]
        self.wrapped = self.model = gathered(self.model)  # lets go of the former phase's wrapper
        choose_trained(self.model, self.phase.trains)
        self.wrapped = spread(self.model, self.accelerator, compiled=self.config.compile)
        self.optimizer = adamw(self.model, self.config.optimizer)
        self.metrics.clear()

    def run_phase(self, first: int) -> None:
        """Steps `first` ... of the phase, with what is due after some of them."""
        save_at, measure_at = due(self.total, self.config.checkpoints), due(self.total, self.config.validations)
        self.wrapped.train()
        with progress_bar(shown=self.accelerator.is_main_process) as bar:
            task = bar.add_task(f"pretrain {self.name}", total=self.total, completed=first)
            loader, waiting = self.batches(first), time.perf_counter()
            for step, batches in zip(range(first, self.total), loader, strict=True):
                waited = time.perf_counter() - waiting
                place = Place(self.number, step + 1)
                tally, norm, rate, stopping = self.step(step, batches)
                self.metrics.step(tally, batches, waited, self.model.dimensions, self.phase.trains)
                if place.step % self.config.log_every == 0 or place.step == self.total:
                    figures = self.metrics.train_line(place, self.name, rate=rate, norm=norm)
                    speed = f"{figures['tokens_per_second']:,.0f} tokens/s"
                    bar.update(task, description=f"{self.name}: {told(figures)}, {speed}")
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
            micro_batch_tokens=self.config.micro_batch_tokens,
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
        device, processes = self.accelerator.device, self.accelerator.num_processes
        counts = [sum(len(b.word_targets) for b in batches), sum(len(b.entity_targets) for b in batches)]
        shared = self.accelerator.reduce(torch.tensor([*counts, int(self.stop.raised)], device=device), "sum")
        words, entities, stopping = shared.tolist()
        tally = Tally.zero(device)
        for number, batch in enumerate(batches):
            self.seed_dropout(step, number)
            synchronise(self.wrapped, last=number == len(batches) - 1)
            on_device = to_device(batch, device)
            with self.accelerator.autocast():
                output = self.wrapped(on_device)
            by_words, by_entities = divisors(
                self.config.objective, batch, words=words, entities=entities, micro_batches=len(batches) * processes
            )
            # Gradients are averaged over the processes, but what is wanted is their sum.
            (loss(output, words=by_words, entities=by_entities) * processes).backward()
            tally += Tally.of(output, on_device)
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        norm = gradient_norm(trained, self.config.optimizer.clip_norm)
        if not np.isfinite(norm):
            self.give_up(step, norm)
        rate = learning_rate(step, peak=self.phase.learning_rate, steps=self.total, warmup=self.phase.warmup)
        set_learning_rate(self.optimizer, rate)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return tally, norm, rate, bool(stopping)

    def seed_dropout(self, step: int, number: int) -> None:
        """Dropout can only draw from torch's global generator; seeded per forward pass, it needs no saved state."""
        key = example_keys(self.config.seed, self.number, np.array([step]), np.array([number]))[0]
        torch.manual_seed(int(key >> np.uint64(1)) ^ self.accelerator.process_index)

    def validated(self) -> Tally:
        """This process's part of the held-out tally; the masks are the same each time."""
        indices = np.arange(min(self.config.validation_examples, len(self.data.validation)))
        if not len(indices):
            return Tally.zero(self.accelerator.device)
        masker = self.data.masker(self.data.validation, phase=0)
        parts = masker.deal(
            indices,
            budget=self.config.micro_batch_tokens,
            rank=self.accelerator.process_index,
            ranks=self.accelerator.num_processes,
        )
        own = [part for part in parts if len(part)]
        # A process that got no Example computes one all the same, uncounted: shards are gathered by all together.
        batches = (masker.batch(part, np.zeros_like(part)) for part in own or [indices[:1]])
        with self.accelerator.autocast():
            tally = measured(self.model, batches, self.accelerator.device)
        return tally if own else Tally.zero(self.accelerator.device)

    def save(self, place: Place) -> None:
        """Write a checkpoint; every process takes part, the main one writes."""
        main = self.accelerator.is_main_process
        weights = on_cpu(((name, whole(tensor)) for name, tensor in self.model.state_dict().items()), kept=main)
        moments = on_cpu(named_moments(self.model, self.optimizer), kept=main)
        if main:
            checkpoint.save(
                self.folder / CHECKPOINTS,
                phases=self.names,
                place=place,
                weights=weights,
                moments=moments,
                keep=self.config.keep,
            )
        self.accelerator.wait_for_everyone()

    def give_up(self, step: int, norm: float) -> None:
        """Save the state before the step and say which Examples broke it; all processes come here together."""
        self.save(Place(self.number, step))
        examples, epochs = self.orders[self.number].step(step)
        told_in = self.folder / "logs" / f"failed-{self.name}-{step + 1}.json"
        if self.accelerator.is_main_process:
            write_json(told_in, {"examples": examples.tolist(), "epochs": epochs.tolist(), "gradient_norm": str(norm)})
        raise PipelineError(
            f"the gradient's norm is {norm} at step {step + 1:,} of phase {self.name}: training cannot go on.\n"
            f"The state before that step is saved in {self.folder / CHECKPOINTS}; {told_in} lists the step's "
            f"{len(examples):,} Examples, as indices into the dataset's train/ ({examples[:8].tolist()}, ...).\n"
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
