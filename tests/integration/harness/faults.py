"""What a registry can do wrong, as small objects that compose: everything that FaultProxy.inject takes."""
from .answer_faults import Answer, Close, Delay, Hang, IgnoreRange, OfLacuna, ShiftContentRange
from .body_faults import Corrupt, Link, Reset, Stall, Throttle, Trickle, Truncate
from .fault import Fault, Forward
from .redirects import Redirect, RedirectBlobs, RedirectLoop, RedirectTo
from .seeded_faults import Script, Seeded

__all__ = ["Answer", "Close", "Corrupt", "Delay", "Fault", "Forward", "Hang", "IgnoreRange", "Link", "OfLacuna", "Redirect", "RedirectBlobs",
           "RedirectLoop", "RedirectTo", "Reset", "Script", "Seeded", "ShiftContentRange", "Stall", "Throttle", "Trickle",
           "Truncate"]
