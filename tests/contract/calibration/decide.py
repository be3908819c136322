"""Print what a synthetic site's decisions are, as canonical JSON: run by a test under other CPU features."""

from __future__ import annotations

import sys
from dataclasses import asdict

from opendt_streams.model.canonical import canonical
from opendt_streams.model.topology_json import power_model_document
from tests.unit.calibration.site import Site, drive, group

if __name__ == "__main__":
    site = Site(groups=(group("x"), group("y", 20, 100, 400, 32)))
    for proposal in drive(site, 12).proposals:
        models = {f"{c}/{h}": power_model_document(m) for (c, h), m in (proposal.models or {}).items()}
        document = {**asdict(proposal), "models": models, "estimate": dict(proposal.estimate)}
        sys.stdout.buffer.write(canonical(document) + b"\n")
