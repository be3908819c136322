"""Table `powerSource`: one row per cluster and tick."""

from __future__ import annotations

import numpy as np

from opendt_streams.engine.native.hosts import unique_names
from opendt_streams.engine.native.simulation import Piece, Simulation
from opendt_streams.engine.native.tables.columns import Columns, schema, text


class PowerSourceTable:
    def __init__(self, simulation: Simulation) -> None:
        self._clusters = simulation.hosts.cluster_names
        self._sources = unique_names(["PowerSource" if c.power_source is None else c.power_source for c in simulation.topology.clusters])

    def rows(self, piece: Piece) -> Columns:
        count, width = piece.end - piece.first, len(self._clusters)
        if not width:
            return dict.fromkeys(("row", *schema("powerSource").names), np.zeros(0, dtype=np.int64))
        cluster = np.tile(np.arange(width), count)
        return {
            "row": np.repeat(np.arange(piece.first, piece.end), width),
            "source_name": text(self._sources, cluster),
            "cluster_name": text(self._clusters, cluster),
            "power_draw": np.stack([c.power_w for c in piece.clusters], axis=1).ravel(),
            "energy_usage": np.stack([c.energy_j for c in piece.clusters], axis=1).ravel(),
            "carbon_intensity": np.stack([c.carbon_intensity_g_per_kwh for c in piece.clusters], axis=1).ravel(),
            "carbon_emission": np.stack([c.carbon_g for c in piece.clusters], axis=1).ravel(),
        }
