"""Faults by a list and by chance: what meets which request, and that the same seed says the same again."""
import http.client

from harness import faults
from harness.wire_case import blob_path
from test_fault_proxy import ProxyTest

MENU = [(3, lambda chance: faults.Answer(500 + chance.randrange(5))), (1, lambda _: faults.Answer(429, retry_after=1))]


class SeededFaultTest(ProxyTest):
    def meet(self, fault: faults.Fault, count: int) -> list[int]:
        with self.proxy.inject(fault):
            return self.statuses(count)

    def test_a_script(self) -> None:
        script = faults.Script([faults.Answer(500), None, faults.Answer(404)])
        self.assertEqual(self.meet(script, 5), [500, 200, 404, 200, 200])

    def test_the_same_seed_says_the_same(self) -> None:
        one, two, other = (faults.Seeded(seed, MENU, rate=0.5) for seed in (1, 1, 2))
        statuses = [self.meet(fault, 30) for fault in (one, two, other)]
        self.assertEqual(statuses[0], statuses[1])
        self.assertEqual(one.choices, two.choices)
        self.assertNotEqual(statuses[0], statuses[2])
        self.assertEqual([choice.status if choice else 200 for choice in one.choices], statuses[0])

    def test_the_rate_and_the_weights(self) -> None:
        self.assertEqual(set(self.meet(faults.Seeded(1, MENU, rate=0), 10)), {200})
        met = self.meet(faults.Seeded(1, MENU, rate=1), 60)
        self.assertNotIn(200, met)
        self.assertLess(met.count(429), 30)
        self.assertGreater(met.count(429), 0)

    def test_it_tells_what_it_did(self) -> None:
        seeded = faults.Seeded(77, [(1, lambda chance: faults.Truncate(chance.randrange(9)))], rate=1)
        with self.proxy.inject(seeded), self.assertRaises(http.client.IncompleteRead):
            self.get(self.proxy, byte_range=(10, 19))
        self.assertRegex(str(seeded), rf"^seed 77, 1 requests.*\n  0: GET {blob_path()} \(10, 20\): Truncate\(after=\d\)$")
