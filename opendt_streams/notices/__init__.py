"""What a user must know: everything that ignores, waits, guesses or gives up is told of here, from the topics alone.

notice.py      one thing to know, and the kinds there are
notices.py     the collection: fed message by message, asked at any time; a projection, so the same topics give the same notices
streams.py     of dc.workload and dc.topology: what is waited for, what is not simulated, carbon
outcome.py     of sim.results and sim.calibration: windows, tasks, alarms
readings.py    of dc.power against sim.results: meters, and whether what they say can be true
meter.py       one meter: what is tallied of it, and what follows
telling.py     each notice once, for logs

Warnings of `opendt run --json`, the terminal, the page, report.html, the API, Grafana and the services' logs all come from `Notices`.
"""
