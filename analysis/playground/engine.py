"""A model in memory that writes, dense and as its sub-models; it is always left dense."""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from analysis.evaluation.likelihood import beginning, encode_whole
from analysis.playground.decoding import Choice, choices, end_ids
from analysis.playground.making import Stopped, make
from analysis.playground.pieces import PieceStream
from analysis.playground.records import Event, GenerationSpec, Reason, SubModel, Token
from pruning.domains.encoding import TextEncoder
from pruning.errors import AtlasError, InputError
from pruning.machine.resources import free_gpu_bytes, free_memory_bytes, gigabytes
from pruning.masks.mask import Mask
from pruning.masks.recipe import recipe_of
from pruning.masks.surgery import temporary_masks
from pruning.models.loading import LoadedModel, load_model, on_this_machine
from pruning.narrowing.submodels import put_on
from pruning.progress import Report, ignore
from pruning.runs.run import Run
from pruning.specs import WeightKey

KEPT_MASKS = 6  # sub-models whose packed masks are kept, one bit a weight

Masks = dict[WeightKey, Mask]
Stop = Callable[[], bool]


class Engine:
    """Continues prompts with one model and with the sub-models of runs on that model."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        self._masks: OrderedDict[tuple[str, float, str], Masks] = OrderedDict()

    @classmethod
    def of_run(cls, run: Run, report: Report = ignore) -> Engine:
        """Load the model that a run was calibrated on, wherever that was.

        AtlasError if that model is gone or has changed, or if memory does not suffice.
        """
        run.model_folder()
        return cls(load_model(on_this_machine(run.spec.model), report))

    def generate(self, run: Run, spec: GenerationSpec, stop: Stop) -> Iterator[Event]:
        """Every passage in turn: the dense model's, then each sub-model's.

        stop is asked between tokens and between weight matrices. Raises InputError for a domain
        that the run does not have, or a prompt that leaves no room in the model's context; as
        `making.make` for a sub-model that has to be made first.
        """
        for name in {name for each in spec.submodels for name, _ in each.mixture}:
            run.check_domain(name)
        prompt, limit = self._prompt(spec)
        variants: list[SubModel | None] = [None, *spec.submodels]
        for number, submodel in enumerate(variants):
            try:
                with contextlib.ExitStack() as changed:
                    if submodel is not None and submodel.is_masks:
                        yield Event(passage=number, stage="making the masks")
                        masks = self._masks_of(run, submodel, stop)
                        self._check_memory(masks)
                        changed.enter_context(temporary_masks(self.loaded, masks))
                    elif submodel is not None:
                        wanted = submodel.of_run(run.id)
                        for stage in make(run, wanted, stop):
                            yield Event(passage=number, stage=stage)
                        changed.enter_context(put_on(self.loaded, run, wanted, self._check_memory))
                    yield Event(passage=number, stage="reading the prompt")
                    yield from self._passage(number, prompt, spec, limit, stop)
            except Stopped:
                yield Event(passage=number, ended="stopped")

    def _prompt(self, spec: GenerationSpec) -> tuple[list[int], int]:
        """The prompt's token ids, and how many tokens may follow: as asked, or what has room."""
        encoder = TextEncoder.of(self.loaded.tokenizer)
        prompt = beginning(encoder) + encode_whole(encoder, [spec.prompt])[0]
        context = getattr(self.loaded.module.config, "max_position_embeddings", None)
        if not isinstance(context, int):
            return prompt, spec.sampling.max_tokens
        if len(prompt) >= context:
            raise InputError(
                f"The prompt has {len(prompt)} tokens; this model reads {context} at most, its "
                "answer included. Write a shorter prompt."
            )
        return prompt, min(spec.sampling.max_tokens, context - len(prompt))

    def _passage(
        self, number: int, prompt: list[int], spec: GenerationSpec, limit: int, stop: Stop
    ) -> Iterator[Event]:
        """Tokens until something ends them, and then how it went."""
        if stop():
            raise Stopped
        ends = end_ids(self.loaded)
        pieces = PieceStream(self.loaded.tokenizer, prompt)
        reason: Reason = "length" if limit == spec.sampling.max_tokens else "context"
        text = ""
        started = first = time.monotonic()
        for count, choice in enumerate(choices(self.loaded.module, prompt, spec.sampling), 1):
            now = time.monotonic()
            first = now if count == 1 else first
            if choice.id in ends:
                reason = "end of text"
                break
            token = self._token(choice, pieces.push(choice.id), now - started)
            text += token.text
            yield Event(passage=number, token=token)
            if any(mark in text for mark in spec.stops):
                reason = "stop text"
                break
            if stop():
                reason = "stopped"
                break
            if count == limit:
                break
        yield Event(
            passage=number,
            ended=reason,
            rest=pieces.rest(),
            prompt_seconds=first - started,
            seconds=time.monotonic() - first,
        )

    def _token(self, choice: Choice, text: str, seconds: float) -> Token:
        return Token(
            id=choice.id,
            text=text,
            probability=choice.probability,
            rank=choice.rank,
            seconds=seconds,
            others=tuple((self._shown(token), share) for token, share in choice.others),
        )

    def _shown(self, token: int) -> str:
        return str(self.loaded.tokenizer.decode([token], clean_up_tokenization_spaces=False))

    def _masks_of(self, run: Run, submodel: SubModel, stop: Stop) -> Masks:
        """The sub-model's masks, made once and then kept packed while others are not asked for."""
        key = (run.id, float(run.manifest.updated), submodel.content_hash())
        if key in self._masks:
            self._masks.move_to_end(key)
            return self._masks[key]
        made: Masks = {}
        for weight, mask in recipe_of(run, submodel.of_run(run.id)).masks():
            if stop():
                raise Stopped
            made[weight.key] = mask
        self._masks[key] = made
        while len(self._masks) > KEPT_MASKS:
            self._masks.popitem(last=False)
        return made

    def _check_memory(self, keys: Iterable[WeightKey]) -> None:
        """AtlasError unless the weights that change can be kept aside meanwhile."""
        weights = [self.loaded.matrix(key) for key in keys]
        needed = sum(matrix.numel() * matrix.element_size() for matrix in weights)
        device = self.loaded.device
        free = free_memory_bytes() if device.type == "cpu" else free_gpu_bytes(str(device))
        if needed > (free or 0):
            raise AtlasError(
                f"A sub-model is tried by changing the model in memory, whose weights are kept "
                f"aside for that: {gigabytes(needed)}. {gigabytes(free or 0)} are free. Prune fewer "
                "layers, or calibrate in bfloat16."
            )
