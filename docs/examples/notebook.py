"""A day of a twin in a notebook: power with its interval, the error, and who changed what.

The cells (# %%) run in Jupyter, in editors that know them, or all at once, while an API answers (docs/api.md):

    pip install matplotlib
    python docs/examples/notebook.py http://127.0.0.1:8000/
"""

# %% Where the API is. Away from loopback reads need the token too.
import os
import sys

import httpx
import matplotlib.pyplot as plt
import pandas as pd

page = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("OPENDT_PAGE", "http://127.0.0.1:8000/")
token = os.environ.get("OPENDT_TOKEN", "")
api = httpx.Client(base_url=f"{page.rstrip('/')}/api/v1", headers={"Authorization": f"Bearer {token}"} if token else {})


def ask(path: str, **query: str) -> dict:
    """The answer, or what the API says is wrong with the question."""
    answer = api.get(path, params=query)
    if answer.is_error:
        raise SystemExit("{detail} {hint}".format(**{"hint": ""} | answer.json()))
    return answer.json()


# %% Which datacenter, and how far its twin is.
state = ask("/datacenters")["datacenters"][0]
site = f"/datacenters/{state['datacenter']}"
print(f"{state['datacenter']}: {state['windows']} windows, up to {state['newest_window_end']}")

# %% The newest 24 hours, as means of 15 minutes. For large ranges take format=arrow.
metrics = ("measured_power_w", "simulated_power_w", "interval_low_w", "interval_high_w", "carbon_g")
found = ask(f"{site}/series", metric=",".join(metrics), resolution="15m")
day = pd.DataFrame(found["columns"], index=pd.to_datetime(found["time"])).astype(float)
print(day.describe().round(1))

# %% Measured against simulated power.
figure, (power, error) = plt.subplots(2, sharex=True, figsize=(10, 6), height_ratios=(3, 1), layout="constrained")
power.fill_between(day.index, day.interval_low_w / 1e3, day.interval_high_w / 1e3, alpha=0.25, label="90 % interval")
power.plot(day.index, day.measured_power_w / 1e3, color="black", label="measured")
power.plot(day.index, day.simulated_power_w / 1e3, label="simulated")
power.set(ylabel="kW", title=f"{state['datacenter']}: {day.carbon_g.sum() / 1e3:.1f} kg CO2 in this day")
power.legend()
error.plot(day.index, 100 * (day.simulated_power_w / day.measured_power_w - 1), color="tab:red")
error.axhline(0, color="gray", linewidth=0.5)
error.set(ylabel="error, %")

# %% How good that is: the score of the run, with "the last reading holds" beside it.
score = ask(f"{site}/accuracy")
print("MAPE {mape_percent} %, persistence {persistence_mape_percent} %, skill {skill}".format(**score))

# %% Who changed the topology, when and why; people's changes as lines in the plot.
for event in ask(f"{site}/topology/events", limit="1000", brief="true")["events"]:
    if event["effective"] is not None and event["kind"] in ("edited", "reverted"):
        power.axvline(pd.Timestamp(event["effective"]), color="tab:orange", linestyle=":")
        print(event["effective"], event["actor"], event["reason"], *event["changes"])

figure.savefig("day.svg")
