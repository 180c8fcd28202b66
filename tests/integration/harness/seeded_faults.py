"""Which fault meets which request: by a list, or by chance that can be had again."""
import random
from collections.abc import Callable, Sequence

from .fault import Fault, Forward
from .http_message import Request, Response


class Script:
    """The i-th request meets the i-th fault (None: it passes); later requests pass."""

    def __init__(self, faults: Sequence[Fault | None]):
        self._left = iter(faults)

    async def __call__(self, request: Request, forward: Forward) -> Response:
        fault = next(self._left, None)
        return await (fault(request, forward) if fault else forward(request))


class Seeded:
    """A share of `rate` (0 to 1) of the requests meets a fault of the menu, drawn by weight.

    The n-th request to arrive meets the same for the same seed, rate and menu. An entry of the menu makes its fault from
    the source of chance, e.g. (2, lambda chance: Truncate(chance.randrange(65536))). str() tells what was chosen, for the
    message of a test that fails.
    """

    def __init__(self, seed: int, menu: Sequence[tuple[float, Callable[[random.Random], Fault]]], rate: float):
        self.choices: list[Fault | None] = []  # what the requests met, in order of arrival
        self._seed = seed
        self._rate = rate
        self._chance = random.Random(seed)
        self._weights = [weight for weight, _ in menu]
        self._factories = [factory for _, factory in menu]
        self._requests: list[str] = []

    async def __call__(self, request: Request, forward: Forward) -> Response:
        fault = self._draw()
        self.choices.append(fault)
        self._requests.append(f"{request.method} {request.target} {request.range or ''}")
        return await (fault(request, forward) if fault else forward(request))

    def _draw(self) -> Fault | None:
        if self._chance.random() >= self._rate:
            return None
        return self._chance.choices(self._factories, self._weights)[0](self._chance)

    def __str__(self) -> str:
        pairs = enumerate(zip(self._requests, self.choices))
        lines = [f"  {number}: {request}: {fault}" for number, (request, fault) in pairs if fault]
        return "\n".join([f"seed {self._seed}, {len(self.choices)} requests, of which met a fault:", *lines])
