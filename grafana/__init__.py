"""Grafana over the twin's API: dashboards and rules as code, and what Grafana is provisioned with (docs/grafana.md)."""
