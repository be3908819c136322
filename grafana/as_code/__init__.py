"""Grafana's dashboards, alert rules and provisioning as code.

    python -m grafana.as_code

writes grafana/dashboards/ and grafana/provisioning/ anew; a test holds that they are what this says.
"""
