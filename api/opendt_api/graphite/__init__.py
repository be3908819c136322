"""The part of Graphite's HTTP API that Grafana's Graphite data source calls, in event time (docs/grafana.md, ADR 11)."""
