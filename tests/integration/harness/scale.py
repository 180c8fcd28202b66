"""How much of what is done by chance: as much as fits the daily tests, or more, for a soak."""
import os
import random

SCALE = float(os.environ.get("LACUNA_TEST_SCALE", "1"))


def scaled(count: int) -> int:
    return max(1, round(count * SCALE))


def fresh_seed() -> int:
    """Another one each time; LACUNA_TEST_SEED has an old one again."""
    return int(os.environ.get("LACUNA_TEST_SEED") or random.SystemRandom().randrange(1 << 30))
