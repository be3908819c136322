"""The topics (DESIGN section 2)."""

from __future__ import annotations

from typing import Final

WORKLOAD: Final = "dc.workload"
POWER: Final = "dc.power"
PHYSICAL: Final = "dc.topology"
LEDGER: Final = "sim.topology"
RESULTS: Final = "sim.results"
CALIBRATION: Final = "sim.calibration"
CONFIG: Final = "sys.config"
DEAD_LETTER: Final = "sys.dead-letter"

DATACENTER_TOPICS: Final = (WORKLOAD, POWER, PHYSICAL)
TWIN_TOPICS: Final = (LEDGER, RESULTS, CALIBRATION)
ALL_TOPICS: Final = (*DATACENTER_TOPICS, *TWIN_TOPICS, CONFIG, DEAD_LETTER)

# The largest value that is processed. Kafka's own limit is set a little above it, for keys and headers.
MAX_VALUE_BYTES: Final = 10 * 2**20
MAX_RECORD_BYTES: Final = MAX_VALUE_BYTES + 2**16
