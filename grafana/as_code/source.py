"""The data source, as panels, variables and rules name it; and queries of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

UID: Final = "opendt"
TYPE: Final = "graphite"
REF: Final = DataSourceRef(type_val=TYPE, uid=UID)
SITE: Final = "opendt.$datacenter"
"""Where all of the chosen datacenter is."""


class Query(Builder[Dataquery], Dataquery):
    """A target of Graphite's language."""

    def __init__(self, ref_id: str, target: str) -> None:
        self.ref_id, self.target = ref_id, target

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, object]:
        return {"refId": self.ref_id, "datasource": REF, "target": self.target, "textEditor": True}


class Events(Builder[Dataquery], Dataquery):
    """Events with all of the tags, as rows of a table."""

    def __init__(self, ref_id: str, tags: Sequence[str]) -> None:
        self.ref_id, self.tags = ref_id, list(tags)

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, object]:
        return {"refId": self.ref_id, "datasource": REF, "fromAnnotations": True, "queryType": "tags", "tags": self.tags}
