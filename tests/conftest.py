"""What every test shares: one way to run Hypothesis, and no CPU level or thread bound left over from the shell."""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

# Examples are the same in every run: a red test is red for everybody. LODE_HYPOTHESIS=explore looks further.
settings.register_profile("repeat", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("LODE_HYPOTHESIS", "repeat"))


def pytest_configure() -> None:
    """Children must hear Ctrl-C, also where the tests themselves run in the background and inherited deafness to it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
